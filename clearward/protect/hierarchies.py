"""Generalisation hierarchies: what each value may be coarsened to. Add a ladder here.

Level 0 is the value itself, the last level is ``*``; a column that is never generalised ends at
level 0, and values that no level brings together never share a class. Which level is used is the
solver's decision; reading or writing product tables is not done here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from clearward.errors import ConfigError

ANY = "*"
UNKNOWN = "U"
BAND_YEARS = (5, 10, 20, 40)


@dataclass(frozen=True)
class Hierarchy:
    """The ladder of one column over its whole domain.

    Attributes:
        column: the quasi-identifier.
        rows: one row per value of the domain, sorted by value: its label at level 0, 1, … height.
    """

    column: str
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows}
        values = [row[0] for row in self.rows if row]
        if len(widths) != 1 or 0 in widths or len(set(values)) != len(values):
            raise ConfigError(
                f"The hierarchy of {self.column} is not a table of one row per value.",
                seen=f"{len(self.rows)} rows, {len(set(values))} values, widths {sorted(widths)}",
                expected="every value once, every row with the same number of levels",
            )
        self._check_nested()

    def _check_nested(self) -> None:
        # Full-domain generalisation is only a coarsening when each level's groups lie inside the
        # next level's; loss and class sizes would otherwise not grow from level to level.
        for lower, upper in zip(self._levels(), self._levels()[1:], strict=False):
            parents: dict[str, str] = {}
            for child, parent in zip(lower, upper, strict=True):
                if parents.setdefault(child, parent) != parent:
                    raise ConfigError(
                        f"The hierarchy of {self.column} is not a tree.",
                        seen="a label with two different parents",
                        expected="each label under exactly one label of the next level",
                    )

    def _levels(self) -> list[tuple[str, ...]]:
        return list(zip(*self.rows, strict=True))

    @property
    def values(self) -> tuple[str, ...]:
        """The domain, in the order of ``rows``."""
        return self._levels()[0]

    @property
    def height(self) -> int:
        """Number of the last level."""
        return len(self.rows[0]) - 1

    def labels(self, level: int) -> tuple[str, ...]:
        """Label of every value at a level, in the order of ``values``."""
        return self._levels()[level]


def table_hierarchy(column: str, rows: Iterable[Sequence[str]]) -> Hierarchy:
    """A hierarchy given as a table: value, its parent, its grandparent, … ."""
    return Hierarchy(column, tuple(sorted(tuple(row) for row in rows)))


def csv_hierarchy(column: str, path: Path, *, delimiter: str = ";") -> Hierarchy:
    """A hierarchy from a CSV without header, one row per value (the form ARX reads and writes)."""
    with path.open(encoding="utf-8", newline="") as file:
        return table_hierarchy(
            column, (row for row in csv.reader(file, delimiter=delimiter) if row)
        )


def category(column: str, values: Iterable[str]) -> Hierarchy:
    """The value, then ``*``."""
    return table_hierarchy(column, ((value, ANY) for value in values))


def exact(column: str, values: Iterable[str]) -> Hierarchy:
    """The value alone, never generalised: who shares it with too few is left out.

    For a column whose value can be read off the rest of a record, so that a coarser label would
    hide nothing.
    """
    return table_hierarchy(column, ((value,) for value in values))


def year_band(column: str, values: Iterable[str]) -> Hierarchy:
    """Years in bands of 1, 5, 10, 20, 40 years and ``*``; unknown years keep a rung of their own.

    The domain is every year from the first to the last one seen, so a band's loss counts the years
    it could stand for, not only those somebody was born in.
    """
    seen = set(values)
    years = sorted(int(value) for value in seen - {UNKNOWN})
    domain = range(years[0], years[-1] + 1) if years else range(0)
    rows = [(str(y), *(_band(y, size) for size in BAND_YEARS), ANY) for y in domain]
    if UNKNOWN in seen:
        rows.append((UNKNOWN,) * (len(BAND_YEARS) + 1) + (ANY,))
    return table_hierarchy(column, rows)


def years_told(labels: Iterable[str]) -> str:
    """The first and last year of labels of `year_band`; empty where none tells a year."""
    years = sorted(year for label in labels for year in label.split("-") if year.isdigit())
    return "" if not years else years[0] if years[0] == years[-1] else f"{years[0]}–{years[-1]}"


def _band(year: int, size: int) -> str:
    first = year - year % size
    return f"{first}-{first + size - 1}"


def intervals(column: str, values: Iterable[str], *, widths: Sequence[int]) -> Hierarchy:
    """Whole numbers in intervals of growing width, then ``*``; each width divides the next.

    The domain is every number from the first to the last one seen; ``U`` keeps its own rung.
    """
    if any(wide % narrow or narrow < 1 for narrow, wide in pairwise(widths)) or not widths:
        raise ConfigError(
            f"The intervals of {column} do not nest.",
            seen=", ".join(map(str, widths)) or "no width",
            expected="widths above 0, each a multiple of the one before",
        )
    seen = set(values)
    numbers = sorted(int(value) for value in seen - {UNKNOWN})
    domain = range(numbers[0], numbers[-1] + 1) if numbers else range(0)
    rows = [(str(n), *(_interval(n, width) for width in widths), ANY) for n in domain]
    if UNKNOWN in seen:
        rows.append((UNKNOWN,) * (len(widths) + 1) + (ANY,))
    return table_hierarchy(column, rows)


def _interval(number: int, width: int) -> str:
    first = number - number % width
    last = first + width - 1
    # A width of 1 is the number itself; below zero a dash between two numbers cannot be read.
    return str(first) if width == 1 else f"{first}-{last}" if first >= 0 else f"{first}..{last}"


def dates(column: str, values: Iterable[str]) -> Hierarchy:
    """ISO dates by day, month, quarter, year, decade and ``*``; ``U`` keeps its own rung.

    The domain is the dates seen: a day nobody has cannot be told from one that does not exist.
    """
    rows = []
    for value in set(values):
        if value == UNKNOWN:
            rows.append((UNKNOWN,) * 5 + (ANY,))
            continue
        day = date.fromisoformat(value)
        quarter, decade = (day.month + 2) // 3, day.year - day.year % 10
        rows.append(
            (value, f"{day:%Y-%m}", f"{day.year}-Q{quarter}", f"{day.year}", f"{decade}s", ANY)
        )
    return table_hierarchy(column, rows)


def redaction(
    column: str, values: Iterable[str], *, keep: Sequence[int] | None = None, mark: str = "*"
) -> Hierarchy:
    """Codes such as ZIP with ever fewer leading characters, the others starred, then ``*``.

    Args:
        column: the quasi-identifier.
        values: the codes; shorter ones are filled up with blanks when they are starred.
        keep: leading characters kept, level by level, falling; by default one less each time.
        mark: what replaces a character.
    """
    seen = sorted(set(values) - {UNKNOWN})
    width = max((len(value) for value in seen), default=0)
    kept = list(range(width - 1, 0, -1)) if keep is None else list(keep)
    if any(longer <= shorter for longer, shorter in pairwise(kept)) or any(n < 1 for n in kept):
        raise ConfigError(
            f"The redaction of {column} does not nest.",
            seen=", ".join(map(str, kept)),
            expected="ever fewer characters, at least one",
        )
    rows = [
        (value, *(value[:n].ljust(n) + mark * max(width - n, 0) for n in kept), ANY)
        for value in seen
    ]
    if UNKNOWN in set(values):
        rows.append((UNKNOWN,) * (len(kept) + 1) + (ANY,))
    return table_hierarchy(column, rows)


def ordered(column: str, values: Sequence[str], *, fanout: int = 2) -> Hierarchy:
    """Values in a given order, ``fanout`` neighbours together at every level, then ``*``.

    For scales that have an order and no hierarchy (stages, grades): every label is a run of
    neighbours, ``first..last``.
    """
    if fanout < 2 or len(set(values)) != len(values):
        raise ConfigError(
            f"The order of {column} is none.",
            seen=f"{len(values)} values, {len(set(values))} different, fanout {fanout}",
            expected="every value once, fanout of at least 2",
        )
    rows: list[list[str]] = [[value] for value in values]
    size = fanout
    while size < len(values):
        for place, row in enumerate(rows):
            first = place - place % size
            last = min(first + size, len(values)) - 1
            alone = first == last
            row.append(values[first] if alone else f"{values[first]}..{values[last]}")
        size *= fanout
    return table_hierarchy(column, ([*row, ANY] for row in rows))


LADDERS: dict[str, Callable[[str, Iterable[str]], Hierarchy]] = {
    "year_band": year_band,
    "category": category,
    "exact": exact,
    "region": category,
    "date": dates,
    "redaction": redaction,
}


def build_hierarchy(ladder: str, column: str, values: Iterable[str]) -> Hierarchy:
    """The hierarchy a product spec names, over the values seen; ConfigError for another name."""
    if ladder not in LADDERS:
        raise ConfigError(
            f"Unknown ladder {ladder!r} for {column}.",
            expected=", ".join(sorted(LADDERS)),
            do="correct the product spec",
        )
    return LADDERS[ladder](column, values)
