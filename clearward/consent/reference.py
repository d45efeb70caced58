"""The rules as a page: docs/reference/consent.md is this text, and a test keeps it so.

python -m clearward.consent.reference > docs/reference/consent.md
"""

from __future__ import annotations

from collections.abc import Iterable

from clearward.consent.ages import JURISDICTIONS, RELATIONS
from clearward.consent.contradictions import CONTRADICTIONS, RECORDS, RECORDS_TEXT
from clearward.consent.fhir_codes import STATUSES
from clearward.consent.lines import COLUMNS, OPTIONAL
from clearward.consent.lines import RULES as LINE_RULES
from clearward.consent.model import DECISIONS, REASONS, STATES
from clearward.consent.policies import RULES
from clearward.consent.purposes import ASKED_RECIPIENTS, PURPOSES
from clearward.consent.scopes import CATEGORIES, LIFTS, ORDERS, TIMES, WIDTHS
from clearward.consent.vocabularies import DPV_TERMS, DUO_TERMS, FHIR_PURPOSES


def page() -> str:
    """The whole page, from the tables the code decides by."""
    sections = [
        "# Consent: the rules\nMade from the tables in `clearward/consent` by `python -m"
        " clearward.consent.reference`. Readings of law are an engineer's, to be confirmed by"
        " counsel.",
        _section("Rules", ("rule", "text"), RULES.items()),
        _section("Decisions", ("decision", "means"), DECISIONS.items()),
        _section(
            "Purposes",
            ("purpose", "uses", "may permit", "means"),
            (
                (n, ", ".join(sorted(p.uses)), _yes(p.may_permit), p.description)
                for n, p in PURPOSES.items()
            ),
        ),
        _section("Kinds of data", ("category", "holds"), CATEGORIES.items()),
        *_order(),
        *_people(),
        *_files(),
        *_vocabularies(),
    ]
    return "\n\n".join(sections) + "\n"


def _order() -> list[str]:
    return [
        _section(
            "How wide a word is",
            ("part", "width", "means"),
            ((part, w, text) for part, widths in WIDTHS.items() for w, text in widths.items()),
        ),
        _section("One scope beside another", ("order", "means"), ORDERS.items()),
        _section(
            "Whether a permit lifts a refusal",
            ("refusal", "permit given", *ORDERS),
            (
                (kind, TIMES[time], *(_yes(LIFTS[kind, time, order]) for order in ORDERS))
                for kind in ("deny", "withdraw")
                for time in TIMES
            ),
        ),
        _section("States and reasons", ("name", "means"), {**STATES, **REASONS}.items()),
    ]


def _people() -> list[str]:
    return [
        _section(
            "Ages",
            ("jurisdiction", "guardian below", "of age", "names recipients", "source"),
            (
                (n or "(none)", j.guardian_below, j.of_age, _yes(j.names_recipients), j.source)
                for n, j in JURISDICTIONS.items()
            ),
        ),
        _section(
            "Guardians",
            ("relation", "ends of age", "may permit", "means"),
            (
                (n or "(none)", _yes(r.ends_of_age), _yes(r.may_permit), r.description)
                for n, r in RELATIONS.items()
            ),
        ),
    ]


def _files() -> list[str]:
    columns = [(name, "required") for name in COLUMNS] + list(OPTIONAL.items())
    return [
        _section("Columns of consents.csv", ("column", "holds"), columns),
        _section("A file is refused when", ("rule",), ((rule,) for rule in LINE_RULES)),
        _section(
            "Counted by `clearward consent import`, and decided by the rules",
            ("count", "of"),
            (
                *((n, f"patients and purposes with {said}") for n, said in CONTRADICTIONS.items()),
                (RECORDS, f"records {RECORDS_TEXT}"),
            ),
        ),
        _section(
            "Status of a FHIR Consent",
            ("status", "a permit becomes", "a refusal becomes"),
            (
                (name, to["permit"] or "nothing", to["deny"] or "nothing")
                for name, to in STATUSES.items()
            ),
        ),
    ]


def _vocabularies() -> list[str]:
    return [
        _section(
            "Uses in W3C DPV, and who receives data",
            ("use", "nearest DPV terms", "recipients asked about"),
            ((use, ", ".join(terms), ASKED_RECIPIENTS[use]) for use, terms in DPV_TERMS.items()),
        ),
        _section(
            "GA4GH DUO",
            ("term", "short", "permits", "excludes", "means"),
            (
                (n, t.short, ", ".join(t.permits), ", ".join(t.excludes), t.description)
                for n, t in DUO_TERMS.items()
            ),
        ),
        _section(
            "Purpose codes in a FHIR Consent",
            ("system", "code", "purpose", "may permit"),
            ((s, c, p, _yes(may)) for (s, c), (p, may) in FHIR_PURPOSES.items()),
        ),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _section(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = tuple(head)
    lines = [f"## {title}", _line(names), _line("---" for _ in names), *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(page(), end="")
