"""What all published versions together give away, replayed on their patient files. Add an attack
across versions here; which patients a version may hold back is protection's decision.

Pseudonyms are stable, so whoever holds two versions can lay them side by side: the labels a patient
had in each version, or their absence, are one combined quasi-identifier. Copies of fewer versions,
and any coalition of buyers, only see coarser groups of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clearward.errors import ProtectionError
from clearward.risk.sources import check_columns, check_units, columns_of, file_source, one, quoted


@dataclass(frozen=True)
class Earlier:
    """One version that was published before.

    Attributes:
        patient: its patient file.
        tables: its other files with one row per patient, by entity; without them the attacks on
            their sensitive columns cannot be replayed.
    """

    patient: Path
    tables: Mapping[str, Path] = field(default_factory=dict)

    def source(
        self, connection: duckdb.DuckDBPyConnection, sensitive: Sequence[str], unit: str
    ) -> str:
        """Its patients with the sensitive columns ``table.column`` it has, as a table."""
        columns, joins = "", ""
        for name in sensitive:
            entity, _, column = name.partition(".")
            path = self.patient if entity == "patient" else self.tables.get(entity)
            if path and column in columns_of(connection, file_source(path)):
                place = f"{entity}_t"
                columns += f", {place}.{quoted(column)} AS {quoted(name)}"
                join = f" LEFT JOIN {file_source(path)} {place} USING ({quoted(unit)})"
                joins += join if join not in joins else ""
        return f"(SELECT p.*{columns} FROM {file_source(self.patient)} p{joins})"


_NOTHING = "chr(1) || 'null'"


@dataclass(frozen=True)
class History:
    """The worst that the versions together show.

    Attributes:
        versions: earlier versions replayed.
        k: least number of patients with the same history, this version included.
        groups: different histories.
        sizes: patients in a group, and how many groups have so many.
        leavers, joiners: patients of some earlier version who are not in this one, and patients
            of this one who were in none.
        pinned: share of this version's patients whose sensitive value the versions pin down and
            none does alone, worst column.
        homogeneous: share whose history group has one value where their class has several, worst
            column; with a rare value this happens by chance and says little, see docs.
        leaver_success, leaver_guess: attack on leavers and guess from the last version with them,
            for the column with the largest difference; 0 when nobody left.
    """

    versions: int
    k: int
    groups: int
    sizes: tuple[tuple[int, int], ...]
    leavers: int
    joiners: int
    pinned: float
    homogeneous: float
    leaver_success: float
    leaver_guess: float

    @property
    def leaver_advantage(self) -> float:
        """Attack minus guess, 0–1."""
        return max(self.leaver_success - self.leaver_guess, 0.0)


def replay(
    connection: duckdb.DuckDBPyConnection,
    now: str,
    earlier: Sequence[Earlier],
    *,
    quasi_identifiers: Sequence[str],
    sensitive: Mapping[str, float],
    unit: str = "patient_key",
) -> History:
    """Lay all versions side by side.

    Args:
        connection: holds ``now``.
        now: table expression of this version's patients with their sensitive columns.
        earlier: every earlier version, oldest first; at least one.
        quasi_identifiers: columns of the present version; one that an earlier version does not
            have told nothing there.
        sensitive: ``table.column`` -> its bound t.
        unit: the pseudonym.

    Raises ProtectionError when a file is missing, empty, or not one row per patient.
    """
    sources = [v.source(connection, list(sensitive), unit) for v in earlier] + [now]
    for place, source in enumerate(sources):
        check_columns(connection, source, [unit])
        check_units(connection, source, unit)
        _label_version(connection, place, source, quasi_identifiers, sensitive, unit)
    last = len(sources) - 1
    _join_versions(connection, last)
    k, groups, leavers, joiners = one(
        connection,
        f"""SELECT min(n), count(*), sum(n) FILTER (h{last} IS NULL),
                   sum(n) FILTER (h{last} IS NOT NULL AND {_absent(last)})
            FROM (SELECT {_places(last)}, count(*) AS n FROM risk_history GROUP BY ALL)""",
    )
    pinned = [_pinned(connection, c, t, last) for c, t in enumerate(sensitive.values())]
    attacks = [_attack_leavers(connection, c, last) for c in range(len(sensitive))]
    worst = max(attacks, key=lambda a: a[0] - a[1], default=(0.0, 0.0))
    return History(
        versions=last,
        k=int(k),
        groups=int(groups),
        sizes=_sizes(connection, last),
        leavers=int(leavers),
        joiners=int(joiners),
        pinned=max((share for share, _ in pinned), default=0.0),
        homogeneous=max((share for _, share in pinned), default=0.0),
        leaver_success=worst[0],
        leaver_guess=worst[1],
    )


def _sizes(connection: duckdb.DuckDBPyConnection, last: int) -> tuple[tuple[int, int], ...]:
    rows = connection.execute(
        f"""SELECT n, count(*) FROM (SELECT {_places(last)}, count(*) AS n FROM risk_history
            GROUP BY ALL) GROUP BY n ORDER BY n"""
    ).fetchall()
    return tuple((int(size), int(groups)) for size, groups in rows)


def _places(last: int) -> str:
    return ", ".join(f"h{i}" for i in range(last + 1))


def _absent(last: int) -> str:
    return " AND ".join(f"h{i} IS NULL" for i in range(last)) or "true"


def _label_version(
    connection: duckdb.DuckDBPyConnection,
    place: int,
    source: str,
    quasi_identifiers: Sequence[str],
    sensitive: Mapping[str, float],
    unit: str,
) -> None:
    """Table ``risk_version_<place>``: unit, label, and s0, s1, … (null where it has no column)."""
    has = columns_of(connection, source)
    known = [q for q in quasi_identifiers if q in has]
    if not known:
        raise ProtectionError(
            "An earlier version shows none of the quasi-identifiers.",
            seen=", ".join(sorted(has)),
            expected=", ".join(quasi_identifiers),
            do="find out under which names it showed them",
        )
    label = ", ".join(f"coalesce(CAST({quoted(q)} AS VARCHAR), {_NOTHING})" for q in known)
    values = "".join(
        f", coalesce(CAST({quoted(c)} AS VARCHAR), {_NOTHING}) AS s{i}"
        if c in has
        else f", CAST(NULL AS VARCHAR) AS s{i}"
        for i, c in enumerate(sensitive)
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_version_{place} AS
            SELECT CAST({quoted(unit)} AS VARCHAR) AS unit, [{label}] AS label{values}
            FROM {source}"""
    )


