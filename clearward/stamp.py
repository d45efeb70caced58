"""A stamp beside a report that a later step will trust. Only who has the keyring can make it, so a
report that was edited by hand, or brought from another installation, is seen. What a report says
belongs to the room that writes it.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from clearward.errors import ClearwardError
from clearward.keyring import load_keyring
from clearward.settings import Settings
from clearward.warehouse import write_text

ENDING = ".stamp"


def write_stamped(settings: Settings, path: Path, text: str) -> Path:
    """Write a report and its stamp, each whole or not at all; returns the report's path.

    A crash between the two leaves a report that nobody takes.
    """
    stamp_file(settings, write_text(path, text))
    return path


def stamp_file(settings: Settings, path: Path) -> None:
    """Stamp a report that was just written."""
    write_text(_beside(path), _stamp(settings, path.read_bytes()) + "\n")


def read_stamped(settings: Settings, path: Path, *, error: type[ClearwardError], do: str) -> str:
    """A report's text; ``error`` unless it is the one that was stamped with this keyring."""
    content, beside = path.read_bytes(), _beside(path)
    seen = beside.read_bytes().strip() if beside.is_file() else b""
    if not hmac.compare_digest(seen, _stamp(settings, content).encode()):
        raise error(
            f"The report {path} is not the one that was made.",
            seen=f"other bytes than {beside.name} covers" if seen else f"no {beside.name}",
            expected="a report as the step itself wrote it, with this installation's keyring",
            do=do,
        )
    return content.decode()


def _stamp(settings: Settings, content: bytes) -> str:
    key = load_keyring(settings.keyring).key("row", "report")
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ENDING)
