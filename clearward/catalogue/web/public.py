"""The static catalogue behind the service: the bytes of the store, at addresses that stay. Making
them belongs to `catalogue.site`.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clearward.catalogue.pages import policy
from clearward.catalogue.shelving import PREFIX, page_key, read_pointer
from clearward.catalogue.site import DOCUMENTS
from clearward.catalogue.web.front import CATALOGUE, NOT_FOUND, Front, PageError
from clearward.catalogue.words import LANGUAGES
from clearward.errors import StorageError
from clearward.storage import check_key

_TYPES = {
    **{".md": "text/plain", ".sql": "text/plain", ".py": "text/plain", ".ttl": "text/turtle"},
    **{".jsonld": "application/ld+json", ".ndjson": "application/x-ndjson", ".yaml": "text/plain"},
    **{".html": "text/html", ".csv": "text/csv", ".json": "application/json", ".txt": "text/plain"},
}
_DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Public:
    """Handlers that ask nobody who they are."""

    front: Front

    def door(self, request: Request) -> Response:
        """GET / and /catalogue: to the first page, in the reader's language."""
        asked = request.headers.get("accept-language", "").lower()[:200]
        is_other = asked.startswith(LANGUAGES[1])
        return RedirectResponse(f"{CATALOGUE}{'zh/' if is_other else ''}index.html", 303)

    def page(self, request: Request) -> Response:
        """GET /catalogue/pages/{path}."""
        path = str(request.path_params["path"])
        path = f"{path}index.html" if not path or path.endswith("/") else path
        generations = read_pointer(self.front.desk.storage)
        if not generations:
            raise PageError(*NOT_FOUND)
        language = LANGUAGES[1] if path.startswith(f"{LANGUAGES[1]}/") else LANGUAGES[0]
        return self._serve(page_key(generations[0], path), policy(language))

    def document(self, request: Request) -> Response:
        """GET /catalogue/documents/{path}: a document of a release."""
        return self._serve(f"{PREFIX}{DOCUMENTS}/{request.path_params['path']}", _DOCUMENT_POLICY)

    def _serve(self, key: str, rules: str) -> Response:
        try:
            content = self.front.desk.storage.get_bytes(check_key(key))
        except StorageError:
            raise PageError(*NOT_FOUND) from None
        ending = key[key.rfind(".") :]
        kind = _TYPES.get(ending) or mimetypes.guess_type(key)[0] or "application/octet-stream"
        headers = {
            "Content-Security-Policy": f"{rules}; frame-ancestors 'none'",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "public, max-age=300",
        }
        if kind == "application/octet-stream":
            headers["Content-Disposition"] = "attachment"
        return Response(content, 200, headers, kind)
