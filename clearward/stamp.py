"""A stamp beside a report that a later step will trust: only who has the keyring can make it, so a
report that was edited by hand, or brought from another installation, is seen. What a report says
belongs to the room that writes it.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from clearward.errors import ClearwardError
from clearward.keyring import load_keyring
from clearward.warehouse import write_text

_ENDING = ".stamp"


def write_stamped(path: Path, text: str, *, keyring: Path) -> Path:
    """Write a report and its stamp, each whole or not at all; returns the report's path.

    A crash between the two leaves a report without a valid stamp, which nobody takes.
    """
    write_text(_beside(path), _stamp(text.encode(), keyring) + "\n")
    return write_text(path, text)


def read_stamped(path: Path, *, keyring: Path, error: type[ClearwardError], do: str) -> str:
    """The report's text; ``error`` unless it is the one that was stamped with this keyring."""
    content = path.read_bytes()
    beside = _beside(path)
    seen = beside.read_text(encoding="ascii", errors="replace").strip() if beside.is_file() else ""
    if not hmac.compare_digest(seen.encode(), _stamp(content, keyring).encode()):
        raise error(
            f"The report {path} is not the one that was written.",
            seen="another content than its stamp covers" if seen else f"no stamp {beside.name}",
            expected="the bytes that the step itself wrote, with this installation's keyring",
            do=do,
        )
    return content.decode()


def _stamp(content: bytes, keyring: Path) -> str:
    key = load_keyring(keyring).key("row", "report")
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + _ENDING)
