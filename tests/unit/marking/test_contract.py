"""What may be marked, and what never."""

import json

import pytest
import yaml

from clearward.errors import ConfigError
from clearward.marking.contract import (
    Markable,
    as_facts,
    from_facts,
    gate_columns,
    read_contract,
    why_not,
)
from clearward.marts import DBT_PROJECT
from clearward.products.spec import load_product, product_names

GOOD = {"role": "S", "unit": "mmol/L", "decimals": 2, "clinical_precision": 0.1}


def column(kind="double", **meta):
    return {"data_type": kind, "config": {"meta": {**GOOD, "fingerprintable": True, **meta}}}


def dbt(columns, table="cardiology__lab_cv"):
    return {"nodes": {"m": {"resource_type": "model", "name": table, "columns": columns}}}


def refused(name, given, table="cardiology__lab_cv", **others):
    with pytest.raises(ConfigError, match="which it must not") as refusal:
        read_contract(load_product("cardiology"), dbt({name: given, **others}, table))
    return refusal.value.seen


def test_an_over_precise_laboratory_value_may_be_marked():
    found = read_contract(load_product("cardiology"), dbt({"potassium_mmol_l": column()}))
    assert found == (Markable("cardiology__lab_cv", "potassium_mmol_l", 2, 0.1),)
    assert (found[0].scale, found[0].per_cell) == (100, 10)
    assert from_facts(json.loads(json.dumps(as_facts(found)))) == found
    assert as_facts(()) == {} and from_facts({"other": 1}) == ()


def test_what_the_contract_does_not_open_is_not_marked():
    closed = {"potassium_mmol_l": column(fingerprintable=False), "inr": {"data_type": "double"}}
    assert read_contract(load_product("cardiology"), dbt(closed)) == ()


@pytest.mark.parametrize("product", product_names())
def test_nothing_that_a_privacy_gate_depends_on_can_be_opened(product):
    spec = load_product(product)
    places = sorted(gate_columns(spec))
    assert len(places) > 10
    for place in places:
        reasons = why_not(spec, place, column(), siblings=())
        assert "a privacy gate depends on it" in reasons, place
    for quasi in spec.protection.quasi_identifiers:  # in whatever table it is repeated
        reasons = why_not(spec, f"lab_cv.{quasi.column}", column(), siblings=())
        assert "it is a quasi-identifier" in reasons


@pytest.mark.parametrize("product", product_names())
def test_no_column_of_a_product_can_be_opened_but_a_measured_number(product):
    """Every column of every mart, as if its contract opened it: what remains is named here."""
    spec = load_product(product)
    entities = {spec.table_name(t): t.entity for t in spec.tables}
    opened = set()
    for file in (DBT_PROJECT / "models" / "marts" / product).glob("*__models.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            names = [c["name"] for c in model["columns"]]
            for given in model["columns"]:
                meta = {**given["config"]["meta"], "decimals": 2, "clinical_precision": 0.1}
                place = f"{entities[model['name']]}.{given['name']}"
                entry = {"data_type": given["data_type"], "meta": meta}
                if not why_not(spec, place, entry, siblings=names):
                    opened.add(place)
    measured = {
        "cardiology": {
            *("echo.lvef_pct", "echo.lvedd_mm", "lab_cv.ntprobnp_pg_ml", "lab_cv.bnp_pg_ml"),
            *("lab_cv.hs_troponin_i_ng_l", "lab_cv.hs_troponin_t_ng_l", "lab_cv.troponin_i_ng_ml"),
            *("lab_cv.creatinine_umol_l", "lab_cv.potassium_mmol_l", "lab_cv.hba1c_pct"),
            "lab_cv.ldl_mmol_l",
        },
        "neurology": set(),
        "ophthalmology": {
            *("oct.center_thickness_um", "oct.macular_volume_mm3", "systemic.hba1c_pct"),
            *("systemic.sbp_mmhg", "systemic.dbp_mmhg", "systemic.ldl_mmol_l"),
            *("systemic.egfr_ml_min_173m2", "systemic.uacr_mg_g", "systemic.creatinine_umol_l"),
        },
    }
    assert opened <= measured[product]


@pytest.mark.parametrize("product", product_names())
def test_no_mart_of_today_opens_a_column(product):
    """Every candidate is repeated beside the value as it was sent: see decision 0028."""
    for file in (DBT_PROJECT / "models" / "marts" / product).glob("*__models.yml"):
        assert "fingerprintable" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("loinc_code", column("varchar")),
        ("patient_key", column(role="PK")),
        ("potassium_mmol_l", column("integer")),
        ("is_high", column()),
        ("visits_count", column()),
        ("dose", column()),
        ("nihss_score", column()),
        ("creatinine_change", column()),
        ("first_day", column(unit="d")),
        ("potassium_mmol_l", column(values=["a", "b"])),
        ("potassium_mmol_l", column(unit="{score}")),
        ("potassium_mmol_l", column(unit="")),
        ("potassium_mmol_l", column(unit="1")),
        ("potassium_mmol_l", column(role="QI")),
        ("potassium_mmol_l", column(decimals=0)),
        ("potassium_mmol_l", column(decimals=None)),
        ("potassium_mmol_l", column(decimals=True)),
        ("potassium_mmol_l", column(clinical_precision=0.05)),
        ("potassium_mmol_l", column(clinical_precision=0.11)),
        ("potassium_mmol_l", column(clinical_precision=-1)),
        ("potassium_mmol_l", column(clinical_precision=None)),
    ],
)
def test_a_contract_that_opens_something_else_is_refused(name, given):
    assert refused(name, given)


@pytest.mark.parametrize("entity", ["patient", "outcome", "medication", "cohort_summary"])
def test_whole_tables_are_closed(entity):
    reasons = refused("potassium_mmol_l", column(), f"cardiology__{entity}")
    assert "its table holds what must not change" in reasons


def test_a_number_whose_text_stands_beside_it_is_refused():
    sent = {"value_original": {"data_type": "varchar"}}
    reasons = refused("value_std", column(), "cardiology__measurement", **sent)
    assert "values as they were sent" in reasons
