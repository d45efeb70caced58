"""The datasheet of a release: what for, what not for, known limits and biases (Gebru et al. 2021).
Figures come from the other documents; this one draws together what a careful reader asks. The whole
datasheet, `datasheet.md`, is written by `standards.datasheet`.
"""

from __future__ import annotations

from clearward.releases.documents.document import Page, document

DOCUMENT = document(
    {"datasheet.html": Page("datasheet.html", "Datasheet and known limits", "数据说明与已知局限")},
)
