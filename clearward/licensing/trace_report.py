"""What was found out about a file, as a document fit for a dispute: figures, hashes, keys' ids and
how they were come by, as JSON and as text in English or Chinese. Finding out belongs to `tracing`.

It names licensees and holds no value of the file and no secret.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from clearward.licensing.ledger import Receipt

LANGUAGES = ("en", "zh")
_WORDS = Path(__file__).with_name("trace_words.toml")


class Way(StrEnum):
    """How a file was looked at."""

    NAMES = "pseudonyms"
    DAYS = "days"
    MARKS = "marks"


@dataclass(frozen=True)
class Suspicion:
    """What one way of looking says of one licensee under one generation of keys.

    Attributes:
        key_id: see `copy_keys.CopyKeys.id`.
        generation: 0 is the newest.
        matched, of: keys that are theirs and rows that hold one; patients whose days are theirs and
            patients looked at; cells read and rows found.
        z: score of the marks in standard deviations of an innocent's; None for other ways.
        chance: bound on the chance that one innocent licensee looks at least so.
        is_accused: the chance is within the bound shared out over all tests.
    """

    licensee: str
    way: Way
    key_id: str
    generation: int
    matched: int
    of: int
    z: float | None
    chance: float
    is_accused: bool


@dataclass(frozen=True)
class Looked:
    """A file beside one product.

    Attributes:
        version, manifest_sha256, table, table_sha256: the published table it was laid beside.
        rows, columns: rows found in it, and the columns that told which is which.
        licensees: how many were compared.
        is_canonical: its keys are the release's own: an unmarked, unkeyed file.
        marked_columns, cells: where marks were looked for, and cells read.
        highest_innocent_z: largest |z| of the simulated innocents.
        needed_z: least |z| that accuses; None when too few cells could be read for any.
        is_rounded, is_unmarked: the digits are gone; they are the release's own.
    """

    product: str
    version: str
    manifest_sha256: str
    table: str
    table_sha256: str
    rows: int
    columns: tuple[str, ...]
    licensees: int
    suspicions: tuple[Suspicion, ...]
    is_canonical: bool
    marked_columns: tuple[str, ...] = ()
    cells: int = 0
    highest_innocent_z: float = 0.0
    needed_z: float | None = None
    is_rounded: bool = False
    is_unmarked: bool = False

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Which of several products a file is from: accused first, then rows found."""
        accused = sum(s.is_accused for s in self.suspicions)
        return accused, self.is_canonical, self.rows


@dataclass(frozen=True)
class TraceReport:
    """The answer.

    Attributes:
        file_sha256, rows, columns, keys: the file, and different pseudonyms in it.
        bound: chance of accusing any innocent licensee.
        tests: figures that could have accused, over which the bound is shared out.
        simulated: random innocents whose scores were drawn.
        found: the product it is from, or the nearest.
        receipts: what the accused were handed, by the ledger.
    """

    file_sha256: str
    rows: int
    columns: tuple[str, ...]
    keys: int
    bound: float
    tests: int
    simulated: int
    found: Looked
    receipts: tuple[Receipt, ...]

    @property
    def accused(self) -> tuple[str, ...]:
        """Licensees with a figure within the bound; empty is nobody."""
        return tuple(sorted({s.licensee for s in self.found.suspicions if s.is_accused}))

    @property
    def notes(self) -> tuple[str, ...]:
        """Names of the sentences that say what the figures do not mean."""
        found = self.found
        said = {
            "canonical": found.is_canonical,
            "nothing_found": not found.rows and not self.keys,
            "no_keys": not self.keys,
            "no_marks": not found.marked_columns,
            "rounded": found.is_rounded,
            "unmarked": found.is_unmarked,
            "several": len(self.accused) > 1,
            "flipped": any(s.is_accused and (s.z or 0) < 0 for s in found.suspicions),
            "nobody": not self.accused,
        }
        return tuple(name for name, holds in said.items() if holds)

    def document(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "clearward_trace": 1,
            "accused": list(self.accused),
            **{k: v for k, v in asdict(self).items() if k not in ("found", "receipts")},
            **asdict(self.found),
            "suspicions": [
                {**asdict(s), "chance_over_all": min(1.0, s.chance * self.tests)}
                for s in self.found.suspicions
            ],
            "receipts": [asdict(receipt) for receipt in self.receipts],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """Stable text: the same file, keys and releases give the same bytes."""
        return json.dumps(self.document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    def to_text(self, language: str = "en") -> str:
        """The same for people, in one of `LANGUAGES`."""
        words, found = _words()[language], self.found
        shown = {
            **self.document(),
            "accused": ", ".join(self.accused) or words["nobody_is"],
            "columns_matched": ", ".join(found.columns) or words["none"],
            "rows_matched": found.rows,
            "marked": ", ".join(found.marked_columns) or words["none"],
            "rows": self.rows,
            "needed_z": found.needed_z or words["unreachable"],
        }
        told = [*words["facts"], *(words["beside"] if found.rows else [])]
        told += words["marks"] if found.marked_columns else []
        lines = [words["title"], *(line.format(**shown) for line in told)]
        lines += [words["method"].format(**shown), ""]
        strongest = sorted(found.suspicions, key=lambda s: s.chance)[:10]
        lines += [_line(words, s, self.tests) for s in strongest]
        lines += ["", *(words["notes"][name] for name in self.notes)]
        lines += [words["receipt"].format(**asdict(r)) for r in self.receipts]
        return "\n".join(lines) + "\n"


def _line(words: Mapping[str, Any], found: Suspicion, tests: int) -> str:
    told = words["ways"][found.way.value].format(**asdict(found))
    verdict = words["is_accused" if found.is_accused else "is_not_accused"]
    over_all = min(1.0, found.chance * tests)
    line: str = words["line"].format(
        licensee=found.licensee, key_id=found.key_id, told=told, chance=over_all, verdict=verdict
    )
    return line.rstrip()


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))
