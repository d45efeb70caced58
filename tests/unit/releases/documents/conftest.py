import csv
import json

import duckdb
import pytest

from clearward.warehouse import Warehouse
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PATIENTS = 240
SEXES = "CASE WHEN i % 3 = 0 THEN 'F' ELSE 'M' END"
HOSPITALS = "CASE WHEN i < 100 THEN 'H01' WHEN i < 200 THEN 'H02' ELSE 'H03' END"
YEARS = "CASE WHEN i % 2 = 0 THEN '2020-2024' ELSE '2015-2019' END"
PATIENT = f"""SELECT printf('p%019d', i) AS patient_key, {HOSPITALS} AS hospital_id, {SEXES} AS sex,
    '1950-1969' AS birth_year, 'east' AS region_l1, {YEARS} AS index_year
    FROM range({PATIENTS}) t(i)"""
# Code R has 5 rows, 4 of hospital H01's cells of `value` are empty, 7 of `note` are filled
DIAGNOSIS = f"""SELECT printf('d%05d', i) AS diagnosis_key, printf('p%019d', i) AS patient_key,
    {HOSPITALS} AS hospital_id, i AS day,
    CASE WHEN i < 5 THEN 'R99.900' WHEN i < 25 THEN 'I10.x00' WHEN i < 80 THEN NULL
        WHEN i % 2 = 0 THEN 'I50.900' ELSE '84114007' END AS code,
    CASE WHEN i < 80 OR i % 2 = 0 THEN 'ICD10CN-YB2.0' ELSE 'SNOMED' END AS code_system,
    CASE WHEN i < 5 THEN 'R99.9' WHEN i < 25 THEN 'I10.X' WHEN i < 80 THEN NULL
        WHEN i % 2 = 0 THEN 'I50.9' END AS code_stem,
    CASE WHEN i < 25 THEN 'other' WHEN i >= 80 THEN 'heart_failure' END AS concept,
    CASE WHEN i >= 80 THEN 'Heart failure' END AS label_en,
    CASE WHEN i >= 80 THEN '心力衰竭' END AS label_zh,
    CASE WHEN i < 4 OR i BETWEEN 120 AND 139 THEN NULL ELSE 1.0 END AS value,
    CASE WHEN i < 7 THEN 'x' END AS note FROM range({PATIENTS}) t(i)"""


def put(house, zone, table, sql, *, month=factory.MONTH, hospital=None):
    path = Warehouse(house.settings.warehouse).partition(
        zone, table, month=month, hospital=hospital
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({sql}) TO '{path}'")


def write_source(house):
    """Whom the release was taken from: 500 people, of whom 450 permit, 20 of them in the north."""
    put(
        house,
        "deidentified",
        "subject",
        "SELECT 'stmary' AS hospital_id, printf('r%d', i) AS patient_key, "
        f"'{factory.MONTH}' AS month, 'commercial_licensing' AS purpose FROM range(450) t(i)",
        hospital="stmary",
    )
    people = f"""SELECT 'stmary' AS hospital_id, '{factory.MONTH}' AS month,
        printf('r%d', i) AS patient_key, 'I' AS op, {SEXES} AS sex, 1950 + i % 20 AS birth_year,
        CASE WHEN i < 20 THEN 'north' ELSE 'east' END AS region_l1 FROM range(500) t(i)"""
    put(house, "core", "int_person", people)
    conditions = f"""SELECT 'stmary' AS hospital_id, '{factory.MONTH}' AS month,
        printf('r%d', i % 450) AS patient_key, 'I' AS op, CASE WHEN i < 900 THEN 'I50.900'
        WHEN i < 960 THEN 'L40.000' ELSE 'OWN-7' END AS source_code, 'ICD10' AS source_code_system,
        CASE WHEN i < 900 THEN 'heart_failure' END AS concept FROM range(965) t(i)"""
    put(house, "core", "int_condition_occurrence", conditions)
    visits = "SELECT 'stmary' AS hospital_id, '{0}' AS month, 'I' AS op, "
    visits += (
        "printf('r%d', i) AS patient_key, TIMESTAMP '{1} 10:00' AS started_at FROM range({2}) t(i)"
    )
    for month, parts in {
        "2024-04": [("2024-04-10", 100)],
        "2024-05": [("2024-04-11", 30), ("2024-05-02", 90), ("2024-03-02", 3)],
    }.items():
        sql = " UNION ALL ".join(visits.format(month, day, n) for day, n in parts)
        put(house, "cleared", "synthea__encounters", sql, month=month, hospital="stmary")


def attrition():
    steps = [(1, "has_code", 400, 300), (2, "is_adult", 300, PATIENTS)]
    lines = [f"('ALL', {n}, '{name}', {a}, {b}, {a - b}, 'why {n}')" for n, name, a, b in steps]
    return f"""SELECT * FROM (VALUES {", ".join(lines)})
        t(hospital_id, step_no, step_id, n_in, n_out, n_excluded, reason)"""


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A release's folder whose tables have hospitals, years, codes and empty cells."""
    house = House(tmp_path_factory.mktemp("documents") / "home")
    house.write(
        patients=PATIENTS,
        overrides={"patient": PATIENT, "diagnosis": DIAGNOSIS, "attrition": attrition()},
    )
    write_source(house)
    levels = {"sex": 0, "birth_year": 3, "region_l1": 0}
    factory.write_reports(house.settings, patients=PATIENTS, privacy={"levels": levels})
    return house.build().folder / "files"


@pytest.fixture(scope="session")
def data(built):
    """A DuckDB with a view of every published table."""
    connection = duckdb.connect()
    for folder in (built / "data").iterdir():
        connection.execute(
            f"CREATE VIEW {folder.name} AS FROM read_parquet('{folder}/*.parquet', "
            "hive_partitioning = false)"
        )
    return connection


@pytest.fixture(scope="session")
def read(built):
    """Lines of a CSV document, or a JSON document."""

    def reader(name):
        text = (built / name).read_text("utf-8")
        if name.endswith(".json"):
            return json.loads(text)
        return list(csv.DictReader(text.lstrip("\ufeff").splitlines()))

    return reader
