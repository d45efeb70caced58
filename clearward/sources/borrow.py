"""What a row does not hold and the row it refers to does: a diagnosis without a date of its own is
dated by its encounter. Which column may borrow from where is the spec's word (option ``borrow``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from clearward.sources.parsing import name_sql
from clearward.sources.spec import SourceSystem, Table
from clearward.sources.staging import Piece


def borrow(
    connection: duckdb.DuckDBPyConnection, system: SourceSystem, pieces: Mapping[str, list[Piece]]
) -> dict[str, list[Piece]]:
    """The same pieces with borrowed values, where a table of the extract lacks some."""
    filled = dict(pieces)
    for table in system.tables:
        for column, loan in table.options.get("borrow", {}).items():
            lenders = pieces.get(loan["table"], [])
            if lenders and table.name in filled:
                filled[table.name] = [
                    _lent(connection, table, piece, column=column, loan=loan, lenders=lenders)
                    for piece in filled[table.name]
                ]
    return filled


def _lent(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    piece: Piece,
    *,
    column: str,
    loan: Mapping[str, str],
    lenders: list[Piece],
) -> Piece:
    own, by, lent = (name_sql(name) for name in (column, loan["by"], loan["column"]))
    lacking = connection.execute(f"SELECT count(*) - count({own}) FROM ({piece.sql})").fetchone()
    if not lacking or not lacking[0]:
        return piece
    rows = " UNION ALL ".join(f"(SELECT {by}, {lent} FROM ({lender.sql}))" for lender in lenders)
    sql = (
        f"SELECT b.* REPLACE (coalesce(b.{own}, l.lent) AS {own}) FROM ({piece.sql}) b LEFT JOIN "
        f"(SELECT {by}, min({lent}) AS lent FROM ({rows}) GROUP BY 1) l USING ({by})"
    )
    found = connection.execute(f"SELECT count({own}) FROM ({sql})").fetchone()
    present = {*piece.present, *([column] if found and found[0] else [])}
    return replace(
        piece, sql=sql, present=tuple(c.name for c in table.columns if c.name in present)
    )
