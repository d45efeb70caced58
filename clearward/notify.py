"""Telling people that something needs them. Add a channel here; decide when to call it elsewhere.

A notice holds ids, counts and reasons, never values. It is always appended to
``<home>/reports/notices.jsonl``; with ``CLEARWARD_NOTIFY_COMMAND`` set it is also handed, as JSON
on standard input, to that command (a mail, chat or pager script of the hospital's own).
"""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from clearward.errors import ConfigError
from clearward.settings import Settings


@dataclass(frozen=True)
class Notice:
    """What happened, where, and why."""

    subject: str
    partition: str
    run_id: str
    reason: str


def notify(settings: Settings, notice: Notice) -> None:
    """Record a notice and pass it on; a command that fails is an error, not a silence."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(notice)})
    settings.reports.mkdir(parents=True, exist_ok=True)
    with (settings.reports / "notices.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    if settings.notify_command:
        _hand_over(settings.notify_command, line)


def _hand_over(command: str, line: str) -> None:
    done = subprocess.run(
        shlex.split(command), input=line, text=True, capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        raise ConfigError(
            "The notifier command failed.",
            seen=f"exit code {done.returncode}",
            do="run CLEARWARD_NOTIFY_COMMAND by hand with a JSON line on standard input",
        )
