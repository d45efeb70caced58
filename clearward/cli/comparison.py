"""How a comparison of two versions is shown. What is in it belongs to `releases.comparison`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.cli.show import console, show_rows


def show_comparison(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print it as tables, or as JSON; a masked count is shown as such."""
    if as_json:
        console.print_json(data=dict(document))
        return
    kind = "breaking" if document["is_breaking"] else "compatible"
    causes = ", ".join(document["causes"]) or "nothing"
    console.print(
        f"{document['product']} {document['previous']} to {document['version']}: {kind}; {causes}"
    )
    if document["terms"]:
        show_rows("Promises", document["terms"], as_json=False)
    rows = [
        {
            "table": table["table"],
            "rows": table["rows"],
            **{n: _shown(table[n]) for n in ("inserted", "updated", "deleted")},
            "columns": ", ".join(f"{n} {_shown(c)}" for n, c in sorted(table["columns"].items())),
        }
        for table in document["tables"]
    ]
    if rows:
        show_rows("Rows", rows, as_json=False)


def _shown(count: int | None) -> str:
    return "masked" if count is None else str(count)
