"""Who may read which file of a release: the one table, and what it goes back to. Add a line for
every new document; what no line names stays with the licensed. Readings of law here are an
engineer's, to be confirmed by counsel.

Nothing in a release is kept safe by hiding it: every count in it is masked or rounded, whoever
reads it. The table says what is published, what goes with a contract, and what stays inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Reader(StrEnum):
    """PUBLIC: anybody, in the catalogue. LICENSED: with the files, under a licence. OFFICER: the
    publisher's data protection officer; never in a release."""

    PUBLIC = "public"
    LICENSED = "licensed"
    OFFICER = "officer"


@dataclass(frozen=True)
class Line:
    """Files by pattern of their path inside the release, their reader, and why."""

    paths: tuple[str, ...]
    reader: Reader
    why: str


LINES = (
    Line(
        ("data/*",),
        Reader.LICENSED,
        "rows about people, however protected, leave under a contract only: controlled sharing in"
        " the sense of GB/T 37964-2019",
    ),
    Line(
        ("expert_determination.html",),
        Reader.LICENSED,
        "45 CFR 164.514(b)(1)(ii) asks for methods and results to be documented, not published;"
        " they are judged for the anticipated recipient, whose counsel relies on them",
    ),
    Line(
        ("pipia.html",),
        Reader.LICENSED,
        "PIPL 55 and 56 have the handler make it and keep it three years; GB/T 39335-2020 leaves it"
        " to the handler whether it is published, and its conclusions are not filled in here",
    ),
    Line(
        (
            *("risk_report*.html", "risk.json", "privacy_report.html", "privacy.json"),
            *("privacy_attestation.*",),
        ),
        Reader.PUBLIC,
        "measured risk and bounds, what a data subject may ask about; they hold against whoever"
        " knows the method",
    ),
    Line(
        ("consent_summary.*", "cohort_attrition.*", "representativeness.*"),
        Reader.PUBLIC,
        "openness of processing (PIPL 7, GDPR 5(1)(a)); counts known to k only",
    ),
    Line(
        (
            *("healthdcat.ttl", "croissant.json", "datapackage.json", "datacontract.odcs.yaml"),
            *("odrl.jsonld", "overview.json", "dictionary.*", "datasheet.*", "index.html"),
        ),
        Reader.PUBLIC,
        "the description of a dataset for a catalogue (EHDS article 77)",
    ),
    Line(
        (
            *("quality_*", "quality/*", "quantum_label.json", "missingness.*"),
            *("mapping_coverage.*", "unmapped_codes.csv", "arrival_*", "codebook.*"),
        ),
        Reader.PUBLIC,
        "the quality and utility label and what it rests on (EHDS article 78)",
    ),
    Line(
        (
            *("provenance.json*", "openlineage.ndjson", "changes.json", "release_notes.md"),
            *("SHA256SUMS.txt",),
        ),
        Reader.PUBLIC,
        "where it comes from and what changed, in hashes and masked counts",
    ),
    Line(
        ("LICENCE.md", "licence.html", "README.md", "quick_starts.html", "load_*", "download.sh"),
        Reader.PUBLIC,
        "terms and first steps, without which nobody can decide to buy",
    ),
    Line(
        ("synthetic_sample/*",),
        Reader.PUBLIC,
        "invented patients, drawn behind noise that bounds what one real patient changes",
    ),
    Line(
        ("reports/*", "*.stamp"),
        Reader.OFFICER,
        "the gates' own reports, unmasked: for GB/T 39725-2020 records of the controller",
    ),
)


def reader_of(path: str) -> Reader:
    """Who may read a file of a release; LICENSED for what no line names."""
    line = line_of(path)
    return line.reader if line else Reader.LICENSED


def line_of(path: str) -> Line | None:
    """The line of the table that names a file, if any does."""
    return next((line for line in LINES if _names(line, path)), None)


def public_only(paths: Iterable[str]) -> list[str]:
    """Those that anybody may read."""
    return [path for path in paths if reader_of(path) is Reader.PUBLIC]


def as_table() -> str:
    """The table in Markdown, for the reference."""
    rows = [
        f"| {', '.join(f'`{path}`' for path in line.paths)} | {line.reader} | {line.why} |"
        for line in LINES
    ]
    return "\n".join(("| files | reader | why |", "|---|---|---|", *rows))


def _names(line: Line, path: str) -> bool:
    return any(
        fnmatchcase(path, pattern) and ("/" in pattern or "/" not in path or pattern[0] == "*")
        for pattern in line.paths
    )
