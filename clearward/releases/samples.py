"""The evaluation sample inside a release: ``synthetic_sample/``. How it was made, and what it cost,
belongs to `synthetic`.

A sample is made once and reused, so it is the same bytes in every release that carries it. It is no
part of what a person approves (`tables.content_hash`) and moves no version.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from clearward.releases.tables import TableFile
from clearward.settings import Settings
from clearward.synthetic.store import find_sample

FOLDER = "synthetic_sample"


def place_sample(
    settings: Settings, tables: Sequence[TableFile], folder: Path, *, product: str
) -> str:
    """Put the product's sample into a release's folder; returns its SHA-256, or '' without one.

    Raises:
        StateError: the sample that is on record is gone or changed.
    """
    schema = {table.table: table.schema for table in tables}
    sample = find_sample(settings, product, schema=schema)
    if sample is None:
        return ""
    target = folder / FOLDER
    target.mkdir(parents=True)
    for path in sample.files:
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)
    return sample.stored.sha256
