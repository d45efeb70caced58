"""What a licence says in terms of the Data Use Ontology (GA4GH; Lawson et al. 2021). What the terms
do to purposes belongs to `consent.vocabularies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from clearward.consent.vocabularies import DUO_TERMS, DuoTerm, duo_terms
from clearward.errors import LicenceError
from clearward.licensing.model import Licence

# Terms that only a licence can have: a patient names neither buyers nor their countries
TERMS: Mapping[str, DuoTerm] = MappingProxyType(
    {
        **DUO_TERMS,
        "DUO:0000022": DuoTerm("GS", (), (), "in the named countries only"),
        "DUO:0000028": DuoTerm("IS", (), (), "by the named organisation only"),
    }
)


def excludes(codes: Iterable[str], purpose: str) -> bool:
    """True when a term rules the purpose out, or is none that we know."""
    return any(code not in TERMS or purpose in TERMS[code].excludes for code in codes)


def check_terms(codes: Iterable[str], purpose: str) -> tuple[str, ...]:
    """The terms an agreement adds, sorted; LicenceError where one is unknown or rules the licence's
    own purpose out."""
    chosen = tuple(sorted(set(codes)))
    unknown = [code for code in chosen if code not in TERMS]
    if unknown:
        raise LicenceError(
            "Not a term we know of the Data Use Ontology.",
            seen=", ".join(unknown)[:200],
            expected=", ".join(sorted(TERMS)),
        )
    if excludes(chosen, purpose):
        raise LicenceError(
            f"A restriction rules out {purpose}, which the licence is for.",
            seen=", ".join(code for code in chosen if purpose in TERMS[code].excludes),
            do="leave one of the two out",
        )
    return chosen


def licence_terms(licence: Licence) -> dict[str, str]:
    """Code -> words of every term that holds for a licence, in the order of their codes."""
    codes = {*duo_terms(licence.purpose), *licence.duo, "DUO:0000025", "DUO:0000026", "DUO:0000028"}
    if licence.countries:
        codes.add("DUO:0000022")
    return {code: f"{TERMS[code].short}: {TERMS[code].description}" for code in sorted(codes)}
