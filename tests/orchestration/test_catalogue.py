"""The catalogue as an asset: after all releases, in a job of its own, last in a monthly run."""

import dagster as dg

from clearward.catalogue.shelving import read_pointer
from clearward.keyring import init_keyring
from clearward.products.spec import product_names
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.storage import open_storage
from orchestration.assets.catalogue import catalogue
from orchestration.course import Kind, Plan, Step, course
from orchestration.resources import Clearward


def test_the_asset_builds_the_catalogue_and_tells_counts(home):
    settings = load_settings()
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    result = dg.materialize([catalogue], resources={"clearward": Clearward()})
    [event] = result.get_asset_materialization_events()
    told = {name: value.value for name, value in event.materialization.metadata.items()}
    assert (told["products"], told["releases"], told["pages"]) == (0, 0, 2)
    assert read_pointer(open_storage(settings)) == [told["generation"]]


def test_it_comes_after_every_release_and_in_no_job_that_publishes(definitions):
    graph = definitions.resolve_asset_graph()
    parents = graph.get(dg.AssetKey("catalogue")).parent_keys
    assert parents == {dg.AssetKey(["released", name]) for name in product_names()}
    for name in ("hospital_month", "month_candidates", "publish_releases"):
        selected = definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        assert dg.AssetKey("catalogue") not in selected
    own = definitions.resolve_job_def("publish_catalogue").asset_layer.selected_asset_keys
    assert own == {dg.AssetKey("catalogue")}


def test_in_a_monthly_run_it_waits_for_every_product_of_the_month():
    waits = course([Plan("2024-03", ("stmary",))])
    products = {Step("2024-03", Kind.PRODUCT, name) for name in product_names()}
    assert products <= waits[Step("2024-03", Kind.CATALOGUE)]
