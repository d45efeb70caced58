"""From raw hospital extracts to licensed datasets: the domain, without a scheduler."""
