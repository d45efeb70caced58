"""The documents that travel with a release: one module per document, one line in `DOCUMENTS`. What
a figure means is decided by the room that measured it, and how a page looks by `templates`.

Every page stands alone: no origin but the file itself. Counts from 1 to k-1 are shown as ``<k``.
No document holds the time it was made, so the same inputs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearward.releases.documents import (
    arrival,
    attrition,
    codebook,
    consent,
    counsel,
    data_docs,
    datasheet,
    dictionary,
    index,
    mapping,
    missingness,
    notes,
    privacy,
    provenance,
    quality,
    quick_starts,
    representativeness,
    risk,
    scorecard,
    terms,
)
from clearward.releases.documents.document import Document, Page
from clearward.releases.documents.pages import environment
from clearward.releases.documents.told import Told
from clearward.releases.manifest import SUMS_NAME
from clearward.releases.readers import public_only
from clearward.releases.samples import FOLDER as SAMPLE_FOLDER

__all__ = ["DOCUMENTS", "PAGES", "PARTS", "Told", "write_documents"]

PARTS: tuple[tuple[str, str, tuple[Document, ...]], ...] = (
    ("Overview", "概览", (index.DOCUMENT, datasheet.DOCUMENT, notes.DOCUMENT)),
    ("What is in it", "内容", (dictionary.DOCUMENT, codebook.DOCUMENT, missingness.DOCUMENT)),
    (
        "Who is in it",
        "人群",
        (attrition.DOCUMENT, representativeness.DOCUMENT, consent.DOCUMENT),
    ),
    (
        "How good it is",
        "质量",
        (scorecard.DOCUMENT, quality.DOCUMENT, mapping.DOCUMENT, arrival.DOCUMENT),
    ),
    ("How private it is", "隐私", (privacy.DOCUMENT, risk.DOCUMENT, counsel.DOCUMENT)),
    ("How to use it", "使用", (terms.DOCUMENT, quick_starts.DOCUMENT, provenance.DOCUMENT)),
)
"""Every document, in the order and under the headings in which a page's menu names them."""

DOCUMENTS = tuple(each for _, _, part in PARTS for each in part)
PAGES: Mapping[str, Page] = {n: page for each in DOCUMENTS for n, page in each.pages.items()}


def write_documents(folder: Path, told: Told, *, docs: Path | None) -> None:
    """Write every document into a release's folder, beside ``data``.

    Args:
        folder: of the release; the evaluation sample, if there is one, lies in it.
        told: what may be told.
        docs: Great Expectations' own pages, if there are any.
    """
    own = [each.values(told) for each in DOCUMENTS]
    context = _context(told, folder, own, has_data_docs=docs is not None)
    templates = environment(told.k)
    for each, values in zip(DOCUMENTS, own, strict=True):
        for name, page in each.pages.items():
            text = templates.get_template(page.template).render(
                {**context, "title": page.title, "title_zh": page.title_zh, "page": name}
            )
            _write(folder / name, text)
        for name, template in each.texts.items():
            _write(folder / name, templates.get_template(template).render(context))
        for name, text in each.files(told, values).items():
            _write(folder / name, text)
    if docs:
        data_docs.copy(docs, folder / "quality" / "data_docs")


def _context(
    told: Told, folder: Path, own: Sequence[Mapping[str, Any]], *, has_data_docs: bool
) -> dict[str, Any]:
    """Variables of all templates: what may be told, then every document's own values."""
    return {
        **told.figures,
        "product": told.product,
        "tables": told.tables,
        "version": told.version,
        "month": told.month,
        "gate": told.gate,
        "pages": PAGES,
        "parts": [
            (title, zh, {n: PAGES[n] for each in part for n in public_only(each.pages)})
            for title, zh, part in PARTS
        ],
        "licensed_pages": sorted(set(PAGES) - set(public_only(PAGES))),
        "sums_name": SUMS_NAME,
        "has_data_docs": has_data_docs,
        "has_sample": (folder / SAMPLE_FOLDER / "README.md").is_file(),
        **{name: value for values in own for name, value in values.items()},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
