"""A buyer's own pages: sign in, licences, downloads, links. Nothing is decided here: every request
asks the desk what the licence says at that moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from clearward.catalogue.snippets import verify_lines
from clearward.catalogue.web import sessions
from clearward.catalogue.web.front import NOT_FOUND, Form, Front, PageError
from clearward.catalogue.web.sessions import Kind
from clearward.catalogue.words import Words, purpose_words, size_text
from clearward.errors import LicenceError
from clearward.licensing import ledger, registry, tokens
from clearward.licensing.delivery import Linker, release_links
from clearward.licensing.ledger import ALL_FILES
from clearward.licensing.ledger import Kind as Handed
from clearward.licensing.model import LICENCE_IS_OVER, Licence, Reason
from clearward.licensing.quota import downloads
from clearward.licensing.registry import Bearer
from clearward.products.spec import load_product
from clearward.releases.manifest import Manifest
from clearward.releases.shelf import versions
from clearward.service.desk import Parcel

_LOCAL = re.compile(r"/(en|zh)/(account|releases/[a-z0-9_]+/[0-9.]+)")
_LONGEST_TOKEN = 200


@dataclass(frozen=True)
class Account:
    """Handlers for buyers."""

    front: Front

    def sign_in_page(self, request: Request) -> Response:
        """GET /{lang}/sign-in."""
        if self.front.bearer(request):
            return self.front.send_to(request, f"/{self.front.words(request)['lang']}/account")
        return self._ask(request)

    def sign_in(self, request: Request, form: Form) -> Response:
        """POST /{lang}/sign-in: a token, or an activation code, which becomes a token."""
        front, w = self.front, self.front.words(request)
        front.try_once(request, front.sign_ins)
        given = form.get("token", "").strip()[:_LONGEST_TOKEN]
        now, shown = front.desk.clock(), ""
        if given.startswith(tokens.ACTIVATION_PREFIX):
            try:
                given = shown = tokens.activate(front.desk.engine, activation=given, now=now)
            except LicenceError:
                given = ""
        bearer = registry.find_bearer(front.desk.engine, given, now=now) if given else None
        if bearer is None:
            front.desk.log(None, "account.sign_in", "-", Reason.BAD_TOKEN)
            wrong, goal = w["page"]["sign_in_wrong"], form.get("next", "")
            return self._ask(request, wrong=wrong, goal=goal, status=403)
        front.begin(request, Kind.BUYER, subject=bearer.token_id)
        front.desk.log(bearer, "account.sign_in", bearer.licence.product, Reason.GRANTED)
        if shown:
            values = {"title": w["page"]["activated_title"], "token": shown}
            return front.page(request, "activated.html", values)
        return front.send_to(request, _local(form.get("next", ""), w))

    def sign_out(self, request: Request, form: Form) -> Response:
        """POST /{lang}/sign-out."""
        self.front.begin(request, Kind.VISITOR)
        return self._ask(request, said=self.front.words(request)["page"]["signed_out"])

    def account(self, request: Request) -> Response:
        """GET /{lang}/account: licence, versions, downloads."""
        bearer = self._bearer(request)
        if bearer is None:
            return self._to_sign_in(request)
        front, w = self.front, self.front.words(request)
        licence = bearer.licence
        values = {
            "title": w["page"]["account_title"],
            "lead": w["page"]["account_lead"].format(
                buyer=licence.buyer, minutes=int(sessions.IDLE.total_seconds() // 60)
            ),
            "licence": _licence(licence, w, used=self._used(licence), now=front.desk.clock()),
            "releases": self._releases(bearer, w),
            "downloads": self._downloads(licence, w),
        }
        return front.page(request, "account.html", values)

    def release(self, request: Request) -> Response:
        """GET /{lang}/releases/{product}/{version}: what can be fetched; no link yet."""
        bearer = self._bearer(request)
        if bearer is None:
            return self._to_sign_in(request)
        manifest = self._manifest(request, bearer)
        return self.front.page(request, "download.html", self._shown(request, manifest))

    def links(self, request: Request, form: Form) -> Response:
        """POST /{lang}/releases/{product}/{version}: links, put on record before they are shown."""
        bearer = self._bearer(request)
        if bearer is None:
            return self._to_sign_in(request)
        desk = self.front.desk
        desk.count(bearer)
        manifest = self._manifest(request, bearer)
        copy = desk.copies.open(manifest, bearer.licence)
        linker = Linker(desk.keyring, bearer, desk.base(request), desk.clock())
        told = release_links(linker, copy.storage, copy.manifest)
        own = all(linker.is_own(file["url"]) for file in told["files"])
        kind = Handed.LINKS if own else Handed.PRESIGNED
        desk.hand_over(request, bearer, [Parcel(copy, kind, ALL_FILES)])
        t = self.front.words(request)["page"]
        files = [{**file, "size": size_text(file["bytes"])} for file in told["files"]]
        until = told["expires_at"][:19].replace("T", " ")
        made = {
            "files": files,
            "made": t["download_made"].format(n=len(files), until=until),
            "urls": "\n".join(file["url"] for file in files),
        }
        values = {**self._shown(request, copy.manifest), **made}
        return self.front.page(request, "download.html", values)

    def _bearer(self, request: Request) -> Bearer | None:
        bearer = self.front.bearer(request)
        if bearer is None and self.front.session(request).kind is Kind.BUYER:
            self.front.begin(request, Kind.VISITOR)  # the token behind it is over
        return bearer

    def _ask(
        self,
        request: Request,
        *,
        wrong: str = "",
        said: str = "",
        goal: str = "",
        status: int = 200,
    ) -> Response:
        t = self.front.words(request)["page"]
        goal = goal or request.query_params.get("next", "")
        values = {
            "title": t["sign_in"],
            "text": t["sign_in_text"],
            "wrong": wrong,
            "said": said,
            "next": goal if _LOCAL.fullmatch(goal) else "",
            "action": "sign-in",
        }
        return self.front.page(request, "sign_in.html", values, status=status)

    def _to_sign_in(self, request: Request) -> Response:
        lang, path = self.front.words(request)["lang"], request.url.path
        goal = f"?next={path}" if request.method == "GET" and _LOCAL.fullmatch(path) else ""
        return self.front.send_to(request, f"/{lang}/sign-in{goal}")

    def _manifest(self, request: Request, bearer: Bearer) -> Manifest:
        """The release, once the licence covers it at this moment; what is not covered and what does
        not exist are the same page."""
        desk = self.front.desk
        product = str(request.path_params["product"])
        version = str(request.path_params["version"])
        decision = desk.decide(bearer, product, version)
        manifest = desk.manifest(product, version) if decision.allowed else None
        if manifest is None:
            reason = Reason.NO_RELEASE if decision.allowed else decision.reason
            desk.log(bearer, "delivery.links", f"{product}/{version}", reason)
            raise PageError(403, "over") if reason in LICENCE_IS_OVER else PageError(*NOT_FOUND)
        return manifest

    def _shown(self, request: Request, manifest: Manifest) -> dict[str, Any]:
        w = self.front.words(request)
        name = load_product(manifest.product).title[w["lang"]]
        told = w["page"]["download_title"].format(title=name, version=manifest.version)
        lines = verify_lines(manifest.product, str(manifest.version))
        return {"title": told, "files": [], "made": "", "urls": "", "verify": lines}

    def _releases(self, bearer: Bearer, w: Words) -> list[dict[str, str]]:
        desk, product = self.front.desk, bearer.licence.product
        found = []
        for number in reversed(versions(desk.storage, product)):
            if desk.decide(bearer, product, str(number)).allowed:
                manifest = desk.manifest(product, str(number))
                if manifest:
                    place = f"/{w['lang']}/releases/{product}/{number}"
                    found.append({"version": str(number), "month": manifest.month, "href": place})
        return found

    def _receipts(self, licence: Licence) -> list[ledger.Receipt]:
        every = ledger.versions_of(self.front.desk.engine, licence.licensee)
        return [receipt for receipt in every if receipt.licence_id == licence.id]

    def _used(self, licence: Licence) -> int:
        with self.front.desk.engine.connect() as connection:
            return downloads(connection, licence.id)

    def _downloads(self, licence: Licence, w: Words) -> list[dict[str, str]]:
        yes_no = (w["page"]["no"], w["page"]["yes"])
        return [
            {
                "version": receipt.version,
                "requests": str(receipt.requests),
                "first": receipt.first_at[:16].replace("T", " "),
                "last": receipt.last_at[:16].replace("T", " "),
                "data": yes_no[receipt.has_data],
            }
            for receipt in self._receipts(licence)
        ]


def _licence(licence: Licence, w: Words, *, used: int, now: datetime) -> list[tuple[str, str]]:
    """Name and value of everything the licensee may know of their licence."""
    t = w["page"]
    purpose = purpose_words(w, licence.purpose)
    most = licence.max_downloads
    return [
        (t["licence"], licence.id),
        (t["licence_product"], load_product(licence.product).title[w["lang"]]),
        (t["licence_state"], t[f"state_{_state(licence, now)}"]),
        (t["licence_purpose"], f"{purpose['title']} {purpose['text']}".strip()),
        (t["licence_versions"], licence.version_range),
        (t["licence_from"], licence.valid_from.date().isoformat()),
        (t["licence_until"], licence.valid_until.date().isoformat()),
        (t["licence_copy"], t[f"copy_{licence.copy.value}"]),
        (
            t["licence_used"],
            str(used) if most is None else t["licence_of"].format(used=used, most=most),
        ),
        (t["licence_terms"], licence.terms_sha256),
    ]


def _state(licence: Licence, now: datetime) -> str:
    if not licence.is_standing:
        return "revoked"
    if now < licence.valid_from:
        return "future"
    return "expired" if now >= licence.valid_until else "active"


def _local(goal: str, w: Words) -> str:
    """Where to go after signing in: a page of a buyer on this service, and nowhere else."""
    return goal if _LOCAL.fullmatch(goal) else f"/{w['lang']}/account"
