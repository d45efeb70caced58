"""dbt inside this process: parsed once, built as often as there are months. Add here what starting
dbt and reading its events needs; which models there are is `assets.dbt_models`' matter.

A dbt of its own costs five seconds of start and parse for each month, and dagster-dbt's client adds
a ``dbt --version``, which asks the package index for the newest release. Here the parsed project is
kept, and nothing but the models' own work is paid twice. The engine is closed after each build: the
next month must not find the tables of the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import dagster as dg

from clearward.errors import ConfigError

RESULTS = frozenset({"LogSeedResult", "LogModelResult", "LogSnapshotResult", "LogTestResult"})


class DbtInside(dg.ConfigurableResource):
    """The dbt project of this house, run by this process."""

    project_dir: str

    def build(self, arguments: Sequence[str], *, output: Path) -> Iterator[dict[str, Any]]:
        """Run ``dbt build`` and yield the event of every finished node as it comes.

        Args:
            arguments: what to select, as on dbt's command line.
            output: folder of this run; compiled SQL goes below it.

        Raises:
            dg.Failure: names the nodes that failed. What the engine said may repeat a value: it
                is printed, for the run's own log, and nowhere else.
        """
        command = [
            "build",
            *arguments,
            *_places(self.project_dir),
            *("--target-path", str(output / "target")),
            *("--no-write-json", "--log-level", "none", "--log-level-file", "none"),
        ]
        events: SimpleQueue[dict[str, Any] | _End] = SimpleQueue()
        thread = Thread(target=_invoke, args=(self.project_dir, command, events))
        thread.start()
        failed: list[str] = []
        try:
            while not isinstance(event := events.get(), _End):
                print(event["info"]["msg"])
                if event["info"]["name"] in RESULTS:
                    failed += [] if _went_well(event) else [event["data"]["node_info"]["node_name"]]
                    yield event
        finally:
            thread.join()  # a run that is stopped ends with the build it is in
        if not event.success:
            raise dg.Failure(
                description=f"dbt could not build {len(failed)} nodes: "
                f"{', '.join(sorted(failed)[:10]) or event.reason}.",
                allow_retries=False,
            )


@dataclass(frozen=True)
class _End:
    """The last entry of a run's queue; `reason` is the kind of an error outside any node."""

    success: bool
    reason: str = ""


def _invoke(project_dir: str, command: list[str], events: SimpleQueue[Any]) -> None:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds to import

    def keep(event: Any) -> None:
        if event.info.level != "debug":
            events.put(_as_dict(event))

    try:
        outcome = dbtRunner(manifest=parsed(project_dir), callbacks=[keep]).invoke(command)
        reason = type(outcome.exception).__name__ if outcome.exception else "it said no more"
        end = _End(bool(outcome.success), reason)
    except BaseException as error:  # the other end waits for an end, whatever happens here
        end = _End(False, type(error).__name__)
    finally:
        _close_engine()
    events.put(end)


def _as_dict(event: Any) -> dict[str, Any]:
    from dbt_common.events.functions import msg_to_dict  # noqa: PLC0415

    found: dict[str, Any] = msg_to_dict(event)
    return found


@cache
def parsed(project_dir: str) -> Any:
    """The project's manifest, from the partial parse that ``make manifest`` leaves."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds to import

    quiet = ("--no-write-json", "--log-level", "none", "--log-level-file", "none")
    outcome = dbtRunner().invoke(["parse", *_places(project_dir), *quiet])
    if not outcome.success:
        raise ConfigError(
            "The dbt project cannot be parsed.", do="run `make manifest`: it says why"
        )
    return outcome.result


def _places(project_dir: str) -> tuple[str, ...]:
    return ("--project-dir", project_dir, "--profiles-dir", project_dir)


def _close_engine() -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

    DuckDBConnectionManager.close_all_connections()


def _went_well(event: dict[str, Any]) -> bool:
    return str(event["data"]["node_info"].get("node_status")) in {"success", "pass", "warn"}
