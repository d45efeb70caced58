"""A house whose release opens one column to marks, with suites of its own: made-up values only."""

import json

from clearward.products.spec import load_product
from tests.unit.licensing.conftest import Office
from tests.unit.marking.table import lab_sql
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PRODUCT, TABLE, COLUMN = factory.PRODUCT, f"{factory.PRODUCT}__lab_cv", "ldl_mmol_l"
ROWS, PATIENTS = 12_000, factory.PATIENTS
META = {
    "role": "S",
    "unit": "mmol/L",
    "fingerprintable": True,
    "decimals": 2,
    "clinical_precision": 0.1,
}


def lab(rows=ROWS, value="value"):
    """The laboratory table of the release; days of a calendar, to be moved."""
    return f"""SELECT lab_cv_key, printf('p%019d', hash(lab_cv_key) % {PATIENTS}) AS patient_key,
        hospital_id, day, code, DATE '2020-01-01' + day AS drawn_on, {value} AS {COLUMN}
        FROM ({lab_sql(rows)})"""


def dbt_manifest(meta=META):
    column = {"data_type": "double", "config": {"meta": dict(meta)}}
    return {"nodes": {"m": {"resource_type": "model", "name": TABLE, "columns": {COLUMN: column}}}}


def write_suites(folder, most=20):
    """One suite per table: rows have patients, and the marked number stays in its range."""
    (folder / "release").mkdir(parents=True, exist_ok=True)
    for table in load_product(PRODUCT).tables:
        name = load_product(PRODUCT).table_name(table)
        checks = [exists("hospital_id")]
        if name == TABLE:
            between = {"column": COLUMN, "min_value": 0, "max_value": most}
            checks.append(
                {
                    "type": "expect_column_values_to_be_between",
                    "kwargs": between,
                    "meta": {"check": "in_range"},
                }
            )
        document = {"name": name, "meta": {}, "expectations": checks}
        (folder / "release" / f"{name}.json").write_text(json.dumps(document))
    return folder


def exists(column):
    return {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": column},
        "meta": {"check": f"{column}_is_present"},
    }


def make(home, patch, *, sql="", meta=META, months=("2024-05",)):
    """A published product; ``patch``: a monkeypatch that lasts as long as the house."""
    patch.setattr("clearward.releases.lineage.read_dbt_manifest", lambda *_: dbt_manifest(meta))
    patch.setattr("clearward.quality.borders.EXPECTATIONS", write_suites(home / "suites"))
    house = House(home / "home")
    for month in months:
        house.release(month, overrides={"lab_cv": sql or lab()})
    office = Office(house, house.settings.database)
    office.keyring, office.storage = house.keyring, house.storage
    return office
