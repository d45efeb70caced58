"""The release for machines: Croissant 1.1 (MLCommons) with its responsible-AI terms and an ODRL
offer for its terms of use. Columns and their texts come from the dictionary; add no figure here
that another document does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearward.consent.vocabularies import DPV_TERMS
from clearward.products.spec import Product
from clearward.releases.manifest import FileEntry
from clearward.releases.tables import Column, TableFile

NAME = "croissant.json"
_CONTEXT = Path(__file__).with_name("croissant_context.json")
_FORMAT = "application/x-parquet"  # as Croissant names it; IANA has vnd.apache.parquet
_PATIENT = "patient"
_TYPES = {"VARCHAR": "sc:Text", "BOOLEAN": "sc:Boolean", "DATE": "sc:Date"}
_BEGINNINGS = {
    "TIMESTAMP": "sc:DateTime", "DECIMAL": "sc:Float", "DOUBLE": "sc:Float", "FLOAT": "sc:Float",
}  # fmt: skip


def describe(
    product: Product, tables: Sequence[TableFile], *, version: str, month: str, texts: Any
) -> dict[str, Any]:
    """A release as Croissant.

    Args:
        product, tables: what is published.
        version, month: of the release.
        texts: rows of the dictionary, see `documents.columns.rows`.
    """
    columns = {(row["table"], row["column"]): row for row in texts}
    return {
        "@context": json.loads(_CONTEXT.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": product.name,
        "alternateName": product.title["zh"],
        "description": f"{product.title['en']}. {product.description['en']}",
        "version": version,
        "citeAs": f"Clearward product {product.name}, version {version}, data up to {month}",
        "temporalCoverage": f"../{month}",
        "license": "As the data licence agreement says; see usageInfo",
        "usageInfo": _offer(product),
        "url": "index.html",
        "isLiveDataset": False,
        "rai:personalSensitiveInformation": "De-identified health data; how they are protected and "
        "what an attack was measured to gain: risk_report.html, privacy.json",
        "rai:dataCollection": "Hospitals' own records, taken in, checked and joined as "
        "provenance.json says",
        "rai:dataLimitations": "Missing values, rare codes and extremes are withheld or pooled; "
        "quality_report.html and cohort_attrition.html give the figures",
        "distribution": [_file(table) for table in tables],
        "recordSet": [_records(table, columns) for table in tables],
    }


def _offer(product: Product) -> dict[str, Any]:
    """ODRL 2.2: the uses a licence may permit, and those none can."""
    terms = [f"dpv:{term}" for purpose in product.purposes for term in DPV_TERMS[purpose]]
    return {
        "@type": ["sc:CreativeWork", "odrl:Offer"],
        "odrl:permission": {
            "odrl:action": {"@id": "odrl:use"},
            "odrl:constraint": {
                "odrl:leftOperand": {"@id": "odrl:purpose"},
                "odrl:operator": {"@id": "odrl:isAnyOf"},
                "odrl:rightOperand": [{"@id": term} for term in terms],
            },
        },
        "odrl:prohibition": [
            {"odrl:action": {"@id": "odrl:distribute"}},
            *({"odrl:action": purpose} for purpose in product.forbidden_purposes),
        ],
    }


def _file(table: TableFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{table.table}.parquet",
        "name": f"{table.table}.parquet",
        "contentUrl": table.published_path,
        "contentSize": f"{table.bytes} B",
        "encodingFormat": _FORMAT,
        "sha256": table.sha256,
    }


def _records(table: TableFile, texts: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.table,
        "name": table.table,
        "key": [{"@id": f"{table.table}/{name}"} for name in table.key],
        "field": [_field(table, c, texts[(table.table, c.name)]) for c in table.columns],
    }


def _field(table: TableFile, column: Column, text: Mapping[str, Any]) -> dict[str, Any]:
    product = table.table.removesuffix(f"__{table.entity}")
    unit = f" Unit: {text['unit']}." if text["unit"] else ""
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table.table}/{column.name}",
        "name": column.name,
        "description": f"{text['description']}{unit}",
        "dataType": _data_type(column.type),
        "source": {
            "fileObject": {"@id": f"{table.table}.parquet"},
            "extract": {"column": column.name},
        },
    }
    if column.name == "patient_key" and table.entity != _PATIENT:
        field["references"] = {"field": {"@id": f"{product}__{_PATIENT}/patient_key"}}
    return field


def _data_type(kind: str) -> str:
    for beginning, name in _BEGINNINGS.items():
        if kind.startswith(beginning):
            return name
    return _TYPES.get(kind, "sc:Integer")


def readdressed(document: str, moved: Mapping[str, FileEntry]) -> str:
    """The same over other files of the same tables; ``moved`` maps a former path to its file."""
    croissant = json.loads(document)
    for file in croissant["distribution"]:
        entry = moved.get(file["contentUrl"])
        if entry:
            file |= {
                "contentUrl": entry.path,
                "contentSize": f"{entry.bytes} B",
                "sha256": entry.sha256,
            }
    return to_text(croissant)


def to_text(croissant: Mapping[str, Any]) -> str:
    """Stable JSON: the same release is the same bytes."""
    return json.dumps(croissant, indent=1, ensure_ascii=False) + "\n"
