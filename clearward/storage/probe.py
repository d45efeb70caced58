"""Does a store keep its word? Add a probe here when publishing starts to rest on something new.

Some servers echo `If-None-Match` and overwrite anyway: they answer like a store and are none. So
every probe looks at what happened, not at what was answered.
"""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakSet

from clearward.errors import StorageBusyError, StorageError
from clearward.storage.port import KeyChangedError, KeyExistsError, Storage

RACERS = 16
KEEPS_UNCHANGED = frozenset(
    {"conditional create", "race of creators", "compare and swap", "versioning", "object lock"}
)
"""Promises without which a store cannot be called immutable. A store may do without the last two,
but not claim what it does not keep."""
_FORBIDDEN = 403
_LOCKED_SECONDS = 2
_known: WeakSet[Storage] = WeakSet()


@dataclass(frozen=True)
class ProbeResult:
    """One promise: ``ok`` when kept; ``seen`` says in a few words what happened."""

    name: str
    ok: bool
    seen: str


def probe(storage: Storage) -> list[ProbeResult]:
    """Try every promise under ``probe/`` and clean up; takes about three seconds on S3."""
    prefix = f"probe/{uuid.uuid4().hex}"
    tests: dict[str, Callable[[Storage, str], str]] = {
        "round trip": _round_trip,
        "conditional create": _create_once,
        "race of creators": _race,
        "compare and swap": _swap,
        "range": _range,
        "wrong hash": _wrong_hash,
        "versioning": _versioning,
        "object lock": _lock,
        "link expiry": _expiry,
    }
    keys = {name: f"{prefix}-{number}" for number, name in enumerate(tests)}
    try:
        return [_run(name, test, storage, keys[name]) for name, test in tests.items()]
    finally:
        for key in keys.values():
            _clear(storage, key)


def check_immutable(storage: Storage) -> None:
    """Raise StorageError unless the store really refuses to create what exists, also to callers
    who come at the same moment. Asked once of each `Storage`: it is the server that is judged.
    """
    if storage in _known:
        return
    key = f"probe/{uuid.uuid4().hex}"
    try:
        results = [_run(name, test, storage, f"{key}-{name[:4]}") for name, test in _NEEDED.items()]
    finally:
        for name in _NEEDED:
            _clear(storage, f"{key}-{name[:4]}")
    broken = [f"{result.name}: {result.seen}" for result in results if not result.ok]
    if broken:
        raise StorageError(
            "The store cannot keep a release unchanged.",
            seen="; ".join(broken),
            expected="a conditional write that comes second is refused and changes nothing",
            do="use a store that implements If-None-Match and If-Match, or a file:// store",
        )
    _known.add(storage)


def _clear(storage: Storage, key: str) -> None:
    """Leave nothing behind, old versions included; a bucket that locks everything keeps them."""
    with suppress(StorageError):
        storage.delete(key) if storage.versions(key) is None else storage.erase(key)


def _run(name: str, test: Callable[[Storage, str], str], storage: Storage, key: str) -> ProbeResult:
    """A test returns what it saw, or raises _BrokenPromise; a busy store is not a broken one."""
    try:
        return ProbeResult(name, True, test(storage, key))
    except _BrokenPromiseError as broken:
        return ProbeResult(name, False, str(broken))


class _BrokenPromiseError(Exception):
    pass


def _expect(kept: bool, otherwise: str) -> None:
    if not kept:
        raise _BrokenPromiseError(otherwise)


def _round_trip(storage: Storage, key: str) -> str:
    storage.put_bytes(key, b"there and back")
    _expect(storage.get_bytes(key) == b"there and back", "other bytes came back")
    _expect(list(storage.list(key)) == [key], "what was stored is not listed")
    return "same bytes, listed"


def _create_once(storage: Storage, key: str) -> str:
    storage.create(key, b"first")
    try:
        storage.create(key, b"second")
    except KeyExistsError:
        _expect(storage.get_bytes(key) == b"first", "refused, and overwritten all the same")
        return "second create refused"
    raise _BrokenPromiseError("a second create was accepted: the store only pretends")


def _race(storage: Storage, key: str) -> str:
    def enter(racer: int) -> int | None:
        try:
            storage.create(key, str(racer).encode())
        except KeyExistsError:
            return None
        return racer

    with ThreadPoolExecutor(RACERS) as pool:
        winners = [racer for racer in pool.map(enter, range(RACERS)) if racer is not None]
    _expect(len(winners) == 1, f"{len(winners)} winners of {RACERS} racers")
    _expect(storage.get_bytes(key) == str(winners[0]).encode(), "the winner was overwritten")
    return f"1 winner of {RACERS} racers"


def _swap(storage: Storage, key: str) -> str:
    storage.put_bytes(key, b"one")
    first = storage.head(key).etag
    try:
        storage.replace_if(key, b"two", etag=first)
    except KeyChangedError:
        raise _BrokenPromiseError("a swap is refused although nothing was changed") from None
    try:
        storage.replace_if(key, b"three", etag=first)
    except KeyChangedError:
        _expect(storage.get_bytes(key) == b"two", "refused, and overwritten all the same")
        return "stale swap refused"
    raise _BrokenPromiseError("a stale swap was accepted")


_NEEDED: Mapping[str, Callable[[Storage, str], str]] = {
    "conditional create": _create_once,
    "race of creators": _race,
    "compare and swap": _swap,
}


def _range(storage: Storage, key: str) -> str:
    storage.put_bytes(key, bytes(range(200)))
    with storage.open_range(key, 10, length=20) as stream:
        _expect(stream.read() == bytes(range(10, 30)), "another range than asked for")
    return "20 of 200 bytes"


def _wrong_hash(storage: Storage, key: str) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(b"content")
        try:
            storage.put_file(key, path, sha256=hashlib.sha256(b"other").hexdigest())
        except StorageError:
            _expect(not list(storage.list(key)), "refused, and stored all the same")
            return "refused"
    raise _BrokenPromiseError("a file with another SHA-256 was accepted")


def _versioning(storage: Storage, key: str) -> str:
    for content in (b"one", b"two"):
        storage.put_bytes(key, content)
    if storage.versions(key) is None:
        return "off: what is overwritten or deleted is gone"
    storage.delete(key)
    kept = len(storage.versions(key) or ())
    _expect(kept > 1, "said to be on, and the first content is gone all the same")
    return "on: what is overwritten or deleted stays until it is erased"


def _lock(storage: Storage, key: str) -> str:
    if not storage.lock(key, b"locked", seconds=_LOCKED_SECONDS):
        return "off: whoever has write access can delete"
    try:
        storage.erase(key)
    except StorageBusyError:
        raise
    except StorageError:
        _expect(storage.get_bytes(key) == b"locked", "refused, and erased all the same")
        return "a locked object cannot be erased"
    raise _BrokenPromiseError("said to be on, and a locked object was erased all the same")


def _expiry(storage: Storage, key: str) -> str:
    storage.put_bytes(key, b"short-lived")
    url = storage.presign(key, expires=1, filename="probe.txt")
    if url is None:
        return "no links of its own: the delivery service signs them"
    _expect(_status(url) == 200, "a fresh link does not work")
    time.sleep(2.5)
    _expect(_status(url) == _FORBIDDEN, "an expired link still works")
    return "expired link refused"


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - URL is our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise _BrokenPromiseError("the link leads nowhere") from error
