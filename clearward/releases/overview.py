"""What anybody may see of a release before they buy: its size, columns and distributions, as
``overview.json``. Add a figure here when it can be shown without saying anything about few people;
how counts are made safe belongs to `pooling`, how they are drawn to the catalogue.

The file holds aggregates only, never a row, and the same tables give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from clearward.products.counts import is_small
from clearward.releases.documents import Told, attrition
from clearward.releases.documents.columns import chinese
from clearward.releases.pooling import Cell, only_common, pool_in_order, pool_rest
from clearward.releases.tables import TableFile
from clearward.settings import Settings
from clearward.warehouse import engine, read_parquet_sql

NAME = "overview.json"
FORM = 1
MOST_DIAGNOSES = 12
DAYS_A_YEAR = 365.25
_ANY = "*"


def place_overview(settings: Settings, told: Told, folder: Path) -> None:
    """Write the overview into a release's folder."""
    text = json.dumps(
        describe_overview(settings, told), indent=1, sort_keys=True, ensure_ascii=False
    )
    (folder / NAME).parent.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def describe_overview(settings: Settings, told: Told) -> dict[str, Any]:
    """The overview of a candidate, from what its documents may tell."""
    product, tables, values = told.product, told.tables, told.figures
    k = product.protection.k
    privacy, lineage = values["privacy"], values["lineage"]
    return {
        "overview": FORM,
        "product": product.name,
        "version": told.version,
        "month": told.month,
        "k": k,
        "title": dict(product.title),
        "description": dict(product.description),
        "purposes": list(product.purposes),
        "forbidden_purposes": list(product.forbidden_purposes),
        "patients": _shown(privacy.get("patients_kept"), k),
        "hospitals": _hospitals(settings, tables),
        "extracts": len(lineage["extracts"]),
        "first_extract": min((e["month"] for e in lineage["extracts"]), default=""),
        "code": dict(lineage.get("code") or {}),
        "dbt_sha256": lineage.get("dbt_sha256", ""),
        "key_id": values.get("key_id", ""),
        "k_reached": privacy.get("k_reached"),
        "tables": [
            _table(t, told.dictionary, told.texts[t.table].description, k=k) for t in tables
        ],
        "charts": draw_charts(settings, tables, k=k),
        "attrition": [
            {**{name: str(getattr(box, name)) for name in _STEP}, "reason": " ".join(box.why)}
            for box in attrition.read(told.measured.attrition, k).boxes
        ],
        "quality": _quality(told.gate),
    }


_STEP = ("step", "step_zh", "n_in", "n_out", "n_excluded")


def draw_charts(
    settings: Settings, tables: Sequence[TableFile], *, k: int
) -> dict[str, list[dict[str, str | int]]]:
    """Every distribution whose columns are there, as cells that `pooling` made safe.

    A name is missing where the tables lack the columns; a list is empty where too few people are
    there to show anything.
    """
    found = {table.entity: table for table in tables}
    charts: dict[str, list[Cell]] = {}
    with engine(settings) as connection:
        for name, column in _ORDERED.items():
            cells = _people_by(connection, found.get("patient"), column)
            if cells is not None:
                charts[name] = _in_order(cells, k)
        for name, column in _UNORDERED.items():
            cells = _people_by(connection, found.get("patient"), column)
            if cells is not None:
                charts[name] = pool_rest(cells, k)
        visits = _visits(connection, found.get("encounter"))
        if visits is not None:
            charts["visits"] = pool_in_order(visits, k, overlap=True)
        diagnoses = _diagnoses(connection, found.get("diagnosis"))
        if diagnoses is not None:
            charts["diagnoses"] = only_common(diagnoses, k, most=MOST_DIAGNOSES)
    return {name: [cell.told() for cell in cells] for name, cells in charts.items()}


def _hospitals(settings: Settings, tables: Sequence[TableFile]) -> int | None:
    """Hospitals whose patients are in the release; others may have sent extracts all the same."""
    table = next((t for t in tables if t.entity == "patient"), None)
    if table is None or "hospital_id" not in table.schema:
        return None
    with engine(settings) as connection:
        row = connection.execute(
            f"SELECT count(DISTINCT hospital_id) FROM {read_parquet_sql([table.path])}"
        ).fetchone()
    return int(row[0]) if row else None


