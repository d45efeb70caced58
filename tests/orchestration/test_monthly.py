"""Who runs a month's steps: what goes on after a refusal, what is said, what is returned."""

import io
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from clearward.errors import ClearwardError, ExtractError
from clearward.products.spec import product_names
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from orchestration import monthly
from orchestration.course import Kind, Plan, Step
from orchestration.monthly import MonthlyRun, default_workers, main
from orchestration.worker import Outcome

MARCH, APRIL = "2024-03", "2024-04"
FINE = Outcome(ok=True, seconds=0.0)


def refused(code, words="[red]raw[/]: refused"):
    return Outcome(ok=False, seconds=0.0, reasons=(words,), exit_codes=(code,))


class FakePool:
    """Answers at once with the outcome it was given for a step, or that all is well."""

    def __init__(self, outcomes):
        self.outcomes, self.asked = outcomes, []

    def submit(self, _, step, plan, limits):
        self.asked.append((step, limits))
        answer = self.outcomes.get(step, FINE)
        future = Future()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


@pytest.fixture
def run(home, monkeypatch):
    """Run plans against a fake pool; gives exit code, what was said, and the steps asked for."""
    settings = load_settings()
    migrate(state_engine(settings.database))
    monkeypatch.setattr(
        monthly, "month_fingerprint", lambda *_, month, hospitals, goal: f"{month} {goal}"
    )

    def start(plans, outcomes=(), workers=2):
        pool, said = FakePool(dict(outcomes)), io.StringIO()

        @contextmanager
        def fake(_):
            yield pool

        monkeypatch.setattr(monthly, "_pool", fake)
        console = Console(file=said, width=200)
        code = MonthlyRun(settings, console, workers=workers).run(plans)
        return code, said.getvalue(), pool.asked

    return start


def hospital(month, name):
    return Step(month, Kind.HOSPITAL, name)


def test_a_refused_hospital_stops_only_itself(run):
    plan = Plan(MARCH, ("lakeside", "renmin"))
    code, said, asked = run([plan], {hospital(MARCH, "lakeside"): refused(3)})
    assert code == 3
    assert "raw: refused" in said
    products = {step.name for step, _ in asked if step.kind is Kind.PRODUCT}
    assert products == set(product_names())


def test_a_month_whose_hospitals_are_all_refused_builds_nothing_and_the_next_month_runs(run):
    plans = [Plan(MARCH, ("renmin",)), Plan(APRIL, ("renmin",))]
    code, said, asked = run(plans, {hospital(MARCH, "renmin"): refused(3)})
    assert code == 3
    assert f"{MARCH}  no hospital passed; no product is built" in said
    assert {step.kind for step, _ in asked if step.month == MARCH} == {Kind.HOSPITAL}
    assert Kind.PRODUCT in {step.kind for step, _ in asked if step.month == APRIL}


def test_the_exit_code_is_the_first_refusals_in_the_order_of_the_plan(run):
    plan = Plan(MARCH, ("lakeside", "renmin"))
    outcomes = {
        Step(MARCH, Kind.PRODUCT, product_names()[0]): refused(6),
        hospital(MARCH, "renmin"): refused(4),
    }
    assert run([plan], outcomes)[0] == 4
    assert run([plan], dict(list(outcomes.items())[:1]))[0] == 6


def test_a_catalogue_that_fails_is_an_exit_code_and_is_built_by_the_next_run(run):
    plan = Plan(MARCH, ("renmin",), approved_by="Data board")
    failed = {Step(MARCH, Kind.CATALOGUE): refused(6)}
    assert run([plan], failed)[0] == 6
    code, _, asked = run([plan])
    assert code == 0
    assert Kind.CATALOGUE in {step.kind for step, _ in asked}


def test_a_failure_that_is_no_refusal_is_exit_code_one(run):
    plan = Plan(MARCH, ("renmin",))
    broken = Outcome(ok=False, seconds=0.0, reasons=("ZeroDivisionError",))
    assert run([plan], {hospital(MARCH, "renmin"): broken})[0] == 1


def test_models_that_fail_leave_the_products_alone(run):
    plan = Plan(MARCH, ("renmin",))
    code, _, asked = run([plan], {Step(MARCH, Kind.MODELS): refused(7)})
    assert code == 7
    assert Kind.PRODUCT not in {step.kind for step, _ in asked}


def test_a_finished_month_is_not_run_again_and_asks_no_worker(run):
    plan = Plan(MARCH, ("renmin",))
    assert run([plan])[0] == 0
    code, said, asked = run([plan])
    assert (code, asked) == (0, [])
    assert f"{MARCH}  nothing changed since the last run" in said


