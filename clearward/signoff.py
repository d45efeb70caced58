"""An operator's sign-off: one extract may do what policy holds, for somebody asked the hospital.

It stands in the audit log, which cannot be changed unseen, and names the extract by its manifest's
hash: another extract, or the same one corrected, needs another. What is held is `sources.policy`'s
matter.
"""

from __future__ import annotations

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from clearward.audit import append
from clearward.errors import ConfigError
from clearward.sources.manifest import KNOWN_CHANGES
from clearward.state.models import AuditEvent

ACTION = "extract_signoff"


def sign_off(
    database: Engine, manifest_sha256: str, *, changes: list[str], by: str, reason: str
) -> None:
    """Let one extract change what ``changes`` (keys of `KNOWN_CHANGES`) name.

    Raises:
        ConfigError: an unknown change, or nobody's name, or no reason.
    """
    unknown = sorted(set(changes) - set(KNOWN_CHANGES))
    if unknown or not changes or not by.strip() or not reason.strip():
        raise ConfigError(
            "A sign-off needs known changes, a name and a reason.",
            seen=f"changes {', '.join(changes) or 'none'}",
            expected=f"of {', '.join(sorted(KNOWN_CHANGES))}, --by and --reason",
        )
    detail = {"changes": " ".join(sorted(set(changes))), "reason": reason.strip()}
    append(database, actor=by.strip(), action=ACTION, subject=manifest_sha256, detail=detail)


def signed_changes(database: Engine, manifest_sha256: str) -> frozenset[str]:
    """Changes that operators have signed off for one extract."""
    lines = select(AuditEvent.detail).where(
        AuditEvent.action == ACTION, AuditEvent.subject == manifest_sha256
    )
    with Session(database) as session:
        details = session.scalars(lines).all()
    named = [change for detail in details for change in str(detail.get("changes", "")).split()]
    return frozenset(named) & set(KNOWN_CHANGES)
