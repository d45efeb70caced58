"""Figures for the documents. Each module prints the machine, the data and a ratio to a peer."""
