"""The asset of the evaluation sample: a refusal is told, and stops nobody's data."""

import dagster as dg

from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from orchestration.assets.synthetic import CHECK, synthetic_assets
from orchestration.resources import Clearward


def test_a_refused_sample_is_a_warning_and_no_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path))
    migrate(state_engine(load_settings().database))
    asset = synthetic_assets()[0]
    done = dg.materialize([asset], partition_key="2024-05", resources={"clearward": Clearward()})
    (check,) = done.get_asset_check_evaluations()
    assert done.success
    assert (check.check_name, check.passed) == (CHECK, False)
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "not protected" in check.description


def test_a_candidate_waits_for_the_sample(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        if key.path[0] == "candidate":
            assert dg.AssetKey(["synthetic", key.path[1]]) in graph.get(key).parent_keys
