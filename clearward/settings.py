"""Every setting, read once. Add one here when an operator must be able to change it.

Nothing else in the project reads the environment for its own use.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from clearward.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """Where things are and how much of the machine may be used.

    Attributes:
        home: folder of everything Clearward keeps on disk.
        store: where releases are published: ``file://<folder>`` or ``s3://<bucket>/<prefix>``.
        endpoint: URL of the S3 server; empty means the SDK's own default.
        database: SQLAlchemy URL of the state database.
        keyring: file with the secret keys, sealed, mode 0600.
        threads: threads DuckDB may use.
        memory_limit: DuckDB's limit for one step, in DuckDB's notation.
        notify_command: program that is told, as JSON on standard input, when a run failed.
    """

    home: Path
    store: str
    database: str
    keyring: Path
    endpoint: str = ""
    threads: int = 2
    memory_limit: str = "4GB"
    notify_command: str = ""

    @property
    def landing(self) -> Path:
        """Where hospitals drop extracts: ``landing/<hospital>/<folder with manifest.json>``."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """Root of the Parquet zones."""
        return self.home / "warehouse"

    @property
    def reports(self) -> Path:
        """Root of gate, privacy and run reports."""
        return self.home / "reports"


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read settings from ``CLEARWARD_*``; defaults live under ``./.clearward``."""
    env = dict(os.environ) if environ is None else environ
    home = Path(env.get("CLEARWARD_HOME", ".clearward")).expanduser().resolve()
    return Settings(
        home=home,
        store=env.get("CLEARWARD_STORE", f"file://{home / 'store'}"),
        endpoint=env.get("CLEARWARD_ENDPOINT", ""),
        database=env.get("CLEARWARD_DATABASE", f"sqlite:///{home / 'state.db'}"),
        keyring=Path(env.get("CLEARWARD_KEYRING", home / "keyring.json")).expanduser(),
        threads=_positive(env, "CLEARWARD_THREADS", 2),
        memory_limit=env.get("CLEARWARD_MEMORY", "4GB"),
        notify_command=env.get("CLEARWARD_NOTIFY_COMMAND", ""),
    )


def keyring_unlock(environ: dict[str, str] | None = None) -> str:
    """``CLEARWARD_KEYRING_UNLOCK``: where the secret is that opens the keyring."""
    return (dict(os.environ) if environ is None else environ).get("CLEARWARD_KEYRING_UNLOCK", "")


def scan_engine(environ: dict[str, str] | None = None) -> str:
    """``CLEARWARD_SCAN``: the scan engine of the free-text rooms by name; empty picks one."""
    return (dict(os.environ) if environ is None else environ).get("CLEARWARD_SCAN", "")


def healthdcat_shapes(environ: dict[str, str] | None = None) -> str:
    """``CLEARWARD_HEALTHDCAT_SHAPES``: SHACL file that every release's record must satisfy besides
    ours, such as the official set; empty for none."""
    return (dict(os.environ) if environ is None else environ).get("CLEARWARD_HEALTHDCAT_SHAPES", "")


def secret_variable(name: str) -> str | None:
    """The variable that ``CLEARWARD_KEYRING_UNLOCK=env:<NAME>`` names; never kept in Settings."""
    return os.environ.get(name)


def _positive(env: dict[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(
            f"{name} is not a whole number above zero.",
            seen=repr(text),
            do=f"set {name} to 1 or more, or unset it",
        )
    return int(text)
