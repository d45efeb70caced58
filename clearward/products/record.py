"""What a product's spec tells catalogues of other people: who publishes it, whom to ask, which law
applies, what kind of health data it is. Add a field here when a catalogue standard demands one;
how a standard writes it belongs to `releases.standards`.

Nothing has a default that could pass for an answer: a field nobody filled stays empty, and a
standard that needs it refuses the release and names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from clearward.errors import ConfigError


@dataclass(frozen=True)
class Party:
    """An organisation as a catalogue names it.

    Attributes:
        name: as registered.
        email: of an office, never of a person.
        url: its page; https.
        kind: IRI of its type, from ADMS or the Health Publisher Types list.
        note: what it does, in a sentence; English.
        is_trusted_holder: designated a trusted health data holder (EHDS article 72).
    """

    name: str = ""
    email: str = ""
    url: str = ""
    kind: str = ""
    note: str = ""
    is_trusted_holder: bool = False


@dataclass(frozen=True)
class Record:
    """The ``[record]`` table of a product spec; every text may be empty until a standard asks.

    Attributes:
        base: IRI under which the product's own IRIs lie, with a slash at the end; not fetched.
        publisher: who publishes the product.
        contact: whom a buyer writes to.
        access_body: the health data access body (EHDS article 55) that is asked for access.
        legislation: IRIs of the laws the data are offered under, European Legislation Identifier.
        themes: codes of the EU data themes, such as ``HEAL``.
        health_categories: codes of EHDS article 51(1), such as ``EHRS``.
        health_themes: IRIs, such as those of Wikidata, of what the data are about.
        dataset_type: code of the EU dataset types, such as ``PERSONAL_DATA``.
        access_rights: ``PUBLIC``, ``NON_PUBLIC`` or ``RESTRICTED``.
        spatial: codes of the EU country list, ISO 3166-1 alpha-3.
        languages: codes of the EU language list, ISO 639-3, upper case.
        coding_systems: codes of the Coding System list, such as ``LOINC``.
        keywords: a few words to find it by.
        frequency: code of the EU frequency list, such as ``MONTHLY``.
        population: of whom the data are, in words.
        collection: how hospitals came by the data, in words.
        intended_uses, unsuitable_uses: in words; shown to buyers.
        limitations, biases: what is known before anything is measured, in words.
        retention: how long versions are kept, in words.
        legal_basis: of the offer to buyers, in words.
    """

    base: str = ""
    publisher: Party = Party()
    contact: Party = Party()
    access_body: Party = Party()
    legislation: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    health_categories: tuple[str, ...] = ()
    health_themes: tuple[str, ...] = ()
    dataset_type: str = ""
    access_rights: str = ""
    spatial: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    coding_systems: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    frequency: str = ""
    population: Mapping[str, str] | None = None
    collection: Mapping[str, str] | None = None
    intended_uses: Mapping[str, str] | None = None
    unsuitable_uses: Mapping[str, str] | None = None
    limitations: Mapping[str, str] | None = None
    biases: Mapping[str, str] | None = None
    retention: Mapping[str, str] | None = None
    legal_basis: Mapping[str, str] | None = None


_PARTIES = ("publisher", "contact", "access_body")
_WORDS = {field.name for field in fields(Record) if str(field.type).startswith("Mapping")}


def read_record(body: Mapping[str, Any] | None) -> Record:
    """The ``[record]`` table of a spec; ConfigError for a field nobody knows or of another form."""
    given = dict(body or {})
    unknown = sorted(set(given) - {field.name for field in fields(Record)})
    if unknown:
        raise _wrong(f"unknown {', '.join(unknown)}")
    return Record(**{name: _value(name, value) for name, value in given.items()})


def _value(name: str, value: Any) -> Any:
    if name in _PARTIES:
        known = {field.name for field in fields(Party)}
        if not isinstance(value, Mapping) or set(value) - known:
            raise _wrong(f"{name} with other entries than {', '.join(sorted(known))}")
        return Party(**value)
    if name in _WORDS:
        if not isinstance(value, Mapping) or set(value) != {"en", "zh"}:
            raise _wrong(f"{name} without its texts en and zh")
        return dict(value)
    kind = type(getattr(Record, name))
    if isinstance(value, str) and kind is str:
        return value
    if isinstance(value, list) and kind is tuple and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _wrong(f"{name} of another form")


def _wrong(seen: str) -> ConfigError:
    return ConfigError(
        "The [record] table of a product spec cannot be read.",
        seen=seen,
        expected="the fields of products.record.Record",
        do="correct the product spec",
    )
