"""What a released label stands for: read from the label itself and from the patients who carry it.
Add a form of label here; how labels are made is protection's work, and nothing of it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from clearward.risk.cells import Integers
from clearward.risk.sources import quoted

Floats = npt.NDArray[np.float64]
ANY = "*"
_RANGE = re.compile(r"\[?\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|\.\.|,|to)\s*(-?\d+(?:\.\d+)?)\s*\]?")
_SET = re.compile(r"[{\[(]?([^{}\[\]()]*[;|,][^{}\[\]()]*)[}\])]?")


@dataclass(frozen=True)
class Labels:
    """One quasi-identifier before and after.

    Attributes:
        values: its different values in the mart, in order.
        people: mart patients per value (v,).
        labels: its different labels in the release.
        covers: whether a label covers a value (l, v).
    """

    column: str
    values: tuple[str, ...]
    people: Integers
    labels: tuple[str, ...]
    covers: npt.NDArray[np.bool_]

    def losses(self) -> Floats:
        """Share of the domain that cannot be told apart any more, per label (l,) (Iyengar 2002)."""
        width = len(self.values)
        if width < 2:
            return np.zeros(len(self.labels))
        leaves = self.covers.sum(axis=1)
        # A label that covers nothing we can tell is no knowledge at all
        return np.where(leaves == 0, 1.0, (leaves - 1) / (width - 1))


def read_labels(
    connection: duckdb.DuckDBPyConnection, column: str, *, mart: str, linked: str
) -> Labels:
    """Labels and values of one quasi-identifier.

    Args:
        connection: holds both sources.
        column: the quasi-identifier.
        mart: table expression of every patient before protection.
        linked: table expression with ``mart_<column>`` and ``<column>`` of every released patient.
    """
    name, before = quoted(column), quoted(f"mart_{column}")
    counted = dict(
        connection.execute(
            f"SELECT {as_label(name)}, count(*) FROM {mart} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    )
    pairs = connection.execute(
        f"SELECT DISTINCT {as_label(name)}, {as_label(before)} FROM {linked} ORDER BY ALL"
    ).fetchall()
    values, labels = tuple(counted), tuple(dict.fromkeys(label for label, _ in pairs))
    covers = np.array([[_covers(lb, v) for v in values] for lb in labels], dtype=bool)
    place = {value: i for i, value in enumerate(values)}
    for label, value in pairs:
        covers[labels.index(label), place[value]] = True
    people = np.array(list(counted.values()), dtype=np.int64)
    return Labels(column, values, people, labels, covers.reshape(len(labels), len(values)))


def as_label(sql: str) -> str:
    """SQL of a value as text, with null as a value of its own."""
    return f"coalesce(CAST({sql} AS VARCHAR), {_NULL_SQL})"


_NULL_SQL = "chr(1) || 'null'"


def _covers(label: str, value: str) -> bool:
    if label in (ANY, value):
        return True
    bounds = _RANGE.fullmatch(label)
    if bounds:
        low, high = float(bounds[1]), float(bounds[2])
        return _is_number(value) and low <= float(value) <= high
    members = _SET.fullmatch(label)
    parts = re.split("[;|,]", members[1]) if members else []
    return value in {part.strip() for part in parts}


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


def group_values(labels: Labels, most: int = 10) -> Mapping[str, int]:
    """Value -> group: itself where they are few, else bands of about equal number of patients."""
    if len(labels.values) <= most or not all(map(_is_number, labels.values[:1])):
        return {value: i for i, value in enumerate(labels.values)}
    order = sorted(range(len(labels.values)), key=lambda i: _rank(labels.values[i]))
    running = labels.people[order].cumsum() - labels.people[order] / 2
    bands = np.floor(running / labels.people.sum() * most).astype(int).clip(0, most - 1)
    return {labels.values[i]: int(band) for i, band in zip(order, bands, strict=True)}


def _rank(value: str) -> float:
    return float(value) if _is_number(value) else float("inf")
