"""Eye findings: `patterns.toml` is the clinician's file, `finder` makes values comparable."""
