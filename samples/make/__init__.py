"""Makes the sample extracts. `python -m samples.make` writes the same bytes every time.

Here belong the synthetic hospitals and their deliberate mistakes. Nothing of the product imports
this package, and it imports nothing of the product: a fault shared by maker and reader would hide.
"""
