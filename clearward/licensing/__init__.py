"""Who may receive what, for which purpose, until when; and how it reaches them."""
