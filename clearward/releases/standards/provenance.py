"""Where a release comes from, as W3C PROV-O in JSON-LD: extracts -> tables of the product ->
protected files -> gates -> release. Ids are hashes; no hospital is named, and a count appears only
where the manifest has it. What the hashes are of belongs to `releases.lineage`.

Source: PROV-O (W3C Recommendation 2013), starting-point terms, qualified by nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clearward.releases.standards.card import Card, Table
from clearward.releases.standards.claims import Claim

NAME = "provenance.jsonld"
CONTEXT = {
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "own": "urn:clearward:provenance:",
}
Node = dict[str, Any]
_STEPS = (
    ("cleared", "Rows of patients whose consent is in force, through the one-way door"),
    ("built", "Tables of the product, built by dbt"),
    ("protected", "Protection of the tables"),
    ("judged", "Release gate and privacy gates"),
    ("release", "The release, its documents and its signature"),
)


def describe(card: Card) -> str:
    """The provenance of a release; the same release is the same bytes."""
    graph = [*_sources(card), *_agents(card), *_steps(card), *_tables(card), *_judged(card)]
    graph.append(_release(card))
    document = {"@context": CONTEXT, "@graph": graph}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def extract_ids(card: Card) -> list[str]:
    """Ids of the extracts, in the order of their months."""
    extracts: Sequence[Mapping[str, Any]] = card.figures["lineage"]["extracts"]
    return [_hashed(extract["manifest_sha256"]) for extract in extracts]


def _sources(card: Card) -> Iterator[Node]:
    lineage, consent = card.figures["lineage"], card.figures.get("consent", {})
    for extract in lineage["extracts"]:
        said = {"own:month": extract["month"], "own:kind": extract["kind"]}
        yield _entity(_hashed(extract["manifest_sha256"]), "own:Extract", **said)
    for ledger in consent.get("ledgers", []):
        yield _entity(_hashed(ledger), "own:ConsentLedger")
    if lineage["dbt_sha256"]:
        version = {"own:version": lineage.get("dbt_version", "")}
        yield _entity(_hashed(lineage["dbt_sha256"]), "prov:Plan", **version)
    for name, digest in sorted(lineage.get("vocabularies", {}).items()):
        yield _entity(_hashed(digest), "own:Vocabulary", **{"rdfs:label": name})


def _agents(card: Card) -> Iterator[Node]:
    code = card.figures["lineage"]["code"]
    said = {"rdfs:label": "Clearward", "own:version": code["version"]}
    said |= {"own:gitCommit": code["git_commit"]} if code.get("git_commit") else {}
    yield {"@id": _hashed(code["sha256"]), "@type": "prov:SoftwareAgent", **said}
    if card.record.publisher.name:
        label = {"rdfs:label": card.record.publisher.name}
        yield {"@id": "#publisher", "@type": "prov:Organization", **label}


def _steps(card: Card) -> Iterator[Node]:
    lineage, consent = card.figures["lineage"], card.figures.get("consent", {})
    plan = [_hashed(lineage["dbt_sha256"])] if lineage["dbt_sha256"] else []
    vocabularies = [_hashed(digest) for digest in lineage.get("vocabularies", {}).values()]
    used = {
        "cleared": extract_ids(card) + [_hashed(ledger) for ledger in consent.get("ledgers", [])],
        "built": ["#cleared-rows", *plan, *sorted(vocabularies)],
        "protected": [_built(table) for table in card.tables],
        "judged": [_hashed(table.sha256) for table in card.tables],
        "release": [*(_hashed(table.sha256) for table in card.tables), "#reports"],
    }
    for name, label in _STEPS:
        yield {
            "@id": f"#{name}",
            "@type": "prov:Activity",
            "rdfs:label": label,
            "own:month": card.month,
            "prov:used": _refs(used[name]),
            "prov:wasAssociatedWith": _refs([_hashed(lineage["code"]["sha256"])]),
        }


def _tables(card: Card) -> Iterator[Node]:
    cleared = _entity("#cleared-rows", "own:DeidentifiedRows")
    yield {**cleared, **_made("cleared", extract_ids(card))}
    for table in card.tables:
        built = _entity(_built(table), "own:Table", **{"rdfs:label": table.name})
        yield {**built, **_made("built", ["#cleared-rows"])}
        said: Node = {"rdfs:label": table.name, "prov:atLocation": table.path}
        said |= {"own:rows": table.rows} if table.rows is not None else {}
        file = _entity(_hashed(table.sha256), "own:File", **said)
        yield {**file, **_made("protected", [_built(table)])}


def _judged(card: Card) -> Iterator[Node]:
    said = {"prov:atLocation": ["quality/gate.json", "risk.json", "privacy.json"]}
    files = [_hashed(table.sha256) for table in card.tables]
    yield {**_entity("#reports", "own:Reports", **said), **_made("judged", files)}


def _release(card: Card) -> Node:
    previous = card.figures.get("previous", {}).get("version", "")
    base = card.iri.removesuffix(card.version)
    return {
        **_entity(card.iri, "prov:Collection", **{"own:version": card.version}),
        **_made("release", [_hashed(table.sha256) for table in card.tables]),
        "prov:hadMember": _refs([_hashed(table.sha256) for table in card.tables]),
        **({"prov:wasRevisionOf": _refs([f"{base}{previous}"])} if previous else {}),
        **({"prov:wasAttributedTo": _refs(["#publisher"])} if card.record.publisher.name else {}),
    }


def _entity(name: str, kind: str, **said: Any) -> Node:
    return {"@id": name, "@type": ["prov:Entity", kind], **said}


def _made(step: str, sources: list[str]) -> Node:
    return {"prov:wasGeneratedBy": _refs([f"#{step}"]), "prov:wasDerivedFrom": _refs(sources)}


def _refs(names: list[str]) -> list[Node]:
    return [{"@id": name} for name in names]


def _built(table: Table) -> str:
    return f"#built-{table.name}"


def _hashed(digest: str) -> str:
    return f"urn:sha256:{digest}"


def claims(document: str) -> dict[str, Claim]:
    """Table -> what the document says of it. ValueError for an id that nothing defines, and for a
    file that comes from no extract.
    """
    nodes: dict[str, Node] = {node["@id"]: node for node in json.loads(document)["@graph"]}
    dangling = {name for node in nodes.values() for name in _named(node)} - set(nodes)
    if dangling:
        raise ValueError("ids that nothing defines")
    files = {name: node for name, node in nodes.items() if "own:File" in node["@type"]}
    (release,) = (node for node in nodes.values() if "prov:Collection" in node["@type"])
    if not all(_comes_from_an_extract(name, nodes) for name in files):
        raise ValueError("a file that comes from no extract")
    return {
        node["rdfs:label"]: Claim(
            version=release["own:version"],
            rows=node.get("own:rows"),
            path=node["prov:atLocation"],
            sha256=name.removeprefix("urn:sha256:"),
        )
        for name, node in files.items()
    }


def _named(node: Node) -> Iterator[str]:
    """Ids a node points to; the release before this one lies outside the document."""
    for predicate, value in node.items():
        if predicate != "prov:wasRevisionOf" and isinstance(value, list):
            yield from (each["@id"] for each in value if isinstance(each, dict))


def _comes_from_an_extract(name: str, nodes: Mapping[str, Node]) -> bool:
    seen, waiting = set(), [name]
    while waiting:
        node = nodes[waiting.pop()]
        if "own:Extract" in node["@type"]:
            return True
        sources = [source["@id"] for source in node.get("prov:wasDerivedFrom", [])]
        waiting += [source for source in sources if source not in seen]
        seen.update(sources)
    return False
