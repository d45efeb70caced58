"""What the project promises by its shape: descriptions, contracts, owners, cost. Whether its tests
cover what they should is in `test_coverage`.
"""

from __future__ import annotations

import pytest
import yaml

from clearward.products.spec import load_product, product_names
from tests.dbt.conftest import PROJECT


def models(manifest, folder):
    nodes = manifest["nodes"].values()
    return [n for n in nodes if n["resource_type"] == "model" and f"/{folder}/" in f"/{n['path']}"]


@pytest.mark.parametrize("product", product_names())
def test_marts_and_product_spec_name_the_same_tables_and_keys(dbt, product):
    spec = load_product(product)
    told = {spec.table_name(table): list(table.key) for table in spec.tables}
    built = {n["name"]: n["config"]["meta"]["key"] for n in models(dbt.manifest, product)}
    assert built == told


def test_the_project_asks_for_the_consent_that_each_product_spec_names():
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    told = {name: sorted(load_product(name).purposes) for name in product_names()}
    asked = project["vars"]["product_purposes"]
    assert {name: sorted(purposes) for name, purposes in asked.items()} == told


@pytest.mark.parametrize("product", product_names())
def test_everybody_in_a_product_comes_through_its_candidates(dbt, product):
    def ancestors(name):
        parents = dbt.manifest["nodes"].get(name, {}).get("depends_on", {}).get("nodes", [])
        return {name}.union(*map(ancestors, parents))

    candidate = f"model.clearward.int_{product}_candidate"
    subject = "model.clearward.stg_clearward__subject"
    assert subject in dbt.manifest["nodes"][candidate]["depends_on"]["nodes"]
    for mart in models(dbt.manifest, product):
        assert candidate in ancestors(mart["unique_id"])


def test_every_mart_column_has_a_type_a_description_and_a_role(dbt):
    columns = [c for n in models(dbt.manifest, "marts") for c in n["columns"].values()]
    assert len(columns) > 300
    for column in columns:
        assert column["data_type"] and column["description"]
        assert column["meta"]["role"] in {"PK", "QI", "S", "N"}


def test_every_mart_has_a_contract_a_group_and_an_exposure(dbt):
    shown = {name for e in dbt.manifest["exposures"].values() for name in e["depends_on"]["nodes"]}
    for node in models(dbt.manifest, "marts"):
        assert node["config"]["contract"]["enforced"]
        assert node["config"]["group"] == node["name"].split("__")[0]
        assert node["unique_id"] in shown


def test_marts_read_intermediate_models_and_label_seeds_only(dbt):
    for node in models(dbt.manifest, "marts"):
        for parent in node["depends_on"]["nodes"]:
            name = parent.split(".")[-1]
            assert name.startswith("int_") or name == "diagnosis_concept"


def test_another_month_is_not_parsed_again_and_leaves_out_unit_tests_alone(dbt):
    command = ["--log-level", "debug", "ls", "--selector", "monthly", "--output", "name"]
    done = dbt.run(command, {"CLEARWARD_MONTH": "2024-07"})
    nodes = [*dbt.manifest["nodes"].values(), *dbt.manifest["exposures"].values()]
    expected = {n["name"] for n in nodes if n["resource_type"] != "operation"}
    tried = {n["name"] for n in dbt.manifest["unit_tests"].values()}
    listed = {line.split()[-1] for line in done.stdout.splitlines() if line.strip()}
    assert done.returncode == 0 and "no changes found, skipping parsing" in done.stdout
    assert expected <= listed
    assert len(tried) > 20 and not tried & listed


def test_a_month_that_is_none_stops_the_run(dbt, two_months):
    environment = {"CLEARWARD_WAREHOUSE": str(two_months), "CLEARWARD_MONTH": "May"}
    done = dbt.run(["run", "--select", "stg_synthea__patient"], environment)
    assert done.returncode != 0 and "CLEARWARD_MONTH is not a month" in done.stdout


def test_docs_are_generated(dbt, two_months):
    environment = dbt.prepare(two_months, "2024-06")
    done = dbt.run(["docs", "generate"], environment)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (dbt.target / "catalog.json").exists()
