"""The documents that travel with a release: one module per document, one line in `DOCUMENTS`. What
a figure means is decided by the room that measured it, and how a page looks by `templates`.

Every page stands alone: no origin but the file itself. Counts from 1 to k-1 are shown as ``<k``.
No document holds the time it was made, so the same inputs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearward.releases import croissant
from clearward.releases.documents import (
    attrition,
    consent,
    counsel,
    data_docs,
    dictionary,
    index,
    notes,
    privacy,
    provenance,
    quality,
    quick_starts,
    risk,
)
from clearward.releases.documents.document import Document, Page
from clearward.releases.documents.pages import environment
from clearward.releases.documents.told import Told
from clearward.releases.manifest import SUMS_NAME
from clearward.releases.samples import FOLDER as SAMPLE_FOLDER

__all__ = ["DOCUMENTS", "PAGES", "Told", "write_documents"]

DOCUMENTS: tuple[Document, ...] = (
    index.DOCUMENT,
    dictionary.DOCUMENT,
    quality.DOCUMENT,
    attrition.DOCUMENT,
    consent.DOCUMENT,
    privacy.DOCUMENT,
    risk.DOCUMENT,
    counsel.DOCUMENT,
    notes.DOCUMENT,
    quick_starts.DOCUMENT,
    provenance.DOCUMENT,
)
"""In the order in which a page's head names them."""

PAGES: Mapping[str, Page] = {n: page for each in DOCUMENTS for n, page in each.pages.items()}


def write_documents(folder: Path, told: Told, *, docs: Path | None) -> None:
    """Write every document into a release's folder, beside ``data``.

    Args:
        folder: of the release; the evaluation sample, if there is one, lies in it.
        told: what may be told.
        docs: Great Expectations' own pages, if there are any.
    """
    context = _context(told, folder, has_data_docs=docs is not None)
    templates = environment(told.k)
    for each in DOCUMENTS:
        for name, (template, title, title_zh) in each.pages.items():
            page = {**context, "title": title, "title_zh": title_zh, "page": name}
            _write(folder / name, templates.get_template(template).render(page))
        for name, template in each.texts.items():
            _write(folder / name, templates.get_template(template).render(context))
        for name, text in each.files(told).items():
            _write(folder / name, text)
    texts, place = told.dictionary, {"version": told.version, "month": told.month}
    described = croissant.describe(told.product, told.tables, texts=texts, **place)
    _write(folder / croissant.NAME, croissant.to_text(described))
    if docs:
        data_docs.copy(docs, folder / "quality" / "data_docs")


def _context(told: Told, folder: Path, *, has_data_docs: bool) -> dict[str, Any]:
    values = {name: value for each in DOCUMENTS for name, value in each.values(told).items()}
    return {
        **told.figures,
        "product": told.product,
        "tables": told.tables,
        "version": told.version,
        "month": told.month,
        "gate": told.gate,
        "pages": PAGES,
        "sums_name": SUMS_NAME,
        "has_data_docs": has_data_docs,
        "has_sample": (folder / SAMPLE_FOLDER / "README.md").is_file(),
        **values,
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
