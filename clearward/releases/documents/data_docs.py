"""Great Expectations' own pages inside a release. Making them belongs to `quality.docs`."""

from __future__ import annotations

import shutil
from pathlib import Path

from clearward.errors import StorageError
from clearward.storage import check_key

_WAY_BACK = '<p><a href="../../quality_report.html">Quality report</a></p>'


def copy(source: Path, target: Path) -> None:
    """Great Expectations' own pages; files whose names no store could keep stay behind."""
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        name = path.relative_to(source)
        try:
            check_key(name.as_posix())
        except StorageError:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if name.as_posix() == "index.html":
            page = _with_way_back(path.read_text(encoding="utf-8"))
            (target / name).write_text(page, encoding="utf-8")
        else:
            shutil.copyfile(path, target / name)


def _with_way_back(page: str) -> str:
    """Inside a release the Data Docs are reached from the quality report, and lead back to it."""
    return page.replace("<body>", f"<body>\n{_WAY_BACK}", 1)
