"""What patients allowed, and the gate that lets only their rows pass. See `gate` to start."""
