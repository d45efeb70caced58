"""The reference page of the door, made from the specs. `tests` hold the page to it."""

from __future__ import annotations

from clearward.deidentify.special import special_diseases
from clearward.sources.spec import LEVELS, TREATMENTS, Table, load_spec, source_systems

HEAD = """# The one-way door: every source column

Made by `clearward deidentify columns`; a test keeps it fresh. A column that is not here is dropped
and reported. A kept column is compared with its domain (`clearward/deidentify/domains.toml`) and
with everybody the hospital's own extracts name: a value that does not fit is withheld and counted,
a column of such values stops the month. Rows of special diseases leave as deletions; in tables
that other rows refer to, their codes and words are withheld. A note whose text or title names
one of them, negated or not, is withheld whole with its findings, and counted by category. A note's
title leaves when it is a known kind of document or enough patients share it, else it is withheld.

Rare codes are not floored here: how rare a code is depends on who is in the release. The door cuts
what may never leave; protection cuts codes that too few of a release's patients share.
"""


def page() -> str:
    """The whole page, Markdown."""
    parts = [HEAD, "## Treatments\n", _list(TREATMENTS), "## Levels (GB/T 39725-2020)\n"]
    parts += [_list({str(level): words for level, words in LEVELS.items()})]
    parts += ["## Special diseases\n", _list({d.name: d.title for d in special_diseases()})]
    for name in source_systems():
        system = load_spec(name)
        parts.append(f"## {system.title}\n")
        parts += [_table(table) for table in system.tables]
    return "\n".join(parts).rstrip() + "\n"


def _list(entries: dict[str, str]) -> str:
    return "".join(f"- `{name}`: {words}\n" for name, words in entries.items())


def _table(table: Table) -> str:
    note = "" if table.passes else " (no row leaves)"
    lines = [f"### {table.name}{note}\n", "| column | treatment | level | domain | leaves as |"]
    lines.append("|---|---|---|---|---|")
    for c in table.columns:
        leaves = c.output if table.passes and c.treatment not in {"drop", "scrub"} else ""
        lines.append(f"| {c.name} | {c.treatment} | {c.level} | {c.domain} | {leaves} |")
    return "\n".join(lines) + "\n"
