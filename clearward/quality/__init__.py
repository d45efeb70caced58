"""Gates at the two borders: hospital in (raw) and buyer out (release)."""
