"""What every page of the service shares: the session, the form that comes in, the page that goes
out. What a page says belongs to the module of its address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from clearward.catalogue.pages import House, Link, policy, render
from clearward.catalogue.web import sessions
from clearward.catalogue.web.sessions import Kind, Session
from clearward.catalogue.words import LANGUAGES, Words, words
from clearward.errors import StorageBusyError
from clearward.licensing.registry import Bearer, find_bearer_by_id
from clearward.service.desk import Desk
from clearward.service.limits import Buckets, Rate, network_of
from clearward.service.problems import RefusedError

MOST_BYTES = 32_768
MOST_FIELDS = 20
CATALOGUE = "/catalogue/pages/"
Form = Mapping[str, str]
Handler = Callable[[Request], Response]
Sender = Callable[[Request, Form], Response]
_Any = TypeVar("_Any")


class PageError(Exception):
    """A page cannot be shown; ``key`` names its words, ``<key>_title`` and ``<key>_text``."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status, self.key = status, key


NOT_FOUND = (404, "not_found")


@dataclass(frozen=True)
class Front:
    """The desk behind the pages, who publishes, and how often somebody may try."""

    desk: Desk
    house: House
    sign_ins: Buckets = field(default_factory=lambda: Buckets(Rate(0.1, 10)))
    asked: Buckets = field(default_factory=lambda: Buckets(Rate(1 / 300, 5)))

    def words(self, request: Request) -> Words:
        """In the language of the address; PageError for another one."""
        language = request.path_params.get("lang", LANGUAGES[0])
        if language not in LANGUAGES:
            raise PageError(*NOT_FOUND)
        return words(language)

    def session(self, request: Request) -> Session:
        """The request's session; of a visitor where the token behind it counts no longer."""
        found: Session | None = getattr(request.state, "session", None)
        if found is None:
            found = sessions.read(request, self.desk.keyring, now=self.desk.clock())
            request.state.session = found
        return found

    def bearer(self, request: Request) -> Bearer | None:
        """The buyer who is signed in, as their token and licence are at this moment."""
        session = self.session(request)
        if session.kind is not Kind.BUYER:
            return None
        found = find_bearer_by_id(self.desk.engine, session.subject, now=self.desk.clock())
        return self.desk.located(found, request) if found else None

    def begin(
        self, request: Request, kind: Kind, *, subject: str = "", name: str = "", ends: int = 0
    ) -> None:
        """From here on the request is another session's: nothing of the old one stays."""
        now = self.desk.clock()
        request.state.session = sessions.begin(kind, now, subject=subject, name=name, ends=ends)

    def try_once(self, request: Request, buckets: Buckets) -> None:
        """Count an attempt of an address; PageError (429) where that is too many."""
        if buckets.take(network_of(request.client.host if request.client else "")):
            raise PageError(429, "too_often")

    def page(
        self, request: Request, template: str, values: Mapping[str, Any], *, status: int = 200
    ) -> Response:
        """A page with its session and headers."""
        w = self.words(request)
        session = self.session(request)
        told = {
            "home": f"{CATALOGUE}{'' if w['lang'] == LANGUAGES[0] else w['lang'] + '/'}index.html",
            "navigation": self._navigation(request, w, session),
            "other_language": _in_language(request, w["other_lang"]),
            "policy": "",
            "form_token": sessions.form_token(session, self.desk.keyring),
            "lang": w["lang"],
            "is_signed_in": session.kind is not Kind.VISITOR,
            "t": w["page"],
            "footer": w["page"]["footer"],
            **values,
        }
        text = render(template, str(w["lang"]), self.house, values=told)
        response = HTMLResponse(text, status, _headers(str(w["lang"])))
        self._keep(request, response)
        return response

    def send_to(self, request: Request, path: str) -> Response:
        """Go to another page of this service (303, so that a form is not sent again)."""
        response = RedirectResponse(path, 303)
        self._keep(request, response)
        return response

    def get(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler of pages, run in a thread; what it refuses becomes a page."""

        @wraps(handler)
        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(self._answer, request, lambda: handler(request))

        return endpoint

    def post(self, handler: Sender) -> Callable[[Request], Awaitable[Response]]:
        """A handler of forms: only what a page of this very session has made comes through."""

        @wraps(handler)
        async def endpoint(request: Request) -> Response:
            form = await _read(request)
            return await run_in_threadpool(
                self._answer, request, lambda: handler(request, self._checked(request, form))
            )

        return endpoint

    def _checked(self, request: Request, form: Form | None) -> Form:
        if form is None:
            raise PageError(413, "too_large")
        site = request.headers.get("sec-fetch-site", "same-origin")
        token = form.get("form_token", "")
        if site not in ("same-origin", "none") or not sessions.may_send(
            self.session(request), self.desk.keyring, token=token
        ):
            raise PageError(403, "form_stale")
        return form

    def _answer(self, request: Request, handle: Callable[[], Response]) -> Response:
        try:
            return handle()
        except PageError as refusal:
            return self._refusal(request, refusal)
        except RefusedError as refusal:
            status = refusal.problem.status
            key = {403: "over", 404: "not_found", 429: "too_often"}.get(status, "broken")
            return self._refusal(request, PageError(status, key))
        except StorageBusyError:
            return self._refusal(request, PageError(503, "download_busy"))

    def _refusal(self, request: Request, refusal: PageError) -> Response:
        if request.path_params.get("lang") not in LANGUAGES:
            request.path_params["lang"] = LANGUAGES[0]
        t = self.words(request)["page"]
        values = {
            "title": t.get(f"{refusal.key}_title") or t[refusal.key],
            "text": t.get(f"{refusal.key}_text", ""),
        }
        return self.page(request, "refusal.html", values, status=refusal.status)

    def _keep(self, request: Request, response: Response) -> None:
        now = self.desk.clock()
        sessions.keep(request, response, self.session(request), self.desk.keyring, now=now)

    def _navigation(self, request: Request, w: Words, session: Session) -> list[Link]:
        lang, path = w["lang"], request.url.path
        home = f"{CATALOGUE}{'' if lang == LANGUAGES[0] else lang + '/'}index.html"
        account = f"/{lang}/account"
        links = [Link(home, w["catalogue"]), Link(account, w["account"], path == account)]
        if session.kind is Kind.APPROVER:
            requests = f"/{lang}/requests"
            links[1] = Link(requests, w["page"]["approver_title"], path == requests)
        return links


async def _read(request: Request) -> Form | None:
    """The fields of a form, none of another kind of body; None for one that is too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return None


def _headers(language: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": f"{policy(language, forms=True)}; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "Cache-Control": "private, no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _in_language(request: Request, language: str) -> str:
    _, _, rest = request.url.path.lstrip("/").partition("/")
    return f"/{language}/{rest}" if request.method == "GET" else f"/{language}/account"
