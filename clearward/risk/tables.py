"""A release's tables and its mart as the verifier sees them: views, and one flat row per patient.
Add here how tables are laid side by side; what is measured on them lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import ProtectionError
from clearward.keyring import install_hmac
from clearward.products.spec import Product
from clearward.risk.sources import (
    check_columns,
    check_units,
    columns_of,
    file_source,
    one,
    quoted,
)

PATIENT, ATTRITION, UNIT, HOSPITAL = "patient", "attrition", "patient_key", "hospital_id"
ANYBODY_KNOWS = (HOSPITAL, "sex", "birth_year", "region_l1")
"""Columns that are quasi-identifiers wherever a release shows them, named by the spec or not."""


@dataclass(frozen=True)
class View:
    """A product's release in a connection.

    Attributes:
        connection: holds a view ``released_<entity>`` and ``mart_<entity>`` for every file found.
        quasi_identifiers: those of the spec, and what anybody may know where the release shows
            it: a spec that leaves one out hides nothing.
        sensitive: flat name ``table.column`` of every sensitive column.
    """

    connection: duckdb.DuckDBPyConnection
    product: Product
    released: Mapping[str, Path]
    mart: Mapping[str, Path]
    quasi_identifiers: tuple[str, ...]
    sensitive: tuple[str, ...]

    @property
    def patients(self) -> str:
        """Table expression of the released patients."""
        return self.source(PATIENT)

    def source(self, entity: str) -> str:
        """Table expression of a released table; ProtectionError when its file is missing."""
        if entity not in self.released:
            raise ProtectionError(
                f"The release has no table {entity}.", do="name a table of the product spec"
            )
        return file_source(self.released[entity])

    def original(self, entity: str) -> str:
        """Table expression of a mart table; ProtectionError when its file is missing."""
        return file_source(self.mart[entity])


def open_view(
    connection: duckdb.DuckDBPyConnection,
    product: Product,
    *,
    released: Mapping[str, Path],
    mart: Mapping[str, Path],
) -> View:
    """Look at a product's files; ``released`` and ``mart`` map an entity to its file.

    Raises ProtectionError when the patient table is missing or lacks a quasi-identifier.
    """
    quasi = [qi.column for qi in product.protection.quasi_identifiers]
    source = file_source(released[PATIENT])
    columns = check_columns(connection, source, [UNIT, *quasi])
    check_units(connection, source, UNIT)
    known = dict.fromkeys([*quasi, *(name for name in ANYBODY_KNOWS if name in columns)])
    sensitive = tuple(f"{s.table}.{s.column}" for s in product.protection.sensitive)
    return View(connection, product, released, mart, tuple(known), sensitive)


def make_flat(view: View) -> str:
    """Table ``risk_flat``: pseudonym, quasi-identifiers and sensitive columns, one row per patient.

    Raises ProtectionError when a sensitive table is not one row for each of these patients.
    """
    _flatten(view, "risk_flat", {t: view.source(t) for t in _tables(view)})
    return "risk_flat"


def make_linked(view: View, key: bytes) -> tuple[str, str]:
    """Tables ``risk_mart`` and ``risk_linked``; returns their names.

    ``risk_mart``: every patient of the mart, quasi-identifiers and sensitive columns as they were.
    ``risk_linked``: the released patients, and ``mart_<column>`` with what each label was made of.

    Args:
        view: the release; `make_flat` must have been called.
        key: the product's pseudonym key, with which the mart's patients are found again.

    Raises ProtectionError when a released patient is in no mart.
    """
    connection = view.connection
    _flatten(view, "risk_mart", {t: view.original(t) for t in _tables(view)})
    install_hmac(connection, "keyed", key)
    before = ", ".join(f"m.{quoted(q)} AS {quoted(f'mart_{q}')}" for q in view.quasi_identifiers)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE risk_linked AS
            SELECT f.*, m.patient_key AS mart_key, {before}
            FROM risk_flat f JOIN risk_mart m ON f.patient_key = keyed(m.patient_key)"""
    )
    kept, found = one(
        connection,
        "SELECT (SELECT count(*) FROM risk_flat), (SELECT count(*) FROM risk_linked)",
    )
    if kept != found:
        raise ProtectionError(
            "The release does not come from this mart.",
            seen=f"{int(found)} of {int(kept)} released patients in the mart",
            expected="all of them",
            do="protect the product again with this keyring",
        )
    return "risk_mart", "risk_linked"


def _tables(view: View) -> list[str]:
    used = [PATIENT, *(s.table for s in view.product.protection.sensitive)]
    return list(dict.fromkeys(used))


