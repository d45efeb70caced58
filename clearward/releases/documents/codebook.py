"""The codebook: every code that is in the data, in which system and version, what it means, and how
often it is there. Which columns hold codes belongs to `measure`.

A code's number of rows is hidden where it, or the patients behind it, are 1 to k - 1, and where it
would follow from the table's rows or from what another column tells; the others are rounded up to
multiples of k, because the codebooks of two versions are public side by side. A column that is made
from another (a code's stem) is counted only where no hidden code is behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from clearward.products.counts import is_small, rounded
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.measure import Code
from clearward.releases.documents.suppress import MASKED, hidden
from clearward.releases.documents.told import Told

FIELDS = ("table", "column", "code", "system", "version", "label_en", "label_zh", "rows")
_SYSTEMS = {
    "ICD10CN-YB2.0": ("ICD-10-CN, national insurance edition", "医保版", "2.0"),
    "ICD10CN-GL2.0": ("ICD-10-CN, national clinical edition", "国家临床版", "2.0"),
    "ICD10CM": ("ICD-10-CM", "ICD-10-CM", ""),
    "ICD10": ("ICD-10", "ICD-10", ""),
    "ICD9CM": ("ICD-9-CM", "ICD-9-CM", ""),
    "SNOMED": ("SNOMED CT", "SNOMED CT", ""),
    "LOINC": ("LOINC", "LOINC", ""),
    "RxNorm": ("RxNorm", "RxNorm", ""),
}
"""System -> its name in both languages, and the version that its name in the data states."""


def lines(told: Told) -> list[dict[str, Any]]:
    """One line per table, column, system and code; a code never lacks its line."""
    found = []
    for table, codes in told.measured.codes.items():
        main = next((n for n in ("code",) if n in codes[0].values), next(iter(codes[0].values)))
        masked = _hidden(codes, main, told.k)
        columns = [n for n in codes[0].values if n == "code" or n.endswith(("_code", "_stem"))]
        for column in columns:
            found += _lines(table, column, codes, main=main, k=told.k, masked=masked)
    return found


def _cell(code: Code, column: str) -> tuple[str, str | None]:
    return (code.values.get("code_system") or "", code.values[column])


def _hidden(codes: list[Code], main: str, k: int) -> frozenset[tuple[str, str | None]]:
    """Codes whose number is hidden; the empty one, whose number other documents tell, counts."""
    rows: dict[tuple[str, str | None], int] = defaultdict(int)
    rare = set()
    for code in codes:
        rows[_cell(code, main)] += code.rows
        if is_small(code.patients, k):
            rare.add(_cell(code, main))
    return hidden(rows, _known_sums(codes, main, rows, k), k, also=rare)


def _known_sums(
    codes: list[Code], main: str, rows: Mapping[tuple[str, str | None], int], k: int
) -> list[list[tuple[str, str | None]]]:
    """Groups of codes whose rows are known together: all, which are the table's rows; and those
    that another column is filled for, and empty for, which its missing values tell."""
    sums = [list(rows)]
    for column in codes[0].values:
        filled = {_cell(c, main) for c in codes if c.values[column] is not None}
        empty = {_cell(c, main) for c in codes if c.values[column] is None}
        parts = [sorted(filled, key=str), sorted(empty, key=str)]
        counts = [sum(rows[cell] for cell in part) for part in parts]
        if not filled & empty and not any(is_small(n, k) for n in counts):
            sums += [part for part in parts if part]
    return sums


def _lines(
    table: str,
    column: str,
    codes: list[Code],
    *,
    main: str,
    k: int,
    masked: frozenset[tuple[str, str | None]],
) -> list[dict[str, Any]]:
    behind: dict[tuple[str, str | None], list[Code]] = defaultdict(list)
    for code in codes:
        if code.values[column] is not None:
            behind[_cell(code, column)].append(code)
    return [
        _line(table, column, cell, same, k=k, is_masked=any(_cell(c, main) in masked for c in same))
        for cell, same in sorted(behind.items(), key=lambda item: (item[0][0], str(item[0][1])))
    ]


def _line(
    table: str,
    column: str,
    cell: tuple[str, str | None],
    same: list[Code],
    *,
    k: int,
    is_masked: bool,
) -> dict[str, Any]:
    system, code = cell
    return {
        "table": table,
        "column": column,
        "code": code,
        "system": system,
        "version": _SYSTEMS.get(system, ("", "", ""))[2],
        "label_en": _label(same, "label_en") or _concept(same),
        "label_zh": _label(same, "label_zh"),
        "rows": MASKED if is_masked else rounded(sum(c.rows for c in same), k),
    }


def _label(same: list[Code], name: str) -> str:
    return " / ".join(sorted({str(c.values[name]) for c in same if c.values.get(name)}))


def _concept(same: list[Code]) -> str:
    """Clearward's own concept where the source gives the code no label."""
    return _label(same, "concept").replace("_", " ")


def _values(told: Told) -> Mapping[str, Any]:
    listed = lines(told)
    return {
        "codebook": listed,
        "codebook_tables": list(dict.fromkeys((row["table"], row["column"]) for row in listed)),
        "code_systems": _SYSTEMS,
    }


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {"codebook.csv": as_csv(values["codebook"], FIELDS)}


DOCUMENT = document(
    {"codebook.html": Page("codebook.html", "Codebook", "代码簿")}, values=_values, files=_files
)
