"""How a buyer comes to a token: the ``.share`` profile by an activation link, and OAuth 2.0 client
credentials (RFC 6749, 4.4) for the Delta Sharing profile of version 2. Whether a token is given is
decided by `licensing.tokens`.

The activation page asks with a button: programs that look at links in letters fetch them, and a
link is good once.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from clearward.errors import LicenceError
from clearward.licensing import tokens
from clearward.licensing.chain import find_token
from clearward.licensing.model import parse_moment
from clearward.licensing.registry import token_id
from clearward.service.desk import Desk
from clearward.service.problems import MEDIA_TYPE, NO_ACTIVATION, Problem, RefusedError

PROFILE_NAME = "clearward.share"
SHARING_ROOT = "/delta-sharing"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Clearward</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem}}</style></head>
<body><main><h1>Your access · <span lang="zh">您的访问凭证</span></h1>
<p>The button fetches your profile file <code>{name}</code>. It holds your token, works once, and is
as secret as a password.</p>
<p lang="zh">点击按钮下载您的配置文件 <code>{name}</code>。文件含有您的访问令牌，
仅可下载一次，请像密码一样保管。</p>
<form method="post" action="{action}"><button>Download · <span lang="zh">下载</span></button></form>
</main></body></html>
"""


@dataclass(frozen=True)
class Tokens:
    """Handlers that give tokens."""

    desk: Desk

    def page(self, request: Request) -> Response:
        """The page behind an activation link; the same for every link."""
        action = html.escape(str(request.url.path))
        page = _PAGE.format(name=PROFILE_NAME, action=action)
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})

    def profile(self, request: Request) -> Response:
        """The profile file, once."""
        try:
            token = tokens.activate(
                self.desk.engine,
                activation=request.path_params["activation"],
                now=self.desk.clock(),
            )
        except LicenceError:
            self.desk.count_failure(request)
            raise RefusedError(NO_ACTIVATION) from None
        profile = {
            "shareCredentialsVersion": 1,
            "endpoint": f"{self.desk.base(request)}{SHARING_ROOT}",
            "bearerToken": token,
            "expirationTime": self._ends(token).isoformat(timespec="seconds"),
        }
        named = {"Content-Disposition": f'attachment; filename="{PROFILE_NAME}"'}
        return Response(json.dumps(profile, indent=1), 200, named, "application/json")

    async def exchange(self, request: Request) -> Response:
        """OAuth 2.0: a client's secret for a token of an hour."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return await run_in_threadpool(self._exchange, request, form)

    def _exchange(self, request: Request, form: dict[str, list[str]]) -> Response:
        if form.get("grant_type") != ["client_credentials"]:
            return _oauth_refusal(400, "unsupported_grant_type", "Use client_credentials.")
        given = _client(request, form)
        if "\0" in given[0]:  # no client's name, and PostgreSQL takes no such text
            given = "", ""
        try:
            token, until = tokens.exchange(
                self.desk.engine, client_id=given[0], client_secret=given[1], now=self.desk.clock()
            )
        except LicenceError:
            self.desk.count_failure(request)
            return _oauth_refusal(401, "invalid_client", "Check both, or ask for new ones.")
        left = int((until - self.desk.clock()).total_seconds())
        body = {"access_token": token, "token_type": "Bearer", "expires_in": max(0, left)}
        return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _ends(self, token: str) -> datetime:
        with self.desk.engine.connect() as connection:
            return parse_moment(find_token(connection, token_id(token)).expires_at)


def _client(request: Request, form: dict[str, list[str]]) -> tuple[str, str]:
    """Id and secret, from the Basic header (form-encoded in it, RFC 6749, 2.3.1) or the form; empty
    where there is none, which is nobody's.
    """
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeError):
            return "", ""
        return unquote(name), unquote(secret)
    names, secrets = form.get("client_id", []), form.get("client_secret", [])
    return (names[0], secrets[0]) if len(names) == len(secrets) == 1 else ("", "")


def _oauth_refusal(status: int, code: str, detail: str) -> Response:
    """RFC 6749, 5.2: ``error`` beside what every refusal has."""
    body = {**Problem(status, code, "No token was given.", detail).body(), "error": code}
    headers = {"WWW-Authenticate": 'Basic realm="clearward"'} if status == 401 else {}
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
