"""What an aligned file says about its source: pseudonyms, calendar days, marks. Each way of looking
gives a figure per licensee and a bound on the chance that an innocent one has it; what follows from
it belongs to whoever accuses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np

from clearward.deidentify.dates import MAX_SHIFT_DAYS, install_shift_of
from clearward.keyring import install_hmac
from clearward.marking.contract import Markable
from clearward.marking.embed import ends_of, partner_sql, place_sql, steps_sql
from clearward.marking.tardos import Floats, Reading

_KEY_VALUES = 16.0**20
_MOST_OFF = 1.5
"""A digit further than this many steps outside its pair was replaced, and says nothing."""


def name_matches(connection: duckdb.DuckDBPyConnection, secret: bytes) -> tuple[int, int]:
    """Different keys of the file that a secret makes of published ones, and rows that hold one.

    Needs tables ``leak_keys`` (see `leak.read_keys`) and ``published_keys (key)``.
    """
    install_hmac(connection, "suspected", secret)
    row = connection.execute(
        "SELECT count(DISTINCT l.key), count(DISTINCT l.leak_row) FROM leak_keys l"
        " SEMI JOIN (SELECT suspected(key) AS key FROM published_keys) p ON p.key = l.key"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def name_chance(keys: int, published: int) -> float:
    """Bound on the chance that any key of a file fits an innocent's: 80 bits each."""
    return min(1.0, keys * published / _KEY_VALUES)


def day_matches(
    connection: duckdb.DuckDBPyConnection, secret: bytes, columns: Sequence[str]
) -> tuple[int, int]:
    """Patients of ``aligned`` with days in them, and those whose days a secret moved so."""
    install_shift_of(connection, "suspected_days", secret)
    moved = " UNION ALL ".join(
        f'SELECT was_patient_key AS who, date_diff(\'day\', "was_{name}", "is_{name}") AS days'
        f' FROM aligned WHERE "is_{name}" IS NOT NULL AND "was_{name}" IS NOT NULL'
        for name in columns
    )
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (days = suspected_days(who)) FROM"
        f" (SELECT who, mode(days) AS days FROM ({moved}) WHERE who IS NOT NULL GROUP BY who)"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def day_chance(patients: int, matched: int) -> float:
    """Chance that an innocent's days fit as many patients: one in 366 each, binomial tail."""
    if not matched:
        return 1.0
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    return float(binom.sf(matched - 1, patients, 1 / (2 * MAX_SHIFT_DAYS)))


def read_marks(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[Markable],
    biases: Floats,
    *,
    key: Sequence[str],
    published: str,
) -> Reading:
    """What the digits of ``aligned`` say at every position; needs `embed.install_code`.

    Args:
        connection: holds table ``aligned``.
        columns: marked columns that the file has too.
        biases: of the code.
        key: primary key columns of the published table.
        published: its relation.
    """
    ends = ends_of(connection, published, columns) if columns else []
    every = " UNION ALL ".join(
        _evidence(c, key, low=low, high=high) for c, (low, high) in zip(columns, ends, strict=True)
    )
    every = every or "SELECT 0 AS place, 0.0 AS y WHERE false"
    found = connection.execute(
        f"SELECT place, sum(y)::DOUBLE AS y, count(*) AS cells FROM ({every})"
        " WHERE place IS NOT NULL AND y IS NOT NULL GROUP BY place ORDER BY place"
    ).fetchnumpy()
    places = np.asarray(found["place"]).astype(np.int64)
    return Reading(
        positions=places,
        evidence=np.asarray(found["y"]).astype(np.float64),
        biases=biases[places],
        cells=int(np.asarray(found["cells"]).sum()),
    )


def _evidence(column: Markable, key: Sequence[str], *, low: int, high: int) -> str:
    """-1 for a cell as released, 1 for one that moved, between for one that was mixed."""
    published = {name: f'"was_{name}"' for name in (*key, column.column)}
    steps = steps_sql(column, published[column.column])
    listed = ", ".join(f'{place} AS "{name}"' for name, place in published.items() if name in key)
    inner = (
        f"SELECT {listed}, {steps} AS steps, {partner_sql(column, steps)} AS partner,"
        f' "is_{column.column}" * {column.scale} AS told FROM aligned'
    )
    share = "(told - steps) / (partner - steps)"
    return (
        f"SELECT {place_sql(column, key, of='t')} AS place,"
        f" if({share} BETWEEN {-_MOST_OFF} AND {1 + _MOST_OFF},"
        f" greatest(-1.0, least(1.0, 2 * {share} - 1)), NULL) AS y"
        f" FROM ({inner}) t WHERE told IS NOT NULL AND steps IS NOT NULL"
        f" AND partner BETWEEN {low} AND {high}"
    )


def is_rounded(connection: duckdb.DuckDBPyConnection, columns: Sequence[Markable]) -> bool:
    """True when nearly every number is rounded to clinical precision: no mark is left."""
    shares = [
        _share(
            connection,
            f'abs("is_{c.column}" / {c.precision} - round("is_{c.column}" / {c.precision})) < 1e-6',
            f'"is_{c.column}" IS NOT NULL',
        )
        for c in columns
    ]
    return bool(shares) and min(shares) > 0.95


def is_unmarked(connection: duckdb.DuckDBPyConnection, columns: Sequence[Markable]) -> bool:
    """True when every number of the file is the published one."""
    shares = [
        _share(connection, f'"is_{c.column}" = "was_{c.column}"', f'"is_{c.column}" IS NOT NULL')
        for c in columns
    ]
    return bool(shares) and min(shares) == 1.0


def _share(connection: duckdb.DuckDBPyConnection, condition: str, where: str) -> float:
    row = connection.execute(
        f"SELECT avg(({condition})::INTEGER) FROM aligned WHERE {where}"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else math.nan


def shared_columns(columns: Mapping[str, str], beginnings: tuple[str, ...]) -> list[str]:
    """Names of the columns whose type begins so."""
    return [name for name, kind in columns.items() if kind.startswith(beginnings)]
