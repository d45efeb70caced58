"""Predicate hints: whether a file can hold a row that a buyer asks for, by its least and greatest
values. A hint saves bytes and protects nothing: what cannot be understood, or is not known, is
sent (Delta Sharing protocol, "JSON predicates for Filtering", "SQL Expressions for Filtering").
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from clearward.sharing.footers import Footer

_DEPTH = 30
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WHOLE = re.compile(r"[+-]?\d{1,30}")
_COMPARISONS: dict[str, Callable[[Any, Any, Any], bool]] = {
    "equal": lambda low, high, value: low <= value <= high,
    "lessThan": lambda low, _, value: low < value,
    "lessThanOrEqual": lambda low, _, value: low <= value,
    "greaterThan": lambda _, high, value: high > value,
    "greaterThanOrEqual": lambda _, high, value: high >= value,
}
_MIRRORED = {
    "equal": "equal",
    "lessThan": "greaterThan",
    "lessThanOrEqual": "greaterThanOrEqual",
    "greaterThan": "lessThan",
    "greaterThanOrEqual": "lessThanOrEqual",
}
_SIGNS = {
    "=": "equal",
    "<": "lessThan",
    "<=": "lessThanOrEqual",
    ">": "greaterThan",
    ">=": "greaterThanOrEqual",
}
_NAME = r"`?([A-Za-z_][A-Za-z0-9_]*)`?"
_VALUE = r"('(?:[^']|'')*'|[+-]?\d+(?:\.\d+)?)"
_SIGN = r"\s*(<=|>=|=|<|>)\s*"
_FORWARD = re.compile(_NAME + _SIGN + _VALUE)
_BACKWARD = re.compile(_VALUE + _SIGN + _NAME)
_NULL = re.compile(_NAME + r"\s+IS\s+(NOT\s+)?NULL", re.IGNORECASE)


def may_match(footer: Footer, *, predicates: Sequence[str], json_predicate: str | None) -> bool:
    """False only where no row of the file can satisfy all hints together."""
    trees: list[object] = [_parse_sql(text) for text in predicates]
    if json_predicate is not None:
        with suppress(ValueError, RecursionError):  # a hint that cannot be read is none
            trees.append(json.loads(json_predicate))
    return all(_may(footer, tree, 0) for tree in trees)


def _may(footer: Footer, tree: object, depth: int) -> bool:
    if not isinstance(tree, dict) or depth > _DEPTH:
        return True
    children = tree.get("children")
    parts = children if isinstance(children, list) else []
    return _may_op(footer, tree.get("op"), parts, depth)


def _may_op(footer: Footer, op: object, parts: list[object], depth: int) -> bool:
    match op:
        case "and":
            return all(_may(footer, part, depth + 1) for part in parts)
        case "or":
            return not parts or any(_may(footer, part, depth + 1) for part in parts)
        case "not":
            return len(parts) != 1 or _may_not(footer, parts[0])
        case "isNull" if len(parts) == 1:
            return footer.empty.get(_column(footer, parts[0]) or "") != 0
        case str(op) if op in _COMPARISONS and len(parts) == 2:
            return _compare(footer, op, *parts)
    return True


def _may_not(footer: Footer, part: object) -> bool:
    """``not isNull``: the only negation that a file's bounds can decide."""
    if not isinstance(part, dict) or part.get("op") != "isNull":
        return True
    children = part.get("children")
    if not isinstance(children, list) or len(children) != 1:
        return True
    name = _column(footer, children[0])
    return name is None or footer.empty.get(name) != footer.rows


def _compare(footer: Footer, op: str, left: object, right: object) -> bool:
    if isinstance(left, dict) and left.get("op") == "literal":
        left, right, op = right, left, _MIRRORED[op]
    name = _column(footer, left)
    if name is None or not isinstance(right, dict) or right.get("op") != "literal":
        return True
    if footer.rows and footer.empty.get(name) == footer.rows:
        return False  # null is neither equal nor less nor greater
    if name not in footer.least:
        return True
    low, high = footer.least[name], footer.greatest[name]
    value = _literal(right, low)
    return value is None or _COMPARISONS[op](low, high, value)


def _column(footer: Footer, part: object) -> str | None:
    if not isinstance(part, dict) or part.get("op") != "column":
        return None
    wanted = str(part.get("name", "")).casefold()
    return next((name for name in footer.columns if name.casefold() == wanted), None)


def _literal(part: Mapping[str, Any], bound: object) -> Any:
    """The value in the bound's own type; None where comparing would ask for another order, as of
    numbers by their digits or of days by their words.
    """
    value, kind = part.get("value"), part.get("valueType")
    if isinstance(bound, str):
        is_text = isinstance(value, str) and kind in (None, "string", "date")
        is_same_form = not _DAY.match(bound) or len(str(value)) == len(bound)
        return value if is_text and is_same_form else None
    if isinstance(value, bool) or kind in ("string", "date", "bool"):
        return None
    return _number(str(value))


def _number(text: str) -> int | float | None:
    try:
        if _WHOLE.fullmatch(text):
            return int(text)  # exact, where a double would not be
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_sql(text: str) -> object:
    """One comparison of the protocol's subset as a tree; None for anything else."""
    text = text.strip()
    null = _NULL.fullmatch(text)
    if null:
        test = {"op": "isNull", "children": [{"op": "column", "name": null[1]}]}
        return {"op": "not", "children": [test]} if null[2] else test
    forward, backward = _FORWARD.fullmatch(text), _BACKWARD.fullmatch(text)
    if forward:
        name, sign, value = forward.groups()
        return _comparison(_SIGNS[sign], name, value)
    if backward:
        value, sign, name = backward.groups()
        return _comparison(_MIRRORED[_SIGNS[sign]], name, value)
    return None


def _comparison(op: str, name: str, value: str) -> object:
    plain = value[1:-1].replace("''", "'") if value.startswith("'") else value
    kind = "string" if value.startswith("'") else "double"
    literal = {"op": "literal", "value": plain, "valueType": kind}
    return {"op": op, "children": [{"op": "column", "name": name}, literal]}
