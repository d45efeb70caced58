"""The recall side of the delivery service: a licensee's own lists, and their word of deletion. No
rule is made here; lists belong to `recall_lists`, what an attestation must say to `attestation`.

A licensee reads their lists with any token that is still good, whether or not the licence behind it
is in force: what was received must be deleted after a licence has ended too. A list of somebody
else, of another product, and one that does not exist are the same 404.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clearward.errors import LicenceError
from clearward.licensing import attestation, recall_lists, registry
from clearward.licensing.registry import Bearer
from clearward.licensing.streaming import PRIVATE, refuse

MOST_BYTES = 65_536
FindBearer = Callable[[Request], Bearer | None]


@dataclass(frozen=True)
class RecallDesk:
    """What a request about recalls needs; ``unknown`` answers one without a good token."""

    engine: Engine
    clock: Callable[[], datetime]
    find_bearer: FindBearer
    unknown: Callable[[str], Response]

    def routes(self) -> list[Route]:
        """Where it stands."""
        return [
            Route("/v1/recalls", self.recalls),
            Route("/v1/recalls/{list_id}", self.document),
            Route("/v1/recalls/{list_id}/attestation", self.attest, methods=["POST"]),
        ]

    def recalls(self, request: Request) -> Response:
        """GET /v1/recalls: the licensee's lists for the licence's product, without patients."""
        bearer = self.find_bearer(request)
        if bearer is None:
            return self.unknown("recalls")
        notes = recall_lists.lists(
            self.engine, licensee=bearer.licence.licensee, product=bearer.licence.product
        )
        return JSONResponse({"recalls": [note.told() for note in notes]}, headers=PRIVATE)

    def document(self, request: Request) -> Response:
        """GET /v1/recalls/{list_id}: the signed list; fetching it is on record before it leaves."""
        bearer = self.find_bearer(request)
        if bearer is None:
            return self.unknown("recalls")
        name = str(request.path_params["list_id"])
        try:
            self._check_own(bearer, name)
            if request.method == "HEAD":  # nothing is handed over, so nothing is sent
                return Response(None, 200, PRIVATE, "application/json")
            document = recall_lists.send(
                self.engine,
                name,
                licensee=bearer.licence.licensee,
                actor=bearer.licence.id,
                now=self.clock(),
            )
        except LicenceError:
            return refuse(404, "no such recall list")
        return Response(document, 200, PRIVATE, "application/json")

    async def attest(self, request: Request) -> Response:
        """POST /v1/recalls/{list_id}/attestation: see `attestation.read_attestation`."""
        bearer = await run_in_threadpool(self.find_bearer, request)
        if bearer is None:
            return await run_in_threadpool(self.unknown, "recalls")
        body = await _read(request)
        if body is None:
            return refuse(413, "the attestation is too long")
        return await run_in_threadpool(
            self._attest, bearer, str(request.path_params["list_id"]), body
        )

    def _attest(self, bearer: Bearer, name: str, body: bytes) -> Response:
        try:
            self._check_own(bearer, name)
        except LicenceError:
            return refuse(404, "no such recall list")
        try:
            keys = registry.licensee_pems(self.engine, bearer.licence.licensee)
            attested, text, signer = attestation.read_attestation(body, keys=keys)
            if attested.list_id != name:
                return refuse(400, "the attestation speaks of another list")
            attestation.confirm(
                self.engine,
                attested,
                licensee=bearer.licence.licensee,
                statement=text,
                signed_by=signer,
                channel="service",
                now=self.clock(),
            )
        except LicenceError as refusal:
            return refuse(400, refusal.failed)
        note = recall_lists.find_list(self.engine, name)
        return JSONResponse(note.told(), headers=PRIVATE)

    def _check_own(self, bearer: Bearer, name: str) -> None:
        note = recall_lists.find_list(self.engine, name)
        if (note.licensee, note.product) != (bearer.licence.licensee, bearer.licence.product):
            raise recall_lists.no_such_list()


async def _read(request: Request) -> bytes | None:
    """The body, or None when it is longer than an attestation can be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body
