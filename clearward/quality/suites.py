"""Suites as they are written in `expectations/`: read and checked here, run by `gate`.

A suite is Great Expectations' own JSON without its random ids: name, meta and expectations, each
with `type`, `kwargs` and `meta.check`, its stable id. `meta` of the suite may hold
- ``must_have_rows``: an empty table is a failure;
- ``where``: SQL condition that picks the rows to judge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError

# Kinds whose results hold counts and column names only. Kinds that report what they saw (minimum,
# distinct values, most common value) would carry patients' values into reports and Data Docs.
SAFE_KINDS = frozenset(
    {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_between",
        "expect_table_columns_to_match_set",
        "expect_column_to_exist",
        "unexpected_rows_expectation",
    }
)


@dataclass(frozen=True)
class Suite:
    """The expectations about one table."""

    name: str
    expectations: tuple[dict[str, Any], ...]
    must_have_rows: bool = False
    where: str = ""

    def check_ids(self) -> list[str]:
        """Ids of its checks, in order."""
        return [expectation["meta"]["check"] for expectation in self.expectations]


def load_suite(path: Path) -> Suite:
    """Read one suite; ConfigError when it is missing, empty, ambiguous or could leak values."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        meta = document.get("meta", {})
        suite = Suite(
            name=document["name"],
            expectations=tuple(document["expectations"]),
            must_have_rows=meta.get("must_have_rows", False),
            where=meta.get("where", ""),
        )
        ids = suite.check_ids()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"The suite {path} cannot be read.", do="correct the file") from error
    unsafe = sorted({e["type"] for e in suite.expectations} - SAFE_KINDS)
    if unsafe or not ids or len(set(ids)) != len(ids):
        raise ConfigError(
            f"The suite {path.name} cannot be used.",
            seen=f"{len(ids)} checks, {len(set(ids))} ids, unsafe kinds: {', '.join(unsafe)}",
            expected=f"at least one check, each with its own id, of: {', '.join(SAFE_KINDS)}",
        )
    return suite
