"""No table of events tells what the patient table hides."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from clearward.errors import ProtectionError
from clearward.products.bounds import CodeSet
from clearward.protect.courses import share_courses
from clearward.protect.events import bound_events
from clearward.protect.rarecodes import floor_values
from clearward.protect.shape import read_shape
from clearward.risk.codes import measure_codes

K = 11
PEOPLE = 60


class Tables:
    """Tables ``out_*`` of a made product: every patient with one visit, unless a test adds more."""

    def __init__(self, product):
        bounds = replace(
            product.protection,
            code_sets=(CodeSet("diagnosis", "code", 2), CodeSet("procedure", "code", 1)),
        )
        self.product = replace(product, protection=bounds)
        self.connection = duckdb.connect()
        for table in product.tables:
            if table.entity == "attrition":
                continue
            keys = "".join(f", '{table.entity}' || i AS {k}" for k in table.key if k[0] != "p")
            keys += ", 'p' || i AS procedure_key" if table.entity == "procedure" else ""
            extra = ", 'v' || i AS encounter_key" if table.entity == "diagnosis" else ""
            if table.entity == "encounter":
                keys = ", 'v' || i AS encounter_key"
            self.run(
                f"CREATE TABLE out_{table.entity} AS SELECT i::varchar AS patient_key{keys}{extra},"
                " 10 AS day, 'outpatient' AS class, 3 AS los_days, 'A' AS code, 'c' AS concept, "
                f"100 + i % 5 AS followup_days, 'H1' AS hospital_id FROM range({PEOPLE}) t(i)"
            )

    def run(self, query):
        return self.connection.execute(query).fetchall()

    def bound(self):
        return bound_events(self.connection, self.product, sequence_uniques=0.05)

    def visit(self, patient, day, kind="outpatient", key=None):
        self.run(
            f"INSERT INTO out_encounter (patient_key, encounter_key, day, class) "
            f"VALUES ('{patient}', '{key or f'{patient}x{day}'}', {day}, '{kind}')"
        )

    def diagnose(self, patients, code, concept="c"):
        for i in patients:
            self.run(
                "INSERT INTO out_diagnosis (patient_key, diagnosis_key, day, code, concept) "
                f"VALUES ('{i}', 'd{i}{code}', 10, '{code}', '{concept}')"
            )

    def crowd(self):
        """Twenty patients with many rows, so that a few rows more stand out for nobody."""
        self.run(
            "INSERT INTO out_diagnosis SELECT o.* REPLACE "
            "(o.diagnosis_key || 'x' || j AS diagnosis_key) "
            "FROM out_diagnosis o, range(5) t(j) WHERE o.patient_key::int >= 40"
        )

    def holders(self, *codes, table="diagnosis"):
        asked = " INTERSECT ".join(
            f"SELECT patient_key FROM out_{table} WHERE code = '{code}'" for code in codes
        )
        return self.run(f"SELECT count(*) FROM ({asked})")[0][0]


@pytest.fixture
def tables(make):
    return Tables(make(n=0).product)


def test_a_code_of_few_patients_is_hidden(tables):
    tables.diagnose(range(K - 1), "RARE")
    tables.diagnose(range(20, 20 + K), "SHARED")
    tables.bound()
    assert tables.holders("RARE") == 0
    assert tables.holders("SHARED") == K


def test_a_pair_of_codes_of_few_patients_is_hidden_from_those_who_have_it(tables):
    tables.crowd()
    tables.diagnose(range(30), "B")
    tables.diagnose(range(25, 45), "C")
    tables.bound()
    assert tables.holders("B", "C") == 0
    assert tables.holders("A", "B") == 30 and tables.holders("A", "C") >= K


def test_every_three_codes_that_are_left_are_shared_by_k_where_the_spec_asks_for_three(tables):
    for code, holders in (("B", range(40)), ("C", range(20, 60)), ("D", range(10, 50))):
        tables.diagnose(holders, code)
    tables.diagnose([*range(12, 20), *range(50, 60)], "E")
    codes = (CodeSet("diagnosis", "code", 3), *tables.product.protection.code_sets[1:])
    bounds = replace(tables.product.protection, code_sets=codes)
    tables.product = replace(tables.product, protection=bounds)
    tables.crowd()
    threes = (
        "SELECT a.code, b.code, c.code, count(DISTINCT a.patient_key) FROM out_diagnosis a "
        "JOIN out_diagnosis b USING (patient_key) JOIN out_diagnosis c USING (patient_key) "
        "WHERE a.code < b.code AND b.code < c.code GROUP BY ALL"
    )
    assert min(n for *_, n in tables.run(threes)) < K
    tables.bound()
    left = tables.run(threes)
    assert left and min(n for *_, n in left) >= K
    assert (
        measure_codes(
            tables.connection, "out_diagnosis", "code", unit="patient_key", k=K, m=3
        ).combinations
        == 0
    )


def test_every_pair_that_is_left_is_shared_by_k_hidden_codes_included(tables):
    for number in range(40):
        tables.diagnose(
            {(number * 7 + j * 3) % PEOPLE for j in range(4 + number % 17)}, f"D{number}"
        )
    tables.bound()
    pairs = tables.run(
        "SELECT count(DISTINCT a.patient_key) FROM out_diagnosis a JOIN out_diagnosis b "
        "USING (patient_key) WHERE a.code <= b.code GROUP BY a.code, b.code"
    )
    assert pairs and min(n for (n,) in pairs) >= K


def test_a_concept_of_few_patients_takes_its_rows_with_it(tables):
    tables.diagnose(range(3), "A", concept="rare_disease")
    tables.bound()
    assert tables.run("SELECT DISTINCT concept FROM out_diagnosis") == [("c",)]


def test_a_code_hidden_in_one_table_is_hidden_in_the_patient_s_others(tables):
    tables.crowd()
    tables.diagnose(range(30), "B")
    tables.diagnose(range(25, 45), "C")
    tables.run("UPDATE out_procedure SET code = 'C' WHERE patient_key::int BETWEEN 25 AND 50")
    tables.bound()
    told = "SELECT patient_key FROM out_procedure WHERE code = 'C' INTERSECT "
    assert tables.run(told + "SELECT patient_key FROM out_diagnosis WHERE code = 'B'") == []
    assert tables.holders("C", table="procedure") >= K


def test_one_patient_with_very_many_visits_is_not_told_by_their_number(tables):
    for day in range(40):
        tables.visit("7", day, key=f"v7x{day}")
    tables.diagnose([7], "A")
    tables.run("UPDATE out_diagnosis SET encounter_key = 'v7x39' WHERE diagnosis_key = 'd7A'")
    tables.bound()
    counts = tables.run("SELECT count(*) AS n FROM out_encounter GROUP BY patient_key ORDER BY n")
    assert counts[-1] == (1,)
    assert tables.run("SELECT count(*) FROM out_diagnosis WHERE diagnosis_key = 'd7A'") == [(0,)]


def test_events_on_days_that_few_reach_are_trimmed(tables):
    tables.run("UPDATE out_procedure SET day = 9000 WHERE patient_key = '3'")
    tables.bound()
    assert tables.run("SELECT max(day) FROM out_procedure") == [(10,)]


def test_the_longest_and_the_shortest_are_shared_by_k(tables):
    tables.run("UPDATE out_patient SET followup_days = 5000 WHERE patient_key = '3'")
    tables.run("UPDATE out_patient SET followup_days = 1 WHERE patient_key = '4'")
    tables.bound()
    ends = tables.run(
        "SELECT count(*) FILTER (followup_days = (SELECT max(followup_days) FROM out_patient)), "
        "count(*) FILTER (followup_days = (SELECT min(followup_days) FROM out_patient)), "
        "max(followup_days) FROM out_patient"
    )[0]
    assert min(ends[:2]) >= K and ends[2] == 104


def test_a_number_that_few_patients_have_is_emptied(tables):
    tables.run("UPDATE out_encounter SET los_days = NULL WHERE patient_key::int >= 8")
    tables.bound()
    assert tables.run("SELECT count(los_days) FROM out_encounter") == [(0,)]


def test_courses_of_visits_that_nobody_shares_are_blurred_below_the_bound(tables):
    for patient in range(20):
        for visit in range(2):
            kind = ("inpatient", "emergency", "outpatient")[(patient + visit) % 3]
            tables.visit(patient, 10 + 40 * patient * (visit + 1), kind)
    product = tables.product
    done = share_courses(tables.connection, product, bound=0.0)
    assert sum(done.values()) > 0
    assert share_courses(tables.connection, product, bound=0.0) == {
        "cells_of_visit_kind": 0,
        "rows_of_unshared_courses": 0,
    }


def test_courses_are_left_alone_where_the_bound_allows(tables):
    tables.visit("1", 300, "inpatient")
    assert sum(share_courses(tables.connection, tables.product, bound=0.05).values()) == 0


def test_floors_are_steady(tables):
    tables.diagnose(range(5), "RARE")
    shape = read_shape(tables.connection, tables.product)
    assert sum(floor_values(tables.connection, shape, tables.product).values()) > 0
    assert sum(floor_values(tables.connection, shape, tables.product).values()) == 0


@pytest.mark.parametrize("column", ["birth_date", "age", "onset_year", "DATE '2024-01-01' AS seen"])
def test_a_column_that_tells_a_date_or_an_age_is_refused(make, column):
    from clearward.protect.product import protect_product

    made = make()
    people = made.path("product", "patient")
    told = column if " AS " in column else f"1950 AS {column}"
    made.write("systemic", f"SELECT patient_key, hospital_id, month, {told} FROM '{people}'")
    with pytest.raises(ProtectionError, match="may tell a date or an age"):
        protect_product(made.settings, made.keyring, product=made.product.name, month="2024-05")


def test_a_table_that_the_floors_left_few_patients_in_is_emptied(tables):
    # fifty rare classes take their rows; the other ten rows say nothing that could be rare
    tables.run(
        "UPDATE out_procedure SET code = NULL, concept = NULL, "
        f"class = if(patient_key::int < {PEOPLE - K + 1}, patient_key, NULL)"
    )
    done = tables.bound()
    assert tables.run("SELECT count(*) FROM out_procedure") == [(0,)]
    assert done["rows_of_tables_of_few"] == K - 1
    assert tables.run("SELECT count(*) FROM out_diagnosis") == [(PEOPLE,)]
