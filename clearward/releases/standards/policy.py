"""What may be done with a product, for machines: ODRL 2.2 with purposes of DPV and terms of DUO.
The offer is made from the product's spec; an agreement from the offer and one licence's own limits.
Whether a licence is granted, and to whom, belongs to `licensing`.

Sources: ODRL Information Model 2.2 (W3C 2018), 2.6 rules, 2.10 conflict: a prohibition wins; DUO
(GA4GH) as actions, after the health pattern of Croissant 1.1. Our own purposes are IRIs under
``urn:clearward:purpose:``, because no vocabulary has a term for each (`consent.vocabularies`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearward.consent.vocabularies import DPV, DUO_TERMS, OWN_SYSTEM, dpv_terms, duo_terms
from clearward.errors import LicenceError, ReleaseError
from clearward.products.spec import Product

NAME = "odrl.jsonld"
PROFILE = "urn:clearward:odrl:1"
RECALL = "urn:clearward:event:recall"
DUO = "http://purl.obolibrary.org/obo/DUO_"
CONTEXT = {
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "dpv": DPV,
    "duo": DUO,
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
# What holds for every product: approved users only (US), for a limited time (TS)
_ALWAYS = ("DUO:0000026", "DUO:0000025")
# Nearest terms of DPV for what is forbidden; the others have none
_FORBIDDEN = {"marketing": ("Marketing",)}


@dataclass(frozen=True)
class Limits:
    """What one licence narrows of an offer.

    Attributes:
        purposes: some of the product's own.
        begins, ends: days, ISO 8601; the second one belongs to the term.
        countries: ISO 3166-1 codes where the data may be used; empty for no such limit.
        downloads: most often that a version may be fetched; None for no limit.
    """

    purposes: tuple[str, ...]
    begins: str
    ends: str
    countries: tuple[str, ...] = ()
    downloads: int | None = None


def purpose_iris(purpose: str) -> tuple[str, ...]:
    """IRIs of a permitted purpose: our own, then DPV's."""
    return (f"{OWN_SYSTEM}:{purpose}", *dpv_terms(purpose))


def forbidden_iris(purpose: str) -> tuple[str, ...]:
    """IRIs of a forbidden purpose: our own, then DPV's nearest."""
    return (f"{OWN_SYSTEM}:{purpose}", *(DPV + term for term in _FORBIDDEN.get(purpose, ())))


def offer(product: Product, *, uid: str, target: str) -> dict[str, Any]:
    """The ``odrl:Offer`` of a product, a JSON-LD node without its context.

    Args:
        product: whose spec permits and forbids.
        uid, target: IRIs of the policy and of the dataset.

    Raises LicenceError when the spec permits what it forbids.
    """
    return {
        "@id": uid,
        "@type": "odrl:Offer",
        **_head(product),
        **_rules(product, product.purposes, target=target, limits=None),
    }


def agreement(
    product: Product, *, uid: str, target: str, assigner: str, assignee: str, limits: Limits
) -> dict[str, Any]:
    """The ``odrl:Agreement`` of one licence; the offer's rules narrowed, none of them widened.

    Args:
        product: whose offer it follows.
        uid, target: IRIs of the licence and of the dataset.
        assigner, assignee: IRIs of who permits and who is permitted.
        limits: of the licence.

    Raises LicenceError for a purpose the product does not offer, or forbids.
    """
    wrong = sorted(set(limits.purposes) - set(product.purposes))
    if wrong or not limits.purposes:
        raise LicenceError(
            f"Nobody can agree to these purposes of {product.name}.",
            seen=", ".join(wrong) or "no purpose",
            expected=f"some of: {', '.join(product.purposes)}",
            do="license the product for a purpose that its spec permits",
        )
    parties = {"odrl:assigner": {"@id": assigner}, "odrl:assignee": {"@id": assignee}}
    rules = _rules(product, limits.purposes, target=target, limits=limits)
    return {"@id": uid, "@type": "odrl:Agreement", **_head(product), **parties, **rules}


