"""How to load a release, one file per tool. Each is run by a test where the tool is installed."""

from __future__ import annotations

from clearward.releases.documents.document import document

DOCUMENT = document(
    texts={"load_pandas.py": "load_pandas.py.md", "load_duckdb.sql": "load_duckdb.sql.md"}
)
