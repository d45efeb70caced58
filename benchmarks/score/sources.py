"""Where the public sets lie, and which half a document belongs to."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from clearward.errors import ConfigError


def data_folder(*parts: str) -> Path:
    """A file or folder of the shared data (``CLEARWARD_DATA``, default ``../shared/data``)."""
    path = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")).joinpath(*parts)
    if not path.exists():
        raise ConfigError(
            "A set that is scored is not here.",
            seen="/".join(parts),
            do="set CLEARWARD_DATA to the folder of the public sets",
        )
    return path


def half_of(document: str) -> str:
    """``tuned`` or ``sealed``, by the hash of a document's own text or stable id.

    Case and spaces are ignored, so that copies of a text fall on the same side.
    """
    plain = " ".join(document.lower().split())
    return "sealed" if hashlib.sha256(plain.encode()).digest()[0] & 1 else "tuned"
