"""What is sold: the spec of each product."""
