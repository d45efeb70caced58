"""Verify an extract before anything of it is taken. What happens to an accepted extract belongs
to `ingest`; how a file is read belongs to `readers`.

An extract is refused whole, with an ExtractError, or becomes an `Extract`. Messages hold file,
table and column names and counts; never a value.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clearward.errors import ExtractError
from clearward.settings import Settings
from clearward.sources.bulk import check_sent, read_bulk_manifest
from clearward.sources.contract import check_tables
from clearward.sources.files import (
    is_consents,
    plain_name,
    resource_of,
    resources_of,
    shown_name,
)
from clearward.sources.hospital import spec_of
from clearward.sources.manifest import (
    MANIFEST,
    Manifest,
    ManifestFile,
    fingerprint,
    read_manifest,
)
from clearward.sources.pack import pack_extract
from clearward.sources.readers import (
    Reading,
    SourceFile,
    Staged,
    count_records,
    read_deletions,
    source_files,
    stage_tables,
)
from clearward.sources.spec import SourceSystem
from clearward.sources.staging import guarded, scratch_folder
from clearward.sources.text import check_text
from clearward.warehouse import engine, hash_file

__all__ = ["Extract", "ExtractFile", "files_of", "pack_extract", "verify_extract"]


@dataclass(frozen=True)
class ExtractFile:
    """One file as its manifest declares it."""

    name: str
    sha256: str
    bytes: int
    rows: int

    @property
    def file_id(self) -> str:
        """First 12 hex characters of the SHA-256."""
        return self.sha256[:12]


@dataclass(frozen=True)
class Extract:
    """A verified extract.

    Attributes:
        fingerprint: SHA-256 of hospital, system, month, kind, sequence and the files' hashes; the
            same files under a new manifest keep it.
        dropped_columns: ``table: header`` of columns no spec lists.
        unknown_files: names (masked where they could be a person's) that no spec lists.
        known_changes: what the hospital announced, keys of `manifest.KNOWN_CHANGES`.
        export_errors: entries of FHIR error files.
        reading: the files as verify read them, for ingest to go on from; only with ``staging``.
    """

    folder: Path
    hospital: str
    system: str
    month: str
    kind: str
    sequence: int
    files: tuple[ExtractFile, ...]
    manifest_sha256: str
    fingerprint: str
    known_changes: tuple[str, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    unknown_files: tuple[str, ...] = ()
    export_errors: int = 0
    reading: Reading | None = field(default=None, compare=False, repr=False)


def verify_extract(
    folder: Path, *, settings: Settings | None = None, staging: Path | None = None
) -> Extract:
    """Check everything that can be known before typing rows; read only.

    Args:
        folder: holds ``manifest.json`` and the files it names.
        settings: limits of the engine and home of spill files; a private temporary folder when
            not given.
        staging: an empty private folder of the caller's, who removes it. What was read stays
            there and goes with the extract, so that an ingest need not read the files again. It
            holds identified text.

    Raises:
        ExtractError: missing, changed, mis-encoded, truncated, ragged, incomplete or re-typed.
    """
    manifest, manifest_sha256 = read_manifest(folder)
    system = spec_of(manifest.system, folder)
    for file in manifest.files:
        _check_file(folder, file, shown_name(system, file.name))
    files = source_files(system, folder, [file.name for file in manifest.files])
    for source, declared in zip(files, manifest.files, strict=True):
        _check_content(source, open_end=declared.open_end)
    with _workbench(settings, staging) as (connection, scratch):
        staged = stage_tables(connection, system, files, scratch=scratch)
        errors = _check_counts(connection, manifest, files, staged, scratch)
        if system.format == "ndjson":
            _check_export(folder, system, manifest, files)
        deletions = read_deletions(connection, system, files, scratch=scratch)
        check_tables(connection, system, manifest, staged, deletions=len(deletions))
    return Extract(
        folder=folder,
        hospital=manifest.hospital,
        system=manifest.system,
        month=manifest.month,
        kind=manifest.kind,
        sequence=manifest.sequence,
        files=tuple(
            ExtractFile(**file.model_dump(exclude={"open_end"})) for file in manifest.files
        ),
        manifest_sha256=manifest_sha256,
        fingerprint=fingerprint(manifest, system.declared),
        known_changes=tuple(sorted(set(manifest.known_changes))),
        dropped_columns=staged.dropped(),
        unknown_files=_unknown(system, folder, manifest, files),
        export_errors=errors,
        reading=Reading(staging, staged, deletions) if staging else None,
    )


def files_of(extract: Extract) -> tuple[SourceFile, ...]:
    """The extract's files with their roles, checked again to be the verified ones."""
    system = spec_of(extract.system, extract.folder)
    for file in extract.files:
        declared = ManifestFile(
            name=file.name, sha256=file.sha256, bytes=file.bytes, rows=file.rows
        )
        _check_file(extract.folder, declared, shown_name(system, file.name))
    return source_files(system, extract.folder, [file.name for file in extract.files])


@contextmanager
def _workbench(
    settings: Settings | None, staging: Path | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    with tempfile.TemporaryDirectory(prefix="clearward-") as private:
        mine = settings or Settings(
            home=Path(private), store="", database="", keyring=Path(private) / "none"
        )
        with (
            guarded("checked"),
            nullcontext(staging) if staging else scratch_folder(mine) as scratch,
            engine(mine, ordered=True) as connection,
        ):
            yield connection, scratch


def _check_file(folder: Path, file: ManifestFile, shown: str) -> None:
    path = folder / file.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ExtractError(f"{shown} points out of the extract's folder.", do="send a plain file")
    if not path.is_file():
        raise ExtractError(f"{shown} is in the manifest but not in the folder.", do="send it")
    size = path.stat().st_size
    if size != file.bytes:
        raise ExtractError(
            f"{shown} has another size than its manifest says.",
            seen=f"{size} bytes",
            expected=f"{file.bytes} bytes",
            do="send the extract again",
        )
    if hash_file(path) != file.sha256:
        raise ExtractError(
            f"{shown} has changed since its manifest was written.",
            seen="another SHA-256",
            do="send the extract again, or make a new manifest for the changed files",
        )


def _check_content(file: SourceFile, *, open_end: bool) -> None:
    if file.role == "unknown":
        return
    is_csv = file.name.casefold().removesuffix(".gz").endswith(".csv")
    line_break = is_csv and not open_end
    check_text(file.path, encoding=file.encoding, shown=file.shown, line_break=line_break)


def _check_counts(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    files: Sequence[SourceFile],
    staged: Staged,
    scratch: Path,
) -> int:
    """Compare records with the manifest; returns the number of export errors."""
    errors = 0
    for declared, file in zip(manifest.files, files, strict=True):
        if file.role in ("unknown", "bulk_manifest"):
            continue
        if file.role == "table":
            seen = staged.records[file.number]
        else:
            seen = count_records(connection, file, scratch)
        if seen != declared.rows:
            raise ExtractError(
                f"{file.shown} has another number of rows than its manifest says.",
                seen=f"{seen} rows",
                expected=f"{declared.rows} rows",
                do="send the whole file again, or correct the manifest",
            )
        errors += seen if file.role == "fhir_error" else 0
    return errors


def _check_export(
    folder: Path, system: SourceSystem, manifest: Manifest, files: Sequence[SourceFile]
) -> None:
    """Nothing that the FHIR server exported was left out on the way here."""
    kinds = {"fhir_deleted": "fhir_deleted", "consents": "Consent"}
    read = resources_of(system)
    types = {name.casefold(): name for name in read}
    sent = []
    for file, declared in zip(files, manifest.files, strict=True):
        kind = kinds.get(file.role, types.get(resource_of(plain_name(file.called)), ""))
        sent.append((kind, declared.rows))
    if any(is_consents(file.name) and file.name.endswith("csv") for file in files):
        read -= {"Consent"}
    check_sent(read_bulk_manifest(folder), sent, read=read)


def _unknown(
    system: SourceSystem, folder: Path, manifest: Manifest, files: Sequence[SourceFile]
) -> tuple[str, ...]:
    listed = {file.name for file in manifest.files}
    names = [file.name for file in files if file.role == "unknown"]
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in listed and name != MANIFEST:
            names.append(name)
    return tuple(sorted({shown_name(system, name) for name in names}))
