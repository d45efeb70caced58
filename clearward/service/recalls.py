"""The recall side of the delivery service: a licensee's own lists, and their word of deletion. No
rule is made here; lists belong to `recall_lists`, what an attestation must say to `attestation`.

A licensee reads their lists with any token that is still good, whether or not the licence behind it
is in force: what was received must be deleted after a licence has ended too. A list of somebody
else, of another product, and one that does not exist are the same 404.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clearward.errors import LicenceError
from clearward.licensing import attestation, recall_lists, registry
from clearward.licensing.recall_lists import RecallNote
from clearward.licensing.registry import Bearer
from clearward.service.desk import Desk
from clearward.service.problems import MALFORMED, NO_LIST, TOO_LARGE, RefusedError

MOST_BYTES = 65_536


@dataclass(frozen=True)
class Recalls:
    """Handlers under ``/v1/recalls``."""

    desk: Desk

    def list(self, request: Request) -> Response:
        """The licensee's lists for the licence's product, without patients."""
        bearer = self.desk.bearer(request, "recalls")
        notes = recall_lists.lists(
            self.desk.engine, licensee=bearer.licence.licensee, product=bearer.licence.product
        )
        return JSONResponse({"recalls": [note.told() for note in notes]})

    def document(self, request: Request) -> Response:
        """The signed list; fetching it is on record before it leaves."""
        bearer = self.desk.bearer(request, "recalls")
        name = str(request.path_params["list_id"])
        self._find(bearer, name)
        if request.method == "HEAD":  # nothing is handed over, so nothing is sent
            return Response(None, 200, media_type="application/json")
        try:
            document = recall_lists.send(
                self.desk.engine,
                name,
                licensee=bearer.licence.licensee,
                actor=bearer.licence.id,
                now=self.desk.clock(),
            )
        except LicenceError:  # confirmed by now: its document is gone
            raise RefusedError(NO_LIST) from None
        return Response(document, 200, media_type="application/json")

    async def attest(self, request: Request) -> Response:
        """Say that what a list names is deleted; see `attestation.read_attestation`."""
        bearer = await run_in_threadpool(self.desk.bearer, request, "recalls")
        body = await _read(request)
        return await run_in_threadpool(
            self._attest, bearer, str(request.path_params["list_id"]), body
        )

    def _attest(self, bearer: Bearer, name: str, body: bytes) -> Response:
        self._find(bearer, name)
        try:
            keys = registry.licensee_pems(self.desk.engine, bearer.licence.licensee)
            attested, text, signer = attestation.read_attestation(body, keys=keys)
            if attested.list_id != name:
                raise LicenceError("The attestation speaks of another list.")
            attestation.confirm(
                self.desk.engine,
                attested,
                licensee=bearer.licence.licensee,
                statement=text,
                signed_by=signer,
                channel="service",
                now=self.desk.clock(),
            )
        except LicenceError as refusal:
            raise RefusedError(MALFORMED.because(str(refusal))) from None
        return JSONResponse(self._find(bearer, name).told())

    def _find(self, bearer: Bearer, name: str) -> RecallNote:
        """The list, if it is the licensee's own and of the licence's product."""
        try:
            note = recall_lists.find_list(self.desk.engine, name)
        except LicenceError:
            raise RefusedError(NO_LIST) from None
        if (note.licensee, note.product) != (bearer.licence.licensee, bearer.licence.product):
            raise RefusedError(NO_LIST)
        return note


async def _read(request: Request) -> bytes:
    """The body; RefusedError (413) when it is longer than an attestation can be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise RefusedError(TOO_LARGE)
    return body
