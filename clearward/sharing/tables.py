"""A published table as the protocol sees it: found by name in a copy's manifest, described by its
file's footer. Lines for it are written by `messages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearward.licensing.copies import CopyOfRelease
from clearward.releases.manifest import FileEntry, Manifest
from clearward.releases.shelf import file_key
from clearward.sharing.footers import Footer, Footers
from clearward.sharing.messages import Capabilities, Format, TableHead
from clearward.sharing.schema import is_delta_ready, reader_features
from clearward.sharing.versions import Numbered

SHARE = "clearward"  # one share holds all products of the house, one schema each


@dataclass(frozen=True)
class TablePart:
    """One file of a table in a copy."""

    entry: FileEntry
    footer: Footer


@dataclass(frozen=True)
class SharedTable:
    """A table at a version, in one licensee's copy."""

    name: str
    version: Numbered
    copy: CopyOfRelease
    parts: Sequence[TablePart]

    @property
    def head(self) -> TableHead:
        """What the first two lines say."""
        first = self.parts[0]
        return TableHead(
            product=self.copy.manifest.product,
            table=self.name,
            version=self.version,
            columns=first.entry.columns or {},
            order=first.footer.columns,
            bytes=sum(part.entry.bytes for part in self.parts),
            files=len(self.parts),
        )


def table_names(manifest: Manifest) -> list[str]:
    """Names of a release's tables, sorted."""
    return sorted({entry.table for entry in manifest.files if entry.table})


def find_name(names: Sequence[str], wanted: str) -> str | None:
    """The name a buyer means; the protocol's names know no case."""
    return next((name for name in names if name.casefold() == wanted.casefold()), None)


def open_table(
    copy: CopyOfRelease, name: str, *, version: Numbered, footers: Footers
) -> SharedTable:
    """Read what there is to know of a table; ReleaseError when a file cannot be read."""
    parts = [
        TablePart(entry, footers.read(copy.storage, file_key(copy.manifest, entry), entry))
        for entry in copy.manifest.files
        if entry.table == name
    ]
    return SharedTable(name, version, copy, parts)


def choose_format(table: SharedTable, client: Capabilities, *, for_changes: bool) -> Format | None:
    """The format of an answer; None where there is none that the client can read.

    Of the two, Delta's is read several times faster by the Python client. A change feed asked for
    in both ways is given as Parquet, which every client reads.
    """
    columns = table.head.columns
    needed = {feature.casefold() for feature in reader_features(columns)}
    can_delta = (
        Format.DELTA.value in client.formats
        and is_delta_ready(columns)
        and needed <= client.reader_features
    )
    can_parquet = Format.PARQUET.value in client.formats
    if can_delta and not (for_changes and can_parquet):
        return Format.DELTA
    return Format.PARQUET if can_parquet else None
