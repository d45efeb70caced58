"""The code location: what it holds, that importing it does nothing, that it validates."""

import subprocess
import sys

import dagster as dg
import pytest

from clearward.products.spec import load_product, product_names
from clearward.risk.gates import GATES, Demand, Figure, State
from clearward.risk.report import Finding, RiskReport
from orchestration.checks import PRIVACY_CHECKS, privacy_results


def test_definitions_validate(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_the_steps_of_the_house_are_assets(definitions):
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {"raw", "cleared", "deidentified", "findings"} <= keys
    for name in product_names():
        product = load_product(name)
        assert {f"protected/{name}", f"candidate/{name}", f"released/{name}"} <= keys
        assert {product.table_name(table) for table in product.tables} <= keys


def test_every_asset_says_what_it_is_and_whose(definitions):
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.materializable_asset_keys]
    assert [n.key for n in nodes if not n.description] == []
    assert [n.key for n in nodes if "```" in n.description] == []  # words, in one line of a list
    assert [n.key for n in nodes if not n.group_name or n.group_name == "default"] == []
    python = [n for n in nodes if "dagster/kind/dbt" not in n.tags]
    assert [n.key for n in python if not n.owners] == []


def test_both_gates_block(definitions):
    graph = definitions.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert {"raw_gate", "release_gate"} <= blocking


@pytest.mark.parametrize("gate", GATES)
def test_every_privacy_gate_of_every_product_blocks(definitions, gate):
    graph = definitions.resolve_asset_graph()
    checks = {
        key.asset_key.path[-1]
        for key in graph.asset_check_keys
        if key.name == PRIVACY_CHECKS[gate] and graph.get(key).blocking
    }
    assert checks == set(product_names())


def report_with(state):
    demand = Demand("G4", "linkability", "", 0.02)
    finding = Finding(demand, Figure(0.01, 0.0, 0.01), state)
    return RiskReport("neurology", "2024-05", (finding,), {}, {}, {}, ())


@pytest.mark.parametrize(
    ("state", "passed", "severity"),
    [
        (State.GREEN, True, None),
        (State.AMBER, False, dg.AssetCheckSeverity.WARN),
        (State.RED, False, dg.AssetCheckSeverity.ERROR),
        (State.ERROR, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_red_and_error_stop_a_run_and_amber_warns(state, passed, severity):
    results = {r.check_name: r for r in privacy_results(report_with(state), dg.AssetKey("a"))}
    result = results[PRIVACY_CHECKS["G4"]]
    assert result.passed is passed
    assert severity is None or result.severity is severity
    missing = results[PRIVACY_CHECKS["G1"]]
    assert not missing.passed and missing.severity is dg.AssetCheckSeverity.ERROR


def test_a_schedule_or_sensor_never_reaches_publication(definitions):
    graph = definitions.resolve_asset_graph()
    for name in ("hospital_month", "month_candidates"):
        selected = definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        assert not {key for key in selected if key.path[0] == "released"}
    assert {k for k in graph.get_all_asset_keys() if k.path[0] == "released"}


def test_nothing_starts_by_itself_before_somebody_turns_it_on(definitions):
    schedules = definitions.schedules or []
    sensors = definitions.sensors or []
    assert schedules and sensors
    assert all(s.default_status == dg.DefaultScheduleStatus.STOPPED for s in schedules)
    assert all(s.default_status == dg.DefaultSensorStatus.STOPPED for s in sensors)


def test_importing_the_code_location_touches_nothing(tmp_path):
    code = "import orchestration.definitions, clearward.cli.main"
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"CLEARWARD_HOME": str(tmp_path / "home"), "PYTHONPATH": ".", "PATH": ""},
    )
    assert not (tmp_path / "home").exists()
