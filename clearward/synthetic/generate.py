"""From private models to tables of the product's shape. Everything here is post-processing: it
reads models, the spec and public code lists, never a row of the product.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clearward.synthetic.aim import Fitted
from clearward.synthetic.contract import Column
from clearward.synthetic.domain import Attribute, TableDesign
from clearward.warehouse import write_parquet

HOSPITAL = "H00"
"""Label of no hospital; real ones begin at H01."""
_KEY_BYTES = 10
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Fits:
    """The fitted models of a product.

    Attributes:
        patient: model of the patient record, and its attributes in the model's order.
        events: entity -> the same for its rows; attribute 0 is ``given``.
        given: the attribute of the patient record that rows depend on.
    """

    patient: tuple[tuple[Attribute, ...], Fitted]
    events: Mapping[str, tuple[tuple[Attribute, ...], Fitted]]
    given: Attribute


def generate(
    connection: duckdb.DuckDBPyConnection,
    fits: Fits,
    designs: Mapping[str, TableDesign],
    *,
    patients: int,
) -> None:
    """Make table ``raw_patient`` and a ``raw_<entity>`` per table of events.

    Keys come from the operating system's generator, so that none can be that of a real row.
    """
    generator = np.random.default_rng(secrets.randbits(128))
    attributes, fitted = fits.patient
    codes = fitted.model.sample(patients, generator)
    place = {a.name: i for i, a in enumerate(attributes)}
    record = {
        a.name: a.decode(codes[:, i], generator)
        for a, i in zip(attributes, place.values(), strict=True)
    }
    keys = random_keys(patients)
    _load(connection, "raw_patient", {"patient_key": pa.array(keys), **record})
    visits: _Visits | None = None
    for entity in sorted(fits.events, key=lambda e: (e != "encounter", e)):
        counts = np.asarray(
            record[f"{entity}__rows"].to_numpy(zero_copy_only=False), dtype=np.int64
        )
        owner = np.repeat(np.arange(patients), counts)
        known = codes[owner, place[fits.given.name]]
        columns = _rows(fits.events[entity], known, generator)
        columns["patient_key"] = pa.array(keys[owner])
        if entity == "encounter":
            visits = _Visits(owner, counts, columns["day"], random_keys(len(owner)))
            columns["encounter_key"] = pa.array(visits.keys)
        elif visits:
            visits.link(columns, owner, generator)
        _load(connection, f"raw_{entity}", _with_keys(columns, designs[entity], len(owner)))


@dataclass(frozen=True)
class _Visits:
    """Generated encounters in the order of their patients, to hang other events on."""

    owner: Codes
    counts: Codes
    day: pa.Array
    keys: NDArray[np.object_]

    def link(
        self, columns: dict[str, pa.Array], owner: Codes, generator: np.random.Generator
    ) -> None:
        """Give each row the key and day of one of its own patient's encounters."""
        first = np.cumsum(self.counts) - self.counts
        chosen = first[owner] + (generator.random(len(owner)) * self.counts[owner]).astype(np.int64)
        columns["encounter_key"] = pa.array(self.keys[chosen])
        columns["day"] = self.day.take(pa.array(chosen))


def _rows(
    fit: tuple[tuple[Attribute, ...], Fitted], given: Codes, generator: np.random.Generator
) -> dict[str, pa.Array]:
    attributes, fitted = fit
    codes = fitted.model.sample(len(given), generator, given=given)
    return {a.column: a.decode(codes[:, i], generator) for i, a in enumerate(attributes) if i}


def _with_keys(columns: dict[str, pa.Array], design: TableDesign, rows: int) -> dict[str, pa.Array]:
    """Random pseudonyms for every key column that is not linked yet."""
    for column in design.contract.columns:
        if column.name.endswith("_key") and column.name not in columns:
            columns[column.name] = pa.array(random_keys(rows))
    return columns


def random_keys(rows: int) -> NDArray[np.object_]:
    """20 hex characters each, like a pseudonym, of 80 random bits."""
    text = secrets.token_hex(_KEY_BYTES * rows)
    width = 2 * _KEY_BYTES
    return np.array([text[i : i + width] for i in range(0, len(text), width)], dtype=object)


def _load(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, pa.Array]
) -> None:
    connection.register("incoming", pa.table(dict(columns)))
    connection.execute(f"CREATE TABLE {name} AS FROM incoming")
    connection.unregister("incoming")


def write_tables(
    connection: duckdb.DuckDBPyConnection,
    designs: Mapping[str, TableDesign],
    folder: Path,
    *,
    month: str,
) -> dict[str, int]:
    """Write every table as ``<table>.parquet`` and ``<table>.csv``; returns entity -> rows."""
    connection.execute(
        "CREATE TABLE span AS SELECT patient_key, min(day) AS first_day, max(day) AS last_day "
        "FROM raw_encounter GROUP BY 1"
    )
    rows = {}
    for entity, design in designs.items():
        target = folder / f"{design.contract.table}.parquet"
        order = _order(design.contract.key, design.contract.columns)
        rows[entity] = write_parquet(connection, table_sql(design, month), target, order_by=order)
        connection.execute(
            f"COPY (FROM read_parquet('{_quoted(target)}')) "
            f"TO '{_quoted(target.with_suffix('.csv'))}' (FORMAT csv, HEADER)"
        )
    return rows


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _order(key: Sequence[str], columns: Sequence[Column]) -> list[str]:
    return [*key, *(f'"{c.name}"' for c in columns if c.name not in key)]


def table_sql(design: TableDesign, month: str) -> str:
    """The SELECT that makes a published table of the generated ones, in its contract's types."""
    contract = design.contract
    selected = ", ".join(
        f'CAST({_value(column.name, design, month)} AS {column.type}) AS "{column.name}"'
        for column in contract.columns
    )
    if "patient_key" not in contract.schema:  # counts of patients, not patients
        return f'SELECT {selected} FROM (SELECT count(*) AS patients FROM raw_patient) AS "row"'
    rows = "raw_patient" if contract.is_of_patients else f"raw_{contract.entity}"
    source = (
        f'{rows} AS "row" JOIN raw_patient AS patient ON patient.patient_key = "row".patient_key '
        'LEFT JOIN span ON span.patient_key = "row".patient_key'
    )
    where = f" WHERE {_named(design.keep)}" if design.keep else ""
    made = f"SELECT {selected} FROM {source}{where}"
    if not design.distinct:
        return made
    same = ", ".join(design.distinct)
    key = ", ".join(contract.key)
    return f"FROM ({made}) QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {key}) = 1"


def _value(name: str, design: TableDesign, month: str) -> str:
    if name == "hospital_id":
        return f"'{HOSPITAL}'" if "patient_key" in design.contract.schema else "'ALL'"
    if name == "month":
        return f"'{month}'"
    if name in design.derived:
        return _named(design.derived[name])
    if design.contract.is_of_patients and name != "patient_key":
        return f'patient."{design.contract.entity}__{name}"'
    return f'"row"."{name}"'


def _named(sql: str) -> str:
    """``row`` is a keyword of SQL: quoted here, so that specs need not."""
    return re.sub(r"\brow\.", '"row".', sql)
