"""Batches over all cores, in order. What a batch is and what is done with it belongs to callers."""

from __future__ import annotations

import multiprocessing
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from threading import Thread
from typing import Any, TypeVar

from clearward.errors import DeidentifyError

Batch = TypeVar("Batch")
Result = TypeVar("Result")
AHEAD = 2
# what workers inherit when they are forked, by a token of the call
_JOBS: dict[str, Callable[[Any], Any]] = {}


def each_batch(
    job: Callable[[Batch], Result], batches: Iterable[Batch], *, workers: int
) -> Iterator[Result]:
    """Results in the order of the batches; one batch, or one worker, needs no other process.

    Workers are forked: they share what `job` holds (a hospital's whole list of names) instead of
    copying it, and touch nothing but plain Python and Arrow. At most `AHEAD` batches per worker
    are under way, so memory does not follow the number of batches.

    Raises:
        DeidentifyError: a worker died, out of memory for instance.
    """
    source = iter(batches)
    first = list(islice(source, 2))
    if workers < 2 or len(first) < 2:
        yield from map(job, chain(first, source))
        return
    yield from _forked(job, chain(first, source), workers)


def _forked(
    job: Callable[[Batch], Result], batches: Iterable[Batch], workers: int
) -> Iterator[Result]:
    context = multiprocessing.get_context("fork")
    token = uuid.uuid4().hex
    _JOBS[token] = job
    pending: deque[Future[Any]] = deque()
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
            for batch in batches:
                pending.append(pool.submit(_run, token, batch))
                if len(pending) >= workers * AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
    except BrokenProcessPool:
        raise DeidentifyError(
            "A process that read notes ended before its work was done.",
            seen=f"{workers} workers",
            do="give the machine more memory, or set CLEARWARD_THREADS to fewer",
        ) from None
    finally:
        del _JOBS[token]


def end_with_parent() -> None:
    """Let this process end with the one that forked it, however that one ends."""
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    if parent:
        parent.join()
        os._exit(1)


def _run(token: str, batch: Any) -> Any:
    return _JOBS[token](batch)
