"""The addresses that hand out links to rows: the files of a table, and its change data feed (Delta
Sharing protocol, "Read Data from a Table", "Read Change Data Feed from a Table"). What a feed says
belongs to `releases.feed`, making and keeping it to `sharing.feeds`.

A range is answered with the versions in it that the licence may have now, each against the one that
a buyer who followed the product had before: so what a recalled version brought is taken back by the
next. The version before the range is asked whether the licence covers it, not whether it is still
handed out: its feed names keys it held and none of its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from clearward.licensing.delivery import Linker
from clearward.licensing.ledger import Kind
from clearward.licensing.model import Reason
from clearward.service.desk import Parcel
from clearward.service.problems import NO_TABLE, RefusedError
from clearward.service.shares import Place, Shelf, format_of, lines_response, query
from clearward.service.sharing_asks import ChangesAsk, read_changes, read_query
from clearward.sharing.feeds import Feed, feed_path, find_feed, make_feed
from clearward.sharing.messages import (
    SharedFile,
    change_line,
    head_lines,
    insert_line,
    metadata_line,
    ndjson,
)
from clearward.sharing.tables import SharedTable
from clearward.sharing.versions import Numbered

# Still covered, only no longer handed out
_HAD_BEFORE = frozenset({Reason.GRANTED, Reason.RETIRED_RELEASE, Reason.RECALLED_RELEASE})


@dataclass(frozen=True)
class _Step:
    """From what the buyer had (None: nothing) to a version."""

    base: Numbered | None
    table: SharedTable


@dataclass(frozen=True)
class Reading:
    """Handlers that hand out links to rows."""

    shelf: Shelf

    async def query(self, request: Request) -> Response:
        """Files of a table at a version; see `shares.query`."""
        ask = read_query(await request.body())
        return await run_in_threadpool(query, self.shelf, request, ask)

    def changes(self, request: Request) -> Response:
        """What changed from one version to another, both included."""
        ask = read_changes(request)
        place = self.shelf.place(request)
        steps = self._steps(place, ask)
        newest = steps[-1].table
        form = format_of(request, newest, for_changes=True)
        linker = self.shelf.linker(request, place.bearer)
        first = steps[0].table.version
        lines = head_lines(replace(newest.head, version=first), form)
        if ask.with_metadata:
            lines += [metadata_line(table.head, form) for table in _columns_changed(steps)]
        parcels = []
        for step in steps:
            line = insert_line if step.base is None else change_line
            files, parcel = self._handed(place, step, linker)
            lines += [line(file, form) for file in files]
            parcels.append(parcel)
        if request.method == "GET":
            self.shelf.desk.hand_over(request, place.bearer, parcels, absent=NO_TABLE)
        return lines_response(first, form, ndjson(lines))

    def _steps(self, place: Place, ask: ChangesAsk) -> list[_Step]:
        """One step per version of the range that may be had now and holds the table; RefusedError
        for none.
        """
        chosen = [version for version in place.versions if ask.holds(version)]
        found = [self.shelf.find(place, version) for version in chosen]
        tables = [each for each in found if isinstance(each, SharedTable)]
        if not tables:
            self.shelf.open(place, None)
        bases = [self._had_before(place, chosen[0]), *(table.version for table in tables)]
        return [_Step(base, table) for base, table in zip(bases, tables, strict=False)]

    def _had_before(self, place: Place, first: Numbered) -> Numbered | None:
        for version in reversed(place.versions[: first.number]):
            decision = self.shelf.desk.decide(place.bearer, place.product, version.version)
            if decision.reason in _HAD_BEFORE:
                return version
        return None

    def _handed(
        self, place: Place, step: _Step, linker: Linker
    ) -> tuple[Sequence[SharedFile], Parcel]:
        """The files of a step, and what goes on record for them."""
        table, copy = step.table, step.table.copy
        if step.base is None:
            files = [self.shelf.shared_file(linker, table, part) for part in table.parts]
            own = all(linker.is_own(file.url) for file in files)
            kind = Kind.LINKS if own else Kind.PRESIGNED
            return files, Parcel(copy, kind, f"data/{table.name}/*")
        entry = self._feed(place, table, step.base).entry
        file = SharedFile(
            url=linker.own_link(copy.manifest.product, str(copy.manifest.version), entry.path),
            sha256=entry.sha256,
            bytes=entry.bytes,
            version=table.version,
            expires=int(linker.until.timestamp() * 1000),
        )
        return [file], Parcel(copy, Kind.LINKS, entry.path)

    def _feed(self, place: Place, table: SharedTable, base: Numbered) -> Feed:
        """The feed since a version; made in the builder's thread, once for all who ask."""
        desk, copy = self.shelf.desk, table.copy
        path = feed_path(table.name, base.version)
        found = find_feed(desk.settings, copy, path)
        if found:
            return found
        older = desk.manifest(place.product, base.version)
        if older is None:
            raise RefusedError(NO_TABLE)
        return desk.copies.build(
            f"{copy.copy_id or copy.canonical_sha256}/{path}",
            lambda: make_feed(
                desk.copies, place.bearer.licence, newer=copy, older=older, table=table.name
            ),
        )


def _columns_changed(steps: Sequence[_Step]) -> list[SharedTable]:
    """The first table of a range, and those that have other columns than the one before."""
    tables = [step.table for step in steps]
    shapes = [(table.head.order, table.head.columns) for table in tables]
    return [t for t, now, was in zip(tables, shapes, [None, *shapes], strict=False) if now != was]
