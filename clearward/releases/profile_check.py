"""A product's legal profiles held against its protected tables: the facts behind the rules, and the
refusal of a release that misses one. Rules belong to `deidentify.profiles`; a fact that cannot be
had is left out, and its rule is then not held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from clearward.deidentify.checks import columns_of
from clearward.deidentify.profiles import (
    RuleResult,
    Verdict,
    check_profiles,
    profiles,
)
from clearward.deidentify.reports import read_reports
from clearward.deidentify.special import category_sql, list_id
from clearward.errors import ConfigError, GateError, ReleaseError
from clearward.products.spec import Product
from clearward.releases import evidence
from clearward.settings import Settings
from clearward.sources.spec import load_spec, source_systems
from clearward.warehouse import Warehouse, engine, hash_file, read_parquet_sql

# What these let out is as the source sent it; a pseudonym, a year or a region is not.
_AS_SENT = frozenset({"keep", "measured_value", "shift"})
_CODES = re.compile(r"(^|_)code(_stem)?$")
_YEAR = re.compile(r"\d{4}")


def judge_profiles(
    settings: Settings, spec: Product, *, month: str, names: Sequence[str] = ()
) -> tuple[RuleResult, ...]:
    """Every rule of the profiles that a product names (or of `names`), on its protected tables.

    Raises ConfigError when there is no protected table or the product names no known profile.
    """
    wanted = tuple(names) or spec.protection.profiles
    files = _files(settings, spec, month)
    with engine(settings) as connection:
        schema = {entity: columns_of(connection, path) for entity, path in files.items()}
        facts, not_applicable = _measured(connection, spec, files, schema, month=month)
    facts |= _of_months(settings, month) | _of_risk(settings, spec, files, month=month)
    facts |= {
        "is_enclave": spec.protection.release_model == "enclave",
        "max_level": _highest_level(schema),
    }
    if not _are_current(settings, month):
        facts.pop("special_rows", None)
    return check_profiles(wanted, schema=schema, facts=facts, not_applicable=not_applicable)


def told(results: Sequence[RuleResult]) -> list[dict[str, str]]:
    """Results as JSON values, each with the title of its profile."""
    return [
        {
            **{name: str(value) for name, value in asdict(r).items() if name != "verdict"},
            "verdict": r.verdict.value,
            "title": str(profiles()[r.profile]["title"]),
        }
        for r in results
    ]


def profile_facts(settings: Settings, spec: Product, *, month: str) -> list[dict[str, str]]:
    """What a release says of its profiles; empty for a product that names none."""
    if not spec.protection.profiles:
        return []
    return told(judge_profiles(settings, spec, month=month))


def require_profiles(settings: Settings, spec: Product, *, month: str, published: object) -> None:
    """Raise unless every rule of the product's profiles is held, or cannot apply.

    Args:
        settings, spec, month: whose protected tables are judged, again and from the files.
        published: what the candidate says of them; it must be the same.

    Raises:
        GateError: a rule is not held.
        ReleaseError: the candidate says something else.
    """
    results = profile_facts(settings, spec, month=month)
    broken = [r for r in results if r["verdict"] == Verdict.NOT_HELD.value]
    if broken:
        raise GateError(
            f"{spec.name} does not hold a profile that its spec names.",
            seen="; ".join(f"{r['profile']} {r['rule']}: {r['reason']}" for r in broken[:5]),
            expected="every rule held or not applicable",
            do=f"see `clearward deidentify profile {spec.name} --month {month}`",
        )
    if published != results:
        raise ReleaseError(
            f"The candidate of {spec.name} {month} says something else of its profiles.",
            seen="other results than the protected tables give now",
            do="build the candidate again",
        )


def _files(settings: Settings, spec: Product, month: str) -> dict[str, Path]:
    warehouse = Warehouse(settings.warehouse)
    every = {
        table.entity: warehouse.partition("protected", spec.table_name(table), month=month)
        for table in spec.tables
    }
    found = {entity: path for entity, path in every.items() if path.exists()}
    if not found or "patient" not in found:
        raise ConfigError(
            f"{spec.name} has no protected table in {month}.", do="run the month first"
        )
    return found


def _measured(
    connection: duckdb.DuckDBPyConnection,
    spec: Product,
    files: Mapping[str, Path],
    schema: Mapping[str, Mapping[str, str]],
    *,
    month: str,
) -> tuple[dict[str, float | bool], dict[str, str]]:
    """Facts of the files themselves, and the reason of each that they cannot have."""
    facts: dict[str, float | bool] = {}
    reasons: dict[str, str] = {}
    source = read_parquet_sql([files["patient"]])
    columns = ", ".join(f'"{qi.column}"' for qi in spec.protection.quasi_identifiers)
    row = connection.execute(
        "SELECT min(n), count(*) / sum(n) FROM"
        f" (SELECT count(*) AS n FROM {source} GROUP BY {columns})"
    ).fetchone()
    if row and row[0]:
        facts |= {"k": int(row[0]), "max_prosecutor": 1 / row[0], "avg_prosecutor": float(row[1])}
    if "birth_year" in schema["patient"]:
        years = connection.execute(f"SELECT DISTINCT birth_year::VARCHAR FROM {source}").fetchall()
        born = [int(year) for (text,) in years for year in _YEAR.findall(text or "")]
        facts |= {"oldest_age": int(month[:4]) - min(born)} if born else {}
    else:
        reasons["oldest_age"] = "no year of birth is published"
    if not any(name.endswith("_key") for table in schema.values() for name in table):
        reasons["keys_are_keyed"] = "no key is published"
    told = list(_telling(files, schema))
    if told:
        facts["special_rows"] = _special_rows(connection, told)
    else:
        reasons["special_rows"] = "no code and no words are published"
    return facts, reasons


def _telling(
    files: Mapping[str, Path], schema: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Path, str]]:
    """Text columns that could name a disease; keys are random characters."""
    for entity, columns in schema.items():
        for name, type_ in columns.items():
            if type_ == "VARCHAR" and not name.endswith(("_key", "_id")) and name != "month":
                yield files[entity], name


def _special_rows(connection: duckdb.DuckDBPyConnection, told: Sequence[tuple[Path, str]]) -> int:
    """Cells that tell of a disease; each distinct text is looked at once, whatever its column."""
    texts = " UNION ALL ".join(
        f'SELECT {_CODES.search(column) is not None} AS is_code, "{column}" AS v,'
        f" count(*) AS n FROM {read_parquet_sql([path])} GROUP BY ALL"
        for path, column in told
    )
    code = "CASE WHEN is_code THEN v END"
    row = connection.execute(
        f"SELECT coalesce(sum(n), 0) FROM"
        f" (SELECT is_code, v, sum(n) AS n FROM ({texts}) GROUP BY ALL)"
        f" WHERE {category_sql(code, 'v')} IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def _highest_level(schema: Mapping[str, Mapping[str, str]]) -> int:
    """GB/T 39725-2020 level of the highest column that the door lets out as it was sent.

    A product's column comes from any of them, so the highest of all counts. Free text is level 5
    and leaves scrubbed; where a product publishes it, that counts.
    """
    columns = [
        column
        for system in map(load_spec, source_systems())
        for table in system.tables
        if table.passes
        for column in table.columns
    ]
    has_text = any("text" in table for table in schema.values())
    leaving = _AS_SENT | {"scrub"} if has_text else _AS_SENT
    return max(column.level for column in columns if column.treatment in leaving)


def _reports(settings: Settings, month: str) -> list[dict[str, Any]]:
    return [report for report in read_reports(settings) if report["month"] <= month]


def _are_current(settings: Settings, month: str) -> bool:
    """The door saw months up to this one, all under today's list of special diseases.

    Rows are found by words that are not published: an older list cannot be made up for here.
    """
    reports = _reports(settings, month)
    return bool(reports) and all(report["special_list"] == list_id() for report in reports)


def _of_months(settings: Settings, month: str) -> dict[str, bool]:
    """Whether every hospital that passed the door this month has its list of consents."""
    warehouse = Warehouse(settings.warehouse)
    hospitals = [r["hospital"] for r in _reports(settings, month) if r["month"] == month]
    lists = [
        warehouse.partition("cleared", "subject", month=month, hospital=hospital)
        for hospital in hospitals
    ]
    return {"consent_is_gated": bool(lists) and all(path.exists() for path in lists)}


def _of_risk(
    settings: Settings, spec: Product, files: Mapping[str, Path], *, month: str
) -> dict[str, float | bool]:
    """Facts of the risk report, if it is about exactly these files; nothing otherwise."""
    try:
        risk = evidence.read_risk(settings, spec.name, month=month)
    except GateError:
        return {}
    given, judged = {hash_file(path) for path in files.values()}, risk.get("files")
    if not isinstance(judged, dict) or set(judged.values()) != given:
        return {}
    values = _values(risk.get("checks"))
    facts: dict[str, float | bool] = {"risk_is_reported": bool(values)}
    if "population_uniques" in values:
        facts["population_uniques"] = values["population_uniques"]
    # Every published key is the keyed one of a patient of the mart: G1 makes them again.
    if "unknown_patients" in values:
        facts["keys_are_keyed"] = values["unknown_patients"] == 0
    return facts


def _values(checks: object) -> dict[str, float]:
    """Check -> value, of checks that have a number."""
    every = (
        [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    )
    return {
        str(check.get("check")): float(value)
        for check in every
        if isinstance(check, dict)
        for value in [check.get("value")]
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
