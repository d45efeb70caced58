"""The one-way door between cleared and de-identified tables. See `door` to start."""
