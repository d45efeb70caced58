"""How wide an event speaks: kinds of data, recipients, and which of two scopes is the narrower.

A scope is purpose x categories x recipients. Each part has a few widths, and a scope is at least
as narrow as another when every part of it is (the product order): scopes can therefore also be
`mixed`, and then neither takes the other's place. `LIFTS` is the whole rule of who wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from clearward.consent.purposes import ASKED_RECIPIENTS, PURPOSES

CATEGORIES = {
    "structured": "diagnoses, measurements, treatments, visits: everything in tables",
    "notes": "free text, and findings read from it",
    "imaging": "descriptions of images (no pixels)",
    "genetic": "genes and genome data; counts only where a permit names it",
}
UNNAMED_BY_PERMITS = frozenset({"genetic"})
RECIPIENT_CLASSES = {
    "company": "whoever licenses data to earn with it",
    "research_institution": "universities, institutes, research hospitals",
    "public_body": "authorities and payers",
    "health_provider": "hospitals and practices that treat",
    "other": "anybody else",
}
# Kind of data that a table of a source system holds, by the spec's own table name.
TABLE_CATEGORIES = {
    **dict.fromkeys(
        (
            *("patients", "encounters", "conditions", "observations", "procedures"),
            *("medications", "visits", "diagnoses", "front_sheet", "front_sheet_diagnoses"),
            *("front_sheet_operations", "labs", "eye_exams"),
        ),
        "structured",
    ),
    "notes": "notes",
    "imaging_studies": "imaging",
}
ANY = "*"
WIDTHS = {
    "purpose": {1: "one use", 2: "a group of uses", 3: "everything"},
    "categories": {1: "named kinds of data", 2: "all kinds of data"},
    "recipients": {1: "a named recipient", 2: "a class of recipients", 3: "any recipient"},
}
Width = tuple[int, int, int]
ALL_WIDTHS: tuple[Width, ...] = tuple(
    (p, c, r) for p in WIDTHS["purpose"] for c in WIDTHS["categories"] for r in WIDTHS["recipients"]
)
ORDERS = {
    "narrower": "no part is wider and one is narrower",
    "same": "every part is equally wide",
    "wider": "no part is narrower and one is wider",
    "mixed": "one part is narrower and another one wider",
}
TIMES = {"earlier": "before", "same": "at the same second", "later": "after"}
# (kind of refusal, when the permit was given, the permit's scope beside the refusal's) -> whether
# a permit in force lifts the refusal. A no is lifted by a yes that was given later and speaks at
# least as precisely. At the same second the more precise word counts, but never over a withdrawal.
LIFTS: dict[tuple[str, str, str], bool] = {
    (kind, time, order): (time == "later" and order in {"narrower", "same"})
    or (kind == "deny" and time == "same" and order == "narrower")
    for kind in ("deny", "withdraw")
    for time in TIMES
    for order in ORDERS
}


@dataclass(frozen=True)
class Scope:
    """Purpose, categories and recipients of an event, as the ledger writes them."""

    purpose: str
    categories: str
    recipients: str


def order(one: Width, other: Width) -> str:
    """A key of `ORDERS`: how the first scope stands to the second."""
    pairs = list(zip(one, other, strict=True))
    narrower, wider = any(a < b for a, b in pairs), any(a > b for a, b in pairs)
    if narrower and wider:
        return "mixed"
    return "narrower" if narrower else "wider" if wider else "same"


def code(width: Width) -> int:
    """Position of a width in `ALL_WIDTHS`."""
    return ALL_WIDTHS.index(width)


def coverage(scopes: Iterable[Scope], *, in_detail: bool) -> pa.Table:
    """Which cells each scope speaks about, and how widely: the table the decision joins.

    Args:
        scopes: the distinct scopes of the events.
        in_detail: one cell per category and named recipient. Otherwise no scope names any, and
            the one cell is ``*``.

    Returns:
        ``purpose, categories, recipients, use, category, recipient, code, may_permit``.
    """
    listed = list(scopes)
    names = _names(listed) if in_detail else {}
    rows = [row for scope in listed for row in _cells(scope, names, in_detail=in_detail)]
    return pa.Table.from_pylist(rows, schema=_COVERAGE)


_COVERAGE = pa.schema(
    [
        *((name, pa.string()) for name in ("purpose", "categories", "recipients")),
        *((name, pa.string()) for name in ("use", "category", "recipient")),
        ("code", pa.int8()),
        ("may_permit", pa.bool_()),
    ]
)


def _names(scopes: Sequence[Scope]) -> dict[str, set[str]]:
    """Named recipients of each class, over all scopes."""
    names: dict[str, set[str]] = {}
    for part in {part for scope in scopes for part in _parts(scope.recipients)}:
        if ":" in part:
            names.setdefault(part.split(":")[0], set()).add(part)
    return names


def _parts(recipients: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in recipients.split(";") if part.strip())


def _cells(
    scope: Scope, names: dict[str, set[str]], *, in_detail: bool
) -> Iterable[dict[str, object]]:
    purpose = PURPOSES[scope.purpose]
    for use in sorted(purpose.uses):
        asked = ASKED_RECIPIENTS[use]
        for category, c, permits in _categories(scope.categories, in_detail=in_detail):
            for recipient in (ANY, *sorted(names.get(asked, ()))):
                r = _recipient_width(scope.recipients, recipient, asked)
                if r:
                    yield {
                        "purpose": scope.purpose,
                        "categories": scope.categories,
                        "recipients": scope.recipients,
                        "use": use,
                        "category": category,
                        "recipient": recipient,
                        "code": code((purpose.width, c, r)),
                        "may_permit": purpose.may_permit and permits,
                    }


def _categories(text: str, *, in_detail: bool) -> Iterable[tuple[str, int, bool]]:
    """Category, width and whether a permit reaches it."""
    if not in_detail:
        return [(ANY, 2, True)]
    if not text:
        return [(name, 2, name not in UNNAMED_BY_PERMITS) for name in CATEGORIES]
    return [(name, 1, True) for name in text.split()]


def _recipient_width(recipients: str, recipient: str, asked: str) -> int:
    """Width of the part that speaks of a recipient of the asked class; 0 when none does."""
    parts = _parts(recipients)
    if recipient in parts and recipient != ANY:
        return 1
    if asked in parts:
        return 2
    return 0 if parts else 3
