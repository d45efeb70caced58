"""From protected tables to a published release: built, judged, approved, signed, never changed."""
