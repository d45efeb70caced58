"""Purposes a patient can decide about, as a table. A new purpose is one entry here and a test.

A use that nobody listed cannot be permitted: there is no default, and no permit for everything,
because consent to a sale has to be separate and specific (PIPL articles 14, 23 and 29; GDPR
article 7). Refusing everything at once is possible, because refusing must be easy (PIPL 15; EHDS
article 71). What other vocabularies call a purpose belongs to `vocabularies`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from clearward.errors import ConfigError, ConsentError
from clearward.products.spec import load_product, product_names


@dataclass(frozen=True)
class Purpose:
    """What an event with this purpose speaks about.

    Attributes:
        uses: what is decided; a use is what data may be used for.
        width: 1 for one use alone, 2 for a group of uses, 3 for all of them.
        may_permit: False where only refusals make sense.
        description: for documents and screens.
    """

    uses: frozenset[str]
    width: int
    may_permit: bool
    description: str


ADMISSION_USES = frozenset({"care", "payment", "quality"})
OWN_EVENT_USES = ("ai_training", "commercial_licensing", "research")
# Whom data goes to when it is used so: the question the gate asks is about all of that class.
ASKED_RECIPIENTS = {
    "care": "health_provider",
    "payment": "public_body",
    "quality": "health_provider",
    "ai_training": "company",
    "commercial_licensing": "company",
    "research": "research_institution",
}
EVERYTHING = "everything"
SECONDARY_USE = "secondary_use"


def _own(use: str, description: str) -> Purpose:
    return Purpose(frozenset({use}), 1, True, description)


PURPOSES = {
    "general_admission": Purpose(
        ADMISSION_USES, 2, True, "signed on admission: care, payment and quality, never a sale"
    ),
    "commercial_licensing": _own(
        "commercial_licensing", "de-identified data licensed to companies"
    ),
    "ai_training": _own("ai_training", "training of models, besides the licence itself"),
    "research": _own("research", "scientific research"),
    SECONDARY_USE: Purpose(
        frozenset(OWN_EVENT_USES), 2, False, "an opt-out of every use beyond care (EHDS article 71)"
    ),
    EVERYTHING: Purpose(
        ADMISSION_USES | frozenset(OWN_EVENT_USES), 3, False, "a refusal of all uses at once"
    ),
}
USES = tuple(sorted(ADMISSION_USES | frozenset(OWN_EVENT_USES)))


def own_words() -> tuple[str, ...]:
    """Purposes that may permit and share none of their uses with another such purpose: an event
    with one of them is silent about whatever the others decide."""
    spoken = Counter(use for p in PURPOSES.values() if p.may_permit for use in p.uses)
    return tuple(
        name
        for name, purpose in PURPOSES.items()
        if purpose.may_permit and all(spoken[use] == 1 for use in purpose.uses)
    )


def gate_uses() -> tuple[str, ...]:
    """Uses that open the gate: what some product is licensed for, and nothing else.

    Raises:
        ConfigError: a product names a purpose that needs no consent of its own here.
    """
    return product_uses(
        purpose for name in product_names() for purpose in load_product(name).purposes
    )


def product_uses(purposes: Iterable[str]) -> tuple[str, ...]:
    """The uses that a product's purposes stand for, each once.

    Raises:
        ConfigError: a purpose is unknown, or has no event of its own that could permit it.
    """
    named = sorted(set(purposes))
    unknown = [name for name in named if name not in OWN_EVENT_USES]
    if unknown or not named:
        raise ConfigError(
            "A product's purposes cannot be answered by consent.",
            seen=", ".join(unknown) or "no purpose",
            expected=", ".join(OWN_EVENT_USES),
            do="correct `purposes` of the product, or add the purpose to consent.purposes",
        )
    return tuple(named)


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
