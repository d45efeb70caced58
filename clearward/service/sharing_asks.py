"""What a Delta Sharing request asks, read from its query and body. RefusedError (400) for what
cannot be understood; what is only a hint is never refused for its words. Answers are `shares`'s.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from clearward.service.problems import MALFORMED, RefusedError
from clearward.sharing.messages import CAPABILITIES, Capabilities, parse_capabilities
from clearward.sharing.versions import Numbered, parse_timestamp

_LARGEST = 2**63 - 1
Point = int | datetime  # a version by its number, or by a moment


@dataclass(frozen=True)
class QueryAsk:
    """The body of ``/query``; ``at`` is None for the newest version."""

    at: Point | None
    predicates: tuple[str, ...]
    json_predicate: str | None
    limit: int | None


@dataclass(frozen=True)
class ChangesAsk:
    """The query of ``/changes``; ``end`` is None for "until now"."""

    start: Point
    end: Point | None
    with_metadata: bool

    def holds(self, version: Numbered) -> bool:
        """Whether a version lies in the range, both ends included."""
        return _compare(version, self.start) >= 0 and (
            self.end is None or _compare(version, self.end) <= 0
        )


def client_of(request: Request) -> Capabilities:
    """What the client can read."""
    return parse_capabilities(request.headers.get(CAPABILITIES, ""))


def read_query(body: bytes) -> QueryAsk:
    """Read the body of ``/query``."""
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise _malformed("The body is no JSON.") from None
    if not isinstance(asked, dict):
        raise _malformed("The body is no JSON object.")
    if "startingVersion" in asked:
        raise _malformed("Ask /changes for what changed since a version.")
    hints = asked.get("predicateHints")
    predicates = hints if isinstance(hints, list) else []
    json_predicate = asked.get("jsonPredicateHints")
    return QueryAsk(
        at=_point(asked, "version", "timestamp"),
        predicates=tuple(hint for hint in predicates if isinstance(hint, str)),
        json_predicate=json_predicate if isinstance(json_predicate, str) else None,
        limit=_number("limitHint", asked.get("limitHint")),
    )


def read_version(request: Request) -> Point | None:
    """``version`` or ``timestamp`` of ``/metadata``; None for the newest."""
    return _point(request.query_params, "version", "timestamp")


def read_changes(request: Request) -> ChangesAsk:
    """Read the query of ``/changes``."""
    query = request.query_params
    start = _point(query, "startingVersion", "startingTimestamp")
    end = _point(query, "endingVersion", "endingTimestamp")
    if start is None:
        raise _malformed("Name startingVersion or startingTimestamp.")
    if isinstance(start, int) and isinstance(end, int) and end < start:
        raise _malformed("endingVersion lies before startingVersion.")
    return ChangesAsk(start, end, query.get("includeHistoricalMetadata", "").lower() == "true")


def read_starting_timestamp(request: Request) -> datetime | None:
    """``startingTimestamp`` of ``/version``."""
    text = request.query_params.get("startingTimestamp")
    return None if text is None else _moment("startingTimestamp", text)


def page(request: Request, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list, as ``maxResults`` and ``pageToken`` ask; each item has a ``name``.

    A page goes on behind the last item of the one before, so nothing is shown twice or left out
    when the list grows in between.
    """
    most = _number("maxResults", request.query_params.get("maxResults"))
    token = request.query_params.get("pageToken")
    after = _read_token(token) if token else ""
    ordered = sorted(
        items,
        key=lambda item: (item["schema"], item["name"]) if "schema" in item else ("", item["name"]),
    )
    left = [item for item in ordered if _place(item) > after]
    shown = left if most is None else left[:most]
    if len(shown) == len(left):
        return {"items": shown}
    return {"items": shown, "nextPageToken": _token(_place(shown[-1]) if shown else after)}


def _place(item: dict[str, Any]) -> str:
    return f"{item.get('schema', '')}\t{item['name']}"


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(f"after {after}".encode()).decode()


def _read_token(token: str) -> str:
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        text = ""
    if not text.startswith("after "):
        raise _malformed("pageToken is none that this service gave.")
    return text.removeprefix("after ")


def _point(asked: Mapping[str, Any], number: str, moment: str) -> Point | None:
    """A version that is named by its number or by a moment; None where neither is."""
    if asked.get(number) is not None and asked.get(moment) is not None:
        raise _malformed(f"Name {number} or {moment}, not both.")
    if asked.get(moment) is not None:
        return _moment(moment, asked[moment])
    return _number(number, asked.get(number))


def _compare(version: Numbered, point: Point) -> int:
    """Below, at or above 0: before, at or after the point."""
    if isinstance(point, int):
        return version.number - point
    return (version.published_at > point) - (version.published_at < point)


def _number(name: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise _malformed(f"{name} is no whole number from 0 up.")
    return value


def _moment(name: str, value: object) -> datetime:
    try:
        return parse_timestamp(str(value))
    except (ValueError, OverflowError):
        raise _malformed(f"{name} is no moment such as 2026-01-31T00:00:00Z.") from None


def _malformed(detail: str) -> RefusedError:
    return RefusedError(MALFORMED.because(detail))
