"""Sample extracts of three hospitals that do not exist, and what makes them (see README.md)."""
