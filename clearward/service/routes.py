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
    MALFORMED,
    NO_ACTIVATION,
    NO_LIST,
    NO_RELEASE,
    NO_TABLE,
    NOT_IN_FORCE,
    PRECONDITION,
    TOO_LARGE,
    UNKNOWN_TOKEN,
    Problem,
)
from clearward.service.recalls import Recalls
from clearward.service.releases import Releases
from clearward.service.shares import Shares, Shelf
from clearward.service.tokens import SHARING_ROOT, Tokens
from clearward.sharing.messages import CAPABILITIES

Handler = Callable[[Request], Any]


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
        refusals: what else may come, beside 408, 413, 429, 500 and 503.
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
    return (*_public(), *_releases(desk), *_recalls(desk), *_tokens(desk), *_shares(desk))


def _health(_: Request) -> Response:
    return JSONResponse({"status": "up"})


def _public() -> tuple[Endpoint, ...]:
    up = {200: Answer("application/json", schemas.HEALTH)}
    return (Endpoint("GET", "/health", "health", "Whether the service is up.", _health, up),)


def _releases(desk: Desk) -> tuple[Endpoint, ...]:
    releases, files = Releases(desk), Files(desk)
    one = "/v1/releases/{product}/{version}"
    refusals = (UNKNOWN_TOKEN, NOT_IN_FORCE, NO_RELEASE)
    served = Answer(
        "application/octet-stream", headers=("ETag", "Accept-Ranges", "Content-Disposition")
    )
    text = Answer("text/plain", headers=served.headers)
    parts = {206: served, 304: Answer(""), 416: Answer("")}
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
            {200: text, **parts, 206: text},
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
            {200: text, **parts, 206: text},
            "bearer",
            (*refusals, PRECONDITION),
            headers=schemas.CONDITIONS,
        ),
        Endpoint(
            "GET",
            "/files/{product}/{version}/{path:path}",
            "followLink",
            "A file, by a link; the licence is asked again each time and while it runs.",
            files.file,
            {200: served, **parts},
            "",
            (BAD_LINK, PRECONDITION),
            query={name: {"type": "string"} for name in ("t", "e", "sp", "s")},
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
            (MALFORMED, UNKNOWN_TOKEN, NO_LIST, TOO_LARGE),
            body=Answer("application/json", schemas.ATTESTATION),
        ),
    )


def _tokens(desk: Desk) -> tuple[Endpoint, ...]:
    tokens = Tokens(desk)
    activation = "/activate/{activation}"
    refused = (MALFORMED, UNKNOWN_TOKEN)
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
            refused,
            body=Answer("application/x-www-form-urlencoded", schemas.GRANT),
        ),
    )


def _shares(desk: Desk) -> tuple[Endpoint, ...]:
    shelf = Shelf(desk)
    shares, reading = Shares(shelf), Reading(shelf)
    root = f"{SHARING_ROOT}/shares"
    table = f"{root}/{{share}}/schemas/{{schema}}/tables/{{table}}"
    refusals = (MALFORMED, UNKNOWN_TOKEN, NOT_IN_FORCE, NO_TABLE)
    lines = {200: Answer("application/x-ndjson", headers=("Delta-Table-Version",))}
    formats = {CAPABILITIES: {"type": "string"}}

    def listing(path: str, name: str, summary: str, handler: Handler) -> Endpoint:
        told = {200: Answer("application/json", schemas.PAGE)}
        return Endpoint(
            "GET", path, name, summary, handler, told, "bearer", refusals, query=schemas.PAGING
        )

    def reading_one(path: str, name: str, summary: str, handler: Handler) -> Endpoint:
        query = schemas.RANGES.get(name, {})
        return Endpoint(
            "GET",
            f"{table}/{path}",
            name,
            summary,
            handler,
            lines,
            "bearer",
            refusals,
            query=query,
            headers=formats,
        )

    return (
        listing(root, "listShares", "The shares of the licence.", shares.all),
        Endpoint(
            "GET",
            f"{root}/{{share}}",
            "getShare",
            "One share.",
            shares.share,
            {200: Answer("application/json", schemas.SHARE)},
            "bearer",
            refusals,
        ),
        listing(f"{root}/{{share}}/schemas", "listSchemas", "Products.", shares.schemas),
        listing(f"{root}/{{share}}/all-tables", "listAllTables", "Tables.", shares.all_tables),
        listing(
            f"{root}/{{share}}/schemas/{{schema}}/tables",
            "listTables",
            "Tables of one product.",
            shares.tables,
        ),
        reading_one("version", "tableVersion", "The number of a version.", shares.version),
        reading_one("metadata", "tableMetadata", "Columns and size.", shares.metadata),
        reading_one("changes", "tableChanges", "The change data feed.", reading.changes),
        Endpoint(
            "POST",
            f"{table}/query",
            "queryTable",
            "Links to the files of a table.",
            reading.query,
            lines,
            "bearer",
            refusals,
            headers=formats,
            body=Answer("application/json", schemas.QUERY),
        ),
    )
