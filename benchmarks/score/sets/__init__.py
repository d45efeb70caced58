"""One module per scored set, each with ``score() -> Iterable[Score]``; found by being here."""
