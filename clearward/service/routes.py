"""Every address of the service, in one table: the routes and the OpenAPI document are both made
from it, so that they cannot differ. What a handler does belongs to its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clearward.service import schemas
from clearward.service.changes import Reading
from clearward.service.desk import Desk
from clearward.service.files import Files
from clearward.service.problems import (
    BAD_LINK,
    NO_ACTIVATION,
    NO_LIST,
    NO_RELEASE,
    NO_TABLE,
    NOT_IN_FORCE,
    PRECONDITION,
    UNKNOWN_TOKEN,
    Problem,
)
from clearward.service.recalls import Recalls
from clearward.service.releases import Releases
from clearward.service.shares import Shares, Shelf
from clearward.service.tokens import SHARING_ROOT, Tokens
from clearward.sharing.messages import CAPABILITIES

Handler = Callable[[Request], Any]
_SHARES = f"{SHARING_ROOT}/shares"
_NOT_SHARED = (UNKNOWN_TOKEN, NOT_IN_FORCE, NO_TABLE)


@dataclass(frozen=True)
class Answer:
    """A good answer: its media type, its JSON schema if it has one, headers worth naming."""

    media_type: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """One method at one address.

    Attributes:
        path: as Starlette writes it.
        name: ``operationId``.
        security: ``bearer``, ``client`` (OAuth client secret) or empty.
        answers: status -> what comes with it.
        refusals: what else may come, beside 400, 408, 413, 429, 431, 500 and 503.
        query: parameter -> JSON schema; ``headers`` likewise.
        body: media type and schema of the request's body.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answers: Mapping[int, Answer]
    security: str = ""
    refusals: tuple[Problem, ...] = ()
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body: Answer | None = None

    def route(self) -> Route:
        """Where Starlette finds it; HEAD goes with GET."""
        return Route(self.path, self.handler, methods=[self.method], name=self.name)


def endpoints(desk: Desk) -> tuple[Endpoint, ...]:
    """All of them."""
    return (
        *_public(),
        *_releases(desk),
        *_files(desk),
        *_recalls(desk),
        *_tokens(desk),
        *_shares(desk),
    )


def _health(_: Request) -> Response:
    return JSONResponse({"status": "up"})


def _public() -> tuple[Endpoint, ...]:
    up = {200: Answer("application/json", schemas.HEALTH)}
    return (Endpoint("GET", "/health", "health", "Whether the service is up.", _health, up),)


def _served(media_type: str) -> dict[int, Answer]:
    whole = Answer(media_type, headers=("ETag", "Accept-Ranges", "Content-Disposition"))
    return {200: whole, 206: whole, 304: Answer(""), 416: Answer("")}


def _files(desk: Desk) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            "/files/{product}/{version}/{path:path}",
            "followLink",
            "A file, by a link; the licence is asked again each time and while it runs.",
            Files(desk).file,
            _served("application/octet-stream"),
            "",
            (BAD_LINK, PRECONDITION),
            query={name: {"type": "string"} for name in ("t", "e", "sp", "s")},
            headers=schemas.CONDITIONS,
        ),
    )


def _releases(desk: Desk) -> tuple[Endpoint, ...]:
    releases = Releases(desk)
    one = "/v1/releases/{product}/{version}"
    refusals = (UNKNOWN_TOKEN, NOT_IN_FORCE, NO_RELEASE)
    return (
        Endpoint(
            "GET",
            "/v1/releases",
            "listReleases",
            "Which releases the licence covers.",
            releases.list,
            {200: Answer("application/json", schemas.RELEASES)},
            "bearer",
            (UNKNOWN_TOKEN,),
        ),
        Endpoint(
            "GET",
            f"{one}/links",
            "linkFiles",
            "Expiring links to every file of a release, with sizes and SHA-256.",
            releases.links,
            {200: Answer("application/json", schemas.LINKS)},
            "bearer",
            refusals,
        ),
        Endpoint(
            "GET",
            f"{one}/urls.txt",
            "listUrls",
            "The same links, one a line, for wget --input-file.",
            releases.urls,
            _served("text/plain"),
            "bearer",
            (*refusals, PRECONDITION),
            headers=schemas.CONDITIONS,
        ),
        Endpoint(
            "GET",
            f"{one}/SHA256SUMS.txt",
            "listSums",
            "SHA-256 of every file, for sha256sum --check.",
            releases.sums,
            _served("text/plain"),
            "bearer",
            (*refusals, PRECONDITION),
            headers=schemas.CONDITIONS,
        ),
    )


