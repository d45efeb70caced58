"""The form of a document: its pages, its texts and its files. Which documents there are stands in
`DOCUMENTS`, what one says in its own module.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from clearward.releases.documents.told import Told


class Page(NamedTuple):
    """An HTML page: its template, and its title in both languages."""

    template: str
    title: str
    title_zh: str


def _nothing(_: Told) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Document:
    """One document of a release.

    Attributes:
        pages: file -> page.
        texts: file -> template of a text that is no page.
        values: variables for templates; all pages may use those of every document.
        files: file -> text, for machines.
    """

    pages: Mapping[str, Page]
    texts: Mapping[str, str]
    values: Callable[[Told], Mapping[str, Any]]
    files: Callable[[Told], Mapping[str, str]]


def document(
    pages: Mapping[str, Page] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
    values: Callable[[Told], Mapping[str, Any]] = _nothing,
    files: Callable[[Told], Mapping[str, str]] = _nothing,
) -> Document:
    """A document of which most parts may be left out."""
    return Document(pages or {}, texts or {}, values, files)


def as_json(value: Any) -> str:
    """Stable JSON: the same value is the same bytes."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def as_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> str:
    """CSV of equal dicts; with a byte order mark, without which Excel garbles Chinese."""
    buffer = io.StringIO()
    fields = list(names) or (list(rows[0]) if rows else [])
    writer = csv.DictWriter(buffer, fieldnames=fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + buffer.getvalue()
