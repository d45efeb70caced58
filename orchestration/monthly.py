"""The monthly job from the command line: ``python -m orchestration.monthly --month 2024-05``.

Runs the same jobs as the UI, in this process, and leaves the same events in the Dagster instance.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import dagster as dg
from rich.console import Console

from clearward.arrival import all_arrivals
from clearward.errors import ClearwardError, ExtractError, GateError
from clearward.freshness import is_done, mark_done, month_fingerprint
from clearward.releases.evidence import amber_gates
from clearward.releases.sign_off import sign_off
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import check_migrated
from orchestration.definitions import build_definitions
from orchestration.partitions import extract_key, hospitals

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        approved_by: who approves the releases; nobody: candidates only.
        sign_off: that person's reason to answer for amber privacy gates; empty: amber stays shut.
    """

    month: str
    hospitals: list[str]
    approved_by: str
    sign_off: str = ""


class MonthlyRun:
    """One process, one Dagster instance, any number of months."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings, self.console = settings, console
        self.database = state_engine(settings.database)
        check_migrated(self.database)
        self.instance = open_instance(settings)
        self.definitions = build_definitions()
        self.exit_codes: list[int] = []  # of every refusal, in the order they came

    def run(self, plan: Plan) -> bool:
        """True when all that was asked for is done; a refused hospital stops only itself."""
        if is_done(self.settings, month=plan.month, fingerprint=self._fingerprint(plan)):
            self.console.print(f"[dim]{plan.month}  nothing changed since the last run[/]")
            return True
        done = self._month(plan)
        if done:
            mark_done(self.settings, month=plan.month, fingerprint=self._fingerprint(plan))
        return done

    def _fingerprint(self, plan: Plan) -> str:
        return month_fingerprint(
            self.settings,
            self.database,
            month=plan.month,
            hospitals=plan.hospitals,
            goal="published" if plan.approved_by else "candidate",
        )

    def _month(self, plan: Plan) -> bool:
        taken = [self._hospital(name, plan.month) for name in plan.hospitals]
        if not any(taken):
            self.console.print(f"[red]{plan.month}  no hospital passed; no product is built[/]")
            return False
        made, candidates = self._job("month_candidates", plan.month, label="products")
        if candidates and plan.approved_by:
            made &= self._publish(plan, candidates)
        return made and all(taken)

    def _sign_off(self, plan: Plan, candidates: set[str]) -> None:
        """Answer openly for what is amber; a red gate takes no signature."""
        signed: dict[str, list[str]] = {}
        for name in sorted(candidates):
            for gate in amber_gates(self.settings, name, month=plan.month):
                sign_off(
                    self.settings,
                    product=name,
                    month=plan.month,
                    gate=gate,
                    by=plan.approved_by,
                    reason=plan.sign_off,
                )
                signed.setdefault(gate, []).append(name)
        for gate, names in signed.items():
            self.console.print(
                f"   [yellow]{gate} is amber[/] for {', '.join(names)}; "
                f"{plan.approved_by} signs: {plan.sign_off}",
                soft_wrap=True,
            )

    def _publish(self, plan: Plan, candidates: set[str]) -> bool:
        if plan.sign_off:
            self._sign_off(plan, candidates)
        done, _ = self._job(
            "publish_releases",
            plan.month,
            label="publish",
            config=_approval(plan.approved_by, candidates),
            only=[dg.AssetKey(["released", name]) for name in sorted(candidates)],
        )
        return done

    def _hospital(self, hospital: str, month: str) -> bool:
        self.instance.add_dynamic_partitions(str(hospitals.name), [hospital])
        key = extract_key(hospital=hospital, month=month)
        done, _ = self._job("hospital_month", key, label=hospital)
        return done

    def _job(
        self,
        name: str,
        key: str,
        *,
        label: str,
        config: dict[str, object] | None = None,
        only: list[dg.AssetKey] | None = None,
    ) -> tuple[bool, set[str]]:
        """Whether the job went through, and the products whose candidate it made."""
        month = key.keys_by_dimension["month"] if isinstance(key, dg.MultiPartitionKey) else key
        start = perf_counter()
        with self.console.status(f"{month}  {label}"), self._quiet_dbt():
            result = self.definitions.resolve_job_def(name).execute_in_process(
                run_config={**_QUIET, **(config or {})},
                partition_key=key,
                asset_selection=only,
                instance=self.instance,
                raise_on_error=False,
            )
        mark = "[green]✓[/]" if result.success else "[red]✗[/]"
        self.console.print(f"{month}  {label:<12} {mark}  {perf_counter() - start:5.1f} s")
        if not result.success:
            self._explain(result)
        made = [event.asset_key for event in result.get_asset_materialization_events()]
        return result.success, {k.path[1] for k in made if k and k.path[0] == "candidate"}

    @contextmanager
    def _quiet_dbt(self) -> Iterator[None]:
        """dbt prints a line per model; here they go to a file, the UI has them as events."""
        self.settings.reports.mkdir(parents=True, exist_ok=True)
        log = self.settings.reports / "dbt.log"
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file):
            yield

    def _explain(self, result: dg.ExecuteInProcessResult) -> None:
        for event in result.filter_events(lambda e: e.is_step_failure):
            self.console.print(f"   [red]{event.step_key}[/]: {_reason(event)}", soft_wrap=True)
            self.exit_codes += _exit_code(event)
        for event in result.get_asset_check_evaluations():
            if not event.passed:
                self.console.print(f"   [red]{event.check_name}[/]: {event.description}")
                self.exit_codes.append(GateError.exit_code)


def _reason(event: dg.DagsterEvent) -> str:
    """The refusal in its own words; for anything else the kind of error at its root."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error and error.cause:
        error = error.cause
    return str(error.message).strip() if error else "no reason was given"


