"""A whole sample: its shape, its keys, its price, and what one patient can do to it."""

import json
import shutil
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from clearward.errors import ConfigError, ProtectionError, StateError
from clearward.products.spec import load_product, product_names
from clearward.products.synthesis import load_synthesis
from clearward.quality.gate import run_gate
from clearward.quality.report import State
from clearward.synthetic import sample as making
from clearward.synthetic.contract import SUITES
from clearward.synthetic.records import UNIT, read_events, read_patients
from clearward.synthetic.sample import make_sample
from clearward.warehouse import Warehouse, engine, read_parquet_sql
from tests.unit.synthetic import factory

PRODUCT = "cardiology"
CANARY = "ffffffffffffffffffff"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Every product with its sample, made once for the tests that only look."""
    settings = factory.make_settings(tmp_path_factory.mktemp("samples"))
    made = {}
    for name in product_names():
        factory.write_product(settings, name)
        made[name] = make_sample(settings, product=name, month=factory.MONTH)
    return settings, made


@pytest.fixture
def settings(tmp_path):
    made = factory.make_settings(tmp_path)
    factory.write_product(made, PRODUCT, patients=30)
    return made


def tables_of(built, name):
    folder = built[1][name].sample.folder
    product = load_product(name)
    return {t.entity: folder / f"{product.table_name(t)}.parquet" for t in product.tables}


@pytest.mark.parametrize("name", product_names())
def test_a_sample_has_the_columns_and_types_of_the_release(built, name):
    product = load_product(name)
    for table in product.tables:
        path = tables_of(built, name)[table.entity]
        protected = Warehouse(built[0].warehouse).partition(
            "protected", product.table_name(table), month=factory.MONTH
        )
        with duckdb.connect() as connection:
            shape = [
                connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql([p])}").fetchall()
                for p in (path, protected)
            ]
        assert [column[:2] for column in shape[0]] == [column[:2] for column in shape[1]]


@pytest.mark.parametrize("name", product_names())
def test_a_sample_passes_the_release_suites(built, name, tmp_path):
    """All but k-anonymity, which is about people, and there are none here."""
    product = load_product(name)
    names = [product.table_name(table) for table in product.tables]
    folder = built[1][name].sample.folder
    report = run_gate(
        built[0],
        gate="sample",
        suites={n: SUITES / f"{n}.json" for n in names},
        tables={n: [folder / f"{n}.parquet"] for n in names},
        report_dir=tmp_path,
    )
    assert len(report.checks) > 100
    assert [c.check for c in report.red if c.state is State.ERROR] == []
    assert [c for c in report.red if not c.check.startswith("each_class_has_")] == []


@pytest.mark.parametrize("name", product_names())
def test_a_sample_has_as_many_patients_as_the_spec_says(built, name):
    synthesis = load_synthesis(name)
    for entity in ("patient", "cohort_summary"):
        rows = factory.read(tables_of(built, name)[entity], "SELECT count(DISTINCT patient_key)")
        assert rows == [(synthesis.patients,)]


@pytest.mark.parametrize("name", product_names())
def test_no_key_of_a_real_row_is_in_a_sample(built, name):
    product = load_product(name)
    for table in product.tables:
        real = Warehouse(built[0].warehouse).partition(
            "product", product.table_name(table), month=factory.MONTH
        )
        for key in (k for k in table.key if k.endswith("_key")):
            shared = factory.read(
                tables_of(built, name)[table.entity],
                f"SELECT count(*) FILTER ({key} IN (SELECT {key} FROM '{real}'))",
            )
            assert shared == [(0,)]


def test_codes_labels_and_units_agree_with_the_code_lists(built):
    folder = built[1]["neurology"].sample.folder
    with duckdb.connect() as connection:
        seeds = SUITES.parents[1] / "dbt_project" / "seeds"
        wrong = connection.execute(
            f"SELECT count(*) FROM '{folder}/neurology__diagnosis.parquet' AS d "
            f"JOIN '{seeds}/diagnosis_concept.csv' AS c USING (concept) "
            "WHERE d.label_en IS DISTINCT FROM c.label_en OR d.label_zh IS DISTINCT FROM c.label_zh"
        ).fetchone()
        units = connection.execute(
            f"SELECT count(*), count(*) FILTER (m.value_std BETWEEN c.low AND c.high "
            f"AND m.unit_std = c.unit_std) FROM '{folder}/neurology__measurement.parquet' AS m "
            f"JOIN '{seeds}/measurement_concept.csv' AS c USING (concept) "
            "WHERE value_std IS NOT NULL"
        ).fetchone()
    assert wrong == (0,)
    assert units[0] == units[1] > 100


def test_days_of_a_patient_hang_together(built):
    t = tables_of(built, "ophthalmology")
    with duckdb.connect() as connection:
        wrong = connection.execute(
            f"""SELECT count(*) FROM '{t["patient"]}' AS p JOIN (
                SELECT patient_key, min(day) AS first, max(day) AS last
                FROM '{t["encounter"]}' GROUP BY 1) AS e USING (patient_key)
            WHERE p.first_day <> least(e.first, 0) OR p.followup_days <> greatest(e.last, 0)
                OR (p.death_day IS NOT NULL) <> p.is_deceased OR p.death_day < e.last"""
        ).fetchone()
        linked = connection.execute(
            f"""SELECT count(*), count(*) FILTER (d.day = e.day AND d.patient_key = e.patient_key)
            FROM '{t["diagnosis"]}' AS d JOIN '{t["encounter"]}' AS e USING (encounter_key)"""
        ).fetchone()
    assert wrong == (0,)
    assert linked[0] == linked[1] > 0


def test_a_sample_counts_nobody(built):
    rows = factory.read(tables_of(built, "cardiology")["attrition"], "SELECT step_id, n_in, n_out")
    patients = load_synthesis("cardiology").patients
    assert rows == [("generated, instead of k-anonymity", patients, patients)]


def test_a_sample_is_paid_once_and_found_again(settings):
    first = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    again = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    assert first.is_new and not again.is_new
    assert again.sample.stored == first.sample.stored
    assert again.budget.samples == 1


def test_a_later_month_finds_the_same_sample_although_its_rows_differ(settings):
    first = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    factory.write_product(settings, PRODUCT, patients=20, month="2024-06")
    later = make_sample(settings, product=PRODUCT, month="2024-06")
    assert later.sample.stored == first.sample.stored


def test_samples_stop_when_the_budget_of_the_product_is_spent(settings):
    made = 0
    with pytest.raises(ProtectionError, match="budget"):
        for _ in range(10):
            make_sample(settings, product=PRODUCT, month=factory.MONTH, is_fresh=True)
            made += 1
    assert made == 3  # ε 3 three times is ε 5.4 by zCDP, four times would pass 6


def test_the_money_is_gone_even_if_the_work_fails(settings, monkeypatch):
    def fails(*_args, **_kwargs):
        raise ProtectionError("The generator broke.")

    monkeypatch.setattr(making, "generate", fails)
    with pytest.raises(ProtectionError, match="broke"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)
    monkeypatch.undo()
    made = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    assert made.budget.samples == 2
    assert made.sample.stored.ordinal == 2
    assert list((settings.home / "synthetic" / PRODUCT).iterdir()) == [made.sample.folder]


def test_a_changed_sample_is_refused(settings):
    made = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    (made.sample.folder / "README.md").write_text("ours is better")
    with pytest.raises(StateError, match="not what was recorded"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)


def test_a_lost_sample_is_refused_and_not_silently_paid_again(settings):
    made = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    shutil.rmtree(made.sample.folder)
    with pytest.raises(StateError, match="no folder"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)


def test_an_unprotected_product_costs_nothing(tmp_path):
    settings = factory.make_settings(tmp_path)
    with pytest.raises(ProtectionError, match="not protected"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)
    factory.write_product(settings, PRODUCT, patients=10)
    assert make_sample(settings, product=PRODUCT, month=factory.MONTH).budget.samples == 1


def test_a_column_without_a_rule_is_refused_before_anything_is_paid(settings, monkeypatch):
    synthesis = load_synthesis(PRODUCT)
    rules = dict(synthesis.tables["patient"].columns)
    del rules["region_l1"]
    bare = replace(synthesis.tables["patient"], columns=rules)
    changed = replace(synthesis, tables={**synthesis.tables, "patient": bare})
    monkeypatch.setattr(making, "load_synthesis", lambda _: changed)
    with pytest.raises(ConfigError, match="region_l1"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)
    monkeypatch.undo()
    assert make_sample(settings, product=PRODUCT, month=factory.MONTH).budget.samples == 1


def test_a_mart_with_two_rows_of_a_patient_is_refused(settings):
    path = Warehouse(settings.warehouse).partition(
        "product", f"{PRODUCT}__cohort_summary", month=factory.MONTH
    )
    key = factory.read(path, "SELECT min(patient_key)")[0][0]
    factory.add_rows(settings, PRODUCT, "cohort_summary", f"SELECT '{key}' AS patient_key")
    with pytest.raises(ProtectionError, match="one row per patient"):
        make_sample(settings, product=PRODUCT, month=factory.MONTH)


def plant_canary(settings):
    """A patient like no other: values nobody has, thousands of rows of one kind."""
    add = factory.add_rows
    add(
        settings,
        PRODUCT,
        "patient",
        f"SELECT '{CANARY}' AS patient_key, 'X' AS sex, 1900 AS birth_year, "
        "'atlantis' AS region_l1, 2029 AS index_year, true AS is_deceased, "
        "999.0 AS bmi_kg_m2, 'meerschaum' AS smoking",
    )
    add(
        settings,
        PRODUCT,
        "cohort_summary",
        f"SELECT '{CANARY}' AS patient_key, true AS is_heart_failure_arm, 9 AS cha2ds2_vasc",
    )
    for entity, key in (("diagnosis", "diagnosis_key"), ("measurement", "measurement_key")):
        add(
            settings,
            PRODUCT,
            entity,
            f"SELECT '{CANARY}' AS patient_key, printf('%020d', i) AS {key}, 'CANARY.1' AS code, "
            "'canary disease' AS concept, i AS day FROM range(9000) t(i)",
        )


def encoded(settings):
    """What would be measured: entity -> coded records."""
    synthesis = load_synthesis(PRODUCT)
    with engine(settings) as connection:
        _, designs = making._prepare(connection, settings, synthesis, month=factory.MONTH)
        attributes, patients = read_patients(connection, designs)
        given = next(a for a in attributes if a.name == synthesis.given.replace(".", "__"))
        found = {"patient": patients}
        for entity, design in designs.items():
            if design.counts and design.modelled:
                found[entity] = read_events(connection, design, given)[1]
    return found


def test_a_patient_like_no_other_changes_every_measured_table_by_at_most_one_unit(settings):
    before = encoded(settings)
    plant_canary(settings)
    after = encoded(settings)
    for entity, data in after.items():
        unit = 1 if entity == "patient" else UNIT
        assert data.unit == unit
        assert data.sizes == before[entity].sizes  # the domain does not grow with the data
        columns = range(len(data.sizes))
        groups = [(c,) for c in columns] + [(a, b) for a in columns for b in columns if a < b]
        for group in groups:
            change = data.counts(group) - before[entity].counts(group)
            assert np.abs(change).sum() <= unit
            assert np.linalg.norm(change) <= unit
    assert after["patient"].weights.sum() == before["patient"].weights.sum() + 1
    # 9000 rows weigh what one patient weighs
    gained = after["diagnosis"].weights.sum() - before["diagnosis"].weights.sum()
    assert 0.5 * UNIT < gained <= UNIT


def test_nothing_a_patient_like_no_other_has_comes_out(settings):
    plant_canary(settings)
    made = make_sample(settings, product=PRODUCT, month=factory.MONTH)
    for path in made.sample.files:
        text = path.read_bytes()
        assert not [
            w
            for w in (b"atlantis", b"CANARY", b"canary", b"meerschaum", CANARY.encode())
            if w in text
        ]


def test_a_patient_with_more_rows_than_the_unit_is_left_out_not_counted_more(settings):
    factory.add_rows(
        settings,
        PRODUCT,
        "diagnosis",
        "SELECT (SELECT min(patient_key) FROM held) AS patient_key, "
        f"printf('%020d', i) AS diagnosis_key, 'I50' AS code, 'heart_failure' AS concept, "
        f"i AS day FROM range({UNIT + 1}) t(i)",
    )
    data = encoded(settings)["diagnosis"]
    patients = factory.read(
        Warehouse(settings.warehouse).partition(
            "product", f"{PRODUCT}__diagnosis", month=factory.MONTH
        ),
        "SELECT count(DISTINCT patient_key)",
    )[0][0]
    assert data.weights.sum() <= (patients - 1) * UNIT


def test_the_document_says_what_it_cost_and_tells_no_count_of_the_product(built):
    document = built[1]["cardiology"].sample.document
    privacy = document["privacy"]
    assert privacy["rho_spent"] <= privacy["rho"] * (1 + 1e-9)
    assert (privacy["epsilon"], privacy["delta"], privacy["unit"]) == (3.0, 1e-6, "patient")
    assert document["patients_generated"] == load_synthesis("cardiology").patients
    rho = document["patient_record"]["rho"] + sum(
        t.get("rho", 0) for t in document["tables"].values()
    )
    assert rho == pytest.approx(privacy["rho_spent"])
    assert "60" not in json.dumps([v for k, v in document.items() if k != "tables"]).split()


def test_the_readme_warns_that_noise_dominates(built):
    text = (built[1]["ophthalmology"].sample.folder / "README.md").read_text()
    assert "not good for" in text and "Any finding" in text and "ε = 3" in text
    assert "$" not in text
