"""JSON schemas (2020-12) of what the service says and is told. How an answer is made belongs to its
handler; a test holds every answer against these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.licensing.model import Copy

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}


def _object(
    properties: Mapping[str, Schema], *, optional: tuple[str, ...] = (), is_open: bool = False
) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": is_open,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


PROBLEM = _object(
    {
        "type": {"type": "string", "pattern": "^urn:clearward:problem:"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "errorCode": _TEXT,
        "message": _TEXT,
    },
    is_open=True,  # OAuth's own `error` (RFC 6749, 5.2) comes beside it
)
HEALTH = _object({"status": {"const": "up"}})
RELEASES = _object(
    {
        "releases": _list(
            _object(
                {
                    "product": _TEXT,
                    "version": _TEXT,
                    "month": _TEXT,
                    "content_sha256": _SHA256,
                    "manifest_sha256": _SHA256,
                    "published_at": _MOMENT,
                    "change": _TEXT,
                    "files": _COUNT,
                    "rows": _COUNT,
                    "bytes": _COUNT,
                    "is_retired": {"type": "boolean"},
                }
            )
        )
    }
)
LINKS = _object(
    {
        "product": _TEXT,
        "version": _TEXT,
        "expires_at": _MOMENT,
        "manifest_sha256": _SHA256,
        "release_manifest_sha256": _SHA256,
        "copy": {"enum": [copy.value for copy in Copy]},
        "copy_id": _TEXT,
        "files": _list(
            _object(
                {
                    "path": _TEXT,
                    "url": {"type": "string", "format": "uri"},
                    "sha256": _SHA256,
                    "bytes": _COUNT,
                }
            )
        ),
    }
)
_OR_NULL: Schema = {"type": ["string", "null"]}
RECALL = _object(
    {
        "id": _TEXT,
        "product": _TEXT,
        "made_at": _TEXT,
        "due_at": _TEXT,
        "sent_at": _OR_NULL,
        "confirmed_at": _OR_NULL,
        "state": _TEXT,
    }
)
RECALLS = _object({"recalls": _list(RECALL)})
ENVELOPE = _object(
    {
        "payloadType": _TEXT,
        "payload": _TEXT,
        "signatures": _list({"type": "object"}),
    }
)
ATTESTATION: Schema = {
    "anyOf": [
        _object({"list_id": _TEXT, "list_sha256": _SHA256, "by": _TEXT, "deleted_at": _MOMENT}),
        ENVELOPE,
    ]
}
CONDITIONS: Mapping[str, Schema] = dict.fromkeys(
    ("Range", "If-Range", "If-Match", "If-None-Match"), _TEXT
)
_NAMED: Schema = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("name", "id", "share", "schema", "shareId")
    },
    "required": ["name"],
    "additionalProperties": False,
}
SHARE = _object({"share": _NAMED})
PAGE = _object({"items": _list(_NAMED), "nextPageToken": _TEXT}, optional=("nextPageToken",))
PAGING: Mapping[str, Schema] = {"maxResults": _COUNT, "pageToken": _TEXT}
RANGES: Mapping[str, Mapping[str, Schema]] = {
    "tableVersion": {"startingTimestamp": _TEXT},
    "tableMetadata": {"version": _COUNT, "timestamp": _TEXT},
    "tableChanges": {
        "startingVersion": _COUNT,
        "startingTimestamp": _TEXT,
        "endingVersion": _COUNT,
        "endingTimestamp": _TEXT,
        "includeHistoricalMetadata": _TEXT,
    },
}
QUERY: Schema = {
    "type": "object",
    "properties": {
        "predicateHints": _list(_TEXT),
        "jsonPredicateHints": _TEXT,
        "limitHint": _COUNT,
        "version": _COUNT,
        "timestamp": _TEXT,
    },
}
PROFILE = _object(
    {
        "shareCredentialsVersion": {"const": 1},
        "endpoint": _TEXT,
        "bearerToken": _TEXT,
        "expirationTime": _MOMENT,
    }
)
ACCESS_TOKEN = _object(
    {"access_token": _TEXT, "token_type": {"const": "Bearer"}, "expires_in": _COUNT}
)
GRANT: Schema = {
    "type": "object",
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "client_id": _TEXT,
        "client_secret": _TEXT,
        "scope": _TEXT,
    },
    "required": ["grant_type"],
}
