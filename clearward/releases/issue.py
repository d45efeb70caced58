"""The last step before a candidate is stored: the day of its publication goes into the documents
that hold one, and every document for machines is checked. The candidate itself stays as it was
approved; its data are the same files. Each publisher issues into a folder of its own, so that
several at once do not meet.

The day, not the hour: a publish that is repeated on the same day makes the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from clearward.products.spec import load_product
from clearward.releases import standards
from clearward.releases.bundle import link_file
from clearward.releases.candidate import FILES, Candidate
from clearward.releases.manifest import SUMS_NAME, FileEntry, sums_text
from clearward.warehouse import hash_file


def issue_candidate(candidate: Candidate, day: date, *, folder: Path) -> Candidate:
    """The candidate as it is published on a day, in an empty folder of the caller's.

    Raises ReleaseError for a document for machines that is incomplete or untrue.
    """
    place = folder / FILES
    for entry in candidate.files:
        link_file(candidate.path(entry), place / entry.path)
    changed = set(standards.issue(place, day.isoformat()))
    files = [
        _measured(place, entry) if entry.path in changed else entry
        for entry in candidate.files
        if entry.path != SUMS_NAME
    ]
    sums = place / SUMS_NAME
    sums.unlink()
    sums.write_text(sums_text({e.path: e.sha256 for e in files}), encoding="utf-8")
    files.append(_measured(place, FileEntry(SUMS_NAME, "", 0)))
    ordered = tuple(sorted(files, key=lambda entry: entry.path))
    base = next(entry.sha256 for entry in ordered if entry.path == SUMS_NAME)[:16]
    standards.check(place, ordered, load_product(candidate.product), version=candidate.version)
    return replace(candidate, folder=folder, files=ordered, base=base)


def _measured(place: Path, entry: FileEntry) -> FileEntry:
    path = place / entry.path
    return replace(entry, sha256=hash_file(path), bytes=path.stat().st_size)
