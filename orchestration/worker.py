"""One process of the monthly run: takes a step, runs its Dagster jobs, says what became of it. In
what order steps come is `course`'s matter.

What takes seconds to import stands at the top: the process that all workers are forked from loads
it once for them, before it has a second thread.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import cache
from multiprocessing.synchronize import Lock
from pathlib import Path
from time import perf_counter
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef

import clearward.quality.expectations
import clearward.releases.risk_plots
import clearward.releases.standards.validators  # noqa: F401 - see above
from clearward.errors import GateError
from clearward.marts import DBT_PROJECT
from clearward.notes.workers import end_with_parent
from clearward.releases.evidence import amber_gates
from clearward.releases.sign_off import sign_off
from clearward.settings import Settings, load_settings
from orchestration.course import Kind, Plan, Step
from orchestration.dbt_inside import parsed
from orchestration.definitions import build_definitions
from orchestration.partitions import extract_key, hospitals

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# A step is run where `course` has a place for it; Dagster's pools would hold a place for a process
# that was killed, and the next run would wait for it. And no log of what a run prints: that is four
# processes for each run, and dbt's lines go to a file of ours.
_LEANER = {
    "concurrency": {"pools": {"granularity": "run"}},
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
}
_MADE = ("protected", "synthetic", "candidate")
_lock: Any = nullcontext()


@dataclass(frozen=True)
class Outcome:
    """What became of a step.

    Attributes:
        ok: all of it went through.
        seconds: on the clock.
        reasons: why not, in the words of whoever refused; rich text.
        exit_codes: of every refusal, in the order they came.
        signed: gates that were amber and signed for.
    """

    ok: bool
    seconds: float
    reasons: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()
    signed: tuple[str, ...] = ()


def read_models() -> None:
    """Parse the dbt project once for all processes that are forked from this one; before any limits
    of a step: another profile would be another parse.
    """
    parsed(str(DBT_PROJECT))


def start(lock: Lock) -> None:
    """Begin a worker process. It ends with the process that started it, however that one ends."""
    global _lock  # noqa: PLW0603 - a process has one
    _lock = lock
    end_with_parent()


def do(step: Step, plan: Plan, limits: Mapping[str, str]) -> Outcome:
    """Run a step; `limits` are settings that bound its share of the machine."""
    begun = perf_counter()
    house = _house()
    with _environment(limits):
        results, signed = _RUNS[step.kind](house, step, plan)
    seconds = perf_counter() - begun
    told = [line for result in results for line in _explained(result)]
    return Outcome(
        ok=all(result.success for result in results),
        seconds=seconds,
        reasons=tuple(text for text, _ in told),
        exit_codes=tuple(code for _, codes in told for code in codes),
        signed=signed,
    )


@dataclass(frozen=True)
class House:
    """What a process opens once."""

    settings: Settings
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(self, name: str, key: str | None, **more: Any) -> dg.ExecuteInProcessResult:
        """Run a job in this process. dbt prints a line per model; they go to a file."""
        config = {**_QUIET, **more.pop("run_config", {})}
        log = self.settings.reports / "dbt.log"
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file):
            return self.definitions.resolve_job_def(name).execute_in_process(
                run_config=config,
                partition_key=key,
                instance=self.instance,
                raise_on_error=False,
                **more,
            )


@cache
def _house() -> House:
    settings = load_settings()
    settings.reports.mkdir(parents=True, exist_ok=True)
    with _lock:  # the first one makes Dagster's databases
        return House(settings, open_instance(settings), build_definitions())


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of this home, made on first use."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")  # what a run plans, stored at once
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=_LEANER))


_Results = tuple[list[dg.ExecuteInProcessResult], tuple[str, ...]]


def _hospital(house: House, step: Step, _: Plan) -> _Results:
    house.instance.add_dynamic_partitions(str(hospitals.name), [step.name])
    key = extract_key(hospital=step.name, month=step.month)
    return [house.run("hospital_month", key)], ()


def _models(house: House, step: Step, _: Plan) -> _Results:
    return [house.run("month_candidates", step.month, asset_selection=_dbt_keys(house))], ()


def _product(house: House, step: Step, plan: Plan) -> _Results:
    """A product's candidate and, once somebody approves it, its release."""
    steps = [dg.AssetKey([made, step.name]) for made in _MADE]
    candidate = house.run("month_candidates", step.month, asset_selection=steps)
    made = {event.asset_key for event in candidate.get_asset_materialization_events()}
    if not plan.approved_by or steps[-1] not in made:
        return [candidate], ()
    signed = _sign_off(house.settings, step, plan) if plan.sign_off else ()
    config = {"ops": {f"released__{step.name}": {"config": {"approved_by": plan.approved_by}}}}
    released = house.run(
        "publish_releases",
        step.month,
        asset_selection=[dg.AssetKey(["released", step.name])],
        run_config=config,
    )
    return [candidate, released], signed


def _catalogue(house: House, _: Step, __: Plan) -> _Results:
    return [house.run("publish_catalogue", None)], ()


_RUNS = {
    Kind.HOSPITAL: _hospital,
    Kind.MODELS: _models,
    Kind.PRODUCT: _product,
    Kind.CATALOGUE: _catalogue,
}


def _dbt_keys(house: House) -> list[dg.AssetKey]:
    """All that a month needs before its products."""
    every = house.definitions.resolve_job_def("month_candidates").asset_layer.selected_asset_keys
    return [key for key in every if key.path[0] not in _MADE]


def _sign_off(settings: Settings, step: Step, plan: Plan) -> tuple[str, ...]:
    """Answer openly for what is amber; a red gate takes no signature."""
    gates = tuple(amber_gates(settings, step.name, month=step.month))
    for gate in gates:
        sign_off(
            settings,
            product=step.name,
            month=step.month,
            gate=gate,
            by=plan.approved_by,
            reason=plan.sign_off,
        )
    return gates


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _explained(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, list[int]]]:
    """Every refusal of a run that failed: its words, and its exit code if it has one."""
    if result.success:
        return
    for event in result.filter_events(lambda e: e.is_step_failure):
        yield f"[red]{event.step_key}[/]: {_reason(event)}", _exit_code(event)
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            yield f"[red]{check.check_name}[/]: {check.description}", [GateError.exit_code]


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
