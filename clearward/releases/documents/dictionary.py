"""The data dictionary as a page and as CSV. What a column is belongs to `columns`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearward.releases.documents.columns import chinese
from clearward.releases.documents.document import Page, as_csv, document
from clearward.releases.documents.told import Told


def _values(told: Told) -> Mapping[str, Any]:
    return {
        "dictionary": told.dictionary,
        "table_texts": {
            name: (text.description, chinese(text.description)) for name, text in told.texts.items()
        },
    }


def _files(told: Told, values: Mapping[str, Any]) -> Mapping[str, str]:
    return {"dictionary.csv": as_csv(told.dictionary)}


DOCUMENT = document(
    {"dictionary.html": Page("dictionary.html", "Data dictionary", "数据字典")},
    values=_values,
    files=_files,
)
