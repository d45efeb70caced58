"""RDF as text: statements about one thing after the other, in Turtle (RDF 1.1). Reading, and
what is said, belong to the standards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from clearward.errors import ReleaseError

_FORBIDDEN = frozenset('<>"{}|^`\\ \n\t')


def iri(text: str) -> str:
    """An IRI in brackets; ReleaseError for what can be none."""
    if not text or _FORBIDDEN & set(text):
        raise ReleaseError(
            "An address in the product's record is no IRI.",
            seen=repr(text),
            do="correct the [record] table of the product spec",
        )
    return f"<{text}>"


def text(value: str, language: str = "") -> str:
    """A literal; Turtle escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False) + (f"@{language}" if language else "")


def typed(value: object, kind: str) -> str:
    """A literal of a datatype, such as ``xsd:date``."""
    return f'"{value}"^^{kind}'


def about(subject: str, kind: str, said: Iterable[tuple[str, str]]) -> str:
    """One block: a subject, its class and its statements; ends with a full stop."""
    lines = [f"{subject} a {kind}", *(f"    {predicate} {value}" for predicate, value in said)]
    return " ;\n".join(lines) + " .\n"


def document(prefixes: Mapping[str, str], blocks: Iterable[str]) -> str:
    """A file: prefixes, then the blocks with an empty line between them."""
    head = "".join(f"@prefix {name}: <{space}> .\n" for name, space in prefixes.items())
    return "\n".join([head, *blocks])
