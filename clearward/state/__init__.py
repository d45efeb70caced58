"""The state database: consents, extracts, releases, licences, audit. Models and migrations."""
