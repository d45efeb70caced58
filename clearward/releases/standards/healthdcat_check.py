"""The record for health data catalogues read back: whether it satisfies our shapes, and what it
claims about the tables. Writing it belongs to `healthdcat`.

Libraries are imported in the functions that need them: only a process that publishes pays for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ReleaseError
from clearward.releases.standards.card import PATIENT
from clearward.releases.standards.claims import Claim
from clearward.releases.standards.healthdcat import PREFIXES

SHAPES = Path(__file__).with_name("healthdcat_shapes.ttl")


def parse(document: str) -> Any:
    """The document as `rdflib.Graph`; ValueError when it is no Turtle."""
    from clearward.releases.standards.validators import BadSyntax, rdflib  # noqa: PLC0415

    try:
        return rdflib.Graph().parse(data=document, format="turtle")
    except BadSyntax as error:
        raise ValueError("no Turtle") from error


def claims(graph: Any) -> dict[str, Claim]:
    """Table -> what the document says of it; ValueError where its totals do not follow."""
    files = {
        str(graph.value(file, _iri("dct:title"))): file
        for file in graph.objects(None, _iri("dcat:distribution"))
    }
    (version,) = map(str, graph.objects(None, _iri("dcat:version")))
    found = {}
    for table in _subjects(graph, "csvw:Table"):
        name = str(graph.value(table, _iri("dct:title")))
        found[name] = _claim(graph, files.pop(name), _columns(graph, table), version=version)
    if files:
        raise ValueError("a file without its table of columns")
    _check_totals(graph, found)
    return found


def _columns(graph: Any, table: Any) -> dict[str, str]:
    names = (_iri("csvw:name"), _iri("csvw:datatype"))
    columns = graph.objects(table, _iri("csvw:column"))
    return {str(graph.value(c, names[0])): str(graph.value(c, names[1])) for c in columns}


def _claim(graph: Any, file: Any, columns: Mapping[str, str], *, version: str) -> Claim:
    checksum = graph.value(file, _iri("spdx:checksum"))
    rows = graph.value(file, _iri("csvw:rowCount"))
    return Claim(
        version=version,
        columns=columns,
        rows=None if rows is None else int(rows),
        path=str(graph.value(file, _iri("dct:identifier"))),
        sha256=str(graph.value(checksum, _iri("spdx:checksumValue"))).lower(),
        bytes=int(graph.value(file, _iri("dcat:byteSize"))),
    )


def _check_totals(graph: Any, found: Mapping[str, Claim]) -> None:
    rows = {name.rpartition("__")[2]: claim.rows for name, claim in found.items()}
    people = rows.get(PATIENT)
    counted = [n for name, n in rows.items() if name != "attrition"]
    total = None if None in counted else sum(filter(None, counted))
    for name, expected in (("numberOfRecords", total), ("numberOfUniqueIndividuals", people)):
        told = [int(value) for value in graph.objects(None, _iri(f"healthdcatap:{name}"))]
        if told != ([] if expected is None else [expected]):
            raise ValueError(f"{name} is not what the tables add up to")


def _subjects(graph: Any, kind: str) -> Any:
    from clearward.releases.standards.validators import rdflib  # noqa: PLC0415

    return graph.subjects(rdflib.RDF.type, _iri(kind))


def _iri(name: str) -> Any:
    from clearward.releases.standards.validators import rdflib  # noqa: PLC0415

    prefix, _, rest = name.partition(":")
    return rdflib.URIRef(PREFIXES[prefix] + rest)


def check_document(graph: Any, *, also: Path | None = None) -> None:
    """Raise ReleaseError unless the graph satisfies our shapes, and ``also`` a set of one's own.

    Args:
        graph: `rdflib.Graph` of the document.
        also: a SHACL file in Turtle, such as the official set of HealthData@EU.
    """
    from clearward.releases.standards.validators import pyshacl  # noqa: PLC0415

    for shapes in [SHAPES, *([also] if also else [])]:
        holds, results, _ = pyshacl.validate(
            graph, shacl_graph=_shapes(shapes), inference="none", do_owl_imports=False
        )
        if not holds:
            _refuse(results, shapes)


@cache
def _shapes(path: Path) -> Any:
    from clearward.releases.standards.validators import rdflib  # noqa: PLC0415

    try:
        return rdflib.Graph().parse(path, format="turtle")
    except (OSError, ValueError, SyntaxError) as error:
        raise ReleaseError(
            "The SHACL shapes cannot be read.",
            seen=str(path),
            expected="a file in Turtle",
            do="correct CLEARWARD_HEALTHDCAT_SHAPES, or unset it",
        ) from error


def _refuse(results: Any, shapes: Path) -> None:
    message = "http://www.w3.org/ns/shacl#resultMessage"
    said = sorted({str(o) for _, p, o in results if str(p) == message})
    raise ReleaseError(
        "The record for health data catalogues is not complete.",
        seen="; ".join(said[:5]) + (f" and {len(said) - 5} more" if len(said) > 5 else ""),
        expected=f"what {shapes.name} asks for",
        do="fill the fields it names in the [record] table of the product spec, and build the "
        "candidate again",
    )