def _recalls(desk: Desk) -> tuple[Endpoint, ...]:
    recalls = Recalls(desk)
    one = "/v1/recalls/{list_id}"
    return (
        Endpoint(
            "GET",
            "/v1/recalls",
            "listRecalls",
            "Recall lists for what was received, without the patients on them.",
            recalls.list,
            {200: Answer("application/json", schemas.RECALLS)},
            "bearer",
            (UNKNOWN_TOKEN,),
        ),
        Endpoint(
            "GET",
            one,
            "fetchRecall",
            "A signed recall list.",
            recalls.document,
            {200: Answer("application/json", schemas.ENVELOPE)},
            "bearer",
            (UNKNOWN_TOKEN, NO_LIST),
        ),
        Endpoint(
            "POST",
            f"{one}/attestation",
            "attestDeletion",
            "Say that what a recall list names is deleted.",
            recalls.attest,
            {200: Answer("application/json", schemas.RECALL)},
            "bearer",
            (UNKNOWN_TOKEN, NO_LIST),
            body=Answer("application/json", schemas.ATTESTATION),
        ),
    )


def _tokens(desk: Desk) -> tuple[Endpoint, ...]:
    tokens = Tokens(desk)
    activation = "/activate/{activation}"
    return (
        Endpoint(
            "GET",
            activation,
            "activationPage",
            "The page behind an activation link.",
            tokens.page,
            {200: Answer("text/html")},
        ),
        Endpoint(
            "POST",
            activation,
            "activate",
            "The .share profile, once.",
            tokens.profile,
            {200: Answer("application/json", schemas.PROFILE)},
            "",
            (NO_ACTIVATION,),
        ),
        Endpoint(
            "POST",
            f"{SHARING_ROOT}/oauth/token",
            "exchangeSecret",
            "OAuth 2.0 client credentials.",
            tokens.exchange,
            {200: Answer("application/json", schemas.ACCESS_TOKEN)},
            "client",
            (UNKNOWN_TOKEN,),
            body=Answer("application/x-www-form-urlencoded", schemas.GRANT),
        ),
    )


def _shares(desk: Desk) -> tuple[Endpoint, ...]:
    shelf = Shelf(desk)
    return (*_listings(Shares(shelf)), *_tables(Shares(shelf), Reading(shelf)))


def _listings(shares: Shares) -> tuple[Endpoint, ...]:
    one = f"{_SHARES}/{{share}}"
    tables = f"{one}/schemas/{{schema}}/tables"
    listed: tuple[tuple[str, str, str, Handler], ...] = (
        (_SHARES, "listShares", "The shares of the licence.", shares.all),
        (f"{one}/schemas", "listSchemas", "Products.", shares.schemas),
        (f"{one}/all-tables", "listAllTables", "Tables of all products.", shares.all_tables),
        (tables, "listTables", "Tables of one product.", shares.tables),
    )
    told = {200: Answer("application/json", schemas.PAGE)}
    share = {200: Answer("application/json", schemas.SHARE)}
    return (
        *(
            Endpoint("GET", *place, told, "bearer", _NOT_SHARED, query=schemas.PAGING)
            for place in listed
        ),
        Endpoint("GET", one, "getShare", "One share.", shares.share, share, "bearer", _NOT_SHARED),
    )


def _tables(shares: Shares, reading: Reading) -> tuple[Endpoint, ...]:
    one = f"{_SHARES}/{{share}}/schemas/{{schema}}/tables/{{table}}"
    lines = {200: Answer("application/x-ndjson", headers=("Delta-Table-Version",))}
    formats = {CAPABILITIES: {"type": "string"}}
    read: tuple[tuple[str, str, str, Handler], ...] = (
        (f"{one}/version", "tableVersion", "The number of a version.", shares.version),
        (f"{one}/metadata", "tableMetadata", "Columns and size.", shares.metadata),
        (f"{one}/changes", "tableChanges", "The change data feed.", reading.changes),
    )
    return (
        *(
            Endpoint(
                "GET",
                *place,
                lines,
                "bearer",
                _NOT_SHARED,
                query=schemas.RANGES.get(place[1], {}),
                headers=formats,
            )
            for place in read
        ),
        Endpoint(
            "POST",
            f"{one}/query",
            "queryTable",
            "Links to the files of a table.",
            reading.query,
            lines,
            "bearer",
            _NOT_SHARED,
            headers=formats,
            body=Answer("application/json", schemas.QUERY),
        ),
    )
