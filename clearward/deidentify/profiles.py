"""Legal rule sets as checks of what is published; the rules themselves are in profiles.toml.

What is measured belongs to `risk` and to the caller; a fact that nobody measured is never held.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError

_FILE = Path(__file__).with_name("profiles.toml")
_CALENDAR = ("DATE", "TIMESTAMP", "TIME")
Facts = Mapping[str, float | bool]


class Verdict(Enum):
    """What became of a rule."""

    HELD = "held"
    NOT_HELD = "not held"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class RuleResult:
    """One rule of one profile, judged.

    Attributes:
        profile, rule, cites, asks: which rule, where it stands, what it asks for.
        verdict: held, not held, or not applicable.
        reason: what was seen: names of columns, figures, never a value.
    """

    profile: str
    rule: str
    cites: str
    asks: str
    verdict: Verdict
    reason: str


@cache
def profiles() -> Mapping[str, Mapping[str, Any]]:
    """Every profile by name, as profiles.toml has it."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def check_profiles(
    names: Sequence[str],
    *,
    schema: Mapping[str, Mapping[str, str]],
    facts: Facts,
    roles: Mapping[str, str] | None = None,
    not_applicable: Mapping[str, str] | None = None,
) -> tuple[RuleResult, ...]:
    """Judge every rule of the named profiles; nothing is raised for a rule that is not held.

    Args:
        names: profiles, as a product spec names them.
        schema: table -> column -> DuckDB type, of everything published.
        facts: measured figures and truths, see profiles.toml.
        roles: column -> ``measure`` for columns that are named like an identifier and are none.
        not_applicable: fact -> why what is published cannot have it; its rule is then not judged.

    Raises:
        ConfigError: a profile is unknown, or the schema is empty: nothing would be judged.
    """
    unknown = sorted(set(names) - set(profiles()))
    if unknown or not names or not any(schema.values()):
        raise ConfigError(
            "Nothing can be checked against a profile.",
            seen=f"profiles {list(names)}, {len(schema)} tables",
            expected=f"some of {sorted(profiles())}, and published columns",
        )
    columns = {name: type_ for table in schema.values() for name, type_ in table.items()}
    return tuple(
        _waived(name, rule, not_applicable or {})
        or _judge(name, rule, columns=columns, facts=facts, roles=roles or {})
        for name in names
        for rule in profiles()[name]["rules"]
    )


def _waived(profile: str, rule: Mapping[str, Any], reasons: Mapping[str, str]) -> RuleResult | None:
    facts = [rule.get("is"), *rule.get("at_least", {}), *rule.get("at_most", {})]
    why = next((reasons[fact] for fact in facts if fact in reasons), None)
    if why is None:
        return None
    verdict = Verdict.NOT_APPLICABLE
    return RuleResult(profile, rule["id"], rule["cites"], rule["asks"], verdict, why)


def _judge(
    profile: str,
    rule: Mapping[str, Any],
    *,
    columns: Mapping[str, str],
    facts: Facts,
    roles: Mapping[str, str],
) -> RuleResult:
    if "absent" in rule:
        verdict, reason = _absent(rule["absent"], columns, roles)
    elif rule.get("no_dates"):
        found = sorted(n for n, type_ in columns.items() if type_.startswith(_CALENDAR))
        verdict, reason = _verdict(not found), f"calendar columns: {', '.join(found) or 'none'}"
    elif "is" in rule:
        seen = facts.get(rule["is"])
        verdict, reason = _verdict(seen is True), f"{rule['is']} = {_shown(seen)}"
    else:
        verdict, reason = _bounded(rule, facts)
    return RuleResult(profile, rule["id"], rule["cites"], rule["asks"], verdict, reason)


def _absent(
    words: Sequence[str], columns: Mapping[str, str], roles: Mapping[str, str]
) -> tuple[Verdict, str]:
    found = sorted(
        name
        for name in columns
        if set(name.lower().split("_")) & set(words) and roles.get(name) != "measure"
    )
    return _verdict(not found), f"columns named so: {', '.join(found) or 'none'}"


def _bounded(rule: Mapping[str, Any], facts: Facts) -> tuple[Verdict, str]:
    is_least = "at_least" in rule
    ((fact, bound),) = (rule["at_least"] if is_least else rule["at_most"]).items()
    seen = facts.get(fact)
    if isinstance(seen, bool) or seen is None or seen != seen:  # noqa: PLR0124 - NaN is no figure
        return Verdict.NOT_HELD, f"{fact} was not measured"
    sign = "at least" if is_least else "at most"
    holds = seen >= bound if is_least else seen <= bound
    return _verdict(holds), f"{fact} = {seen:g}, {sign} {bound:g}"


def _verdict(holds: bool) -> Verdict:
    return Verdict.HELD if holds else Verdict.NOT_HELD


def _shown(seen: float | bool | None) -> str:
    return "not measured" if seen is None else str(seen).lower()
