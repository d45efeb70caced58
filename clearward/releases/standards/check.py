"""Whether what machines read about a release is true: every document there, readable, valid by its
standard, and of one mind with the entries that will be signed. `publish` asks before the first byte
is stored; a document that is not here is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from clearward.collector import uncollected
from clearward.errors import ReleaseError
from clearward.products.spec import Product
from clearward.releases.manifest import FileEntry
from clearward.releases.standards import (
    contract,
    croissant,
    datasheet,
    frictionless,
    healthdcat,
    healthdcat_check,
    policy,
    provenance,
    run_events,
)
from clearward.releases.standards.claims import FILE, ROWS, Claim, Kind, differences
from clearward.settings import healthdcat_shapes

_T = TypeVar("_T")
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, StopIteration, IndexError)


def check(folder: Path, files: Sequence[FileEntry], product: Product, *, version: str) -> None:
    """Raise ReleaseError for a document that is missing, damaged, invalid or untrue.

    Args:
        folder: of the release, data and documents as they will be stored.
        files: what will be signed; the tables' entries are the truth.
        product: whose spec the terms of use and the bounds come from.
        version: of the release.
    """
    tables = {entry.table: entry for entry in files if entry.table}
    if not tables:
        raise ReleaseError("A release without a table cannot be described.", do="build it again")
    with uncollected():  # a search would take longer than the check itself
        _check(folder, tables, product, version=version)


def _check(
    folder: Path, tables: Mapping[str, FileEntry], product: Product, *, version: str
) -> None:
    text = _text(folder / policy.NAME)
    _reading(policy.NAME, lambda: policy.check_document(text, product, version=version))
    for name, kind in _kinds().items():
        claims = _claims(folder / name, kind)
        _compare(name, kind, claims, tables=tables, version=version, k=product.protection.k)
    card = json.loads(_text(folder / croissant.NAME))
    if card["usageInfo"] != croissant.usage(product):
        raise ReleaseError(
            f"{croissant.NAME} of the release states other terms of use than {policy.NAME}.",
            do="build the candidate again",
        )


def _kinds() -> Mapping[str, Kind]:
    """What takes longest to read comes last."""
    return {
        croissant.NAME: Kind(croissant.claims, croissant.data_type, FILE | ROWS),
        frictionless.NAME: Kind(frictionless.claims, frictionless.data_type, FILE),
        provenance.NAME: Kind(provenance.claims, None, frozenset({"path", "sha256", "rows"})),
        run_events.NAME: Kind(run_events.claims, lambda kind: kind, FILE | ROWS),
        datasheet.NAME: Kind(datasheet.claims, None, frozenset({"rows", "width"})),
        contract.NAME: Kind(contract.claims, lambda kind: kind, frozenset()),
        healthdcat.NAME: Kind(_health_claims, healthdcat.data_type, FILE | ROWS),
    }


def _health_claims(text: str) -> Mapping[str, Claim]:
    graph = healthdcat_check.parse(text)
    own = healthdcat_shapes()
    healthdcat_check.check_document(graph, also=Path(own) if own else None)
    return healthdcat_check.claims(graph)


def _claims(path: Path, kind: Kind) -> Mapping[str, Claim]:
    text = _text(path)
    return _reading(path.name, lambda: kind.read(text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(
            f"The release lacks {path.name}.",
            seen=type(error).__name__,
            expected="a document that can be read",
            do="build the candidate again",
        ) from error


def _reading(name: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except _BROKEN as error:
        raise ReleaseError(
            f"{name} of the release is damaged or contradicts itself.",
            seen=type(error).__name__,
            expected="the document as it was built",
            do="build the candidate again",
        ) from error


def _compare(
    name: str,
    kind: Kind,
    claims: Mapping[str, Claim],
    *,
    tables: Mapping[str, FileEntry],
    version: str,
    k: int,
) -> None:
    if set(claims) != set(tables):
        wrong = sorted(set(claims) ^ set(tables))
    else:
        wrong = [
            f"{table}: {fact}"
            for table, entry in tables.items()
            for fact in differences(kind, claims[table], entry, version=version, k=k)
        ]
    if wrong:
        raise ReleaseError(
            f"{name} of the release says something else than its files.",
            seen=f"{len(wrong)} differences: {', '.join(wrong[:5])}",
            expected="the tables, columns, types, rows and hashes that will be signed",
            do="build the candidate again",
        )
