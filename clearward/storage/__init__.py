"""The object store behind releases: one port, two forms. Add a form here when releases must live
somewhere new; what is stored and in which order belongs to `releases`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from clearward.errors import ConfigError
from clearward.settings import Settings
from clearward.storage.local import LocalStorage
from clearward.storage.port import (
    Head,
    KeyChangedError,
    KeyExistsError,
    KeyMissingError,
    Storage,
    check_key,
)

__all__ = [
    "Head",
    "KeyChangedError",
    "KeyExistsError",
    "KeyMissingError",
    "LocalStorage",
    "Storage",
    "check_key",
    "open_storage",
]


def open_storage(settings: Settings) -> Storage:
    """The store that ``settings.store`` names: ``file://<folder>`` or ``s3://<bucket>/<prefix>``.

    S3 credentials come from the usual AWS environment or profile. ConfigError for another scheme.
    """
    parts = urlsplit(settings.store)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return LocalStorage(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        # boto3 takes 0.3 s to import: whoever keeps releases in a folder does not pay for it
        from clearward.storage.s3 import S3Storage  # noqa: PLC0415

        return S3Storage(parts.netloc, parts.path.strip("/"), endpoint=settings.endpoint)
    raise ConfigError(
        "CLEARWARD_STORE is not a place Clearward can publish to.",
        seen=f"scheme {parts.scheme!r}",
        expected="file:///<absolute folder> or s3://<bucket>/<prefix>",
        do="set CLEARWARD_STORE",
    )
