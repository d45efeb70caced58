"""Purposes a patient can decide about, as a table. A new purpose is one entry here and a test.

A use that nobody listed cannot be permitted: there is no default, and no permit for everything,
because consent to a sale has to be separate and specific (PIPL articles 14, 23 and 29; GDPR
article 7). Refusing everything at once is possible, because refusing must be easy (PIPL 15).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from clearward.errors import ConsentError


@dataclass(frozen=True)
class Purpose:
    """What an event with this purpose speaks about.

    Attributes:
        uses: what is decided; a use is what data may be used for.
        may_permit: False where only refusals make sense.
        opens_gate: rows may leave the identified zone when this is permitted.
        description: for documents and screens.
    """

    uses: frozenset[str]
    may_permit: bool
    opens_gate: bool
    description: str


ADMISSION_USES = frozenset({"care", "payment", "quality"})
OWN_EVENT_USES = ("ai_training", "commercial_licensing", "research")
EVERYTHING = "everything"


def _own(use: str, description: str, *, opens_gate: bool = False) -> Purpose:
    return Purpose(frozenset({use}), True, opens_gate, description)


PURPOSES = {
    "general_admission": Purpose(
        ADMISSION_USES, True, False, "signed on admission: care, payment and quality, never a sale"
    ),
    # The only purpose any product is licensed for. Who allowed training or research alone stays
    # behind until a product exists for it: then that entry opens the gate too.
    "commercial_licensing": _own(
        "commercial_licensing", "de-identified data licensed to companies", opens_gate=True
    ),
    "ai_training": _own("ai_training", "training of models, besides the licence itself"),
    "research": _own("research", "scientific research"),
    EVERYTHING: Purpose(
        ADMISSION_USES | frozenset(OWN_EVENT_USES), False, False, "a refusal of all uses at once"
    ),
}
USES = tuple(sorted(ADMISSION_USES | frozenset(OWN_EVENT_USES)))
GATE_USES = tuple(
    sorted(use for purpose in PURPOSES.values() if purpose.opens_gate for use in purpose.uses)
)


def check_use(use: str) -> str:
    """Return a use, or raise ConsentError."""
    if use not in USES:
        raise ConsentError(f"Unknown use {use!r}.", expected=", ".join(USES))
    return use


def check_purpose(purpose: str) -> str:
    """Return a purpose of an event, or raise ConsentError."""
    if purpose not in PURPOSES:
        raise ConsentError(f"Unknown purpose {purpose!r}.", expected=", ".join(sorted(PURPOSES)))
    return purpose


def coverage() -> pa.Table:
    """The table as Arrow: one row per purpose x use, with ``is_exact`` and ``may_permit``.

    ``is_exact`` tells an event about one use alone from one that covers several.
    """
    rows = [
        {
            "purpose": name,
            "use": use,
            "is_exact": len(purpose.uses) == 1,
            "may_permit": purpose.may_permit,
        }
        for name, purpose in PURPOSES.items()
        for use in sorted(purpose.uses)
    ]
    return pa.Table.from_pylist(rows)
