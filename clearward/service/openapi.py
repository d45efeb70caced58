"""The OpenAPI 3.1 document, made from the table of addresses in `routes`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clearward.service import schemas
from clearward.service.problems import (
    BROKEN,
    BUSY,
    HEAD_TOO_LARGE,
    MALFORMED,
    MEDIA_TYPE,
    TOO_LARGE,
    TOO_MANY,
    TOO_SLOW,
    Problem,
)
from clearward.service.routes import Answer, Endpoint

_ALWAYS = (MALFORMED, TOO_SLOW, TOO_LARGE, HEAD_TOO_LARGE, TOO_MANY, BROKEN, BUSY)
_PARAMETER = re.compile(r"{([a-z_]+)(?::[a-z]+)?}")
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "client": {"type": "http", "scheme": "basic"},
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document, as JSON values."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        operations = paths.setdefault(path, {})
        operations[endpoint.method.lower()] = _operation(endpoint)
        if endpoint.method == "GET":
            operations["head"] = _headless(_operation(endpoint))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clearward delivery service",
            "version": "1",
            "description": "Licensed releases: links, files, recalls, Delta Sharing.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": schemas.PROBLEM},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    answers = {str(status): _response(answer) for status, answer in endpoint.answers.items()}
    refusals: dict[int, list[Problem]] = {}
    for problem in (*endpoint.refusals, *_ALWAYS):
        refusals.setdefault(problem.status, []).append(problem)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": {**answers, **{str(s): _refusal(found) for s, found in refusals.items()}},
        "security": [{endpoint.security: []}] if endpoint.security else [],
    }
    if endpoint.body:
        operation["requestBody"] = {"content": _content(endpoint.body)}
    return operation


def _headless(operation: dict[str, Any]) -> dict[str, Any]:
    """The same as HEAD: no answer has content."""
    responses = {
        status: {key: value for key, value in answer.items() if key != "content"}
        for status, answer in operation["responses"].items()
    }
    name = f"{operation['operationId']}Head"
    return {**operation, "operationId": name, "responses": responses}


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = [
        _parameter(name, "path", {"type": "string", "minLength": 1})
        for name in _PARAMETER.findall(endpoint.path)
    ]
    found += [_parameter(name, "query", schema) for name, schema in endpoint.query.items()]
    return found + [_parameter(name, "header", schema) for name, schema in endpoint.headers.items()]


def _parameter(name: str, place: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": dict(schema)}


def _response(answer: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Done."}
    if answer.media_type:
        response["content"] = _content(answer)
    if answer.headers:
        response["headers"] = {name: {"schema": {"type": "string"}} for name in answer.headers}
    return response


def _content(answer: Answer) -> dict[str, Any]:
    return {answer.media_type: {"schema": dict(answer.schema)}}


def _refusal(problems: Sequence[Problem]) -> dict[str, Any]:
    return {
        "description": " ".join(dict.fromkeys(problem.title for problem in problems)),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
