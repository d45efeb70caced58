"""Diseases that no file product may tell of: the list, and how its rows are found by code and word.
How a free text names one belongs to `special_text`.

A row that is found leaves as a deletion (keys, ``op`` D, nothing else), so an earlier version of it
that passed before the list grew stops counting too. In tables that other rows refer to, the row
stays and its codes and words are withheld.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from clearward.deidentify.domains import plain_sql, quoted
from clearward.sources.spec import Table
from clearward.warehouse import read_parquet_sql

LIST = Path(__file__).with_name("special_diseases.toml")
# What names the row itself, and what only comes along (a reason, a body site).
CODES = ("code", "item_code", "procedure_code")
LABELS = ("description", "item_name")
ALONG = ("reason_code", "reason_description")
PLACES = ("department", "discharge_department")
# Tables whose short numbers are ICD-9-CM; elsewhere they are a hospital's own items.
DIAGNOSES = frozenset({"conditions", "diagnoses", "front_sheet_diagnoses"})
# Rows of these are referred to by others: dropping one would orphan what happened then.
REFERRED = frozenset({"encounters", "visits", "front_sheet"})


@dataclass(frozen=True)
class SpecialDisease:
    """One category of the list; see the head of special_diseases.toml."""

    name: str
    title: str
    prefixes: tuple[str, ...]
    icd9: tuple[str, ...]
    codes: tuple[str, ...]
    words: tuple[str, ...]
    whole: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@cache
def special_diseases() -> tuple[SpecialDisease, ...]:
    """The list, in its own order."""
    document = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return tuple(
        SpecialDisease(
            name,
            body["title"],
            tuple(body["prefixes"]),
            tuple(body.get("icd9", ())),
            tuple(body["codes"]),
            *(
                tuple(word.lower() for word in body.get(kind, ()))
                for kind in ("words", "whole", "except", "asked")
            ),
        )
        for name, body in document.items()
    )


def list_id() -> str:
    """12 hex characters of the list's content; noted by every run of the door."""
    return hashlib.sha256(LIST.read_bytes()).hexdigest()[:12]


def special_category(
    code: str | None, label: str | None = None, *, is_diagnosis: bool = False
) -> str | None:
    """The category a code or its label belongs to; None for most.

    ``is_diagnosis``: a short number is an ICD-9-CM diagnosis and no hospital's item.
    """
    parts = [part.strip().upper() for part in (code or "").split("+")]
    words = (label or "").lower()
    for disease in special_diseases():
        begins = _begins(disease, is_diagnosis)
        by_code = any(part in disease.codes or begins.match(part) for part in parts)
        if by_code or any(word in words for word in disease.words) or has_whole(disease, words):
            return disease.name
    return None


@cache
def _begins(disease: SpecialDisease, is_diagnosis: bool) -> re.Pattern[str]:
    """How its codes begin. Billing files write ICD codes without their dot."""
    starts = [p.replace(".", "[.]?" if p[0].isalpha() else "[.]") for p in disease.prefixes]
    if is_diagnosis:
        starts += map(_icd9_form, disease.icd9)
    return re.compile(f"(?:{'|'.join(starts)})")


def _icd9_form(prefix: str) -> str:
    """Three digits (E and three, V and two), then up to two more: a longer number is another's."""
    category, _, rest = prefix.partition(".")
    more = 3 + prefix.startswith("E") - len(category)
    return f"{category}[0-9]{{{more}}}[.]?{rest}[0-9]{{0,{2 - len(rest)}}}$"


def has_whole(disease: SpecialDisease, words: str) -> bool:
    """Whether a text in lower case holds one of the words that must stand alone."""
    if not any(word in words for word in disease.whole):
        return False
    for phrase in disease.excepted:
        words = words.replace(phrase, " ")
    return re.search(rf"(^|[^a-z0-9])({'|'.join(disease.whole)})([^a-z0-9]|$)", words) is not None


