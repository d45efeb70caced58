"""Make a Data Docs site that stays in the house: no script, nothing fetched from outside. Add what
a page needs to be read without them; what a page says is Great Expectations' and `gate`'s work.

As generated, every page loads scripts, styles and pictures from a dozen public hosts, so that
reading a report would tell them of it, and a release would carry scripts nobody here has checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_REMOTE = re.compile(r"<(?:link|img|iframe)\b[^>]*[\"']https?://[^>]*>", re.IGNORECASE)
_FOOTER = re.compile(r"<footer\b.*?</footer\s*>", re.DOTALL | re.IGNORECASE)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem;
  color: #1d2733; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #d4dae1; padding: .35rem .6rem; text-align: left;
  vertical-align: top; }
th { background: #f1f4f7; }
code, pre { white-space: pre-wrap; font-size: 13px; }
.badge { border: 1px solid #b9c2cc; border-radius: 4px; padding: 0 .3rem; }
.fa-check-circle::before { content: "\\2713"; color: #14713a; font-style: normal; }
.fa-times::before { content: "\\2717"; color: #b3261e; font-style: normal; }
.fa-exclamation-triangle::before { content: "!"; color: #8a5a00; font-style: normal; }
.modal, .cooltip .top, label, input, button, .navbar-toggler { display: none; }
.container, .container-fluid { padding-top: 0; }
.sticky { position: static; }
</style>"""


def keep_inside(folder: Path) -> int:
    """Rewrite every page below a folder so that it fetches and runs nothing; returns pages."""
    pages = sorted(folder.rglob("*.html"))
    for page in pages:
        page.write_text(_inside(page.read_text(encoding="utf-8")), encoding="utf-8")
    return len(pages)


def write_index(folder: Path, passed: Mapping[str, tuple[int, int]]) -> None:
    """Replace the first page, whose lists only a script would fill.

    Args:
        folder: the site.
        passed: checks passed and checks made per suite.
    """
    lines = []
    for name, (good, made) in sorted(passed.items()):
        result = next((folder / "validations").glob(f"{name}/**/*.html"), None)
        link = f'<a href="{result.relative_to(folder)}">{escape(name)}</a>' if result else name
        suite = f'<a href="expectations/{escape(name)}.html">suite</a>'
        mark = "\u2713" if good == made else "\u2717"
        lines.append(
            f"<tr><td>{mark}</td><td>{link}</td><td>{good} of {made}</td><td>{suite}</td></tr>"
        )
    head = "<tr><th></th><th>Table</th><th>Checks passed</th><th></th></tr>"
    body = f"<h1>Data Docs</h1>\n<table>\n{head}\n" + "\n".join(lines) + "\n</table>"
    title = '<meta charset="UTF-8"><title>Data Docs</title>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{title}\n{_STYLE}'
    (folder / "index.html").write_text(
        f"{page}\n</head><body>\n{body}\n</body></html>\n", encoding="utf-8"
    )


def _inside(text: str) -> str:
    for pattern in (_SCRIPT, _REMOTE, _FOOTER):
        text = pattern.sub("", text)
    return text.replace("</head>", f"{_STYLE}\n</head>", 1)
