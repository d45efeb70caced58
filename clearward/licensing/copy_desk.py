"""Handing out copies without making buyers wait for them: a copy that is not there is built beside
the requests, one at a time. What a copy is belongs to `copies`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Semaphore
from typing import Any, TypeVar, cast

from clearward.errors import StorageBusyError
from clearward.keyring import Keyring
from clearward.licensing.copies import (
    CopyOfRelease,
    canonical_copy,
    copy_id,
    find_copy,
    make_copy,
)
from clearward.licensing.model import Copy, Licence
from clearward.releases.manifest import Manifest
from clearward.settings import Settings
from clearward.storage import Storage

WAIT_SECONDS = 20.0
MOST_WAITING = 8  # requests that may wait; each holds one of the service's threads
Made = TypeVar("Made")


class CopyDesk:
    """Copies for one process; safe to call from many threads."""

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        storage: Storage,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.settings, self.keyring, self.storage = settings, keyring, storage
        self.wait_seconds = wait_seconds
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="copies")
        self._running: dict[str, Future[Any]] = {}
        self._lock = Lock()
        self._seats = Semaphore(MOST_WAITING)

    def open(self, canonical: Manifest, licence: Licence) -> CopyOfRelease:
        """What the licence delivers of a release.

        Raises:
            StorageBusyError: the copy is still being built; the same call succeeds later.
            ReleaseError: it cannot be built, see `copies.make_copy`.
        """
        if licence.copy is Copy.CANONICAL:
            return canonical_copy(self.storage, canonical)
        found = find_copy(self.settings, self.keyring, canonical, licence=licence)
        if found:
            return found
        name = copy_id(self.keyring, canonical, licence.licensee, copy=licence.copy)
        return self.build(
            name,
            lambda: make_copy(
                self.settings, self.keyring, self.storage, canonical=canonical, licence=licence
            ),
        )

    def build(self, name: str, work: Callable[[], Made]) -> Made:
        """The result of a piece of work, which is done once for all who ask for it by its name.

        Raises StorageBusyError while it is not done; the same call succeeds later.
        """
        future = self._submit(name, work)
        if not self._seats.acquire(blocking=False):
            raise _still_building()
        try:
            return cast(Made, future.result(self.wait_seconds))
        except TimeoutError:
            raise _still_building() from None
        finally:
            self._seats.release()

    def _submit(self, name: str, work: Callable[[], object]) -> Future[Any]:
        with self._lock:
            self._running = {n: f for n, f in self._running.items() if not f.done()}
            if name not in self._running:
                self._running[name] = self._builder.submit(work)
            return self._running[name]


def _still_building() -> StorageBusyError:
    return StorageBusyError("The copy is still being made.", do="ask again in ten seconds")
