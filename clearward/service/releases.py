"""The manifest API: which releases a licence covers, and links to their files. No rule about a
licence is made here; serving the files belongs to `files`.

A release that is not covered and one that does not exist are the same 404.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clearward.licensing.copies import CopyOfRelease
from clearward.licensing.delivery import Linker, release_links
from clearward.licensing.ledger import ALL_FILES, Kind
from clearward.licensing.model import LICENCE_IS_OVER, Reason
from clearward.licensing.registry import Bearer
from clearward.products.spec import product_names
from clearward.releases.manifest import SUMS_NAME
from clearward.releases.shelf import as_release, file_key, versions
from clearward.service.desk import Desk, Parcel
from clearward.service.problems import NO_RELEASE, NOT_IN_FORCE, RefusedError
from clearward.service.streaming import Content, serve, text_content

URLS_NAME = "urls.txt"


@dataclass(frozen=True)
class Releases:
    """Handlers under ``/v1/releases``."""

    desk: Desk

    def list(self, request: Request) -> Response:
        """What this token's licence covers."""
        bearer = self.desk.bearer(request, "list")
        shown = []
        for product in product_names():
            for version in versions(self.desk.storage, product):
                allowed = self.desk.decide(bearer, product, str(version)).allowed
                manifest = self.desk.manifest(product, str(version)) if allowed else None
                if manifest:
                    shown.append(as_release(manifest).metadata())
        self.desk.log(bearer, "delivery.list", bearer.licence.product, Reason.GRANTED)
        return JSONResponse({"releases": shown})

    def links(self, request: Request) -> Response:
        """Expiring links to every file, with sizes and hashes."""
        bearer, copy = self._open(request)
        told = self._links(request, bearer, copy)
        named = {
            "copy": copy.copy.value,
            "copy_id": copy.copy_id,
            "release_manifest_sha256": copy.canonical_sha256,
        }
        return JSONResponse({**told, **named})

    def urls(self, request: Request) -> Response:
        """The links alone, one a line, for ``wget --input-file``."""
        bearer, copy = self._open(request)
        told = self._links(request, bearer, copy)
        text = "".join(f"{file['url']}\n" for file in told["files"])
        return serve(request, text_content(URLS_NAME, text))

    def sums(self, request: Request) -> Response:
        """SHA-256 of every file of the licensee's copy, for ``sha256sum --check``."""
        bearer, copy = self._open(request)
        entry = copy.manifest.file(SUMS_NAME)
        if entry is None:
            raise RefusedError(NO_RELEASE)
        key = file_key(copy.manifest, entry)
        if request.method == "GET":
            self.desk.hand_over(request, bearer, [Parcel(copy, Kind.FILE, SUMS_NAME)])
        content = Content(
            SUMS_NAME,
            entry.bytes,
            entry.sha256,
            lambda start, length: copy.storage.open_range(key, start, length=length),
            "text/plain; charset=utf-8",
        )
        return serve(request, content)

    def _open(self, request: Request) -> tuple[Bearer, CopyOfRelease]:
        bearer = self.desk.bearer(request, "links")
        product, version = request.path_params["product"], request.path_params["version"]
        decision = self.desk.decide(bearer, product, version)
        manifest = self.desk.manifest(product, version) if decision.allowed else None
        if manifest is None:
            reason = Reason.NO_RELEASE if decision.allowed else decision.reason
            self.desk.log(bearer, "delivery.links", f"{product}/{version}", reason)
            raise RefusedError(NOT_IN_FORCE if reason in LICENCE_IS_OVER else NO_RELEASE)
        return bearer, self.desk.copies.open(manifest, bearer.licence)

    def _links(self, request: Request, bearer: Bearer, copy: CopyOfRelease) -> dict[str, Any]:
        desk = self.desk
        linker = Linker(desk.keyring, bearer, desk.base(request), desk.clock())
        told = release_links(linker, copy.storage, copy.manifest)
        own = all(linker.is_own(file["url"]) for file in told["files"])
        if request.method == "GET":
            kind = Kind.LINKS if own else Kind.PRESIGNED
            desk.hand_over(request, bearer, [Parcel(copy, kind, ALL_FILES)])
        return told
