"""Following a link: the bytes, once signature, token and licence hold at this moment. What a link
says belongs to `licensing.delivery`.

A link that is forged, expired, revoked or for nothing is the same 403. A running download is asked
about again while it runs, so what is revoked stops in the middle of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from clearward.licensing.copies import CopyOfRelease
from clearward.licensing.delivery import LinkClaim, find_file, may_follow
from clearward.licensing.ledger import Kind
from clearward.licensing.model import Reason
from clearward.licensing.registry import Bearer, find_bearer_by_id
from clearward.releases.manifest import FileEntry
from clearward.service.desk import Desk, Parcel
from clearward.service.problems import BAD_LINK, RefusedError
from clearward.service.streaming import content_of, is_known, serve
from clearward.sharing.feeds import find_feed
from clearward.storage import Storage


@dataclass(frozen=True)
class _Found:
    copy: CopyOfRelease
    storage: Storage
    key: str
    entry: FileEntry


@dataclass(frozen=True)
class Files:
    """The handler of ``/files/…``."""

    desk: Desk

    def file(self, request: Request) -> Response:
        """One file of a licensee's copy, or a part of it."""
        product, version = request.path_params["product"], request.path_params["version"]
        path = request.path_params["path"]
        claim, signature = _claim(request.query_params, product, version, path)
        bearer, reason = self._follow(request, claim, signature)
        if bearer:
            self.desk.count(bearer)
        found = self._find(bearer, product, version, path) if reason is Reason.GRANTED else None
        if bearer is None or found is None:
            reason = Reason.NO_RELEASE if reason is Reason.GRANTED else reason
            self._refuse(request, bearer, f"{product}/{version}/{path}", reason)
            raise RefusedError(BAD_LINK)
        content = content_of(
            found.entry,
            lambda start, length: found.storage.open_range(found.key, start, length=length),
        )
        if request.method == "HEAD" or is_known(request, content):
            place = f"{product}/{version}/{path}"
            self.desk.log(bearer, "delivery.file", place, Reason.GRANTED)
        else:
            self.desk.hand_over(request, bearer, [Parcel(found.copy, Kind.FILE, path)])
        going = LinkClaim(product, version, path, bearer.token_id, 0)
        still = partial(self._may_go_on, request, going)
        return serve(request, content, may_go_on=still)

    def _find(self, bearer: Bearer | None, product: str, version: str, path: str) -> _Found | None:
        manifest = self.desk.manifest(product, version) if bearer else None
        if bearer is None or manifest is None:
            return None
        copy = self.desk.copies.open(manifest, bearer.licence)
        found = find_file(copy.manifest, path)
        if found:
            return _Found(copy, copy.storage, *found)
        feed = find_feed(self.desk.settings, copy, path)
        return _Found(copy, feed.storage, feed.key, feed.entry) if feed else None

    def _follow(
        self, request: Request, claim: LinkClaim | None, signature: str
    ) -> tuple[Bearer | None, Reason]:
        now = self.desk.clock()
        genuine = claim is not None and may_follow(
            self.desk.keyring, claim, signature=signature, now=now
        )
        if claim is None or not genuine:
            return None, Reason.BAD_LINK
        return self._ask(request, claim)

    def _ask(self, request: Request, claim: LinkClaim) -> tuple[Bearer | None, Reason]:
        """Token and licence at this moment; a link that expires while it is followed may end."""
        bearer = find_bearer_by_id(self.desk.engine, claim.token_id, now=self.desk.clock())
        if bearer is None:
            return None, Reason.BAD_TOKEN
        bearer = self.desk.located(bearer, request)
        return bearer, self.desk.decide(bearer, claim.product, claim.version).reason

    def _may_go_on(self, request: Request, claim: LinkClaim) -> bool:
        bearer, reason = self._ask(request, claim)
        if reason is not Reason.GRANTED:
            place = f"{claim.product}/{claim.version}/{claim.path}"
            self.desk.log(bearer, "delivery.cut", place, reason)
        return reason is Reason.GRANTED

    def _refuse(self, request: Request, bearer: Bearer | None, place: str, reason: Reason) -> None:
        self.desk.count_failure(request)
        # A forged link's own words are not copied into the log
        self.desk.log(bearer, "delivery.file", place if bearer else "-", reason)


def _claim(
    query: Mapping[str, str], product: str, version: str, path: str
) -> tuple[LinkClaim | None, str]:
    expires = query.get("e", "")
    if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
        return None, ""
    claim = LinkClaim(product, version, path, query.get("t", ""), int(expires))
    return claim, query.get("s", "")
