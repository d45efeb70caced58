"""The same way as OpenLineage run events, one JSON object per line, for whoever keeps a lineage
server: nothing is sent. One event per step, COMPLETE, with its inputs and outputs.

The steps ran before; they are reported when the release is published, so every event carries that
day. Which month they were about is in the nominal time. Run ids follow from the content.

Source: OpenLineage 2-0-2, RunEvent; facets schema 1-2-0, outputStatistics 1-0-2, nominalTime 1-0-1,
dataSource 1-0-1, version 1-0-1.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from clearward.releases.standards import responsible
from clearward.releases.standards.card import Card, Table
from clearward.releases.standards.claims import Claim

NAME = "openlineage.ndjson"
PRODUCER = "urn:clearward"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets/"
_STEPS = ("clear", "build", "protect", "judge", "release")
_CHAIN = (("clear", "build"), ("build", "protect"), ("protect", "judge"), ("protect", "release"))
_UNKNOWN_DAY = "1970-01-01"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:clearward:run")

Json = dict[str, Any]


def describe(card: Card) -> str:
    """Events of a release whose day is not known yet; see `issued`."""
    return "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in _events(card))


def issued(document: str, day: str) -> str:
    """The same with the day of its publication, ISO 8601."""
    return document.replace(f'"eventTime": "{_UNKNOWN_DAY}T', f'"eventTime": "{day}T')


def _events(card: Card) -> Iterator[Json]:
    extracts = [
        _dataset("extract", extract["manifest_sha256"], {"version": extract["manifest_sha256"]})
        for extract in card.figures["lineage"]["extracts"]
    ]
    cleared = [_dataset("deidentified", card.month, {})]
    built = [_dataset("product", table.name, _schema(table)) for table in card.tables]
    files = [_file(table) for table in card.tables]
    release = [
        _dataset("release", f"{card.product.name}/{card.version}", {"version": card.version})
    ]
    yield _event(card, "clear", inputs=extracts, outputs=cleared)
    yield _event(card, "build", inputs=cleared, outputs=built)
    yield _event(card, "protect", inputs=built, outputs=files)
    yield _event(card, "judge", inputs=[_plain(file) for file in files], outputs=[])
    yield _event(card, "release", inputs=[_plain(file) for file in files], outputs=release)


def _event(card: Card, job: str, *, inputs: list[Json], outputs: list[Json]) -> Json:
    first, last = responsible.timeframe(card)
    nominal = _facet("1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet")
    nominal |= {
        "nominalStartTime": f"{first}T00:00:00Z",
        "nominalEndTime": f"{last}T23:59:59Z",
    }
    code = card.figures["lineage"]["code"]
    engine = _facet("1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet")
    engine |= {"name": "clearward", "version": code["version"]}
    content = "".join(table.sha256 for table in card.tables)
    return {
        "eventType": "COMPLETE",
        "eventTime": f"{_UNKNOWN_DAY}T00:00:00Z",
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {
            "runId": str(uuid.uuid5(_SPACE, f"{card.iri} {job} {content}")),
            "facets": {"nominalTime": nominal, "processing_engine": engine},
        },
        "job": {"namespace": f"clearward/{card.product.name}", "name": job, "facets": {}},
        "inputs": inputs,
        "outputs": outputs,
    }


def _dataset(zone: str, name: str, about: Json) -> Json:
    facets: Json = {}
    if "version" in about:
        version = _facet("1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet")
        facets["version"] = {**version, "datasetVersion": about["version"]}
    if "fields" in about:
        schema = _facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet")
        facets["schema"] = {**schema, "fields": about["fields"]}
    return {"namespace": f"clearward/{zone}", "name": name, "facets": facets}


def _file(table: Table) -> Json:
    statistics = _facet(
        "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
    )
    statistics |= {"size": table.bytes, "fileCount": 1}
    statistics |= {"rowCount": table.rows} if table.rows is not None else {}
    about = {"version": table.sha256, **_schema(table)}
    return {
        **_dataset("protected", table.path, about),
        "outputFacets": {"outputStatistics": statistics},
    }


def _plain(file: Json) -> Json:
    return {name: file[name] for name in ("namespace", "name")} | {"facets": {}}


def _schema(table: Table) -> Json:
    return {
        "fields": [
            {"name": field.name, "type": field.type, "description": field.description}
            for field in table.fields
        ]
    }


def _facet(schema: str) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": _FACETS + schema}


def claims(document: str) -> dict[str, Claim]:
    """Table -> what the events say of it. ValueError when a step is missing or has no place in the
    chain.
    """
    events = {event["job"]["name"]: event for event in map(json.loads, document.splitlines())}
    if tuple(events) != _STEPS:
        raise ValueError("other steps")
    for before, after in _CHAIN:
        given = {_key(dataset) for dataset in events[before]["outputs"]}
        if not given or {_key(dataset) for dataset in events[after]["inputs"]} != given:
            raise ValueError("a step that does not start where the one before it ended")
    (release,) = events["release"]["outputs"]
    version = release["facets"]["version"]["datasetVersion"]
    found = {
        _table_of(file["name"]): _claim(file, version) for file in events["protect"]["outputs"]
    }
    built = {table["name"]: _columns(table) for table in events["build"]["outputs"]}
    if built != {name: claim.columns for name, claim in found.items()}:
        raise ValueError("protection that changes columns")
    return found


def _key(dataset: Json) -> tuple[str, str]:
    return dataset["namespace"], dataset["name"]


def _table_of(path: str) -> str:
    return path.split("/")[1]


def _claim(file: Json, version: str) -> Claim:
    statistics = file["outputFacets"]["outputStatistics"]
    return Claim(
        version=version,
        columns=_columns(file),
        rows=statistics.get("rowCount"),
        path=file["name"],
        sha256=file["facets"]["version"]["datasetVersion"],
        bytes=statistics["size"],
    )


def _columns(dataset: Json) -> dict[str, str]:
    return {column["name"]: column["type"] for column in dataset["facets"]["schema"]["fields"]}
