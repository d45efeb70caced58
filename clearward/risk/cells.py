"""One pass over a table: its distinct combinations, from which k, l and t all follow. Add nothing
here that looks at single rows; measures on the cells live in the modules named after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from clearward.errors import ProtectionError
from clearward.risk.sources import columns_list, numbers, quoted

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """What `count_cells` made in the connection: two temporary tables.

    ``risk_class``: ``risk_id, risk_size`` and the quasi-identifiers; one row per class.
    ``risk_cell``: ``risk_id, risk_n`` and one column per sensitive column; one row per combination.
    """

    connection: duckdb.DuckDBPyConnection
    quasi_identifiers: tuple[str, ...]
    sensitive: tuple[str, ...]

    def sizes(self) -> tuple[Integers, Integers]:
        """Class sizes and how many classes have each, both (s,), sizes ascending."""
        found = numbers(
            self.connection,
            "SELECT risk_size AS size, count(*) AS n FROM risk_class GROUP BY ALL ORDER BY ALL",
        )
        return found["size"], found["n"]

    def histogram(self, column: str) -> tuple[Integers, Integers, Integers]:
        """Class number, value rank and count of every (class, value) pair, each (h,), in order.

        Classes are numbered 0, 1, …; ranks follow the column's own order, null last.
        """
        name = quoted(column)
        found = numbers(
            self.connection,
            f"""WITH ranked AS (
                    SELECT {name} AS risk_value, row_number() OVER (ORDER BY {name} NULLS LAST) - 1
                    AS rank FROM (SELECT DISTINCT {name} FROM risk_cell))
                SELECT risk_id AS id, rank, sum(risk_n) AS n
                FROM risk_cell JOIN ranked ON {name} IS NOT DISTINCT FROM ranked.risk_value
                GROUP BY ALL ORDER BY id, rank""",
        )
        return found["id"], found["rank"], found["n"]


def count_cells(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
) -> Cells:
    """Count the combinations of a table expression; a null is a value like any other.

    Raises ProtectionError when the table is empty or no quasi-identifier is named.
    """
    sensitive = tuple(name for name in dict.fromkeys(sensitive) if name not in quasi_identifiers)
    if not quasi_identifiers:
        raise ProtectionError("No quasi-identifier is named.", do="name at least one column")
    quasi, every = columns_list(quasi_identifiers), (*quasi_identifiers, *sensitive)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_counted AS
            SELECT {columns_list(every)}, count(*) AS risk_n FROM {source} GROUP BY ALL"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_class AS
            SELECT CAST(row_number() OVER () - 1 AS INTEGER) AS risk_id, * FROM (
                SELECT {quasi}, CAST(sum(risk_n) AS BIGINT) AS risk_size FROM risk_counted
                GROUP BY {quasi})"""
    )
    _number_cells(connection, quasi_identifiers, sensitive)
    found = connection.execute("SELECT count(*) FROM risk_class").fetchone()
    if not found or not found[0]:
        raise ProtectionError("The table to measure is empty.", do="make the table again")
    return Cells(connection, tuple(quasi_identifiers), sensitive)


def _number_cells(
    connection: duckdb.DuckDBPyConnection, quasi: Sequence[str], sensitive: Sequence[str]
) -> None:
    same = " AND ".join(f"c.{quoted(q)} IS NOT DISTINCT FROM r.{quoted(q)}" for q in quasi)
    kept = "".join(f", r.{quoted(name)}" for name in sensitive)
    if sensitive:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE risk_cell AS
                SELECT c.risk_id, r.risk_n{kept} FROM risk_counted r JOIN risk_class c ON {same}"""
        )
    connection.execute("DROP TABLE risk_counted")
