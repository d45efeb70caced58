"""Where a release comes from, for machines. Gathering it belongs to `releases.lineage`."""

from __future__ import annotations

from collections.abc import Mapping

from clearward.releases.documents.document import as_json, document
from clearward.releases.documents.told import Told


def _files(told: Told) -> Mapping[str, str]:
    return {"provenance.json": as_json(told.figures["lineage"])}


DOCUMENT = document(files=_files)
