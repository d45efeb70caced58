"""Where a candidate comes from: extracts, consents, dbt models, code. Counts and hashes only, and
no hospital's name: a buyer learns that the chain is unbroken, not who sent what.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import clearward
from clearward.consent.summary import told_count
from clearward.errors import ReleaseError
from clearward.settings import Settings
from clearward.warehouse import engine, read_parquet_sql

PACKAGE = Path(clearward.__file__).parent
DBT_MANIFEST = PACKAGE.parent / "dbt_project" / "target" / "manifest.json"
_CODE = ("*.py", "*.toml")


def read_extracts(settings: Settings, *, upto: str) -> list[dict[str, Any]]:
    """Accepted extracts of months <= ``upto``, ordered by month and manifest hash.

    Each: manifest_sha256, month, kind, number of tables. ReleaseError when there is none.
    """
    folder = settings.warehouse / "raw" / "_extracts"
    found = []
    for path in sorted(folder.glob("month=*/hospital=*/report.json")):
        if path.parts[-3] <= f"month={upto}":
            found.append(_extract(path))
    if not found:
        raise ReleaseError(
            f"No accepted extract leads to a release of {upto}.",
            seen=f"no report under {folder}",
            expected="at least one",
            do="ingest the extracts of that month",
        )
    return sorted(found, key=lambda e: (e["month"], e["manifest_sha256"]))


def _extract(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        wanted = {name: report[name] for name in ("manifest_sha256", "month", "kind")}
    except (ValueError, KeyError) as error:
        raise ReleaseError(
            "The report of an accepted extract is damaged.",
            seen=path.parts[-3],
            do="ingest that extract again",
        ) from error
    tables = report.get("tables") or []
    return {**wanted, "tables": len(tables)}


def read_consents(settings: Settings, *, month: str, purposes: tuple[str, ...], k: int) -> Any:
    """Patients in force of the month per purpose, over all hospitals, see `told_count`."""
    folder = settings.warehouse / "cleared" / "subject" / f"month={month}"
    paths = sorted(folder.glob("hospital=*/part.parquet"))
    if not paths:
        raise ReleaseError(
            f"No consent list leads to a release of {month}.",
            seen="no partition of cleared/subject",
            do="run the consent gate of that month",
        )
    marks = ", ".join("?" for _ in purposes)
    with engine(settings) as connection:
        rows = connection.execute(
            f"SELECT purpose, count(*) FROM (SELECT DISTINCT patient_key, purpose "
            f"FROM {read_parquet_sql(paths)}) WHERE purpose IN ({marks}) GROUP BY 1 ORDER BY 1",
            list(purposes),
        ).fetchall()
    counts = {purpose: told_count(n, k) for purpose, n in rows}
    return {"hospitals": len(paths), "patients_in_force": counts}


def code_identity() -> dict[str, str]:
    """Version of the code, and one hash over its files that needs no git."""
    digest = hashlib.sha256()
    for path in sorted(p for pattern in _CODE for p in PACKAGE.rglob(pattern)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    identity = {"version": clearward_version(), "sha256": digest.hexdigest()}
    commit = git_commit()
    return {**identity, "git_commit": commit} if commit else identity


def git_commit(project: Path = PACKAGE.parent) -> str:
    """Commit that is checked out beside the package; empty for an installed package without one.

    It says where to look, not what ran: uncommitted changes show in the hash of the code alone.
    """
    try:
        folder = project / ".git"
        if folder.is_file():  # a worktree names its folder in a file
            folder = project / folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head
        name = head.removeprefix("ref:").strip()
        common = folder / "commondir"
        shared = folder / common.read_text(encoding="utf-8").strip() if common.is_file() else folder
        return _ref(shared, name)
    except (OSError, UnicodeDecodeError):
        return ""


def _ref(folder: Path, name: str) -> str:
    loose, packed = folder / name, folder / "packed-refs"
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def clearward_version() -> str:
    """Version of the installed package, or of the project file beside an uninstalled one."""
    try:
        return metadata.version("clearward")
    except metadata.PackageNotFoundError:
        project = PACKAGE.parent / "pyproject.toml"
        text = project.read_text(encoding="utf-8") if project.is_file() else ""
        return str(tomllib.loads(text).get("project", {}).get("version", "unknown"))


def read_dbt_manifest(path: Path = DBT_MANIFEST) -> dict[str, Any]:
    """dbt's own manifest, or an empty one where the project was never compiled. To be read only:
    whoever asks for the same file gets the same value.
    """
    return _dbt_manifest(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=1)
def _dbt_manifest(path: Path, _: int) -> dict[str, Any]:
    """Read once for as long as the file is the same: it is large and asked for several times."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReleaseError(
            "dbt's manifest is damaged.", seen=str(path), do="run `dbt parse`"
        ) from error
    return document if isinstance(document, dict) else {}


def vocabularies(manifest: dict[str, Any]) -> dict[str, str]:
    """Seed -> SHA-256 of its file: the maps of codes, drugs and units that the models read."""
    return {
        node["name"]: node["checksum"]["checksum"]
        for node in manifest.get("nodes", {}).values()
        if node.get("resource_type") == "seed" and node.get("checksum", {}).get("name") == "sha256"
    }


def dbt_hash(manifest: dict[str, Any]) -> str:
    """SHA-256 over the checksums of all models and macros; empty without a manifest.

    dbt writes times and an invocation id into its manifest, so its own bytes say nothing.
    """
    if not manifest:
        return ""
    models = {
        name: node.get("checksum", {}).get("checksum", "")
        for name, node in manifest.get("nodes", {}).items()
        if node.get("resource_type") in {"model", "seed", "test", "snapshot"}
    }
    macros = {
        name: hashlib.sha256(macro.get("macro_sql", "").encode()).hexdigest()
        for name, macro in manifest.get("macros", {}).items()
    }
    canonical = json.dumps({"models": models, "macros": macros}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
