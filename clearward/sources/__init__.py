"""What hospitals send: specs of source systems, extracts, readers and ingest into the raw zone."""
