"""Which whole number a release has as a Delta table version. Which of them a licence covers belongs
to `licensing`.

A product's versions are counted from 0 in the order in which they were published, all of them,
whoever may have them: a number once given never moves, for no licence and after no recall. A
licence that covers some of them sees the others' numbers as if there were none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clearward.releases.manifest import Manifest
from clearward.releases.shelf import versions
from clearward.storage import Storage

FindManifest = Callable[[str, str], Manifest | None]
_PLAIN = re.compile(r"(\d{4}-\d{1,2}-\d{1,2}) (\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,9})?)")


@dataclass(frozen=True)
class Numbered:
    """A published version and its number.

    Attributes:
        published_at: UTC; the version's timestamp in the protocol.
    """

    number: int
    version: str
    published_at: datetime

    @property
    def milliseconds(self) -> int:
        """Unix time, as the protocol has it."""
        return int(self.published_at.timestamp() * 1000)


class Numbering:
    """The numbers of all products of a store. What a version's manifest says never changes, so it
    is read once.
    """

    def __init__(self, storage: Storage, find_manifest: FindManifest) -> None:
        self._storage, self._find = storage, find_manifest
        self._published: dict[tuple[str, str], datetime] = {}

    def of(self, product: str) -> tuple[Numbered, ...]:
        """Every published version of a product, oldest first."""
        dated = []
        for version in versions(self._storage, product):
            published_at = self._published_at(product, str(version))
            if published_at:
                dated.append((published_at, version))
        return tuple(
            Numbered(number, str(version), published_at)
            for number, (published_at, version) in enumerate(sorted(dated))
        )

    def _published_at(self, product: str, version: str) -> datetime | None:
        known = self._published.get((product, version))
        if known is None:
            manifest = self._find(product, version)
            if manifest is None:
                return None
            known = datetime.fromisoformat(manifest.published_at).astimezone(UTC)
            self._published[product, version] = known
        return known


def as_of(found: Sequence[Numbered], moment: datetime) -> list[Numbered]:
    """Versions published at or before a moment, oldest first."""
    return [n for n in found if n.published_at <= moment]


def since(found: Sequence[Numbered], moment: datetime) -> list[Numbered]:
    """Versions published at or after a moment, oldest first."""
    return [n for n in found if n.published_at >= moment]


def parse_timestamp(text: str) -> datetime:
    """A moment of the protocol: ISO 8601, or ``yyyy-[m]m-[d]d hh:mm:ss[.f]``; UTC where no zone is
    named. ValueError for anything else.
    """
    plain = _PLAIN.fullmatch(text.strip())
    if plain:
        day, time = plain.groups()
        day = "-".join(part.zfill(2) for part in day.split("-"))
        clock, _, fraction = time.partition(".")
        clock = ":".join(part.zfill(2) for part in clock.split(":"))
        text = f"{day}T{clock}.{(fraction or '0')[:6].ljust(6, '0')}"
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
