"""What every store must be able to do, and how it says no. No store's own words belong here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from clearward.errors import StorageError

CHUNK = 1 << 20

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@ -]*")


class KeyExistsError(StorageError):
    """`create` found something under the key; what is there has not been touched."""


class KeyMissingError(StorageError):
    """Nothing is stored under the key."""


class KeyChangedError(StorageError):
    """`replace_if` found another content than the caller had read."""


@dataclass(frozen=True)
class Head:
    """What is known of an object without reading it.

    Attributes:
        size: bytes.
        sha256: of the content, 64 hex characters; empty where the store was not told it.
        etag: opaque; changes with the content; for `Storage.replace_if`.
    """

    size: int
    sha256: str
    etag: str


class Storage(Protocol):
    """A flat space of keys. Every write is seen whole or not at all.

    All methods raise StorageError, StorageBusyError where a later attempt may succeed.
    """

    def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        """Store a file; StorageError, and nothing stored, when its SHA-256 is another one."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes, in place of what was there."""

    def create(self, key: str, data: bytes) -> None:
        """Store bytes where nothing is; KeyExistsError otherwise. Of racers, exactly one wins."""

    def replace_if(self, key: str, data: bytes, *, etag: str) -> None:
        """Store bytes where the content still has this ETag; KeyChangedError otherwise."""

    def get_bytes(self, key: str) -> bytes:
        """The whole content; KeyMissingError."""

    def open_range(self, key: str, start: int = 0, *, length: int | None = None) -> BinaryIO:
        """A stream from byte ``start`` over ``length`` bytes, or to the end; close it."""

    def head(self, key: str) -> Head:
        """Size, SHA-256 and ETag; KeyMissingError."""

    def list(self, prefix: str) -> Iterator[str]:
        """Keys that start with the prefix, sorted."""

    def delete(self, key: str) -> None:
        """Remove; nothing happens where nothing is."""

    def presign(self, key: str, *, expires: int, filename: str) -> str | None:
        """A URL good for ``expires`` seconds, or None where the store serves no URLs itself."""

    def versions(self, key: str) -> tuple[str, ...] | None:
        """Ids of every content the store still has under the key, deleted ones too, newest first;
        None where it keeps one content and an overwritten one is gone."""

    def lock(self, key: str, data: bytes, *, seconds: int) -> bool:
        """Store bytes that nobody can erase for so many seconds; False, and nothing stored, where
        the store has no object lock."""

    def erase(self, key: str) -> None:
        """Delete every version, so that nothing is left; StorageError where a lock stands."""


def check_key(key: str) -> str:
    """Return the key, or raise StorageError: relative, no dot segments, plain characters."""
    if len(key) > 900 or not all(_SEGMENT.fullmatch(part) for part in key.split("/")):
        raise StorageError(
            "Not a key of the store.",
            seen=f"{len(key)} characters",
            expected="segments of letters, digits and ._=+@- joined by '/', none led by a dot",
        )
    return key


def missing(key: str) -> KeyMissingError:
    """The error for a key under which nothing is."""
    return KeyMissingError(f"Nothing is stored at {key}.", do="list the store")


def wrong_hash(key: str, *, seen: str, expected: str) -> StorageError:
    """The error for a file that is not the one its caller named."""
    return StorageError(
        f"The file for {key} is not the one that was named.",
        seen=f"SHA-256 {seen[:12]}…",
        expected=f"SHA-256 {expected[:12]}…",
        do="find what changed the file, and start again from the step that made it",
    )


def exists(key: str) -> KeyExistsError:
    """The error for a key that is taken."""
    return KeyExistsError(f"{key} is already stored and never changes.", do="read what is there")


def changed(key: str) -> KeyChangedError:
    """The error for a content that moved on."""
    return KeyChangedError(f"{key} was changed by someone else.", do="read it and try again")
