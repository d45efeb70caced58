"""The data card: the first page of a release, and its text for those who read no HTML."""

from __future__ import annotations

from clearward.releases.documents.document import Page, document

DOCUMENT = document(
    {"index.html": Page("index.html", "Data card", "数据卡片")}, texts={"README.md": "README.md"}
)
