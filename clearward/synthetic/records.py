"""From product tables to the weighted records that are measured. This is where one patient's
influence is bounded: one record of weight 1 per patient, and per table of events records that
together weigh at most UNIT, however many rows the patient has.

Rows must stand for their own patient alone: `day`, keys and concepts of the marts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from clearward.errors import ProtectionError
from clearward.synthetic.aim import CodedData
from clearward.synthetic.domain import Attribute, TableDesign
from clearward.warehouse import read_parquet_sql

UNIT = 10_000
"""Weight that all events of a patient in one table share; who has more rows is left out."""


def open_sources(connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path]) -> None:
    """A view ``source_<entity>`` per product table; ProtectionError when one is missing."""
    missing = sorted(entity for entity, path in sources.items() if not path.is_file())
    if missing:
        raise ProtectionError(
            "The product is incomplete.",
            seen=f"no table for {', '.join(missing)}",
            do="build the marts of that month",
        )
    for entity, path in sources.items():
        connection.execute(f"CREATE VIEW source_{entity} AS FROM {read_parquet_sql([path])}")


def read_patients(
    connection: duckdb.DuckDBPyConnection, designs: Mapping[str, TableDesign]
) -> tuple[tuple[Attribute, ...], CodedData]:
    """One record per patient: columns of all one-row tables and the number of rows elsewhere.

    Raises:
        ProtectionError: a one-row table has two rows of a patient, so the bound would not hold.
    """
    one_row = [e for e, d in designs.items() if d.contract.is_of_patients]
    events = [e for e, d in designs.items() if d.counts]
    for entity in one_row:
        _check_one_row(connection, entity)
    joins = " ".join(
        f"LEFT JOIN source_{e} AS t_{e} ON t_{e}.patient_key = p.patient_key" for e in one_row
    ) + " ".join(
        f" LEFT JOIN (SELECT patient_key, count(*) AS rows FROM source_{e} GROUP BY 1) AS t_{e} "
        f"ON t_{e}.patient_key = p.patient_key"
        for e in events
    )
    attributes = tuple(a for e in one_row for a in designs[e].modelled)
    attributes += tuple(c for e in events if (c := designs[e].counts))
    codes = [a.encode_sql(f"t_{a.entity}") for a in attributes]
    query = f"FROM source_patient AS p {joins}"
    return attributes, _coded(connection, query, attributes, codes=codes, weight="1", unit=1)


def read_events(
    connection: duckdb.DuckDBPyConnection, design: TableDesign, given: Attribute
) -> tuple[tuple[Attribute, ...], CodedData]:
    """Records of one table of events, each with the patient's ``given`` attribute as column 0.

    A patient's n rows weigh UNIT // n each.
    """
    source = f"source_{design.contract.entity}"
    query = (
        f"FROM {source} AS e "
        f"JOIN source_{given.entity} AS g ON g.patient_key = e.patient_key "
        f"JOIN (SELECT patient_key, count(*) AS n FROM {source} GROUP BY 1) AS c "
        "ON c.patient_key = e.patient_key"
    )
    attributes = (given, *design.modelled)
    codes = [given.encode_sql("g"), *(a.encode_sql("e") for a in design.modelled)]
    weight = f"{UNIT} // c.n"
    return attributes, _coded(connection, query, attributes, codes=codes, weight=weight, unit=UNIT)


def _coded(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    attributes: Sequence[Attribute],
    *,
    codes: Sequence[str],
    weight: str,
    unit: int,
) -> CodedData:
    selected = ", ".join(f"CAST({sql} AS INTEGER) AS c{i}" for i, sql in enumerate(codes))
    counted = connection.execute(
        f"SELECT {selected}, CAST(sum({weight}) AS BIGINT) AS w {query} GROUP BY ALL"
    ).fetchnumpy()
    columns = [np.asarray(counted[f"c{i}"], dtype=np.int64) for i in range(len(attributes))]
    return CodedData(
        codes=np.stack(columns, axis=1),
        weights=np.asarray(counted["w"], dtype=np.int64),
        sizes=tuple(a.size for a in attributes),
        unit=unit,
    )


def _check_one_row(connection: duckdb.DuckDBPyConnection, entity: str) -> None:
    row = connection.execute(
        f"SELECT count(*) - count(DISTINCT patient_key) FROM source_{entity}"
    ).fetchone()
    if row is None or row[0]:
        raise ProtectionError(
            f"Table {entity} is not one row per patient.",
            seen=f"{row[0] if row else 'no'} rows too many",
            do="correct its mart: the bound on one patient's influence rests on it",
        )
