"""The Delta Sharing protocol's addresses (protocol 1.0, "REST APIs"). Lines are written by
`sharing`, rules made by `licensing`.

The share holds every product the licence covers as a schema, whose tables are the files of the
licensee's own copy. A share, schema, table or version that is not covered and one that does not
exist are the same 404. Every link goes through ledger and log as those of `releases` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clearward.licensing.delivery import Linker
from clearward.licensing.ledger import Kind
from clearward.licensing.model import LICENCE_IS_OVER, Reason
from clearward.licensing.registry import Bearer
from clearward.products.spec import product_names
from clearward.service.desk import Desk, Parcel
from clearward.service.problems import MALFORMED, NO_TABLE, NOT_IN_FORCE, RefusedError
from clearward.service.sharing_asks import (
    Point,
    QueryAsk,
    client_of,
    page,
    read_starting_timestamp,
    read_version,
)
from clearward.sharing.footers import Footers
from clearward.sharing.hints import may_match
from clearward.sharing.messages import (
    CAPABILITIES,
    MEDIA_TYPE,
    TABLE_VERSION,
    Format,
    SharedFile,
    file_line,
    head_lines,
    ndjson,
    stable_id,
)
from clearward.sharing.tables import (
    SHARE,
    SharedTable,
    TablePart,
    choose_format,
    find_name,
    open_table,
    table_names,
)
from clearward.sharing.versions import Numbered, Numbering, as_of, since


@dataclass(frozen=True)
class Place:
    """A product's tables as one bearer sees them.

    Attributes:
        versions: all published ones, oldest first; which may be had is asked one by one.
    """

    bearer: Bearer
    product: str
    table: str
    versions: tuple[Numbered, ...]


@dataclass(frozen=True)
class Shelf:
    """What the handlers here and those of the change feed share."""

    desk: Desk
    numbering: Numbering = field(init=False)
    footers: Footers = field(default_factory=Footers)

    def __post_init__(self) -> None:
        numbering = Numbering(self.desk.storage, self.desk.manifest)
        object.__setattr__(self, "numbering", numbering)

    def enter(self, request: Request) -> Bearer:
        """Who asks; RefusedError (403) where their licence is over, whatever they ask for."""
        bearer = self.desk.bearer(request, "share")
        over = self.desk.decide(bearer, bearer.licence.product, "0.0.0").reason
        if over in LICENCE_IS_OVER:
            self.desk.log(bearer, "delivery.share", "-", over)
            raise RefusedError(NOT_IN_FORCE)
        return bearer

    def covered(self, bearer: Bearer) -> list[tuple[str, Numbered]]:
        """Products of which the bearer may have some version now, with the newest of them."""
        found = []
        for product in product_names():
            newest = self.newest(bearer, product, self.numbering.of(product))
            if newest:
                found.append((product, newest))
        return found

    def newest(self, bearer: Bearer, product: str, versions: Sequence[Numbered]) -> Numbered | None:
        """The newest of these versions that the bearer may have."""
        for version in reversed(versions):
            if self.desk.decide(bearer, product, version.version).allowed:
                return version
        return None

    def place(self, request: Request) -> Place:
        """The table a request names, if some version of the product may be had at all."""
        bearer = self.enter(request)
        names = request.path_params
        product = find_name(product_names(), names["schema"])
        if names["share"].casefold() != SHARE or product is None:
            self.refuse(bearer, names, Reason.UNKNOWN_PRODUCT)
        return Place(bearer, product, names["table"], self.numbering.of(product))

    def find(self, place: Place, version: Numbered | None) -> SharedTable | Reason:
        """The licensee's copy of a table at a version, or why there is none."""
        if version is None:
            return Reason.NO_RELEASE
        decision = self.desk.decide(place.bearer, place.product, version.version)
        if not decision.allowed:
            return decision.reason
        manifest = self.desk.manifest(place.product, version.version)
        name = find_name(table_names(manifest), place.table) if manifest else None
        if manifest is None or name is None:
            return Reason.NO_RELEASE
        copy = self.desk.copies.open(manifest, place.bearer.licence)
        return open_table(copy, name, version=version, footers=self.footers)

    def open(self, place: Place, version: Numbered | None) -> SharedTable:
        """The same; RefusedError (404) for none such."""
        found = self.find(place, version)
        if isinstance(found, Reason):
            self.refuse(place.bearer, {"schema": place.product, "table": place.table}, found)
        return found

    def refuse(self, bearer: Bearer, names: Any, reason: Reason) -> NoReturn:
        """Log why, and answer as for what does not exist."""
        place = "/".join(str(names.get(n, "-")) for n in ("schema", "table"))
        self.desk.log(bearer, "delivery.share", place, reason)
        raise RefusedError(NO_TABLE)

    def at(self, place: Place, point: Point | None) -> Numbered | None:
        """The version of a number, or the newest that may be had: of all, or as of a moment."""
        if isinstance(point, int):
            return next((v for v in place.versions if v.number == point), None)
        found = place.versions if point is None else as_of(place.versions, point)
        return self.newest(place.bearer, place.product, found)

    def linker(self, request: Request, bearer: Bearer) -> Linker:
        """Makes this answer's links."""
        return Linker(self.desk.keyring, bearer, self.desk.base(request), self.desk.clock())

    def shared_file(self, linker: Linker, table: SharedTable, part: TablePart) -> SharedFile:
        """A file with a link to it."""
        copy = table.copy
        return SharedFile(
            url=linker.link(copy.storage, copy.manifest, part.entry),
            sha256=part.entry.sha256,
            bytes=part.entry.bytes,
            version=table.version,
            expires=int(linker.until.timestamp() * 1000),
            footer=part.footer,
        )