def _exit_code(event: dg.DagsterEvent) -> list[int]:
    """The refusal's own exit code; nothing for an error that is no refusal."""
    failure = event.step_failure_data.user_failure_data
    told = failure.metadata.get("exit_code") if failure else None
    return [int(str(told.value))] if told else []


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of this home, made on first use."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.get()


def landed_months(settings: Settings) -> list[str]:
    """Months that have an extract in the landing folder, oldest first."""
    return sorted({arrival.month for arrival in all_arrivals(settings)})


def hospitals_of(settings: Settings, month: str) -> list[str]:
    """Hospitals with an extract of the month in the landing folder."""
    return sorted({a.hospital for a in all_arrivals(settings) if a.month == month})


def _approval(who: str, products: set[str]) -> dict[str, object]:
    config = {"config": {"approved_by": who}}
    return {"ops": {f"released__{name}": config for name in products}}


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0 when all that was asked for is done, else the first refusal's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", action="append", help="YYYY-MM; every landed month if omitted")
    parser.add_argument("--hospital", action="append", help="one hospital; all if omitted")
    parser.add_argument("--approve", default="", metavar="WHO", help="publish, approved by WHO")
    parser.add_argument(
        "--sign-off", default="", metavar="REASON", help="WHO answers for amber privacy gates"
    )
    options = parser.parse_args(arguments)
    console = Console(file=sys.stdout)
    try:
        return _run(options, load_settings(), console)
    except ClearwardError as refusal:
        console.print(f"[red]{type(refusal).__name__}[/] {refusal}", soft_wrap=True)
        return refusal.exit_code


def _run(options: argparse.Namespace, settings: Settings, console: Console) -> int:
    months = options.month or landed_months(settings)
    if not months:
        raise ExtractError(
            f"No extract lies in {settings.landing}.",
            expected="a folder per hospital and month, with a manifest.json",
            do="see docs/how-to/onboard-a-hospital.md",
        )
    job = MonthlyRun(settings, console)
    plans = [
        Plan(
            month,
            options.hospital or hospitals_of(settings, month),
            options.approve,
            options.sign_off,
        )
        for month in months
    ]
    outcomes = [job.run(plan) for plan in plans]
    return 0 if all(outcomes) else next(iter(job.exit_codes), 1)


if __name__ == "__main__":
    sys.exit(main())
