"""A directory as a store: the default, for one machine or a shared mount with POSIX links.

Unfinished writes live in ``.partial``, which no key can name: a crash leaves nothing visible.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clearward.errors import StorageBusyError, StorageError
from clearward.storage import port
from clearward.storage.port import CHUNK, Head, check_key

PARTIAL = ".partial"


class LocalStorage:
    """Objects are files under ``root``; the ETag is the content's SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()

    def __repr__(self) -> str:
        return f"LocalStorage({self.root})"

    def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        """See `Storage.put_file`; hashes while copying."""
        with self._partial(key) as (partial, target), _translated(key):
            with path.open("rb") as source:
                seen = _copy(source, partial)
            if seen != sha256:
                raise port.wrong_hash(key, seen=seen, expected=sha256)
            _promote(partial, target)

    def put_bytes(self, key: str, data: bytes) -> None:
        """See `Storage.put_bytes`."""
        with self._partial(key) as (partial, target), _translated(key):
            _write(partial, data)
            _promote(partial, target)

    def create(self, key: str, data: bytes) -> None:
        """See `Storage.create`: a hard link is made by one caller only, and only when complete."""
        with self._partial(key) as (partial, target), _translated(key):
            _write(partial, data)
            try:
                os.link(partial, target)
            except FileExistsError as error:
                raise port.exists(key) from error
            _sync_folder(target.parent)

    def replace_if(self, key: str, data: bytes, *, etag: str) -> None:
        """See `Storage.replace_if`; callers on one machine or NFSv4 exclude each other by flock."""
        with self._partial(key) as (partial, target), self._locked(), _translated(key):
            if self.head(key).etag != etag:
                raise port.changed(key)
            _write(partial, data)
            _promote(partial, target)

    def get_bytes(self, key: str) -> bytes:
        """See `Storage.get_bytes`."""
        with _translated(key):
            return self._path(key).read_bytes()

    def open_range(self, key: str, start: int = 0, *, length: int | None = None) -> BinaryIO:
        """See `Storage.open_range`."""
        with _translated(key):
            file = self._path(key).open("rb")
        file.seek(start)
        return file if length is None else _Window(file, length)  # type: ignore[return-value]

    def head(self, key: str) -> Head:
        """See `Storage.head`; reads the whole file, so what it says is what is on the disk."""
        with _translated(key), self._path(key).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Head(size=file.tell(), sha256=digest, etag=digest)

    def list(self, prefix: str) -> Iterator[str]:
        """See `Storage.list`."""
        folder = self.root / prefix.rpartition("/")[0]
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise StorageError("Not a prefix of the store.", expected="a relative prefix")
        files = (path for path in folder.rglob("*") if path.is_file())
        keys = (path.relative_to(self.root).as_posix() for path in files)
        return iter(sorted(k for k in keys if k.startswith(prefix) and not k.startswith(".")))

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        self._path(key).unlink(missing_ok=True)

    def presign(self, key: str, *, expires: int, filename: str) -> str | None:
        """None: the delivery service signs links to a directory."""
        return None

    def versions(self, key: str) -> tuple[str, ...] | None:
        """None: an overwritten file is gone."""
        return None

    def lock(self, key: str, data: bytes, *, seconds: int) -> bool:
        """False: whoever may write in the folder can delete."""
        return False

    def erase(self, key: str) -> None:
        """See `Storage.erase`."""
        self.delete(key)

    def _path(self, key: str) -> Path:
        path = self.root / check_key(key)
        if not path.parent.resolve().is_relative_to(self.root.resolve()) or path.is_symlink():
            raise StorageError(
                f"{key} leads out of the store.",
                seen="a symbolic link",
                do="remove the link from the store's folder",
            )
        return path

    @contextmanager
    def _partial(self, key: str) -> Iterator[tuple[Path, Path]]:
        target = self._path(key)
        partial = self.root / PARTIAL / uuid.uuid4().hex
        with _translated(key):
            partial.parent.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial, target
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.root / PARTIAL / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Window:
    """The first ``left`` bytes of an open file."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file, self._left = file, left

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> _Window:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """The operating system's refusals in the store's words."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise port.missing(key) from error
    except (InterruptedError, BlockingIOError, TimeoutError) as error:
        raise StorageBusyError(f"The store did not answer for {key}.", do="try again") from error
    except OSError as error:
        raise StorageError(
            f"The store's folder refused {key}.",
            seen=os.strerror(error.errno or 0),
            do="check rights, free space and the mount",
        ) from error


def _copy(source: BinaryIO, partial: Path) -> str:
    digest = hashlib.sha256()
    with partial.open("xb") as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _write(partial: Path, data: bytes) -> None:
    with partial.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _promote(partial: Path, target: Path) -> None:
    partial.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the name durable too, not only the bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
