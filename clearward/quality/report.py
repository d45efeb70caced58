"""What a gate found, as light values: nothing here imports Great Expectations. Running
expectations is `gate`'s work; deciding what follows from a red gate is the caller's.

A report holds counts, column names and hashes; it never holds a value of the judged data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from clearward.errors import GateBrokenError, GateError
from clearward.warehouse import hash_file, write_text

REPORT_NAME = "gate.json"
DOCS_NAME = "data_docs"
HAS_ROWS = "has_rows"


class State(StrEnum):
    """What is known after a check. Only PASS, and VACUOUS of a table that may be empty, are green.

    ERROR means that the check itself failed, so nothing is known; VACUOUS that it judged no row.
    """

    PASS = "pass"  # noqa: S105 - a state, not a password
    FAIL = "fail"
    ERROR = "error"
    VACUOUS = "vacuous"


@dataclass(frozen=True)
class Check:
    """One expectation about one table.

    Attributes:
        table, check, kind: the table, the check's id in its suite, the expectation's type.
        state: see `State`.
        rows, failed: rows judged and rows that broke the expectation.
        mostly: share of rows that must keep it, 0–1.
        kahn: conformance, completeness or plausibility (Kahn et al. 2016).
    """

    table: str
    check: str
    kind: str
    state: State
    rows: int
    failed: int
    mostly: float = 1.0
    kahn: str = ""


@dataclass(frozen=True)
class JudgedFile:
    """A file the gate has read."""

    table: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class GateReport:
    """All checks of one gate and the files they stand for.

    ``required`` names the tables that must have rows.
    """

    gate: str
    checks: tuple[Check, ...]
    files: tuple[JudgedFile, ...]
    required: tuple[str, ...] = ()

    @property
    def is_green(self) -> bool:
        """True when every check passed; no check at all is not green."""
        return bool(self.checks) and bool(self.files) and all(map(self._is_green, self.checks))

    @property
    def is_broken(self) -> bool:
        """True when a check could not be made."""
        return any(check.state is State.ERROR for check in self.checks)

    def _is_green(self, check: Check) -> bool:
        # A required table's own emptiness is judged by HAS_ROWS, over history where there is one:
        # a month that changed nothing in it is no failure.
        return check.state in {State.PASS, State.VACUOUS}

    @property
    def red(self) -> tuple[Check, ...]:
        """Checks that keep the gate shut."""
        return tuple(check for check in self.checks if not self._is_green(check))

    def metadata(self) -> dict[str, int | float | str]:
        """Counts by state, the number of files and the colour."""
        states = Counter(check.state.value for check in self.checks)
        counts: dict[str, int | float | str] = {state.value: states[state.value] for state in State}
        colour = "green" if self.is_green else "broken" if self.is_broken else "red"
        return {"gate": self.gate, "colour": colour, "files": len(self.files), **counts}

    def summary(self) -> str:
        """One line for a person: the colour and the first checks that keep the gate shut."""
        states = self.metadata()
        red = ", ".join(f"{c.table}.{c.check} ({c.state.value})" for c in self.red[:5])
        more = f" and {len(self.red) - 5} more" if len(self.red) > 5 else ""
        line = f"Gate {self.gate} is {states['colour']}: {states['pass']} checks passed"
        return f"{line}, {len(self.red)} did not: {red}{more}." if red else f"{line}."

    def to_json(self) -> str:
        """Stable text: the same judgement gives the same bytes."""
        document = {**asdict(self), "is_green": self.is_green}
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def judge_file(table: str, path: Path) -> JudgedFile:
    """Name a file by its content."""
    return JudgedFile(table, hash_file(path), path.stat().st_size)


def save_report(report: GateReport, report_dir: Path) -> Path:
    """Write ``gate.json`` whole or not at all; returns its path."""
    return write_text(report_dir / REPORT_NAME, report.to_json())


def load_report(report_dir: Path) -> GateReport:
    """Read ``gate.json``; GateError when there is none or it is damaged."""
    path = report_dir / REPORT_NAME
    if not path.is_file():
        raise GateError(f"There is no gate report in {report_dir}.", do="run the gate")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        checks = [Check(**{**c, "state": State(c["state"])}) for c in document["checks"]]
        files = [JudgedFile(**file) for file in document["files"]]
        required = tuple(document["required"])
        return GateReport(document["gate"], tuple(checks), tuple(files), required)
    except (ValueError, KeyError, TypeError) as error:
        raise GateError(f"The gate report {path} is damaged.", do="run the gate again") from error


def check_green(report: GateReport, files: Iterable[Path]) -> None:
    """Raise unless the report is green and stands for exactly these files.

    GateBrokenError when a check could not be made; GateError when one failed, when no file is
    given, or when a file was changed, added or left out since the gate ran.
    """
    red = ", ".join(f"{c.table}.{c.check} ({c.state.value})" for c in report.red[:5])
    if report.is_broken:
        raise GateBrokenError(
            f"Gate {report.gate} could not judge.", seen=red, do="repair the gate and run it again"
        )
    if not report.is_green:
        raise GateError(
            f"Gate {report.gate} is red.",
            seen=f"{len(report.red)} of {len(report.checks)} checks: {red or 'nothing was judged'}",
            do="read its Data Docs, correct the data, run it again",
        )
    _check_files(report, files)


def _check_files(report: GateReport, files: Iterable[Path]) -> None:
    given = Counter(judge_file("", path).sha256 for path in files)
    judged = Counter(file.sha256 for file in report.files)
    if not given or given != judged:
        raise GateError(
            f"The report of gate {report.gate} stands for other files.",
            seen=f"{(given - judged).total()} files unknown to it, "
            f"{(judged - given).total()} of its files missing",
            expected=f"the {judged.total()} files it judged, unchanged",
            do="run the gate on these files",
        )
