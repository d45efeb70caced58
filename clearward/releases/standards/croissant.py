"""The release as Croissant 1.1 (MLCommons) with its responsible-AI terms and its ODRL offer. Facts
come from `card`, terms of use from `policy`, sentences from `responsible`.

Figures about columns are annotations of their fields (Croissant 1.1, annotations): filled cells,
unit, and the bounds the release gate holds. Closed vocabularies are enumerations of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from clearward.products.record import Party
from clearward.products.spec import Product
from clearward.releases.manifest import FileEntry
from clearward.releases.standards import policy, responsible
from clearward.releases.standards.card import PATIENT, Card, Field, Table
from clearward.releases.standards.claims import Claim
from clearward.releases.standards.units import unit_iri

NAME = "croissant.json"
VERSION = "http://mlcommons.org/croissant/1.1"
_CONTEXT = Path(__file__).with_name("croissant_context.json")
_FORMAT = "application/x-parquet"  # as Croissant names it; IANA has vnd.apache.parquet
_TYPES = {"VARCHAR": "sc:Text", "BOOLEAN": "sc:Boolean", "DATE": "sc:Date"}
_BEGINNINGS = {
    "TIMESTAMP": "sc:DateTime", "DECIMAL": "sc:Float", "DOUBLE": "sc:Float", "FLOAT": "sc:Float",
}  # fmt: skip

Vocabularies = Mapping[tuple[str, ...], str]


def describe(card: Card) -> dict[str, Any]:
    """A release as Croissant, before the day of its publication is known; see `issued`."""
    product, record = card.product, card.record
    vocabularies = _vocabularies(card)
    return {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": product.name,
        "alternateName": product.title["zh"],
        "description": f"{product.title['en']}. {product.description['en']}",
        "version": card.version,
        "citeAs": f"Clearward product {product.name}, version {card.version}, "
        f"data up to {card.month}",
        "temporalCoverage": f"../{card.month}",
        "license": f"As the data licence agreement says; see {policy.NAME}",
        "usageInfo": usage(product),
        "url": "index.html",
        "isLiveDataset": False,
        "keywords": list(record.keywords),
        "inLanguage": ["en", "zh"],
        **_organisations(record.publisher),
        "prov:wasGeneratedBy": _activity(card),
        **responsible.rai(card),
        "distribution": [_file(table) for table in card.tables],
        "recordSet": [
            *(_enumeration(name, values) for values, name in vocabularies.items()),
            *(_records(table, card, vocabularies=vocabularies) for table in card.tables),
        ],
    }


@cache
def _context() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_CONTEXT.read_text(encoding="utf-8"))
    return found


def usage(product: Product) -> dict[str, Any]:
    """The policy as this document holds it: about itself, so its rules name no target."""
    offer = policy.offer(product, uid=f"{policy.NAME}#offer", target="")
    for rule in ("odrl:permission", "odrl:prohibition", "odrl:obligation"):
        for each in offer[rule]:
            del each["odrl:target"]
    return {**offer, "@type": ["sc:CreativeWork", "odrl:Offer"]}


def _organisations(publisher: Party) -> dict[str, Any]:
    if not publisher.name:
        return {}
    about = {"@type": "sc:Organization", "name": publisher.name}
    about |= {"url": publisher.url} if publisher.url else {}
    about |= {"email": publisher.email} if publisher.email else {}
    return {"creator": about, "publisher": about}


def _activity(card: Card) -> dict[str, Any]:
    """PROV: the run that made it, told in full by the provenance document."""
    lineage = card.figures["lineage"]
    return {
        "@type": "prov:Activity",
        "@id": "provenance.jsonld#release",
        "prov:used": [
            {"@id": f"urn:sha256:{extract['manifest_sha256']}"} for extract in lineage["extracts"]
        ],
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "@id": f"urn:sha256:{lineage['code']['sha256']}",
            "prov:label": f"Clearward {lineage['code']['version']}",
        },
    }


def _file(table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{table.name}.parquet",
        "name": f"{table.name}.parquet",
        "contentUrl": table.path,
        "contentSize": f"{table.bytes} B",
        "encodingFormat": _FORMAT,
        "sha256": table.sha256,
    }


def _vocabularies(card: Card) -> dict[tuple[str, ...], str]:
    """Closed list of values -> name of its enumeration; columns with the same list share it."""
    found: dict[tuple[str, ...], str] = {}
    for field in (field for table in card.tables for field in table.fields):
        if field.values and field.type == "VARCHAR" and field.values not in found:
            taken = sum(name.split("-")[0] == f"values/{field.name}" for name in found.values())
            found[field.values] = f"values/{field.name}" + (f"-{taken + 1}" if taken else "")
    return found


def _enumeration(name: str, values: Sequence[str]) -> dict[str, Any]:
    field = f"{name}/value"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": "Every value that may stand in the columns that refer to it.",
        "dataType": "sc:Enumeration",
        "key": {"@id": field},
        "field": [{"@type": "cr:Field", "@id": field, "name": field, "dataType": "sc:Text"}],
        "data": [{field: value} for value in values],
    }


def _records(table: Table, card: Card, *, vocabularies: Vocabularies) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "key": [{"@id": f"{table.name}/{name}"} for name in table.key],
        "annotation": [_annotation(table.name, "rows", _rows(table, card))],
        "field": [_field(table, field, card, vocabularies=vocabularies) for field in table.fields],
    }


def _rows(table: Table, card: Card) -> int | str:
    return f"<{card.k}" if table.rows is None else table.rows


def _field(table: Table, field: Field, card: Card, *, vocabularies: Vocabularies) -> dict[str, Any]:
    name = f"{table.name}/{field.name}"
    about: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": name,
        "name": field.name,
        "description": field.description,
        "dataType": data_type(field.type),
        "source": {
            "fileObject": {"@id": f"{table.name}.parquet"},
            "extract": {"column": field.name},
        },
        "annotation": _annotations(name, field, vocabulary=vocabularies.get(field.values, "")),
    }
    if table.refers(field):
        about["references"] = {"field": {"@id": f"{card.product.name}__{PATIENT}/patient_key"}}
    return about


def _annotations(name: str, field: Field, *, vocabulary: str) -> list[dict[str, Any]]:
    # not `references`: a reader would join by it, and lose the rows whose cell is empty
    found = [_annotation(name, "vocabulary", vocabulary)] if vocabulary else []
    found += [_annotation(name, "filled_percent", field.filled)] if field.filled else []
    if field.unit:
        iri = unit_iri(field.unit)
        unit = _annotation(name, "unit", field.unit)
        found.append({**unit, "equivalentProperty": iri} if iri else unit)
    found += [_annotation(name, "least", field.low)] if field.low is not None else []
    found += [_annotation(name, "most", field.high)] if field.high is not None else []
    return found


def _annotation(owner: str, name: str, value: float | int | str) -> dict[str, Any]:
    kind = {int: "sc:Integer", float: "sc:Float"}.get(type(value), "sc:Text")
    return {
        "@type": "cr:Field",
        "@id": f"{owner}/{name}",
        "name": f"{owner}/{name}",
        "dataType": kind,
        "value": value,
    }


def data_type(kind: str) -> str:
    """Croissant's type of a DuckDB type."""
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


