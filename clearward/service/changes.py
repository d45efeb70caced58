"""The change data feed's address (Delta Sharing protocol, "Read Change Data Feed from a Table").
What a feed says belongs to `releases.feed`, keeping it to `sharing.feeds`.

A range is answered with the versions in it that the licence may have now, each against the one that
a buyer who followed the product had before: so what a recalled version brought is taken back by the
next. The version before the range is asked whether the licence covers it, not whether it is still
handed out: its feed names keys it held and none of its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from clearward.licensing.copies import (
    CopyOfRelease,
    canonical_copy,
    find_copy,
    forget_copy,
    make_copy,
)
from clearward.licensing.delivery import Linker
from clearward.licensing.ledger import Kind
from clearward.licensing.model import Copy, Licence, Reason
from clearward.releases.manifest import Manifest
from clearward.service.desk import Parcel
from clearward.service.problems import NO_TABLE, RefusedError
from clearward.service.shares import Place, Shelf, format_of, lines_response, query
from clearward.service.sharing_asks import read_changes, read_query
from clearward.sharing.feeds import Feed, feed_path, find_feed, make_feed
from clearward.sharing.messages import (
    SharedFile,
    change_line,
    head_lines,
    insert_line,
    ndjson,
)
from clearward.sharing.tables import SharedTable, find_name, table_names
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
        chosen = [v for v in place.versions if _is_in(v, ask.start, ask.end)]
        steps = self._steps(place, chosen)
        newest = steps[-1].table
        form = format_of(request, newest, for_changes=True)
        linker = self.shelf.linker(request, place.bearer)
        lines, parcels = [], []
        for step in steps:
            files, kind, path = self._files(place, step, linker)
            line = insert_line if step.base is None else change_line
            lines += [line(file, form) for file in files]
            parcels.append(Parcel(step.table.copy, kind, path))
        if request.method == "GET":
            self.shelf.desk.hand_over(request, place.bearer, parcels)
        head = replace(newest.head, version=chosen[0])
        return lines_response(chosen[0], form, ndjson([*head_lines(head, form), *lines]))

    def _steps(self, place: Place, chosen: Sequence[Numbered]) -> list[_Step]:
        """One step per version that may be had now and holds the table; RefusedError for none."""
        base = self._had_before(place, chosen[0]) if chosen else None
        steps = []
        for version in chosen:
            if not self._holds(place, version):
                continue
            steps.append(_Step(base, self.shelf.open(place, version)))
            base = version
        if not steps:
            self.shelf.open(place, None)
        return steps

    def _had_before(self, place: Place, first: Numbered) -> Numbered | None:
        for version in reversed(place.versions[: first.number]):
            decision = self.shelf.desk.decide(place.bearer, place.product, version.version)
            if decision.reason in _HAD_BEFORE:
                return version
        return None

    def _holds(self, place: Place, version: Numbered) -> bool:
        desk = self.shelf.desk
        if not desk.decide(place.bearer, place.product, version.version).allowed:
            return False
        manifest = desk.manifest(place.product, version.version)
        return manifest is not None and find_name(table_names(manifest), place.table) is not None

    def _files(
        self, place: Place, step: _Step, linker: Linker
    ) -> tuple[list[SharedFile], Kind, str]:
        table = step.table
        if step.base is None:
            files = [self.shelf.shared_file(linker, table, part) for part in table.parts]
            own = all(linker.is_own(file.url) for file in files)
            return files, Kind.LINKS if own else Kind.PRESIGNED, f"data/{table.name}/*"
        feed = self._feed(place.bearer.licence, table, step.base)
        manifest = table.copy.manifest
        file = SharedFile(
            url=linker.own_link(manifest.product, str(manifest.version), feed.entry.path),
            sha256=feed.entry.sha256,
            bytes=feed.entry.bytes,
            version=table.version,
            expires=int(linker.until.timestamp() * 1000),
        )
        return [file], Kind.LINKS, feed.entry.path

    def _feed(self, licence: Licence, table: SharedTable, base: Numbered) -> Feed:
        desk, copy = self.shelf.desk, table.copy
        path = feed_path(table.name, base.version)
        found = find_feed(desk.settings, copy, path)
        if found:
            return found
        older = desk.manifest(copy.manifest.product, base.version)
        if older is None:
            raise RefusedError(NO_TABLE)
        name = f"{copy.copy_id or copy.canonical_sha256}/{path}"
        return desk.copies.build(name, lambda: self._make(licence, copy, older, table.name))

    def _make(self, licence: Licence, newer: CopyOfRelease, older: Manifest, table: str) -> Feed:
        """In the builder's thread. A copy made for the comparison alone does not stay."""
        desk = self.shelf.desk
        if licence.copy is Copy.CANONICAL:
            return make_feed(desk.settings, newer, canonical_copy(desk.storage, older), table=table)
        known = find_copy(desk.settings, desk.keyring, older, licence=licence)
        old = known or make_copy(
            desk.settings, desk.keyring, desk.storage, canonical=older, licence=licence
        )
        try:
            return make_feed(desk.settings, newer, old, table=table)
        finally:
            if known is None:
                forget_copy(desk.settings, old.copy_id)


def _is_in(version: Numbered, start: int | datetime, end: int | datetime | None) -> bool:
    begun = version.number >= start if isinstance(start, int) else version.published_at >= start
    if end is None:
        return begun
    over = version.number > end if isinstance(end, int) else version.published_at > end
    return begun and not over