def test_a_month_that_was_run_again_has_the_later_ones_run_again(run):
    later = Plan(APRIL, ("renmin",))
    assert run([later])[0] == 0
    _, said, asked = run([Plan(MARCH, ("renmin",)), later])
    assert "nothing changed" not in said
    assert {step.month for step, _ in asked} == {MARCH, APRIL}


def test_a_month_that_failed_leaves_the_later_one_finished(run):
    later = Plan(APRIL, ("renmin",))
    run([later])
    outcomes = {hospital(MARCH, "renmin"): refused(3)}
    code, said, asked = run([Plan(MARCH, ("renmin",)), later], outcomes)
    assert code == 3
    assert f"{APRIL}  nothing changed" in said
    assert {step.month for step, _ in asked} == {MARCH}


def test_signatures_are_told_once_for_each_gate(run):
    plan = Plan(MARCH, ("renmin",), "Data board", "made-up patients")
    signed = {
        Step(MARCH, Kind.PRODUCT, name): Outcome(ok=True, seconds=0.0, signed=("G4",))
        for name in product_names()
    }
    said = run([plan], signed)[1]
    names = ", ".join(product_names())
    assert f"G4 is amber for {names}; Data board signs: made-up patients" in said
    assert said.count("is amber") == 1


def test_steps_side_by_side_share_threads_and_memory(run):
    plan = Plan(MARCH, ("renmin",))
    asked = dict(run([plan], workers=2)[2])
    assert asked[hospital(MARCH, "renmin")] == {}
    shared = {"CLEARWARD_THREADS": "1", "CLEARWARD_MEMORY": "2GB"}
    assert asked[Step(MARCH, Kind.PRODUCT, product_names()[0])] == shared


@pytest.mark.parametrize(
    ("memory", "expected"), [("5 GiB", "2.5 GiB"), ("80%", "40%"), ("4000MB", "2000MB")]
)
def test_memory_is_shared_in_whatever_unit_it_was_given(home, memory, expected):
    settings = Settings(home, "file:///s", "sqlite://", home / "keys", memory_limit=memory)
    assert monthly._limits(settings, among=2)["CLEARWARD_MEMORY"] == expected


def test_an_error_of_the_work_itself_comes_out_as_it_is(run):
    refusal = ExtractError("It failed.", seen="this", expected="that", do="something")
    with pytest.raises(ExtractError) as caught:
        run([Plan(MARCH, ("renmin",))], {hospital(MARCH, "renmin"): refusal})
    assert caught.value is refusal


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_workers_is_one_or_more(number, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--workers", number])
    assert end.value.code == 2
    assert "--workers" in capsys.readouterr().err


def test_there_are_no_more_workers_than_cores_by_default():
    assert 1 <= default_workers() <= min(4, os.cpu_count())


# What follows uses real processes, forked from one that is started anew: a test run has threads.
POOL = """
import os, signal, sys, time
from clearward.errors import ClearwardError, ExtractError
from orchestration.monthly import _pool

def refuse():
    raise ExtractError("It failed.", seen="this", expected="that", do="something")

def die():
    os.kill(os.getpid(), signal.SIGKILL)

with _pool(2) as pool:
    {body}
"""


def script(body):
    return [sys.executable, "-c", POOL.format(body=body)]


def test_a_refusal_arrives_whole_from_a_worker(home):
    body = """
    error = pool.submit(refuse).exception()
    print(type(error).__name__, error.exit_code, error.seen, error.expected, error.do, error)"""
    done = subprocess.run(script(body), capture_output=True, text=True, check=True)
    refusal = ExtractError("It failed.", seen="this", expected="that", do="something")
    assert done.stdout.strip() == f"ExtractError 3 this that something {refusal}"


def test_a_worker_that_is_killed_is_a_clear_error_and_no_endless_wait(home):
    done = subprocess.run(
        script("pool.submit(die).result()"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "A worker process was ended from outside." in done.stderr
    assert "--workers 1" in done.stderr


def test_workers_end_with_the_process_that_started_them(home):
    body = """
    print(*pool._processes, flush=True)
    time.sleep(600)"""
    parent = subprocess.Popen(script(body), stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert len(workers) == 2
    for _ in range(200):
        if not any(is_alive(pid) for pid in workers):
            return
        time.sleep(0.05)
    pytest.fail("a worker outlived its parent")


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def test_every_error_of_the_tree_can_travel_between_processes():
    def tree(kind):
        return [kind, *(each for sub in kind.__subclasses__() for each in tree(sub))]

    for kind in tree(ClearwardError):
        error = kind("It failed.", seen="this", expected="that", do="something")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))
