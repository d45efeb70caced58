"""Statistical disclosure control of product tables: generalise, suppress, measure or refuse."""
