"""Which keyring a warehouse belongs to; a lost or foreign one is told before anything is written.

The record is one small file in the warehouse with the keyring's id; the state database keeps the
same id (see `deidentify.installation`), so that neither can be paired with a stranger.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from clearward.errors import ConfigError
from clearward.keyring.keys import Keyring

RECORD = "keyring-id.json"


def claim_warehouse(warehouse: Path, keyring: Keyring) -> None:
    """Record the keyring of a new warehouse; raise ConfigError when it belongs to another one."""
    check_binding(warehouse, keyring)
    if bound_id(warehouse):
        return
    warehouse.mkdir(parents=True, exist_ok=True)
    partial = warehouse / f".{RECORD}.{uuid.uuid4().hex}"  # several may claim at once
    partial.write_text(json.dumps({"keyring": keyring.id}) + "\n")
    partial.replace(warehouse / RECORD)


def check_binding(warehouse: Path, keyring: Keyring) -> None:
    """Raise ConfigError when the warehouse's rows were made with another keyring."""
    check_same(bound_id(warehouse), keyring, where="warehouse")


def check_same(recorded: str, keyring: Keyring, *, where: str) -> None:
    """Raise ConfigError when an id was recorded and the keyring has another one."""
    if recorded and recorded != keyring.id:
        raise ConfigError(
            f"The {where} was made with another keyring; nothing was written.",
            seen=f"keyring {keyring.id}",
            expected=f"keyring {recorded}",
            do="restore that keyring from its backup; if it is lost for good, set up a new home,"
            " and ingest and import everything again",
        )


def bound_id(warehouse: Path) -> str:
    """Id of the keyring a warehouse belongs to; empty when it was never written to."""
    path = warehouse / RECORD
    if not path.exists():
        return ""
    try:
        return str(json.loads(path.read_text())["keyring"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            "The record of the warehouse's keyring is damaged.",
            do=f"restore {RECORD} in the warehouse from its backup",
        ) from None