def _join_versions(connection: duckdb.DuckDBPyConnection, last: int) -> None:
    everyone = " UNION ".join(f"SELECT unit FROM risk_version_{i}" for i in range(last + 1))
    joins = " ".join(
        f"LEFT JOIN risk_version_{i} v{i} ON v{i}.unit = u.unit" for i in range(last + 1)
    )
    labels = ", ".join(f"v{i}.label AS h{i}" for i in range(last + 1))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE risk_history AS SELECT u.unit, {labels} "
        f"FROM ({everyone}) u {joins}"
    )


def _pinned(
    connection: duckdb.DuckDBPyConnection, column: int, t: float, last: int
) -> tuple[float, float]:
    """Share of present patients with a pinned value, and in a history group with one value.

    Pinned: the values possible in the classes of all versions have one in common and no class has
    one alone (Byun et al. 2006); or a history group has one value, which is so rare among all that
    a class with nothing else would break the bound t.
    """
    sets = "".join(
        f""" LEFT JOIN (SELECT label, list(DISTINCT s{column}) AS seen{i} FROM risk_version_{i}
             GROUP BY label HAVING count(s{column}) > 0) c{i} ON c{i}.label = h.h{i}"""
        for i in range(last)
    )
    common, alone = "mine", "len(mine)"
    for i in range(last):
        common = f"list_intersect({common}, coalesce(seen{i}, mine))"
        alone = f"least({alone}, len(coalesce(seen{i}, mine)))"
    pinned, homogeneous = one(
        connection,
        f"""SELECT avg(CAST((shared = 1 AND alone > 1) OR (one_value AND rare) AS INTEGER)),
                   avg(CAST(one_value AS INTEGER))
            FROM (SELECT len({common}) AS shared, {alone} AS alone, rare,
                         min(s{column}) OVER w = max(s{column}) OVER w AND len(mine) > 1
                         AS one_value
                  FROM risk_history h
                  JOIN (SELECT *, count(*) OVER (PARTITION BY s{column}) / count(*) OVER ()
                               < {1 - t!r} AS rare FROM risk_version_{last}) v USING (unit)
                  JOIN (SELECT label, list(DISTINCT s{column}) AS mine
                        FROM risk_version_{last} GROUP BY label) m ON m.label = h.h{last}
                  {sets} WINDOW w AS (PARTITION BY {_places(last)}))""",
    )
    return float(pinned), float(homogeneous)


def _attack_leavers(
    connection: duckdb.DuckDBPyConnection, column: int, last: int
) -> tuple[float, float]:
    """Success on everybody who left, and of the guess that the last version with them allowed.

    Attack: the commonest value among those who vanished with the target's history. Guess: the
    commonest value of the target's class in that last version.
    """
    latest = "".join(
        f" UNION ALL SELECT {i} AS place, unit, label, s{column} AS value FROM risk_version_{i}"
        for i in range(last)
    ).removeprefix(" UNION ALL ")
    success, guess = one(
        connection,
        f"""WITH seen AS (SELECT * FROM ({latest}) WHERE value IS NOT NULL),
            modes AS (SELECT place, label, mode(value ORDER BY value) AS usual FROM seen
                      GROUP BY ALL),
            gone AS (SELECT h.*, s.value, m.usual,
                            mode(s.value) OVER (PARTITION BY {_places(last)}) AS guessed
                     FROM risk_history h JOIN seen s USING (unit) JOIN modes m USING (place, label)
                     WHERE h{last} IS NULL
                     QUALIFY row_number() OVER (PARTITION BY unit ORDER BY s.place DESC) = 1)
            SELECT avg(CAST(guessed = value AS INTEGER)), avg(CAST(usual = value AS INTEGER))
            FROM gone""",
    )
    return float(success), float(guess)
