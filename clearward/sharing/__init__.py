"""Delta Sharing: the open protocol over a licence's own copies. HTTP belongs to `service`."""
