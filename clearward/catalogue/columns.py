"""The schema table of a product page: every table and column with units, codes and share of empty
cells. Where a release has no overview, its manifest still names columns and types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.catalogue.entries import Edition
from clearward.catalogue.words import Words, count_text, size_text

_MOST_CODES = 40
_SIZES = {None: "table_size_few", 0: "table_size_none"}


def tables(edition: Edition, w: Words) -> list[dict[str, Any]]:
    """One mapping per table, its columns inside."""
    told = edition.overview.get("tables")
    return [_told(table, w) for table in told] if told else _named(edition, w)


def _told(table: Mapping[str, Any], w: Words) -> dict[str, Any]:
    form = w[_SIZES.get(table["rows"], "table_size")]
    size = form.format(
        rows=count_text(table["rows"], masked=w["masked"]),
        columns=len(table["columns"]),
        size=size_text(table["bytes"]),
    )
    text, lang = _text(table, "text", w)
    return {
        "name": table["table"],
        "anchor": table["table"].replace("__", "-"),
        "size": size,
        "text": text,
        "text_lang": lang,
        "columns": [_column(column, w) for column in table["columns"]],
    }


def _column(column: Mapping[str, str], w: Words) -> dict[str, Any]:
    text, lang = _text(column, "description", w)
    codes = [code.strip() for code in column.get("values", "").split(" | ") if code.strip()]
    if len(codes) > _MOST_CODES:
        codes = [*codes[:_MOST_CODES], "…"]
    return {
        "name": column["column"],
        "type": column["type"].lower(),
        "unit": column.get("unit", "").strip("{}"),
        "is_key": bool(column.get("key")),
        "missing": _missing(column.get("filled_percent", ""), w),
        "text": text,
        "text_lang": lang,
        "codes": codes,
    }


def _missing(filled: str, w: Words) -> str:
    if filled.isdigit():
        return f"{100 - int(filled)} %"
    return str(w["masked"]) if filled else ""


def _text(entry: Mapping[str, Any], name: str, w: Words) -> tuple[str, str]:
    """The text in the page's language where there is one, else in English and marked as such."""
    if w["lang"] == "en":
        return str(entry.get(name, "")), ""
    own = entry.get(f"{name}_{w['lang']}")
    return (str(own), "") if own else (str(entry.get(name, "")), "en")


def _named(edition: Edition, w: Words) -> list[dict[str, Any]]:
    return [
        {
            "name": file.table,
            "anchor": file.table.replace("__", "-"),
            "size": f"{len(file.columns or {})} · {size_text(file.bytes)}",
            "text": "",
            "text_lang": "",
            "columns": [
                _column({"column": name, "type": kind}, w)
                for name, kind in (file.columns or {}).items()
            ],
        }
        for file in edition.manifest.files
        if file.table
    ]
