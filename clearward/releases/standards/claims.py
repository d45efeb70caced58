"""What a document claims about a published table, in one form for all standards, and what must be
true of it. Reading a claim out of a document belongs to the document's own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clearward.products.counts import is_small
from clearward.releases.manifest import FileEntry


@dataclass(frozen=True)
class Claim:
    """What one document says of one table; a field it has no place for stays as it is here.

    Attributes:
        version: of the release that the document is about.
        columns: name -> type, in the standard's own words.
        rows: None where the document masks them.
    """

    version: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    path: str = ""
    sha256: str = ""
    bytes: int | None = None
    width: int | None = None


@dataclass(frozen=True)
class Kind:
    """Which facts a standard states; one that it states must be there and true.

    Attributes:
        read: text -> table -> claim; may raise anything when the text is damaged.
        type_of: the standard's name of a DuckDB type; None where it lists no columns.
        facts: names of the further fields of `Claim` that it states; every one states its version.
    """

    read: Callable[[str], Mapping[str, Claim]]
    type_of: Callable[[str], str] | None
    facts: frozenset[str]


FILE = frozenset({"path", "sha256", "bytes"})
ROWS = frozenset({"rows"})


def differences(kind: Kind, claim: Claim, entry: FileEntry, *, version: str, k: int) -> list[str]:
    """Names of the facts in which a claim and the signed entry of the table differ."""
    wrong = [] if claim.version == version else ["version"]
    if kind.type_of:
        columns = {name: kind.type_of(type_) for name, type_ in (entry.columns or {}).items()}
        if dict(claim.columns) != columns:
            wrong.append("columns")
    truth = {
        "path": entry.path,
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "rows": shown_rows(entry, k=k),
        "width": len(entry.columns or {}),
    }
    return wrong + [name for name in sorted(kind.facts) if getattr(claim, name) != truth[name]]


def shown_rows(entry: FileEntry, *, k: int) -> int | None:
    """Rows as a document may state them; None for 1 to k-1 rows about people."""
    is_of_people = not entry.table.endswith("__attrition")
    return None if is_of_people and is_small(entry.rows, k) else entry.rows