_ORDERED = {"birth": "birth_year", "index": "index_year"}
_UNORDERED = {"sex": "sex", "hospital": "hospital_id", "region": "region_l1"}


def _in_order(cells: list[Cell], k: int) -> list[Cell]:
    """Years in their order; whoever's year is unknown or withheld has none, so they stand apart.

    Where they are too few to stand alone nothing is shown: the rest would tell how many they are.
    """
    years = [cell for cell in cells if cell.label[:1].isdigit()]
    apart = [cell for cell in cells if not cell.label[:1].isdigit()]
    if any(is_small(sum(cell.people for cell in part), k) for part in (years, apart)):
        return []
    return pool_in_order(years, k) + pool_rest(apart, k)


def _people_by(
    connection: duckdb.DuckDBPyConnection, table: TableFile | None, column: str
) -> list[Cell] | None:
    if table is None or not {"patient_key", column} <= set(table.schema):
        return None
    rows = connection.execute(f"""
        SELECT coalesce(CAST("{column}" AS VARCHAR), '{_ANY}') AS label,
               count(DISTINCT patient_key)
        FROM {read_parquet_sql([table.path])} GROUP BY ALL ORDER BY label
    """).fetchall()
    return [Cell(label, label, people, people) for label, people in rows]


def _visits(connection: duckdb.DuckDBPyConnection, table: TableFile | None) -> list[Cell] | None:
    """Visits by whole years from each patient's own index day; negative before it."""
    if table is None or not {"patient_key", "day"} <= set(table.schema):
        return None
    rows = connection.execute(f"""
        SELECT CAST(floor(day / {DAYS_A_YEAR}) AS INTEGER) AS year,
               count(DISTINCT patient_key), count(*)
        FROM {read_parquet_sql([table.path])} WHERE day IS NOT NULL GROUP BY ALL ORDER BY year
    """).fetchall()
    return [Cell(str(year), str(year), people, count) for year, people, count in rows]


def _diagnoses(connection: duckdb.DuckDBPyConnection, table: TableFile | None) -> list[Cell] | None:
    wanted = {"patient_key", "label_en", "label_zh"}
    if table is None or not wanted <= set(table.schema):
        return None
    rows = connection.execute(f"""
        SELECT label_en, coalesce(max(label_zh), label_en), count(DISTINCT patient_key)
        FROM {read_parquet_sql([table.path])} WHERE label_en IS NOT NULL AND label_en <> '{_ANY}'
        GROUP BY label_en
    """).fetchall()
    return [Cell(en, en, people, people, zh) for en, zh, people in rows]


def _table(
    table: TableFile, dictionary_rows: Sequence[Mapping[str, Any]], text: str, *, k: int
) -> dict[str, Any]:
    return {
        "table": table.table,
        "text": text,
        "text_zh": chinese(text),
        "key": list(table.key),
        "rows": _shown(table.rows, k) if table.is_of_people else table.rows,
        "bytes": table.bytes,
        "columns": [
            {name: str(row.get(name, "")) for name in _COLUMN}
            for row in dictionary_rows
            if row["table"] == table.table
        ],
    }


_COLUMN = (
    *("column", "type", "unit", "values", "key", "role", "filled_percent"),
    *("description", "description_zh"),
)


def _shown(count: Any, k: int) -> int | None:
    """The count, or None for 1 to k-1 and for what an earlier step has masked."""
    if not isinstance(count, int) or isinstance(count, bool):
        return None
    return None if is_small(count, k) else count


def _quality(gate: Mapping[str, Any]) -> dict[str, Any]:
    """Checks by kind of quality (Kahn et al. 2016): how many, and how many held."""
    asked, held = Counter[str](), Counter[str]()
    for check in gate.get("checks", []):
        kind = str(check.get("kahn", "")) or "conformance"
        asked[kind] += 1
        held[kind] += str(check.get("state", "")) in ("pass", "vacuous")
    kinds = {kind: {"checks": asked[kind], "held": held[kind]} for kind in sorted(asked)}
    return {"is_green": gate.get("is_green") is True, "kinds": kinds}