@dataclass(frozen=True)
class Shares:
    """Handlers that list and describe."""

    shelf: Shelf

    def all(self, request: Request) -> Response:
        """The share, if the licence covers anything now."""
        bearer = self.shelf.desk.bearer(request, "share")
        items = [_share()] if self.shelf.covered(bearer) else []
        return self._told(request, bearer, items)

    def share(self, request: Request) -> Response:
        """One share."""
        bearer, _ = self._enter(request)
        self.shelf.desk.log(bearer, "delivery.share", SHARE, Reason.GRANTED)
        return JSONResponse({"share": _share()})

    def schemas(self, request: Request) -> Response:
        """The products the licence covers."""
        bearer, covered = self._enter(request)
        items = [{"name": product, "share": SHARE} for product, _ in covered]
        return self._told(request, bearer, items)

    def tables(self, request: Request) -> Response:
        """The tables of one product, in its newest version that may be had."""
        bearer, covered = self._enter(request)
        wanted = request.path_params["schema"].casefold()
        named = [(product, version) for product, version in covered if product == wanted]
        if not named:
            self.shelf.refuse(bearer, request.path_params, Reason.NO_RELEASE)
        return self._told(request, bearer, self._tables(named))

    def all_tables(self, request: Request) -> Response:
        """The tables of all products."""
        bearer, covered = self._enter(request)
        return self._told(request, bearer, self._tables(covered))

    def version(self, request: Request) -> Response:
        """The newest version, or the first one since ``startingTimestamp``."""
        moment = read_starting_timestamp(request)
        place = self.shelf.place(request)
        version = self._first_since(place, moment) if moment else self.shelf.at(place, None)
        table = self.shelf.open(place, version)
        self._log(table, place)
        return Response(None, 200, {TABLE_VERSION: str(table.version.number)}, MEDIA_TYPE)

    def metadata(self, request: Request) -> Response:
        """Columns and size of the newest version, or of ``version`` or ``timestamp``."""
        point = read_version(request)
        place = self.shelf.place(request)
        table = self.shelf.open(place, self.shelf.at(place, point))
        form = format_of(request, table, for_changes=False)
        self._log(table, place)
        return lines_response(table.version, form, ndjson(head_lines(table.head, form)))

    def _first_since(self, place: Place, moment: Any) -> Numbered | None:
        decide = self.shelf.desk.decide
        published = since(place.versions, moment)
        asked = (v for v in published if decide(place.bearer, place.product, v.version).allowed)
        return next(asked, None)

    def _enter(self, request: Request) -> tuple[Bearer, list[tuple[str, Numbered]]]:
        bearer = self.shelf.enter(request)
        covered = self.shelf.covered(bearer)
        if request.path_params["share"].casefold() != SHARE or not covered:
            self.shelf.refuse(bearer, request.path_params, Reason.NO_RELEASE)
        return bearer, covered

    def _tables(self, covered: list[tuple[str, Numbered]]) -> list[dict[str, Any]]:
        found = []
        for product, version in covered:
            manifest = self.shelf.desk.manifest(product, version.version)
            for name in table_names(manifest) if manifest else []:
                ids = {"id": stable_id(product, name), "shareId": stable_id(SHARE)}
                found.append({"name": name, "schema": product, "share": SHARE, **ids})
        return found

    def _told(self, request: Request, bearer: Bearer, items: list[dict[str, Any]]) -> Response:
        told = page(request, items)
        self.shelf.desk.log(bearer, "delivery.share", SHARE, Reason.GRANTED)
        return JSONResponse(told)

    def _log(self, table: SharedTable, place: Place) -> None:
        subject = f"{place.product}/{table.version.version}/{table.name}"
        self.shelf.desk.log(place.bearer, "delivery.share", subject, Reason.GRANTED)