def _flatten(view: View, name: str, sources: Mapping[str, str]) -> None:
    connection = view.connection
    sensitive = view.product.protection.sensitive
    patients = check_units(connection, sources[PATIENT], UNIT)
    for table, source in sources.items():
        wanted = [s.column for s in sensitive if s.table == table]
        check_columns(connection, source, [UNIT, *wanted])
        units = check_units(connection, source, UNIT)
        if units != patients:
            raise ProtectionError(
                f"Table {table} is not one row for each patient.",
                seen=f"{units} patients in it, {patients} in the patient table",
                expected="the same patients",
                do="correct the mart, or name another sensitive column in the product spec",
            )
    columns = "".join(
        f", {s.table}_t.{quoted(s.column)} AS {quoted(f'{s.table}.{s.column}')}" for s in sensitive
    )
    joins = " ".join(
        f"JOIN {source} {table}_t ON {table}_t.{UNIT} = patient_t.{UNIT}"
        for table, source in sources.items()
        if table != PATIENT
    )
    quasi = ", ".join(f"patient_t.{quoted(q)}" for q in view.quasi_identifiers)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT patient_t.{UNIT}, {quasi}{columns} "
        f"FROM {sources[PATIENT]} patient_t {joins}"
    )


def count_values(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """Different values of a column; a null is one."""
    counted = f"SELECT count(*) FROM (SELECT DISTINCT {quoted(column)} FROM {table})"
    return int(one(connection, counted)[0])


def count_strangers(view: View) -> int:
    """Patients of any table who are not in the patient table; rows without a patient count too."""
    total = 0
    for entity in view.released:
        if entity in (ATTRITION, PATIENT):
            continue
        check_columns(view.connection, view.source(entity), [UNIT])
        total += int(
            one(
                view.connection,
                f"SELECT count(DISTINCT coalesce(t.{UNIT}, '')) FROM {view.source(entity)} t "
                f"ANTI JOIN {view.patients} p ON p.{UNIT} = t.{UNIT}",
            )[0]
        )
    return total


def count_of_few(view: View, k: int) -> int:
    """Tables that 1 to k - 1 patients have a row in: who reads the number of rows counts them."""
    sources = [view.source(entity) for entity in view.released if entity != ATTRITION]
    for source in sources:
        check_columns(view.connection, source, [UNIT])
    found = (one(view.connection, f"SELECT count(DISTINCT {UNIT}) FROM {s}")[0] for s in sources)
    return sum(0 < patients < k for patients in found)


def count_finer(view: View) -> int:
    """Patients for whom another table says more about a quasi-identifier than their own row."""
    total = 0
    for entity in view.released:
        if entity in (ATTRITION, PATIENT):
            continue
        source = view.source(entity)
        has = columns_of(view.connection, source)
        shared = [q for q in view.quasi_identifiers if q in has]
        if shared:
            differs = " OR ".join(
                f"CAST(t.{quoted(q)} AS VARCHAR) IS DISTINCT FROM CAST(p.{quoted(q)} AS VARCHAR)"
                for q in shared
            )
            total += int(
                one(
                    view.connection,
                    f"SELECT count(DISTINCT t.{UNIT}) FROM {source} t "
                    f"JOIN {view.patients} p USING ({UNIT}) WHERE {differs}",
                )[0]
            )
    return total


def count_mixed(view: View) -> int:
    """Patients whose class has patients of more than one hospital of the mart.

    Records tell their hospital by code systems, language and the tables that have rows, whatever
    the label says: within such a class they are not alike. `make_linked` must have been called.
    """
    labels = ", ".join(quoted(q) for q in view.quasi_identifiers)
    if HOSPITAL not in view.quasi_identifiers:
        raise ProtectionError(
            "The release does not say which hospital a patient is from.",
            expected=f"column {HOSPITAL} in the patient table",
            do="make it a quasi-identifier of the product spec",
        )
    mart = quoted(f"mart_{HOSPITAL}")
    return int(
        one(
            view.connection,
            f"SELECT sum(n) FROM (SELECT count(*) AS n FROM risk_linked GROUP BY {labels} "
            f"HAVING count(DISTINCT {mart}) + CAST(count({mart}) < count(*) AS INTEGER) <> 1)",
        )[0]
    )


def label_mart(view: View) -> str:
    """Table ``risk_labelled``: mart patients under the release's labels; returns its name.

    A patient who was left out gets, per column, the label that all released patients with the same
    value have; where labels differ from class to class there is none, and null fits no predicate.
    """
    quasi = view.quasi_identifiers
    for place, q in enumerate(quasi):
        view.connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE risk_map_{place} AS
                SELECT {quoted(f"mart_{q}")} AS value, min({quoted(q)}) AS label FROM risk_linked
                GROUP BY value HAVING count(DISTINCT {quoted(q)}) = 1"""
        )
    labels = ", ".join(
        f"CASE WHEN l.mart_key IS NULL THEN m{i}.label ELSE l.{quoted(q)} END AS {quoted(q)}"
        for i, q in enumerate(quasi)
    )
    joins = " ".join(
        f"LEFT JOIN risk_map_{i} m{i} ON m{i}.value IS NOT DISTINCT FROM m.{quoted(q)}"
        for i, q in enumerate(quasi)
    )
    view.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE risk_labelled AS SELECT {labels}"
        f"{''.join(f', m.{quoted(name)}' for name in view.sensitive)} "
        f"FROM risk_mart m LEFT JOIN risk_linked l ON l.mart_key = m.patient_key {joins}"
    )
    return "risk_labelled"
