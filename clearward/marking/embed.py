"""Marks in a table: the last recorded digit of some cells moved by one step, as a licensee's bits
say. Which columns may carry them belongs to `contract`, the bits to `tardos`.

Recorded steps are paired so that no pair lies across the edge of a clinical cell: rounded to the
clinical precision (half up), a marked value is the unmarked one. Position and choice of a cell come
from a keyed hash of the published key of its row, so a row has the same marks in every version a
licensee receives, and two versions side by side show none.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from clearward.keyring import install_hmac
from clearward.marking.contract import Markable
from clearward.marking.tardos import CODE_LENGTH, Bits

SHARE = 1 / 4
"""Cells that carry a bit; about half of them move."""
_ON_GRID = 1e-4
"""A value this close to a recorded step, in steps, is recorded with the contract's decimals."""


def install_code(connection: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Give the connection the keyed function that places cells; the secret is the product's."""
    install_hmac(connection, "mark_place", secret)


def install_word(connection: duckdb.DuckDBPyConnection, word: Bits) -> None:
    """Give the connection one licensee's bits, as table ``mark_word (place, is_moved)``."""
    bits = pa.table({"place": pa.array(range(CODE_LENGTH), pa.int32()), "is_moved": word})
    connection.register("mark_word_given", bits)
    connection.execute("CREATE OR REPLACE TEMP TABLE mark_word AS FROM mark_word_given")
    connection.unregister("mark_word_given")


def steps_sql(column: Markable, value: str) -> str:
    """Recorded steps of a value, a whole number; NULL where it is recorded with more decimals."""
    scaled = f"({value} * {column.scale})"
    return f"if(abs({scaled} - round({scaled})) < {_ON_GRID}, round({scaled})::BIGINT, NULL)"


def partner_sql(column: Markable, steps: str) -> str:
    """The other step of a step's pair; both are the same once rounded to clinical precision."""
    odd = (column.per_cell // 2) % 2
    return f"({steps} + if((({steps} - {odd}) & 1) = 0, 1, -1))"


def cell_sql(column: Markable, value: str) -> str:
    """Number of the clinical cell a value lies in: rounded half up to the clinical precision."""
    half = column.per_cell // 2
    return f"floor((round({value} * {column.scale}) + {half}) / {column.per_cell})::BIGINT"


def place_sql(column: Markable, key: Sequence[str], *, of: str) -> str:
    """Position of a cell in the code, or NULL for one that carries no bit.

    Args:
        column: the column of the cell.
        key: primary key columns, as published.
        of: alias of the relation that holds them.
    """
    parts = ", ".join(f"{of}.{_quoted(name)}::VARCHAR" for name in key)
    message = f"concat_ws('|', '{column.table}', '{column.column}', {parts})"
    hashed = f"mark_place({message})"
    limit = int(SHARE * 2**32)
    # The first 16 bits place the cell, the next 32 choose it
    return (
        f"list_transform([{hashed}], h -> if(('0x' || h[5:12])::BIGINT < {limit},"
        f" ('0x' || h[1:4])::INTEGER, NULL))[1]"
    )


def marked_sql(
    rows: str, columns: Sequence[Markable], *, key: Sequence[str], ends: Sequence[tuple[int, int]]
) -> str:
    """The same rows with marks: a query that needs `install_code` and `install_word`.

    Args:
        rows: relation of the published table.
        columns: its columns that carry marks.
        key: its primary key columns.
        ends: least and greatest recorded step per column, see `ends_of`; none moves beyond them.
    """
    places = ", ".join(
        f"if(t.{_quoted(c.column)} IS NULL, NULL, {place_sql(c, key, of='t')}) AS mark_place_{i}"
        for i, c in enumerate(columns)
    )
    names = ", ".join(f"mark_place_{i}" for i in range(len(columns)))
    joins = " ".join(
        f"LEFT JOIN mark_word w{i} ON w{i}.place = p.mark_place_{i}" for i in range(len(columns))
    )
    values = ", ".join(
        f"{_moved(c, f'p.{_quoted(c.column)}', f'w{i}.is_moved', low, high)} AS {_quoted(c.column)}"
        for i, (c, (low, high)) in enumerate(zip(columns, ends, strict=True))
    )
    return (
        f"(SELECT p.* EXCLUDE ({names}) REPLACE ({values})"
        f" FROM (SELECT t.*, {places} FROM {rows} t) p {joins})"
    )


def _moved(column: Markable, value: str, is_moved: str, low: int, high: int) -> str:
    steps = steps_sql(column, value)
    partner = partner_sql(column, steps)
    return (
        f"CASE WHEN {is_moved} AND {partner} BETWEEN {low} AND {high}"
        f" THEN {partner} / {float(column.scale)} ELSE {value} END"
    )


def ends_of(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[Markable]
) -> list[tuple[int, int]]:
    """Least and greatest recorded step of each column; (0, -1), which holds nothing, where none."""
    parts = ", ".join(
        f"coalesce(min({steps}), 0), coalesce(max({steps}), -1)"
        for steps in (steps_sql(c, _quoted(c.column)) for c in columns)
    )
    found = connection.execute(f"SELECT {parts} FROM {rows}").fetchone() or ()
    return [(int(found[2 * i]), int(found[2 * i + 1])) for i in range(len(columns))]


def _quoted(name: str) -> str:
    return f'"{name}"'