def query(shelf: Shelf, request: Request, ask: QueryAsk) -> Response:
    """Links to the files of a table; hints leave out files that cannot matter."""
    place = shelf.place(request)
    table = shelf.open(place, shelf.at(place, ask.at))
    form = format_of(request, table, for_changes=False)
    parts = _wanted(table, ask)
    linker = shelf.linker(request, place.bearer)
    files = [shelf.shared_file(linker, table, part) for part in parts]
    if files:
        own = all(linker.is_own(file.url) for file in files)
        path = parts[0].entry.path if len(parts) == 1 else f"data/{table.name}/*"
        parcel = Parcel(table.copy, Kind.LINKS if own else Kind.PRESIGNED, path)
        shelf.desk.hand_over(request, place.bearer, [parcel], absent=NO_TABLE)
    lines = [*head_lines(table.head, form), *(file_line(file, form) for file in files)]
    return lines_response(table.version, form, ndjson(lines))


def format_of(request: Request, table: SharedTable, *, for_changes: bool) -> Format:
    """The answer's format; RefusedError (400) where the client reads none that there is."""
    form = choose_format(table, client_of(request), for_changes=for_changes)
    if form is None:
        raise RefusedError(
            MALFORMED.because(
                f"Your client does not read this table in the format it asked for. Let it accept"
                f" 'responseformat=parquet' in {CAPABILITIES}."
            )
        )
    return form


def lines_response(version: Numbered, form: Format, body: bytes) -> Response:
    """An answer about a table."""
    headers = {TABLE_VERSION: str(version.number), CAPABILITIES: f"responseformat={form.value}"}
    return Response(body, 200, headers, MEDIA_TYPE)


def _wanted(table: SharedTable, ask: QueryAsk) -> list[TablePart]:
    """The files that the hints leave: predicates first, then as many as the limit needs."""
    left = [
        part
        for part in table.parts
        if may_match(part.footer, predicates=ask.predicates, json_predicate=ask.json_predicate)
    ]
    if ask.limit is None:
        return left
    chosen, rows = [], 0
    for part in left:
        if rows >= ask.limit:
            break
        chosen.append(part)
        rows += part.footer.rows
    return chosen


def _share() -> dict[str, Any]:
    return {"name": SHARE, "id": stable_id(SHARE)}
