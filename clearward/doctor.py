"""What is wrong with this installation, and what to do about it. Checks only; mends nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from clearward.deidentify.installation import check_installation
from clearward.errors import ClearwardError
from clearward.keyring import PURPOSES, load_keyring
from clearward.keyring.store import describe_seal, unlock_source
from clearward.settings import Settings
from clearward.state.base import state_engine
from clearward.state.migrate import check_migrated
from clearward.storage import open_storage
from clearward.storage.probe import KEEPS_UNCHANGED, probe

_PACKAGES = {"dagster": "1.13", "dbt-core": "1.11", "duckdb": "1.5", "great-expectations": "1.24"}
_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen, and whether it will do."""

    area: str
    check: str
    is_ok: bool
    seen: str

    def row(self) -> dict[str, object]:
        """The finding as a table row."""
        return {"area": self.area, "check": self.check, "ok": self.is_ok, "seen": self.seen}


def examine(settings: Settings) -> list[Finding]:
    """Every finding; a check that cannot run is a finding that is not ok."""
    checks = (_environment, _disk, _keyring, _database, _store)
    return [finding for check in checks for finding in _guarded(check, settings)]


def _guarded(
    check: Callable[[Settings], Iterator[Finding]], settings: Settings
) -> Iterator[Finding]:
    area = check.__name__.strip("_")
    try:
        yield from check(settings)
    except ClearwardError as refusal:
        yield Finding(area, "can be used", False, str(refusal))


def _environment(_: Settings) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("environment", "Python 3.11 or newer", sys.version_info >= (3, 11), python)
    for name, wanted in _PACKAGES.items():
        try:
            seen = version(name)
        except PackageNotFoundError:
            seen = "not installed: run `make setup`"
        yield Finding("environment", f"{name} {wanted}", seen.startswith(wanted + "."), seen)


def _disk(settings: Settings) -> Iterator[Finding]:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    yield Finding("disk", "2 GB free", free > _FREE_BYTES, f"{free / 1024**3:.1f} GB")
    yield Finding("disk", "home can be written", os.access(settings.home, os.W_OK), "")


def _keyring(settings: Settings) -> Iterator[Finding]:
    keyring = load_keyring(settings.keyring)
    for purpose in PURPOSES:
        keyring.key(purpose)
    yield Finding("keyring", "has every key, mode 0600", True, f"{len(PURPOSES)} keys")
    yield Finding("keyring", "is sealed", True, describe_seal(settings.keyring))
    source = unlock_source(settings.keyring)
    yield Finding("keyring", "can be opened", True, _whereabouts(source))
    check_installation(settings, keyring, state_engine(settings.database))
    yield Finding("keyring", "belongs to warehouse and state", True, keyring.id)


def _whereabouts(source: str) -> str:
    # A finding that recommends and does not fail: a sample installation has nowhere else.
    kind = source.partition(":")[0]
    if kind == "file":
        return f"{source}: move it to a token or name a KMS before real patients are loaded"
    return kind


def _database(settings: Settings) -> Iterator[Finding]:
    engine = state_engine(settings.database)
    check_migrated(engine)
    yield Finding("database", "reached, at this version's revision", True, engine.dialect.name)


def _store(settings: Settings) -> Iterator[Finding]:
    results = probe(open_storage(settings))
    for result in results:
        yield Finding("store", result.name, result.ok, result.seen)
    broken = [result.name for result in results if result.name in KEEPS_UNCHANGED and not result.ok]
    words = "keeps what exists" if not broken else f"only pretends: {', '.join(broken)}"
    yield Finding("store", "immutable", not broken, words)
