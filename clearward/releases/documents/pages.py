"""How values become pages: the template environment and the form of a count or size. What a page
says belongs to its template.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

from clearward.products.counts import is_small
from clearward.releases.tables import TableFile

_UNITS = ("B", "kB", "MB", "GB", "TB")


@cache
def environment(k: int) -> jinja2.Environment:
    """Templates of `clearward.releases`; a name that is not there raises."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("clearward.releases"),
        autoescape=jinja2.select_autoescape(["html", "svg"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def count(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return f"<{k}" if is_small(value, k) else f"{value:,}"
        return f"<{k}" if value is None or value == "<k" else str(value)

    def rows(table: TableFile) -> str:
        return count(table.rows) if table.is_of_people else str(table.rows)

    made.filters.update(count=count, size=_size, rows=rows)
    return made


def _size(value: int) -> str:
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    digits = 0 if amount >= 10 or not unit else 1
    return f"{amount:.{digits}f} {_UNITS[unit]}"
