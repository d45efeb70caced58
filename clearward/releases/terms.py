"""What a buyer's code may rely on, as values: each table's grain, and each column's type, unit,
codes and whether it may be empty; and what differs between two such contracts. Where one comes
from and is kept belongs to `contract`, the number that follows to `version`.

The rule is that of backward compatible schemas (Avro, Confluent), read for data: what a reader of
the old version may rely on and no longer can is breaking; what they need not know is an addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


@dataclass(frozen=True)
class ColumnTerms:
    """What is promised of a column.

    Attributes:
        type: as DuckDB names it.
        unit: UCUM; empty where none is told.
        codes: the closed list of its values, sorted; empty where there is none.
        is_filled: true where no cell may be empty.
    """

    type: str
    unit: str = ""
    codes: tuple[str, ...] = ()
    is_filled: bool = False


@dataclass(frozen=True)
class TableTerms:
    """What is promised of a table: one row per ``key``; empty where an old manifest told none."""

    key: tuple[str, ...]
    columns: Mapping[str, ColumnTerms]


Contract = Mapping[str, TableTerms]
"""Table -> what is promised of it."""


class Term(StrEnum):
    """What a change of a contract touches."""

    TABLE = "table"
    GRAIN = "grain"
    COLUMN = "column"
    TYPE = "type"
    UNIT = "unit"
    CODES = "codes"
    FILLING = "filling"


@dataclass(frozen=True)
class TermChange:
    """One difference between two contracts.

    Attributes:
        table, column: where; the column is empty for a table's own.
        was, now: in words or codes; empty where nothing was, or is.
        is_breaking: true where a reader of the old version may rely on what is gone.
    """

    term: Term
    table: str
    column: str
    was: str
    now: str
    is_breaking: bool

    @property
    def name(self) -> str:
        """``table`` or ``table.column``."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def published(self) -> dict[str, str | bool]:
        """As JSON values."""
        return {**asdict(self), "term": self.term.value}


def compare(old: Contract, new: Contract) -> tuple[TermChange, ...]:
    """Every difference, by table and column."""
    return tuple(change for table in sorted({*old, *new}) for change in _table(table, old, new))


def _table(name: str, old: Contract, new: Contract) -> Iterator[TermChange]:
    if name not in new or name not in old:
        is_gone = name not in new
        words = ("there", "") if is_gone else ("", "there")
        yield TermChange(Term.TABLE, name, "", *words, is_breaking=is_gone)
        return
    was, now = old[name], new[name]
    if was.key and set(was.key) != set(now.key):
        words = (", ".join(was.key), ", ".join(now.key))
        yield TermChange(Term.GRAIN, name, "", *words, is_breaking=True)
    for column in sorted({*was.columns, *now.columns}):
        before, after = was.columns.get(column), now.columns.get(column)
        if before and after:
            yield from _column(name, column, before, after)
        else:
            words = (before.type if before else "", after.type if after else "")
            yield TermChange(Term.COLUMN, name, column, *words, is_breaking=after is None)


def _column(table: str, column: str, was: ColumnTerms, now: ColumnTerms) -> Iterator[TermChange]:
    def change(term: Term, before: str, after: str, is_breaking: bool) -> TermChange:
        return TermChange(term, table, column, before, after, is_breaking)

    if was.type != now.type:
        yield change(Term.TYPE, was.type, now.type, True)
    if was.unit != now.unit:
        yield change(Term.UNIT, was.unit, now.unit, bool(was.unit))
    if was.codes != now.codes:
        is_narrower = not set(was.codes) <= set(now.codes)
        yield change(Term.CODES, " | ".join(was.codes), " | ".join(now.codes), is_narrower)
    if was.is_filled != now.is_filled:
        words = [
            ("may be empty", "never empty")[filled] for filled in (was.is_filled, now.is_filled)
        ]
        yield change(Term.FILLING, words[0], words[1], was.is_filled)
