"""The monthly job from the command line: ``python -m orchestration.monthly --month 2024-05``.

Runs the same jobs as the UI, in worker processes of its own, and leaves the same events in the
Dagster instance. Nothing here imports Dagster: a run that finds nothing to do ends at once.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from rich.console import Console

from clearward.arrival import all_arrivals
from clearward.collector import uncollected
from clearward.errors import ClearwardError, ExtractError
from clearward.freshness import is_done, mark_done, month_fingerprint
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import check_migrated
from orchestration.course import Kind, Plan, Step, beside, course, ranks

if TYPE_CHECKING:
    from orchestration.worker import Outcome

MOST_WORKERS = 4  # by default; each holds about 0.6 GB beside what DuckDB may use


class MonthlyRun:
    """Any number of months, as many steps at a time as there are workers."""

    def __init__(self, settings: Settings, console: Console, *, workers: int) -> None:
        self.settings, self.console, self.workers = settings, console, workers
        self.database = state_engine(settings.database)
        check_migrated(self.database)
        self.plans: dict[str, Plan] = {}
        self.outcomes: dict[Step, Outcome] = {}
        self.done: dict[str, bool] = {}  # months that need no more step

    def run(self, plans: Sequence[Plan]) -> int:
        """0 when all that was asked for is done, else the first refusal's exit code.

        A refused hospital stops only itself.
        """
        asked = [replace(plan, looks_done=self._is_done(plan)) for plan in plans]
        self.plans = {plan.month: plan for plan in asked}
        waits = course(asked)
        if all(plan.looks_done for plan in asked):
            for step in waits:
                self._settle_here(step)
        else:
            self._follow(waits)
        codes = [
            code
            for step in waits
            if step in self.outcomes
            for code in self.outcomes[step].exit_codes
        ]
        return 0 if all(self.done.values()) else next(iter(codes), 1)

    def _follow(self, waits: dict[Step, set[Step]]) -> None:
        """Start what may start, what most others wait for first, until every step is behind us."""
        order, rank = TopologicalSorter(waits), ranks(waits)
        order.prepare()
        self.database.dispose()  # no worker inherits a connection of this process
        ready: list[Step] = []
        running: dict[Future[Outcome], Step] = {}
        with _pool(self.workers) as pool, self.console.status("") as status:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()], key=rank.__getitem__)
                step = next((s for s in ready if self._is_short(s)), None)
                if step:
                    self._settle_here(step)
                    ready.remove(step)
                    order.done(step)
                elif ready and len(running) < self.workers:
                    step = ready.pop(0)
                    running[self._submit(pool, step)] = step
                    status.update(_at_work(running.values()))
                else:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._settle(running[future], future.result())
                        order.done(running.pop(future))
                    status.update(_at_work(running.values()))

    def _submit(self, pool: ProcessPoolExecutor, step: Step) -> Future[Outcome]:
        plans = [plan for plan in self.plans.values() if not plan.looks_done]
        limits = _limits(self.settings, among=beside(step, plans, self.workers))
        return pool.submit(_do, step, self.plans[step.month], limits)

    def _is_short(self, step: Step) -> bool:
        """Whether it needs no worker: there is nothing to do, or nothing to do it with."""
        if step.kind in (Kind.OPEN, Kind.CLOSE) or step.month in self.done:
            return True
        if step.kind is Kind.MODELS:
            return not any(self._ok(step.month, Kind.HOSPITAL))
        if step.kind is Kind.CATALOGUE:
            is_last = step.month == max(self.plans)
            return not (is_last and self.plans[step.month].approved_by)
        return step.kind is Kind.PRODUCT and not all(self._ok(step.month, Kind.MODELS))

    def _ok(self, month: str, kind: Kind) -> list[bool]:
        """Which steps of a month's kind went through; a step that was left out did not."""
        own = [o.ok for s, o in self.outcomes.items() if (s.month, s.kind) == (month, kind)]
        return own or [False]

    def _settle_here(self, step: Step) -> None:
        plan = self.plans[step.month]
        if step.kind is Kind.OPEN:
            if self._is_done(plan):
                self.console.print(f"[dim]{step.month}  nothing changed since the last run[/]")
                self.done[step.month] = True
        elif step.month not in self.done and step.kind is Kind.MODELS:
            words = f"{step.month}  no hospital passed; no product is built"
            self.console.print(f"[red]{words}[/]")
        elif step.month not in self.done and step.kind is Kind.CLOSE:
            self._close(plan)

    def _close(self, plan: Plan) -> None:
        """Name the signatures given, and remember a month that is done."""
        outcomes = {step.name: o for step, o in self.outcomes.items() if step.month == plan.month}
        for gate in sorted({gate for outcome in outcomes.values() for gate in outcome.signed}):
            names = sorted(name for name, outcome in outcomes.items() if gate in outcome.signed)
            self.console.print(
                f"   [yellow]{gate} is amber[/] for {', '.join(names)}; "
                f"{plan.approved_by} signs: {plan.sign_off}",
                soft_wrap=True,
            )
        kinds = (Kind.HOSPITAL, Kind.MODELS, Kind.PRODUCT)
        catalogue = self.outcomes.get(Step(plan.month, Kind.CATALOGUE))
        self.done[plan.month] = (catalogue is None or catalogue.ok) and all(
            ok for kind in kinds for ok in self._ok(plan.month, kind)
        )
        if self.done[plan.month]:
            mark_done(self.settings, month=plan.month, fingerprint=self._fingerprint(plan))

    def _settle(self, step: Step, outcome: Outcome) -> None:
        self.outcomes[step] = outcome
        mark = "[green]✓[/]" if outcome.ok else "[red]✗[/]"
        self.console.print(f"{step.month}  {step.label:<13} {mark}  {outcome.seconds:5.1f} s")
        for reason in outcome.reasons:
            self.console.print(f"   {reason}", soft_wrap=True)

    def _is_done(self, plan: Plan) -> bool:
        return is_done(self.settings, month=plan.month, fingerprint=self._fingerprint(plan))

    def _fingerprint(self, plan: Plan) -> str:
        return month_fingerprint(
            self.settings,
            self.database,
            month=plan.month,
            hospitals=list(plan.hospitals),
            goal="published" if plan.approved_by else "candidate",
        )


