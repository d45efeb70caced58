"""The release as a Frictionless Data Package 2.0: files, hashes and columns for tools that read it.
Everything else is told by the other standards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clearward.releases.manifest import FileEntry
from clearward.releases.standards.card import PATIENT, Card, Field, Table
from clearward.releases.standards.claims import Claim

NAME = "datapackage.json"
_TYPES = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date"}

Json = dict[str, Any]


def describe(card: Card) -> str:
    """The package of a release; the same release is the same bytes."""
    return _text(
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": card.product.name,
            "id": card.iri,
            "title": card.product.title["en"],
            "description": card.product.description["en"],
            "version": card.version,
            "keywords": list(card.record.keywords),
            "resources": [_resource(table, card) for table in card.tables],
        }
    )


def _resource(table: Table, card: Card) -> Json:
    key = f"{card.product.name}__{PATIENT}"
    foreign = {"fields": ["patient_key"], "reference": {"resource": key, "fields": ["patient_key"]}}
    schema: Json = {"fields": [_field(f) for f in table.fields], "primaryKey": list(table.key)}
    schema |= {"foreignKeys": [foreign]} if any(map(table.refers, table.fields)) else {}
    return {
        "name": table.name,
        "path": table.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": table.bytes,
        "hash": f"sha256:{table.sha256}",
        "description": table.description,
        "schema": schema,
    }


def _field(field: Field) -> Json:
    limits: Json = {"required": True} if field.is_required else {}
    limits |= {"enum": list(field.values)} if field.values and field.type == "VARCHAR" else {}
    limits |= {"minimum": field.low} if field.low is not None else {}
    limits |= {"maximum": field.high} if field.high is not None else {}
    about = {"name": field.name, "type": data_type(field.type), "description": field.description}
    return about | ({"constraints": limits} if limits else {})


def data_type(kind: str) -> str:
    """Frictionless' type of a DuckDB type."""
    if kind.startswith("TIMESTAMP"):
        return "datetime"
    return _TYPES.get(kind, "number" if kind.startswith(("D", "FLOAT")) else "integer")


def readdressed(document: str, moved: Mapping[str, FileEntry]) -> str:
    """The same over other files of the same tables; ``moved`` maps a former path to its file."""
    package = json.loads(document)
    for resource in package["resources"]:
        entry = moved.get(resource["path"])
        if entry:
            digest = f"sha256:{entry.sha256}"
            resource |= {"path": entry.path, "bytes": entry.bytes, "hash": digest}
    return _text(package)


def _text(package: Json) -> str:
    return json.dumps(package, indent=1, ensure_ascii=False) + "\n"


def claims(document: str) -> dict[str, Claim]:
    """Table -> what the document says of it."""
    package = json.loads(document)
    return {
        resource["name"]: Claim(
            version=package["version"],
            columns={field["name"]: field["type"] for field in resource["schema"]["fields"]},
            path=resource["path"],
            sha256=resource["hash"].removeprefix("sha256:"),
            bytes=resource["bytes"],
        )
        for resource in package["resources"]
    }
