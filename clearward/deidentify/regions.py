"""States and provinces to regions. A new code list is one table in regions.toml and one here.

Regions are the only geography that leaves: divisions of the US Census Bureau and the seven
regions of Chinese health statistics, all far above the 20,000 people of 45 CFR 164.514(b)(2).
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from clearward.errors import ConfigError

# A region of fewer people leaves under one pooled name (45 CFR 164.514(b)(2)(i)(B) for ZIP areas).
LEAST_PEOPLE, POOLED = 20_000, "pooled"
_FILE = Path(__file__).with_name("regions.toml")
# Code list -> table of prefixes for values that are division codes or id numbers.
CODE_LISTS = {"us_state": "", "cn_province": "cn_prefix"}
# Division code of 2 or 6 digits, or an id number of 15 or 18 characters (GB 11643).
_CODE_FORM = "[0-9]{2}|[0-9]{6}|[0-9]{15}|[0-9]{17}[0-9Xx]"


@cache
def region_codes(table: str) -> dict[str, str]:
    """Upper-case value -> region, of one table of regions.toml."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    people = document["population"]
    return {
        value.upper(): region if people[region] > LEAST_PEOPLE else POOLED
        for region, values in document[table].items()
        for value in values
    }


def region_sql(value: str, code_list: str) -> str:
    """SQL for the region of an SQL text expression; NULL for what the list does not know."""
    if code_list not in CODE_LISTS:
        raise ConfigError(
            f"Unknown code list {code_list!r} of regions.", expected=", ".join(sorted(CODE_LISTS))
        )
    known = _map_lookup(region_codes(code_list), f"upper(trim({value}))")
    if not CODE_LISTS[code_list]:
        return known
    prefixes = _map_lookup(region_codes(CODE_LISTS[code_list]), f"left(trim({value}), 2)")
    is_code = f"regexp_full_match(trim({value}), '{_CODE_FORM}')"
    return f"CASE WHEN {is_code} THEN {prefixes} ELSE {known} END"


@cache
def restricted_zip3() -> frozenset[str]:
    """Three-digit ZIP areas of 20,000 people or fewer."""
    return frozenset(tomllib.loads(_FILE.read_text(encoding="utf-8"))["zip3"]["restricted"])


def zip3_sql(value: str) -> str:
    """SQL for the first three digits of a ZIP or ZIP+4 code; 000 where few people live.

    NULL for what is no ZIP code, so that no foreign code or address slips through.
    """
    few = ", ".join(f"'{area}'" for area in sorted(restricted_zip3()))
    area = f"left(trim({value}), 3)"
    return (
        f"CASE WHEN NOT regexp_full_match(trim({value}), '[0-9]{{5}}(-?[0-9]{{4}})?') THEN NULL"
        f" WHEN {area} IN ({few}) THEN '000' ELSE {area} END"
    )


def _map_lookup(codes: dict[str, str], value: str) -> str:
    pairs = ", ".join(f"'{code}': '{region}'" for code, region in codes.items())
    return f"map_extract_value(MAP {{{pairs}}}, {value})"
