"""The release as a data contract: Open Data Contract Standard 3.1 (Bitol), in YAML. Shape from the
dbt contract and the files, quality rules from the release gate's suites, promises from the
product's spec. Two releases' contracts are what a breaking change is found from, so types, required
columns, keys, units and allowed values stand in fixed places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clearward.errors import ReleaseError
from clearward.releases.standards import policy, responsible
from clearward.releases.standards.card import PATIENT, Card, Field, Table
from clearward.releases.standards.claims import Claim

NAME = "datacontract.odcs.yaml"
_VERSION = "v3.1.0"
_LOGICAL = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date"}
_ROLES = {"PK": "pseudonym", "QI": "quasi-identifier", "S": "sensitive", "N": "not sensitive"}
_KAHN = {"conformance": "conformity", "completeness": "completeness", "plausibility": "accuracy"}

Json = dict[str, Any]


def describe(card: Card) -> str:
    """The contract of a release; the same release is the same bytes."""
    return to_text(contract(card))


def contract(card: Card) -> Json:
    """The contract as values."""
    product, record = card.product, card.record
    return {
        "version": card.version,
        "apiVersion": _VERSION,
        "kind": "DataContract",
        "id": f"urn:clearward:contract:{product.name}",
        "name": product.name,
        "dataProduct": product.title["en"],
        "domain": "health",
        "status": "active",
        "tags": list(record.keywords),
        "description": {
            "purpose": f"{product.description['en']} For: {', '.join(product.purposes)}.",
            "usage": " ".join(sentence.en for sentence in responsible.uses(card))
            or f"As {policy.NAME} permits.",
            "limitations": " ".join(sentence.en for sentence in responsible.limitations(card)),
            "authoritativeDefinitions": [{"url": policy.NAME, "type": "policy"}],
        },
        "servers": [
            {
                "server": "release",
                "type": "local",
                "path": "data/{table}/part-*.parquet",
                "format": "parquet",
            }
        ],
        "schema": [_table(table, card) for table in card.tables],
        **_people(card),
        "slaProperties": _promises(card),
    }


def _people(card: Card) -> Json:
    publisher, contact = card.record.publisher, card.record.contact
    reached = {"channel": contact.name} if contact.name else {}
    reached |= {"url": contact.url or f"mailto:{contact.email}"} if reached else {}
    roles = [
        {
            "role": "licensee",
            "access": "read",
            "description": "An organisation with a licence for one of the permitted purposes",
            "firstLevelApprovers": "the publisher's data board",
        }
    ]
    found: Json = {"roles": roles}
    found |= {"support": [reached]} if reached else {}
    return found | ({"team": {"name": publisher.name}} if publisher.name else {})


def _promises(card: Card) -> list[Json]:
    rule = card.product.withdrawal
    months = 1 if card.record.frequency == "MONTHLY" else None
    found: list[Json] = [{"property": "frequency", "value": months, "unit": "mo"}] if months else []
    laws = {"driver": "regulatory"}
    return [
        *found,
        {"property": "withdrawalNotice", "value": rule.deadline_days, "unit": "d", **laws},
        {"property": "deletionConfirmed", "value": rule.confirm_days, "unit": "d", **laws},
        {"property": "leastClassSize", "value": card.k, "driver": "regulatory"},
    ]


def _table(table: Table, card: Card) -> Json:
    return {
        "name": table.name,
        "physicalName": table.name,
        "physicalType": "parquet",
        "logicalType": "object",
        "description": table.description,
        "dataGranularityDescription": f"One row per {', '.join(table.key)}",
        "properties": [_property(field, table, card) for field in table.fields],
        "quality": [*_of_table(table)],
    }


def _property(field: Field, table: Table, card: Card) -> Json:
    about: Json = {
        "name": field.name,
        "logicalType": logical_type(field.type),
        "physicalType": field.type,
        "description": field.description,
        "required": field.is_required,
    }
    if field.is_key:
        about |= {"primaryKey": True, "primaryKeyPosition": table.key.index(field.name) + 1}
        about |= {"unique": True} if len(table.key) == 1 else {}
    bounds = {"minimum": field.low, "maximum": field.high}
    bounds = {name: value for name, value in bounds.items() if value is not None}
    about |= {"logicalTypeOptions": bounds} if bounds else {}
    about |= {"classification": _ROLES[field.role]} if field.role in _ROLES else {}
    if table.refers(field):
        target = f"{card.product.name}__{PATIENT}.patient_key"
        about["relationships"] = [{"type": "foreignKey", "to": target}]
    if field.unit:
        about["customProperties"] = [{"property": "ucumUnit", "value": field.unit}]
    quality = [*_of_column(field)]
    return about | ({"quality": quality} if quality else {})


def _of_column(field: Field) -> Iterator[Json]:
    if field.is_required:
        yield {"metric": "nullValues", "mustBe": 0, "dimension": "completeness"}
    if field.values:
        yield {
            "metric": "invalidValues",
            "arguments": {"validValues": list(field.values)},
            "mustBe": 0,
            "dimension": "conformity",
        }


def _of_table(table: Table) -> Iterator[Json]:
    """What the standard has no metric for, as the suite has it: an engine of its own runs it."""
    for check in table.checks:
        if check["type"] == "unexpected_rows_expectation":
            yield {
                "name": check["meta"]["check"],
                "type": "custom",
                "engine": "greatExpectations",
                "dimension": _KAHN.get(check["meta"].get("kahn", ""), "consistency"),
                "implementation": {"type": check["type"], "kwargs": dict(check["kwargs"])},
            }


def logical_type(kind: str) -> str:
    """The standard's type of a DuckDB type."""
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    return _LOGICAL.get(kind, "number" if kind.startswith(("D", "FLOAT")) else "integer")


def to_text(document: Mapping[str, Any]) -> str:
    """YAML in the document's own order."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - only a process that builds

    form = {"sort_keys": False, "allow_unicode": True, "width": 99}
    return str(yaml.dump(dict(document), Dumper=yaml.CSafeDumper, **form))


def read(text: str) -> Json:
    """A contract back as values, held to the standard's own model; ReleaseError otherwise."""
    import yaml  # noqa: PLC0415 - only a process that publishes pays for it
    from pydantic import ValidationError  # noqa: PLC0415

    from clearward.releases.standards.validators import (  # noqa: PLC0415
        OpenDataContractStandard,
    )

    try:
        document: Json = yaml.load(text, Loader=yaml.CSafeLoader)
        OpenDataContractStandard.model_validate(document)
    except (yaml.YAMLError, ValidationError) as error:
        raise ReleaseError(
            "The data contract is not one.",
            seen=f"{type(error).__name__}",
            expected=f"Open Data Contract Standard {_VERSION}",
            do="build the candidate again",
        ) from error
    return document


def claims(text: str) -> dict[str, Claim]:
    """Table -> what the contract says of it; logical types must follow from the physical ones."""
    found, document = {}, read(text)
    for table in document["schema"]:
        for column in table["properties"]:
            if column["logicalType"] != logical_type(column["physicalType"]):
                raise ValueError("a logical type that does not follow from the physical one")
        columns = {column["name"]: column["physicalType"] for column in table["properties"]}
        found[table["name"]] = Claim(version=document["version"], columns=columns)
    return found
