"""How to load a release, one file per tool. Each is run by a test where the tool is installed."""

from __future__ import annotations

from clearward.releases.documents.document import Page, document

DOCUMENT = document(
    {"quick_starts.html": Page("quick_starts.html", "Quick starts", "快速上手")},
    texts={
        "load_pandas.py": "load_pandas.py.md",
        "load_polars.py": "load_polars.py.md",
        "load_duckdb.sql": "load_duckdb.sql.md",
        "load_spark.py": "load_spark.py.md",
        "load_r.R": "load_r.R.md",
        "download.sh": "download.sh.md",
    },
)
