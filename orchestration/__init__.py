"""The Dagster door: wires the domain, holds no rule of it."""
