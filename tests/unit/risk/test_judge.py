"""A whole release, green at first; then one violation is planted and must be seen."""

import dataclasses
import json

import pytest

from clearward.risk.gates import GATES, Demand, State, demands
from clearward.risk.history import Earlier
from clearward.risk.report import rejudge, report_path
from tests.unit.risk.conftest import MONTH, PATIENTS, PRODUCT


def states(report):
    return {finding.demand.name: finding.state for finding in report.findings}


def bad(report):
    return {name for name, state in states(report).items() if state is not State.GREEN}


def test_a_release_without_a_flaw_is_green_in_every_check(release):
    report = release.judge()
    assert bad(report) == set(), [report.summary(gate) for gate in GATES]
    assert report.states["G3"] is State.NOT_APPLICABLE
    assert report.states["G6"] is State.GREEN
    assert set(report.files) == {table.entity for table in release.product.tables}


def test_the_same_files_give_the_same_report(release):
    first = release.judge().to_json()
    assert release.judge().to_json() == first
    path = report_path(release.settings, product=PRODUCT, month=MONTH)
    assert path.read_text() == first


def test_the_report_is_json_that_every_reader_takes(release):
    text = release.judge().to_json()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"not JSON: {word}"))


ALONE = "patient_key = (SELECT min(patient_key) FROM patient)"
PLANTED = {
    "one patient alone with a year": (
        "patient",
        f"SELECT * REPLACE (CASE WHEN {ALONE} THEN '1921' ELSE birth_year END AS birth_year) "
        "FROM patient",
        {"G1.k", "G2.max_prosecutor"},
    ),
    "one patient alone by hospital": (
        "patient",
        f"SELECT * REPLACE (CASE WHEN {ALONE} THEN 'H09' ELSE hospital_id END AS hospital_id) "
        "FROM patient",
        {"G1.k", "G2.max_prosecutor", "G1.finer_labels"},
    ),
    "a class of one diagnosis": (
        "cohort_summary",
        "SELECT * REPLACE (CASE WHEN hospital_id = 'H01' THEN true ELSE is_coronary_arm END "
        "AS is_coronary_arm) FROM cohort_summary",
        {"G1.t.cohort_summary.is_coronary_arm"},
    ),
    "a code of five patients": (
        "diagnosis",
        "SELECT * REPLACE (CASE WHEN row_number() OVER (ORDER BY diagnosis_key) <= 5 THEN 'Q87' "
        "ELSE code END AS code) FROM diagnosis",
        {"G1.rare_codes.diagnosis.code"},
    ),
    "a pair of codes of five patients": (
        "diagnosis",
        "SELECT * FROM diagnosis UNION ALL SELECT * REPLACE ('new' || diagnosis_key AS "
        "diagnosis_key, 'I48' AS code) FROM (SELECT * FROM diagnosis WHERE code = 'I50' "
        "ORDER BY diagnosis_key LIMIT 5)",
        {"G1.rare_combinations.diagnosis.code"},
    ),
    "a phone number in a code": (
        "procedure",
        "SELECT * REPLACE (CASE WHEN row_number() OVER (ORDER BY procedure_key) <= 20 THEN "
        "'call 13800138000' ELSE code END AS code) FROM procedure",
        {"G1.identifier_values"},
    ),
    "a column called by a name": (
        "echo",
        "SELECT *, 'x' AS patient_name FROM echo",
        {"G1.identifier_columns"},
    ),
    "a day of the calendar": (
        "echo",
        "SELECT *, DATE '2024-01-01' AS performed FROM echo",
        {"G1.calendar_dates"},
    ),
    "a stranger's measurement": (
        "measurement",
        f"SELECT * REPLACE (CASE WHEN {ALONE.replace('patient)', 'measurement)')} THEN 'stranger' "
        "ELSE patient_key END AS patient_key) FROM measurement",
        {"G1.unknown_patients"},
    ),
    "a finer label in another table": (
        "diagnosis",
        "SELECT *, '1957' AS birth_year FROM diagnosis",
        {"G1.finer_labels"},
    ),
    "a table of ten patients": (
        "outcome",
        "SELECT * FROM outcome WHERE patient_key IN (SELECT patient_key FROM outcome GROUP BY 1 "
        "ORDER BY 1 LIMIT 10)",
        {"G1.tables_of_few"},
    ),
    "a patient with 101 visits": (
        "encounter",
        "SELECT * FROM encounter UNION ALL SELECT e.* REPLACE ('v' || n AS encounter_key, "
        "5000 + n AS day) FROM (SELECT * FROM encounter ORDER BY ALL LIMIT 1) e, range(98) r(n)",
        {"G2.visits_of_one_patient"},
    ),
    "courses that nobody shares": (
        "encounter",
        "SELECT * REPLACE (CASE WHEN substr(encounter_key, 1, 1) < '3' THEN encounter_key "
        "ELSE class END AS class) FROM encounter",
        {"G2.sequence_uniques"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_turns_its_own_check_red(release, name):
    entity, select, expected = PLANTED[name]
    release.spoil(entity, select)
    report = release.judge()
    red = {f.demand.name for f in report.findings if f.state is State.RED}
    assert expected <= red, report.summary("G1")
    assert report.state(next(iter(expected))[:2]) is State.RED


@pytest.mark.parametrize(
    ("mart", "state"), [("'never'", State.NOT_APPLICABLE), ("smoking", State.RED)]
)
def test_one_value_in_every_class_is_red_unless_the_mart_has_no_other(
    release, monkeypatch, mart, state
):
    diverse = Demand("G1", "distinct_l", "patient.smoking", 2, is_least=True)
    monkeypatch.setattr("clearward.risk.judge.demands", lambda *_, **__: (diverse,))
    for zone, value in (("product", mart), ("protected", "'never'")):
        release.spoil("patient", f"SELECT * REPLACE ({value} AS smoking) FROM patient", zone=zone)
    report = release.judge()
    assert states(report) == {"G1.distinct_l.patient.smoking": state}
    again = rejudge(json.loads(report.to_json()), [diverse])
    assert [finding.state for finding in again] == [state]


@pytest.mark.parametrize("label", ["'*'", "'H01'", "NULL"])
def test_two_hospitals_under_one_label_are_found_however_large_their_class_is(release, label):
    # one hospital writes SNOMED, the other ICD: k holds, and the records tell them apart
    telling = "CASE WHEN hospital_id = 'H01' THEN 'SNOMED' ELSE 'ICD' END AS code_system"
    release.spoil("diagnosis", f"SELECT * REPLACE ({telling}) FROM diagnosis")
    for table in release.product.tables:
        if table.entity != "attrition":
            hidden = f"SELECT * REPLACE ({label} AS hospital_id) FROM {table.entity}"
            release.spoil(table.entity, hidden)
    report = release.judge()
    found = {f.demand.name: f for f in report.findings}
    assert found["G1.k"].state is State.GREEN
    assert found["G1.mixed_hospitals"].state is State.RED
    assert found["G1.mixed_hospitals"].figure.value == PATIENTS


def test_one_patient_under_another_hospital_s_label_is_found(release):
    alone = f"SELECT patient_key FROM '{release.keep('patient', 'before')}' ORDER BY 1 LIMIT 1"
    for table in release.product.tables:
        if table.entity != "attrition":
            release.spoil(
                table.entity,
                f"SELECT * REPLACE (CASE WHEN patient_key <> ({alone}) THEN hospital_id "
                f"WHEN hospital_id = 'H01' THEN 'H02' ELSE 'H01' END AS hospital_id) "
                f"FROM {table.entity}",
            )
    report = release.judge()
    assert {"G1.mixed_hospitals"} == bad(report) & {"G1.mixed_hospitals", "G1.k", "G1.finer_labels"}


def test_a_value_that_follows_from_the_class_is_found_by_the_attack(release):
    # forty tiny classes whose members all share one value: those who guess it gain by the record
    release.spoil(
        "patient",
        "SELECT * REPLACE (CAST(hash(patient_key) % 1000 AS VARCHAR) AS birth_year) FROM patient",
    )
    report = release.judge()
    red = {f.demand.name for f in report.findings if f.state is State.RED}
    assert "G4.inference.patient.smoking" in red


FEW_LEFT = "SELECT * FROM {0} WHERE patient_key >= 'a'"  # six of sixteen


def test_leaving_out_most_patients_is_no_way_to_be_safe(release):
    for table in release.product.tables:
        if table.entity != "attrition":
            release.spoil(table.entity, FEW_LEFT.format(table.entity))
    assert "G5.suppressed" in bad(release.judge())


@pytest.mark.parametrize(
    "entity", ["patient", "cohort_summary", "diagnosis", "encounter", "outcome"]
)
def test_a_missing_table_is_an_error_and_no_pass(release, entity):
    release.path("protected", entity).unlink()
    report = release.judge()
    assert report.state("G1") is State.ERROR
    assert entity not in report.files


@pytest.mark.parametrize("entity", ["patient", "cohort_summary", "diagnosis", "encounter"])
def test_an_empty_table_is_an_error_and_no_pass(release, entity):
    release.spoil(entity, f"SELECT * FROM {entity} WHERE false")
    assert release.judge().state("G1") is State.ERROR


@pytest.mark.parametrize(
    ("entity", "column"),
    [("patient", "sex"), ("patient", "smoking"), ("diagnosis", "code"), ("encounter", "class")],
)
def test_a_missing_column_is_an_error_and_no_pass(release, entity, column):
    release.spoil(entity, f"SELECT * EXCLUDE ({column}) FROM {entity}")
    assert State.ERROR in release.judge().states.values()


def test_without_the_mart_attacks_and_utility_are_errors(release):
    release.path("product", "patient").unlink()
    report = release.judge()
    assert {report.state("G4"), report.state("G5")} == {State.ERROR}


def test_with_another_keyring_nothing_can_be_compared(release):
    release.spoil(
        "patient",
        "SELECT * REPLACE (patient_key || 'x' AS patient_key) FROM patient",
        zone="product",
    )
    assert release.judge().state("G5") is State.ERROR


def test_a_patient_twice_is_an_error(release):
    release.spoil("patient", "SELECT * FROM patient UNION ALL (SELECT * FROM patient LIMIT 1)")
    assert release.judge().state("G1") is State.ERROR


def test_a_file_that_is_no_parquet_is_an_error_without_its_bytes(release):
    release.path("protected", "patient").write_bytes(b"PAR1 secret of Mr Li")
    report = release.judge()
    assert set(report.states.values()) <= {State.ERROR, State.NOT_APPLICABLE, State.GREEN}
    assert report.state("G1") is State.ERROR
    assert "secret" not in report.to_json()


def test_one_leaver_alone_makes_history_red(release):
    before = release.keep("patient", "v1")
    for table in release.product.tables:
        if table.entity != "attrition":
            release.spoil(
                table.entity,
                f"SELECT * FROM {table.entity} WHERE patient_key <> "
                f"(SELECT min(patient_key) FROM {table.entity})",
            )
    report = release.judge([Earlier(before)])
    found = {f.demand.check: f for f in report.of("G3")}
    assert found["history_k"].figure.value == 1
    assert report.state("G3") is State.RED


def test_the_same_patients_again_are_safe_beside_themselves(release):
    report = release.judge([Earlier(release.keep("patient", "v1"))])
    assert report.state("G3") is State.GREEN
    assert len(report.earlier) == 1


def test_an_earlier_version_that_is_gone_is_an_error(release, tmp_path):
    report = release.judge([Earlier(tmp_path / "nothing.parquet")])
    assert report.state("G3") is State.ERROR


def test_a_demand_that_nobody_measures_is_an_error(release, monkeypatch):
    unknown = dataclasses.replace(demands(release.product, has_earlier=False)[0], check="charm")
    monkeypatch.setattr("clearward.risk.judge.demands", lambda *_, **__: (unknown,))
    assert release.judge().state("G1") is State.ERROR


def test_no_patient_value_stands_in_the_report(release):
    text = release.judge().to_json()
    assert "1950-1969" not in text and "I50" not in text and "'F'" not in text


def test_a_quasi_identifier_that_the_spec_leaves_out_is_known_all_the_same(release, monkeypatch):
    bounds = release.product.protection
    fewer = tuple(qi for qi in bounds.quasi_identifiers if qi.column != "birth_year")
    edited = dataclasses.replace(
        release.product, protection=dataclasses.replace(bounds, quasi_identifiers=fewer)
    )
    monkeypatch.setattr("clearward.risk.judge.load_product", lambda _: edited)
    _, select, expected = PLANTED["one patient alone with a year"]
    release.spoil("patient", select)
    red = {f.demand.name for f in release.judge().findings if f.state is State.RED}
    assert expected <= red