def _do(step: Step, plan: Plan, limits: dict[str, str]) -> Outcome:
    from orchestration.worker import do  # noqa: PLC0415 - loaded before the fork

    return do(step, plan, limits)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes, all forked here and now: what takes seconds to import or to parse is read
    once, and this process has no second thread yet whose locks they could inherit.
    """
    with uncollected():
        from orchestration import worker  # noqa: PLC0415 - Dagster, and all that a step needs

        worker.read_models()
        gc.freeze()  # nor do the workers look through all this
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(
        workers, context, initializer=worker.start, initargs=(context.Lock(),)
    )
    try:
        pool.submit(int).result()
        yield pool
    except BrokenProcessPool as broken:
        raise ClearwardError(
            "A worker process was ended from outside.",
            seen="no answer from it",
            do="look whether the machine ran out of memory; `--workers 1` needs least. What was"
            " finished stays, and running again goes on from there",
        ) from broken
    finally:
        pool.shutdown(cancel_futures=True)


def _limits(settings: Settings, *, among: int) -> dict[str, str]:
    """Settings for one of several steps that run at the same time."""
    if among == 1:
        return {}
    limits = {"CLEARWARD_THREADS": str(max(1, settings.threads // among))}
    memory = re.fullmatch(r"([0-9.]+)(\s*[A-Za-z%]+)", settings.memory_limit)
    if memory:
        limits["CLEARWARD_MEMORY"] = f"{float(memory[1]) / among:g}{memory[2]}"
    return limits


def _at_work(steps: Iterable[Step]) -> str:
    return ", ".join(f"{step.month} {step.label}" for step in steps)


def landed_months(settings: Settings) -> list[str]:
    """Months that have an extract in the landing folder, oldest first."""
    return sorted({arrival.month for arrival in all_arrivals(settings)})


def hospitals_of(settings: Settings, month: str) -> list[str]:
    """Hospitals with an extract of the month in the landing folder, the one with most rows first:
    begun last, it would keep one worker busy and the others waiting.
    """
    rows: dict[str, int] = {}
    for arrival in all_arrivals(settings):
        if arrival.month == month:
            rows[arrival.hospital] = max(arrival.rows, rows.get(arrival.hospital, 0))
    return sorted(rows, key=lambda hospital: (-rows[hospital], hospital))


def default_workers() -> int:
    """One for each core this process may use, up to `MOST_WORKERS`."""
    is_told = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if is_told else os.cpu_count() or 1
    return min(MOST_WORKERS, cores)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0 when all that was asked for is done, else the first refusal's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", action="append", help="YYYY-MM; every landed month if omitted")
    parser.add_argument("--hospital", action="append", help="one hospital; all if omitted")
    parser.add_argument("--approve", default="", metavar="WHO", help="publish, approved by WHO")
    parser.add_argument(
        "--sign-off", default="", metavar="REASON", help="WHO answers for amber privacy gates"
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        default=default_workers(),
        metavar="N",
        help=f"steps at a time; default: one for each core, at most {MOST_WORKERS}",
    )
    options = parser.parse_args(arguments)
    console = Console(file=sys.stdout)
    try:
        return _run(options, load_settings(), console)
    except ClearwardError as refusal:
        console.print(f"[red]{type(refusal).__name__}[/] {refusal}", soft_wrap=True)
        return refusal.exit_code


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _run(options: argparse.Namespace, settings: Settings, console: Console) -> int:
    months = list(dict.fromkeys(options.month or landed_months(settings)))
    if not months:
        raise ExtractError(
            f"No extract lies in {settings.landing}.",
            expected="a folder per hospital and month, with a manifest.json",
            do="see docs/how-to/onboard-a-hospital.md",
        )
    named = list(dict.fromkeys(options.hospital or ()))
    plans = [
        Plan(
            month,
            tuple(named or hospitals_of(settings, month)),
            options.approve,
            options.sign_off,
        )
        for month in months
    ]
    return MonthlyRun(settings, console, workers=options.workers).run(plans)


if __name__ == "__main__":
    sys.exit(main())
