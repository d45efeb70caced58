"""Version numbers and what moves them. Publishing, and reading the store, belong elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from clearward.errors import ReleaseError
from clearward.releases.terms import TermChange

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_BOUND = re.compile(r"(>=|<=|>|<|=)(.+)")


@dataclass(frozen=True, order=True)
class Version:
    """MAJOR.MINOR.PATCH (semver.org 2.0.0, without suffixes); orders by number, not by text."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST = Version(1, 0, 0)


class Change(StrEnum):
    """Why a release differs from the one before it."""

    FIRST = "first"
    SCHEMA_BREAK = "schema_break"
    SCHEMA_ADDITION = "schema_addition"
    NEW_MONTH = "new_month"
    CORRECTION = "correction"
    NOTHING = "nothing"


def parse_version(text: str) -> Version:
    """Read ``1.2.3``; ReleaseError for anything else."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ReleaseError("Not a version number.", expected="MAJOR.MINOR.PATCH, such as 1.2.0")
    return Version(*map(int, found.groups()))


def next_version(previous: Version, change: Change) -> Version:
    """The number after ``previous``; the same number when nothing changed."""
    if change is Change.SCHEMA_BREAK:
        return Version(previous.major + 1, 0, 0)
    if change in {Change.NEW_MONTH, Change.SCHEMA_ADDITION}:
        return Version(previous.major, previous.minor + 1, 0)
    if change is Change.CORRECTION:
        return Version(previous.major, previous.minor, previous.patch + 1)
    return previous


def classify(terms: Iterable[TermChange], *, month: str, previous_month: str) -> Change:
    """Why a release differs from the one before it, the weightiest reason first.

    ``terms`` is what changed in the contract, see `contract.compare`. One breaking term makes the
    release a breaking one, whatever else is in it.
    """
    found = list(terms)
    if any(term.is_breaking for term in found):
        return Change.SCHEMA_BREAK
    if month != previous_month:
        return Change.NEW_MONTH
    return Change.SCHEMA_ADDITION if found else Change.CORRECTION


def range_bounds(text: str) -> list[tuple[str, Version]]:
    """Read a version range: ``*``, ``1.x``, ``1.2.x``, ``1.2.3`` or ``>=1.0.0,<2.0.0``.

    Returns comparisons that must all hold; none for ``*``.
    """
    text = text.strip()
    if text == "*":
        return []
    if text.endswith(".x"):
        return _wildcard(text.removesuffix(".x"))
    bounds = []
    for part in text.split(","):
        found = _BOUND.fullmatch(part.strip())
        sign, number = found.groups() if found else ("=", part)
        bounds.append((sign, parse_version(number.strip())))
    return bounds


def _wildcard(stem: str) -> list[tuple[str, Version]]:
    dots = stem.count(".")
    lower = parse_version(stem + ".0" * (2 - dots))
    if dots == 0:
        return [(">=", lower), ("<", Version(lower.major + 1, 0, 0))]
    return [(">=", lower), ("<", Version(lower.major, lower.minor + 1, 0))]


def overlap(one: str, other: str) -> bool:
    """True when some version is inside both ranges."""
    bounds = [version for _, version in (*range_bounds(one), *range_bounds(other))]
    after = [Version(v.major, v.minor, v.patch + 1) for v in bounds]
    # Whatever the least version inside both is, it is the first of all, a bound, or next to one
    return any(
        in_range(version, one) and in_range(version, other)
        for version in (Version(0, 0, 0), *bounds, *after)
    )


def in_range(version: Version, text: str) -> bool:
    """True when the version is inside the range `range_bounds` reads."""
    holds = {
        ">=": lambda v, bound: v >= bound,
        "<=": lambda v, bound: v <= bound,
        ">": lambda v, bound: v > bound,
        "<": lambda v, bound: v < bound,
        "=": lambda v, bound: v == bound,
    }
    return all(holds[sign](version, bound) for sign, bound in range_bounds(text))