def issued(document: str, day: str) -> str:
    """The same with the day of its publication, ISO 8601."""
    croissant = json.loads(document)
    return to_text({**croissant, "datePublished": day})


def to_text(croissant: Mapping[str, Any]) -> str:
    """Stable JSON: the same release is the same bytes."""
    return json.dumps(croissant, indent=1, ensure_ascii=False) + "\n"


def claims(document: str) -> dict[str, Claim]:
    """Table -> what the document says of it."""
    croissant = json.loads(document)
    files = {file["@id"]: file for file in croissant["distribution"]}
    tables = [r for r in croissant["recordSet"] if r.get("dataType") != "sc:Enumeration"]
    if {f"{table['@id']}.parquet" for table in tables} != set(files):
        raise ValueError("record sets and files differ")
    return {table["@id"]: _claim(table, files, croissant["version"]) for table in tables}


def _claim(table: Mapping[str, Any], files: Mapping[str, Any], version: str) -> Claim:
    file = files[f"{table['@id']}.parquet"]
    for field in table["field"]:
        source = field["source"]
        if source != {
            "fileObject": {"@id": file["@id"]},
            "extract": {"column": field["name"]},
        }:
            raise ValueError("a field reads another column or file than its own")
    rows = next(a["value"] for a in table["annotation"] if a["name"].endswith("/rows"))
    return Claim(
        version=version,
        columns={field["name"]: field["dataType"] for field in table["field"]},
        rows=rows if isinstance(rows, int) else None,
        path=file["contentUrl"],
        sha256=file["sha256"],
        bytes=int(file["contentSize"].removesuffix(" B")),
    )
