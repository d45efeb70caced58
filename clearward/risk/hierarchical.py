"""Distance of classes from all patients over a hierarchy of values (t-closeness, hierarchical). The
other distances are in `sensitive`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from clearward.errors import ProtectionError
from clearward.risk.cells import Cells
from clearward.risk.sources import one, quoted
from clearward.warehouse import sql_path


def hierarchical_distance(cells: Cells, column: str, hierarchy: Path) -> float:
    """Largest hierarchical distance of a class, 0–1 (Li et al. 2007).

    Two values are as far apart as the level of their first common label, over the height of the
    hierarchy. On such a tree the earth mover's distance is half the sum, over levels, of the
    differences in the labels' shares: every edge is one over the height long, and carries that.

    Args:
        cells: of the table, with the sensitive column.
        column: the sensitive column.
        hierarchy: CSV without a header, ``;`` between the labels of a value, one value per row.

    Raises ProtectionError for a value that the hierarchy does not have, or has twice.
    """
    connection = cells.connection
    levels = _read_tree(connection, hierarchy)
    _check_values(connection, column, levels)
    shares = " UNION ALL ".join(_level_sql(column, levels[0], level) for level in levels)
    (distance,) = one(
        connection,
        f"""SELECT max(d) FROM (SELECT (sum(abs(p - q) - q) + {len(levels)}) / {2 * len(levels)}
            AS d FROM ({shares}) GROUP BY risk_id)""",
    )
    return float(distance)


def _read_tree(connection: duckdb.DuckDBPyConnection, hierarchy: Path) -> list[str]:
    """Make table ``risk_tree``; its columns below the root, the values first."""
    if not hierarchy.is_file():
        raise ProtectionError(
            f"There is no hierarchy {hierarchy.name}.", do="name an existing file"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE risk_tree AS FROM read_csv('{sql_path(hierarchy)}',"
        " delim = ';', header = false, all_varchar = true)"
    )
    names = [str(row[0]) for row in connection.execute("DESCRIBE risk_tree").fetchall()]
    roots = one(connection, f"SELECT count(DISTINCT {quoted(names[-1])}) FROM risk_tree")[0]
    return names[:-1] if roots == 1 and len(names) > 1 else names


def _check_values(connection: duckdb.DuckDBPyConnection, column: str, levels: list[str]) -> None:
    value = quoted(levels[0])
    unknown, twice = one(
        connection,
        f"""SELECT (SELECT count(DISTINCT coalesce(CAST({quoted(column)} AS VARCHAR), ''))
                    FROM risk_cell c ANTI JOIN risk_tree t
                    ON t.{value} = CAST(c.{quoted(column)} AS VARCHAR)),
                   count(*) - count(DISTINCT {value}) FROM risk_tree""",
    )
    if unknown or twice:
        raise ProtectionError(
            f"The hierarchy of {column} does not fit its values.",
            seen=f"{int(unknown)} values that it lacks, {int(twice)} that stand in it twice",
            expected="each value once",
            do="correct the hierarchy",
        )


def _level_sql(column: str, values: str, level: str) -> str:
    """``risk_id, p, q``: a label's share in the class and among all, for labels the class has."""
    return f"""SELECT DISTINCT risk_id, sum(n) OVER (PARTITION BY risk_id, label)
                   / sum(n) OVER (PARTITION BY risk_id) AS p,
                   sum(n) OVER (PARTITION BY label) / sum(n) OVER () AS q, label
               FROM (SELECT c.risk_id, t.{quoted(level)} AS label, sum(c.risk_n) AS n
                     FROM risk_cell c JOIN risk_tree t
                     ON t.{quoted(values)} = CAST(c.{quoted(column)} AS VARCHAR) GROUP BY ALL)"""
