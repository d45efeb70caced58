"""The one error tree. Add a class here when a door must tell it from the others by exit code.

Every message says what failed, what was seen against what was expected, and what to do now; it
holds counts and ids, never a patient's value. Doors show it without a traceback.
"""

from __future__ import annotations

from typing import ClassVar


class ClearwardError(Exception):
    """Anything Clearward refuses or cannot do, with the exit code its door returns."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, failed: str, *, seen: str = "", expected: str = "", do: str = "") -> None:
        self.failed, self.seen, self.expected, self.do = failed, seen, expected, do
        super().__init__(self._message())

    def _message(self) -> str:
        parts = [self.failed]
        if self.seen:
            parts.append(f"Seen: {self.seen}.")
        if self.expected:
            parts.append(f"Expected: {self.expected}.")
        if self.do:
            parts.append(f"What to do: {self.do}.")
        return " ".join(parts)


class ConfigError(ClearwardError):
    """A setting, spec file or key is missing or contradicts another one."""

    exit_code = 2


class ExtractError(ClearwardError):
    """An extract is refused whole: missing, changed, truncated, mis-encoded, ragged, re-typed."""

    exit_code = 3


class ConsentError(ClearwardError):
    """A consent file or event cannot be understood; nothing of it is taken."""

    exit_code = 4


class DeidentifyError(ClearwardError):
    """The one-way door would let something through that no treatment covers."""

    exit_code = 5


class ProtectionError(ClearwardError):
    """A product cannot meet its privacy bound."""

    exit_code = 6


class GateError(ClearwardError):
    """A gate is red, or its report is missing, stale or for other files."""

    exit_code = 7


class GateBrokenError(GateError):
    """The gate itself failed: an expectation raised, so nothing is known about the data."""

    exit_code = 8


class ReleaseError(ClearwardError):
    """A release cannot be built, published or verified."""

    exit_code = 9


class StorageError(ClearwardError):
    """The object store refused or failed."""

    exit_code = 10


class StorageBusyError(StorageError):
    """The store is out of reach for now; the same call may succeed later."""

    exit_code = 11
    retryable = True


class LicenceError(ClearwardError):
    """A buyer asked for what no licence of theirs covers."""

    exit_code = 12


class StateError(ClearwardError):
    """The state database is missing, old or refuses the change."""

    exit_code = 13
