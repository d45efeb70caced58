"""What protection did to one product and month, as a value and as JSON. Counts, levels and hashes
only; deciding whether that is good enough is not done here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from clearward.risk.prosecutor import Risk
from clearward.settings import Settings
from clearward.stamp import write_stamped
from clearward.warehouse import check_month, check_name


@dataclass(frozen=True)
class ProtectReport:
    """Bounds asked and kept, what it cost, and the files it stands for.

    Attributes:
        k_asked, k_reached: least class size of the product spec and of the protected file.
        patients_suppressed: left out of a first release to reach the bounds.
        patients_waiting: never published, because too few of their kind have come since.
        patients_withheld: published before and not now, so that those who left hide among them.
        earlier: versions this release is safe beside, oldest first.
        recoding: ``global`` or ``local``.
        levels: highest level chosen on each quasi-identifier's ladder.
        heights: last level of each ladder (``*``).
        loss: NM of Iyengar over the quasi-identifiers, 0–1, suppressed patients counted as 1.
        before, after: prosecutor risk of the mart and of the protected patient table.
        events: rows left out and cells emptied in the other tables, by what was done.
        rows: rows per protected table.
        files: SHA-256 per protected table.
    """

    product: str
    month: str
    k_asked: int
    k_reached: int
    max_suppressed: float
    patients_in: int
    patients_kept: int
    patients_suppressed: int
    patients_waiting: int
    patients_withheld: int
    earlier: tuple[str, ...]
    recoding: str
    levels: Mapping[str, int]
    heights: Mapping[str, int]
    loss: float
    nodes: int
    nodes_checked: int
    before: Risk
    after: Risk
    events: Mapping[str, int]
    rows: Mapping[str, int]
    files: Mapping[str, str]

    def metadata(self) -> dict[str, int | float | str]:
        """The report's numbers in one flat mapping."""
        plain: dict[str, int | float | str] = {
            name: value
            for name, value in self.__dict__.items()
            if isinstance(value, int | float | str)
        }
        plain["earlier"] = ", ".join(self.earlier)
        plain |= self.events
        plain["levels"] = ", ".join(f"{c} {n}/{self.heights[c]}" for c, n in self.levels.items())
        for name in ("max_prosecutor", "avg_prosecutor", "uniques"):
            plain[f"{name}_before"] = getattr(self.before, name)
            plain[f"{name}_after"] = getattr(self.after, name)
        return plain

    def to_json(self) -> str:
        """Stable text: the same report gives the same bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def report_path(settings: Settings, *, product: str, month: str) -> Path:
    """``<home>/reports/<product>/<month>/privacy.json``."""
    return settings.reports / check_name(product) / check_month(month) / "privacy.json"


def write_report(settings: Settings, report: ProtectReport) -> Path:
    """Write the report with its stamp; returns its path."""
    path = report_path(settings, product=report.product, month=report.month)
    return write_stamped(settings, path, report.to_json())


def load_report(path: Path) -> ProtectReport:
    """Read a report back."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for name in ("before", "after"):
        document[name] = Risk(**document[name])
    document["earlier"] = tuple(document["earlier"])
    return ProtectReport(**document)