def category_sql(code: str | None, label: str | None, *, is_diagnosis: bool = False) -> str:
    """SQL for the same answer as `special_category` on two text expressions."""
    whens = [
        f"WHEN {' OR '.join(_tests(disease, code, label, is_diagnosis=is_diagnosis))} "
        f"THEN {quoted(disease.name)}"
        for disease in special_diseases()
    ]
    return f"CASE {' '.join(whens)} END"


@dataclass(frozen=True)
class Pair:
    """The two columns that tell of a disease together; either may be missing."""

    code: str = ""
    label: str = ""
    is_diagnosis: bool = False

    def key_sql(self, row: str = "r") -> str:
        """SQL for one text of both."""
        parts = (f'coalesce({row}."{name}"::VARCHAR, {chr(39) * 2})' for name in self._names())
        return " || chr(31) || ".join(parts)

    def find(self, connection: duckdb.DuckDBPyConnection, source: Path, name: str) -> int:
        """Make table ``name(k, category)`` of the pairs that may not leave; returns how many.

        Words are searched once per distinct pair, not once per row.
        """
        names = ", ".join(f'"{name}"' for name in self._names())
        code, label = (f'r."{name}"' if name else None for name in (self.code, self.label))
        category = category_sql(code, label, is_diagnosis=self.is_diagnosis)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT k, category FROM"
            f" (SELECT {self.key_sql()} AS k, {category} AS category FROM"
            f" (SELECT DISTINCT {names} FROM {read_parquet_sql([source])}) r)"
            " WHERE category IS NOT NULL"
        )
        row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        return int(row[0]) if row else 0

    def _names(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.code, self.label)))


def row_pair(table: Table, found: Mapping[str, str]) -> Pair | None:
    """What decides whether a whole row stays behind; None where rows are referred to."""
    return None if table.name in REFERRED else _pair(table, found, CODES, LABELS)


def value_pair(table: Table, column: str, found: Mapping[str, str]) -> Pair | None:
    """What decides whether a value stays behind though its row leaves; None for most columns."""
    if column in PLACES:
        return _pair(table, found, (), (column,))
    if column in ALONG:
        return _pair(table, found, ALONG[:1], ALONG[1:])
    if table.name in REFERRED and column in (*CODES, *LABELS):
        return _pair(table, found, CODES, LABELS)
    return None


def _pair(
    table: Table, found: Mapping[str, str], codes: tuple[str, ...], labels: tuple[str, ...]
) -> Pair | None:
    code, label = (
        next((name for name in names if name in found and _has(table, name)), "")
        for names in (codes, labels)
    )
    return Pair(code, label, table.name in DIAGNOSES) if code or label else None


def _has(table: Table, name: str) -> bool:
    return any(column.name == name for column in table.columns)


def _tests(
    disease: SpecialDisease, code: str | None, label: str | None, *, is_diagnosis: bool
) -> list[str]:
    tests = []
    if code:
        # Both halves of a dagger–asterisk pair tell of the disease.
        parts = f"string_split(upper(trim({code}::VARCHAR)), '+')"
        codes = f"[{', '.join(map(quoted, disease.codes))}]::VARCHAR[]"
        begins = f"^{_begins(disease, is_diagnosis).pattern}"
        tests.append(f"list_has_any({parts}, {codes})")
        tests.append(f"regexp_matches(array_to_string({parts}, chr(10)), '(?m){begins}')")
    if label:
        # One pattern for all words: a test for each makes a query that takes longer to plan than
        # to answer.
        words = quoted("|".join(map(re.escape, disease.words)))
        tests += [f"regexp_matches({plain_sql(label)}, {words})"] if disease.words else []
        tests += [_whole_sql(disease, plain_sql(label))] if disease.whole else []
    return tests or ["false"]


def _whole_sql(disease: SpecialDisease, words: str) -> str:
    """The same as `has_whole`."""
    if disease.excepted:
        phrases = quoted(f"({'|'.join(map(re.escape, disease.excepted))})")
        words = f"regexp_replace({words}, {phrases}, ' ', 'g')"
    whole = f"(^|[^a-z0-9])({'|'.join(disease.whole)})([^a-z0-9]|$)"
    return f"regexp_matches({words}, {quoted(whole)})"
