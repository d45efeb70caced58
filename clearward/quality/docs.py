"""A gate's Data Docs: pages for a person that stay in the house. What a check found is `gate`'s
work, what Great Expectations says about it `expectations`'.

Two pages: every check of every table with its rule and its counts, and Great Expectations' own page
about them. As generated, that page loads scripts, styles and pictures from a dozen public hosts, so
that reading a report would tell them of it, and a release would carry scripts nobody here has
checked: all of it is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from clearward.products.counts import is_small
from clearward.quality.report import Check, State
from clearward.quality.suites import Suite

VERDICT = "great_expectations.html"
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_REMOTE = re.compile(r"<(?:link|img|iframe)\b[^>]*[\"']https?://[^>]*>", re.IGNORECASE)
_FOOTER = re.compile(r"<footer\b.*?</footer\s*>", re.DOTALL | re.IGNORECASE)
_RANDOM_ID = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AWAY = re.compile(r'href="(?:\.\./)+[^"]*"')  # to pages of a site that is not kept
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem;
  color: #1d2733; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #d4dae1; padding: .35rem .6rem; text-align: left;
  vertical-align: top; }
th { background: #f1f4f7; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.red td { background: #fdeceb; }
code, pre { white-space: pre-wrap; font-size: 13px; overflow-wrap: anywhere; }
.badge { border: 1px solid #b9c2cc; border-radius: 4px; padding: 0 .3rem; }
.fa-check-circle::before { content: "\\2713"; color: #14713a; font-style: normal; }
.fa-times::before { content: "\\2717"; color: #b3261e; font-style: normal; }
.fa-exclamation-triangle::before { content: "!"; color: #8a5a00; font-style: normal; }
.modal, .cooltip .top, label, input, button, .navbar-toggler { display: none; }
.container, .container-fluid { padding-top: 0; }
.sticky { position: static; }
@media (max-width: 60rem) { table { display: block; overflow-x: auto; } td { min-width: 2rem; }
  td:nth-child(4) { min-width: 16rem; } td:nth-child(3) { white-space: nowrap; } }
@media (prefers-color-scheme: dark) { body { color: #e6ebf1; background: #12171d; }
  th { background: #1b232c; } th, td { border-color: #33404d; } a { color: #7cc4ee; }
  tr.red td { background: #4a1f1d; } .fa-check-circle::before { color: #6fd39a; }
  .fa-times::before { color: #ff9a92; } .fa-exclamation-triangle::before { color: #f2b45c; } }
</style>"""
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_MARKS = {
    State.PASS: "\u2713",
    State.FAIL: "\u2717",
    State.ERROR: "could not be made",
    State.VACUOUS: "no row",
}
_RED = frozenset({State.FAIL, State.ERROR})


def write_site(
    folder: Path,
    gate: str,
    suites: Mapping[str, Suite],
    checks: Sequence[Check],
    verdict: str,
    *,
    k: int = 1,
) -> None:
    """Write ``index.html`` with every check, and Great Expectations' page beside it.

    Args:
        folder: the site.
        gate: name of the gate.
        suites: suite per table; its SQL is shown as the rule of a check.
        checks: in the order of their tables.
        verdict: Great Expectations' page as generated; empty when nothing was measured.
        k: rows against a check from 1 to k - 1 are told as ``<k``; pages of a release are public.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_table = {name: list(own) for name, own in groupby(checks, key=lambda c: c.table)}
    body = [f"<h1>Data Docs: {escape(gate)} gate</h1>", _overview(by_table)]
    if verdict:
        body.append(f'<p><a href="{VERDICT}">What Great Expectations says of these counts</a></p>')
        (folder / VERDICT).write_text(stay_inside(verdict), encoding="utf-8")
    body += [_table(name, suites[name], own, k=k) for name, own in by_table.items()]
    title = f'<meta charset="UTF-8">{_VIEWPORT}<title>Data Docs: {escape(gate)} gate</title>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{title}\n{_STYLE}\n</head><body>\n'
    text = page + "\n".join(body) + "\n</body></html>\n"
    (folder / "index.html").write_text(text, encoding="utf-8")


def _overview(by_table: Mapping[str, Sequence[Check]]) -> str:
    lines = []
    for name, checks in by_table.items():
        red = sum(check.state in _RED for check in checks)
        link = f'<a href="#{escape(name)}">{escape(name)}</a>'
        mark = _MARKS[State.FAIL if red else State.PASS]
        good = f"{len(checks) - red} of {len(checks)}"
        lines.append(_row([mark, link, good], red=bool(red)))
    head = "<tr><th></th><th>Table</th><th>Checks that hold</th></tr>"
    return f"<table>\n{head}\n" + "\n".join(lines) + "\n</table>"


def _table(name: str, suite: Suite, checks: Sequence[Check], *, k: int) -> str:
    rules = {e["meta"]["check"]: _rule(e) for e in suite.expectations}
    head = (
        "<tr><th></th><th>Check</th><th>Kind</th><th>Rule</th><th>Rows</th>"
        "<th>Against it</th><th>Must hold for</th></tr>"
    )
    lines = [
        _row(
            [
                _MARKS[check.state],
                escape(check.check),
                escape(check.kahn),
                rules.get(check.check, "the table has rows in its current state"),
            ],
            [_told(check.rows, k), _told(check.failed, k), f"{check.mostly:.1%}"],
            red=check.state in _RED,
        )
        for check in sorted(checks, key=lambda check: check.state not in _RED)
    ]
    title = f'<h2 id="{escape(name)}">{escape(name)}</h2>'
    return f"{title}\n<table>\n{head}\n" + "\n".join(lines) + "\n</table>"


def _told(count: int, k: int) -> str:
    return f"&lt;{k}" if is_small(count, k) else f"{count:,}"


def _row(texts: Sequence[str], numbers: Sequence[str] = (), *, red: bool) -> str:
    cells = "".join(f"<td>{text}</td>" for text in texts)
    cells += "".join(f'<td class="number">{number}</td>' for number in numbers)
    shade = ' class="red"' if red else ""
    return f"<tr{shade}>{cells}</tr>"


def _rule(expectation: Mapping[str, Any]) -> str:
    """The expectation in words, or in SQL where it is SQL."""
    kwargs = expectation["kwargs"]
    if "unexpected_rows_query" in kwargs:
        return f"no row of <code>{escape(kwargs['unexpected_rows_query'])}</code>"
    kind = expectation["type"].removeprefix("expect_").replace("_", " ")
    given = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in kwargs.items() if name != "mostly"
    )
    return f"{escape(kind)}: <code>{escape(given)}</code>"


def stay_inside(text: str) -> str:
    """A generated page rewritten so that it fetches and runs nothing, and is the same each time."""
    for pattern in (_SCRIPT, _REMOTE, _FOOTER, _RANDOM_ID):
        text = pattern.sub("", text)
    text = _AWAY.sub('href="index.html"', text)
    return text.replace("</head>", f"{_STYLE}\n</head>", 1)
