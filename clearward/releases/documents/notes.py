"""The release notes, for people and machines. What changed is counted by `releases.changes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.releases.comparison import changes_document
from clearward.releases.documents.document import as_json, document
from clearward.releases.documents.told import Told


def _files(told: Told, _: Mapping[str, Any]) -> Mapping[str, str]:
    return {"changes.json": as_json(changes_document(told.figures))}


DOCUMENT = document(texts={"release_notes.md": "release_notes.md"}, files=_files)