def document(policy: Mapping[str, Any]) -> str:
    """A policy as a file of its own: JSON-LD with its context inside, the same bytes each time."""
    return json.dumps({"@context": CONTEXT, **policy}, indent=1, ensure_ascii=False) + "\n"


def duo_codes(product: Product) -> tuple[str, ...]:
    """DUO terms a product is offered under; never one that rules out a purpose of the offer."""
    fitting = (code for purpose in product.purposes for code in duo_terms(purpose))
    codes = dict.fromkeys((*_ALWAYS, *fitting))
    offered = set(product.purposes)
    return tuple(code for code in codes if not offered & set(DUO_TERMS[code].excludes))


def _head(product: Product) -> dict[str, Any]:
    return {
        "dct:title": f"Terms of use of {product.name}",
        "odrl:profile": {"@id": PROFILE},
        "odrl:conflict": {"@id": "odrl:prohibit"},
    }


def _rules(
    product: Product, purposes: Sequence[str], *, target: str, limits: Limits | None
) -> dict[str, Any]:
    permitted = [iri for purpose in purposes for iri in purpose_iris(purpose)]
    forbidden = [iri for name in product.forbidden_purposes for iri in forbidden_iris(name)]
    both = sorted(set(permitted) & set(forbidden))
    if both:
        raise LicenceError(
            f"The spec of {product.name} permits what it forbids.",
            seen=", ".join(both),
            do="take the purpose out of `purposes` or of `forbidden_purposes`",
        )
    about = {"odrl:target": {"@id": target}}
    narrowed = [_constraint("purpose", "isAnyOf", [{"@id": iri} for iri in permitted])]
    narrowed += _narrowed(limits) if limits else []
    actions = ["odrl:use", *(code.replace("DUO:", "duo:") for code in duo_codes(product))]
    return {
        "odrl:permission": [
            {**about, "odrl:action": {"@id": action}, "odrl:constraint": narrowed}
            for action in actions
        ],
        "odrl:prohibition": [
            {**about, "odrl:action": {"@id": "odrl:distribute"}},
            {
                **about,
                "odrl:action": {"@id": "odrl:use"},
                "odrl:constraint": [
                    _constraint("purpose", "isAnyOf", [{"@id": iri} for iri in forbidden])
                ],
            },
        ],
        "odrl:obligation": [
            {
                **about,
                "odrl:action": {"@id": "odrl:delete"},
                "odrl:constraint": [_constraint("event", "eq", {"@id": RECALL})],
            }
        ],
    }


def _narrowed(limits: Limits) -> list[dict[str, Any]]:
    found = [
        _constraint("dateTime", "gteq", {"@type": "xsd:date", "@value": limits.begins}),
        _constraint("dateTime", "lteq", {"@type": "xsd:date", "@value": limits.ends}),
    ]
    if limits.countries:
        found.append(_constraint("spatial", "isAnyOf", list(limits.countries)))
    if limits.downloads is not None:
        found.append(_constraint("count", "lteq", limits.downloads))
    return found


def _constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {
        "odrl:leftOperand": {"@id": f"odrl:{left}"},
        "odrl:operator": {"@id": f"odrl:{operator}"},
        "odrl:rightOperand": right,
    }


def check_document(text: str, product: Product, *, version: str) -> None:
    """Raise ReleaseError unless a policy is, to the last rule, the offer of the product's spec for
    a version; ValueError where it is none.
    """
    policy = json.loads(text)
    target = policy["odrl:permission"][0]["odrl:target"]["@id"]
    made = offer(product, uid=f"{target}#offer", target=target)
    if text != document(made) or not target.endswith((f"/{version}", f":{version}")):
        raise ReleaseError(
            f"The policy of {product.name} is not what its spec says.",
            seen="other rules, or another version",
            expected=f"the offer of {product.name} {version}",
            do="build the candidate again",
        )
