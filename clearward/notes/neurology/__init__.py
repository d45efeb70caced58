"""Stroke scales: `patterns.toml` is the clinician's file, `finder` makes values comparable."""
