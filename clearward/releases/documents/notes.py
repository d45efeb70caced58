"""The release notes. What changed is counted by `releases.changes`."""

from __future__ import annotations

from clearward.releases.documents.document import document

DOCUMENT = document(texts={"release_notes.md": "release_notes.md"})
