"""How many rows break each expectation of a suite: one query per table. What a count means for the
gate is judged in `judgement`; how a suite is written is `suites`' matter.

The kinds measured are `suites.SAFE_KINDS`, with the meaning Great Expectations gives them; a test
runs every suite by both and compares. Running them there, one by one, costs nine milliseconds of
bookkeeping for each expectation, whatever the table; here a table is one query, pushed down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import duckdb

from clearward.errors import ConfigError
from clearward.quality.suites import Suite
from clearward.sources.parsing import name_sql, quoted

Kwargs = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """One check of one table, counted.

    Attributes:
        table, check: which; together a key.
        judged: rows the check speaks of (for most kinds rows whose value is not null).
        failed: rows that break it.
        allowed: rows that may break it, from the expectation's ``mostly``.
        raised: the check could not be made; the counts mean nothing then.
    """

    table: str
    check: str
    judged: int
    failed: int
    allowed: int
    raised: bool = False

    @property
    def name(self) -> str:
        """``table.check``."""
        return f"{self.table}.{self.check}"


def measure(connection: duckdb.DuckDBPyConnection, table: str, suite: Suite) -> list[Metric]:
    """Count what breaks each expectation of ``suite`` in the view or table named ``table``.

    All checks go in one query. When the engine refuses it, each goes alone, so that only the
    check at fault is marked ``raised``; the engine's words are dropped, they may repeat a value.
    """
    counts = [_counts(table, expectation) for expectation in suite.expectations]
    try:
        found = _ask(connection, table, counts)
    except duckdb.Error:
        found = [_alone(connection, table, pair) for pair in counts]
    return [
        _metric(table, expectation, numbers)
        for expectation, numbers in zip(suite.expectations, found, strict=True)
    ]


def _ask(
    connection: duckdb.DuckDBPyConnection, table: str, counts: Sequence[tuple[str, str]]
) -> list[tuple[int, int] | None]:
    listed = ", ".join(part for pair in counts for part in pair)
    row = connection.execute(f"SELECT {listed} FROM {table}").fetchone()
    if row is None:
        return [None for _ in counts]
    return [(int(row[2 * i]), int(row[2 * i + 1])) for i in range(len(counts))]


def _alone(
    connection: duckdb.DuckDBPyConnection, table: str, pair: tuple[str, str]
) -> tuple[int, int] | None:
    try:
        return _ask(connection, table, [pair])[0]
    except duckdb.Error:
        return None


def _metric(table: str, expectation: Mapping[str, Any], numbers: tuple[int, int] | None) -> Metric:
    check = expectation["meta"]["check"]
    if numbers is None:
        return Metric(table, check, judged=0, failed=0, allowed=0, raised=True)
    judged, failed = numbers
    return Metric(table, check, judged, failed, _allowed(expectation["kwargs"], judged))


def _allowed(kwargs: Kwargs, judged: int) -> int:
    """Rows that may break a check: the most that leave a share of at least ``mostly``."""
    mostly = Fraction(str(kwargs.get("mostly", 1)))
    return int(judged * (1 - mostly))


def _counts(table: str, expectation: Mapping[str, Any]) -> tuple[str, str]:
    """Two SQL expressions over the table: rows judged, rows that break the expectation."""
    kind = expectation["type"]
    if kind not in _KINDS:
        raise ConfigError(f"No gate can measure {kind}.", expected=", ".join(sorted(_KINDS)))
    return _KINDS[kind](table, expectation["kwargs"])


def _not_null(_: str, kwargs: Kwargs) -> tuple[str, str]:
    return "count(*)", f"count(*) - count({name_sql(kwargs['column'])})"


def _null(_: str, kwargs: Kwargs) -> tuple[str, str]:
    return "count(*)", f"count({name_sql(kwargs['column'])})"


def _in_set(_: str, kwargs: Kwargs) -> tuple[str, str]:
    column = name_sql(kwargs["column"])
    values = ", ".join(map(_literal, kwargs["value_set"])) or "NULL"
    broken = f"{column} NOT IN ({values})" if kwargs["value_set"] else f"{column} IS NOT NULL"
    return f"count({column})", f"count(*) FILTER (WHERE {broken})"


def _between(_: str, kwargs: Kwargs) -> tuple[str, str]:
    column = name_sql(kwargs["column"])
    strict = {"<": "<=" if kwargs.get("strict_min") else "<"}
    strict[">"] = ">=" if kwargs.get("strict_max") else ">"
    limits = {"<": kwargs.get("min_value"), ">": kwargs.get("max_value")}
    broken = [f"{column} {strict[s]} {_literal(v)}" for s, v in limits.items() if v is not None]
    return f"count({column})", f"count(*) FILTER (WHERE {' OR '.join(broken) or 'false'})"


def _unexpected_rows(table: str, kwargs: Kwargs) -> tuple[str, str]:
    query = kwargs["unexpected_rows_query"].replace("{batch}", table)
    return "count(*)", f"(SELECT count(*) FROM ({query}) AS broken_rows)"


def _columns(table: str, kwargs: Kwargs) -> tuple[str, str]:
    wanted = list(kwargs["column_set"])
    missing = f"len(list_filter({_list(wanted)}, c -> NOT list_contains(p.names, c)))"
    extra = f"len(list_filter(p.names, c -> NOT list_contains({_list(wanted)}, c)))"
    both = f"{missing} + {extra}" if kwargs.get("exact_match", True) else missing
    return "count(*)", f"(SELECT {both} FROM {_present(table)})"


def _exists(table: str, kwargs: Kwargs) -> tuple[str, str]:
    absent = f"NOT list_contains(p.names, {quoted(kwargs['column'])})"
    return "count(*)", f"(SELECT CAST({absent} AS INTEGER) FROM {_present(table)})"


def _present(table: str) -> str:
    """The table's column names, as one row."""
    names = f"SELECT column_name FROM duckdb_columns() WHERE table_name = {quoted(table)}"
    return f"(SELECT array_agg(column_name) AS names FROM ({names})) AS p"


def _list(values: Sequence[str]) -> str:
    return f"CAST([{', '.join(map(quoted, values))}] AS VARCHAR[])"


def _literal(value: Any) -> str:
    """A value of a suite as SQL."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else quoted(str(value))


_KINDS: dict[str, Callable[[str, Kwargs], tuple[str, str]]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_be_between": _between,
    "expect_table_columns_to_match_set": _columns,
    "expect_column_to_exist": _exists,
    "unexpected_rows_expectation": _unexpected_rows,
}
