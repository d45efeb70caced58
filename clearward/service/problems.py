"""Every refusal the service can give, in one shape: problem details (RFC 9457, ``application/
problem+json``). Add one here when a buyer must do something else than for the others.

The body also has ``errorCode`` and ``message``, the two fields of Delta Sharing's own error object.
It is the same bytes for the same refusal: what differs between two requests is in headers only, so
that a body never tells whether something exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """One kind of refusal.

    Attributes:
        status: HTTP status.
        code: stable name for programs; ``type`` is ``urn:clearward:problem:<code>``.
        title: what failed.
        detail: what to do now.
    """

    status: int
    code: str
    title: str
    detail: str

    def body(self) -> dict[str, str | int]:
        """The JSON object."""
        return {
            "type": f"urn:clearward:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errorCode": self.code.upper(),
            "message": f"{self.title} {self.detail}",
        }

    def because(self, detail: str) -> Problem:
        """The same refusal with a reason of its own; never one that tells what exists."""
        return replace(self, detail=detail)


UNKNOWN_TOKEN = Problem(
    401,
    "unknown_token",
    "A valid bearer token is needed.",
    "Send it as 'Authorization: Bearer TOKEN'. Where it has expired or was revoked, ask the"
    " publisher for a new one.",
)
NOT_IN_FORCE = Problem(
    403,
    "licence_not_in_force",
    "Your licence is not in force.",
    "Ask the publisher to renew it; its dates are in your agreement.",
)
BAD_LINK = Problem(
    403,
    "link_not_valid",
    "This link is not valid.",
    "Links end after their time and with the licence. Ask for new ones.",
)
NO_RELEASE = Problem(
    404,
    "no_such_release",
    "The licence covers no such release.",
    "GET /v1/releases lists what it covers.",
)
NO_TABLE = Problem(
    404,
    "no_such_table",
    "The licence covers no such share, schema, table or version.",
    "List what it covers, beginning with GET /delta-sharing/shares.",
)
NO_LIST = Problem(
    404, "no_such_recall_list", "There is no such recall list.", "GET /v1/recalls lists yours."
)
NO_ACTIVATION = Problem(
    404,
    "no_such_activation",
    "This activation link is not good any more.",
    "It works once and for a short time. Ask the publisher for a new one; if you did not use it,"
    " say so.",
)
NO_PAGE = Problem(
    404, "no_such_page", "There is nothing at this address.", "GET /openapi.json lists all of them."
)
NO_METHOD = Problem(
    405, "method_not_allowed", "This address does not take that method.", "See the Allow header."
)
MALFORMED = Problem(400, "malformed_request", "The request cannot be understood.", "Correct it.")
TOO_LARGE = Problem(
    413, "request_too_large", "The request is too long.", "Send less: see docs, request sizes."
)
TOO_SLOW = Problem(
    408, "request_too_slow", "The request did not arrive in time.", "Send it without pauses."
)
TOO_MANY = Problem(
    429, "too_many_requests", "Too many requests.", "Wait as long as Retry-After says, then go on."
)
PRECONDITION = Problem(
    412, "precondition_failed", "The file is another one by now.", "Ask again without If-Match."
)
BUSY = Problem(
    503, "busy", "This cannot be delivered yet.", "Ask again after what Retry-After says."
)
BROKEN = Problem(
    500,
    "broken",
    "This cannot be delivered now.",
    "Tell the publisher, with the X-Request-Id of this answer.",
)


class RefusedError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.code)
        self.problem, self.headers = problem, dict(headers or {})


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The refusal as an HTTP answer."""
    body = json.dumps(problem.body(), ensure_ascii=False).encode()
    return Response(body, problem.status, dict(headers or {}), MEDIA_TYPE)
