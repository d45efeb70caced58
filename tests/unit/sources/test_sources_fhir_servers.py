"""NDJSON as other servers write it: absolute references, R5 elements, comparators, deaths without a
date. Written by hand after the examples of the FHIR R4 and R5 specifications.
"""

from __future__ import annotations

import duckdb
import pytest

from clearward.consent.changes import people_sql
from clearward.deidentify.door import deidentify_partition
from clearward.deidentify.treatments import Passage, treat_sql
from clearward.keyring import init_keyring
from clearward.sources.spec import load_spec
from tests.unit.deidentify.cleared import (
    HOSPITAL,
    MONTH,
    make_row,
    make_settings,
    read_output,
    write_cleared,
    write_subject,
)

from .test_sources_fhir import coded, resource, send, small_export

SERVER = "https://fhir.example.org/r4/tenant-1"


def lab(ident: str, **more: object) -> dict:
    return resource(
        "Observation",
        ident,
        status="final",
        code=coded("6598-7"),
        subject={"reference": f"{SERVER}/Patient/a/_history/3"},
        encounter={"reference": f"{SERVER}/Encounter/e"},
        **{"effectiveDateTime": "2024-04-01", **more},
    )


@pytest.mark.parametrize("sign", ["<", "<=", ">=", ">"])
def test_a_comparator_stands_before_its_number(fhir, sign):
    export = small_export()
    quantity = {"value": 1.1, "comparator": sign, "unit": "ng/L", "code": "ng/L"}
    export["Observation"] = [lab("o1", valueQuantity=quantity)]
    send(fhir, export)
    assert fhir.state("observations", "value, unit, patient_id, encounter_id") == [
        (f"{sign}1.1", "ng/L", "a", "e")
    ]


def test_a_component_keeps_its_own_comparator(fhir):
    export = small_export()
    export["Observation"] = [
        lab(
            "o1",
            valueQuantity={"value": 7, "comparator": ">"},
            component=[
                {"code": coded("8480-6"), "valueQuantity": {"value": 300, "comparator": ">"}},
                {"code": coded("8462-4"), "valueQuantity": {"value": 80}},
            ],
        )
    ]
    send(fhir, export)
    assert fhir.state("observations", "component, value") == [(0, ">7"), (1, ">300"), (2, "80")]


def test_a_comparator_without_a_number_is_no_value(fhir):
    export = small_export()
    export["Observation"] = [lab("o1", valueQuantity={"comparator": "<"})]
    send(fhir, export)
    assert fhir.state("observations", "value") == [(None,)]


@pytest.mark.parametrize(("value", "leaves"), [("<1.1", "<1.1"), (">=70", ">=70"), ("ad5", None)])
def test_what_is_compared_passes_the_door_as_it_stands(value, leaves):
    table = load_spec("fhir").table("observations")
    sql = treat_sql(table, table.column("value"), Passage("general", "2024-05"))
    row = duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS value, 'x' AS code) r", [value])
    assert row.fetchone() == (leaves,)


def test_an_instant_is_a_time_of_observation(fhir):
    export = small_export()
    instant = "2024-04-01T08:00:00.500-04:00"
    export["Observation"] = [
        lab("o1", effectiveDateTime=None, effectiveInstant=instant, issued="2024-05-01")
    ]
    send(fhir, export)
    assert fhir.state("observations", "CAST(observed_at AS VARCHAR)") == [
        ("2024-04-01 12:00:00.5",)
    ]


def deaths(fhir):
    export = small_export()
    more = {"gender": "female", "birthDate": "1940-01-01"}
    export["Patient"] += [
        resource("Patient", "dead", deceasedBoolean=True, **more),
        resource("Patient", "alive", deceasedBoolean=False, **more),
        resource("Patient", "dated", deceasedDateTime="2024-03-05T10:00:00Z", **more),
    ]
    return send(fhir, export)


def test_a_death_without_a_date_is_known(fhir):
    deaths(fhir)
    columns = "patient_id, is_deceased, CAST(death_date AS DATE)::VARCHAR"
    known = {who: rest for who, *rest in fhir.state("patients", columns)}
    assert known["dead"] == [True, None] and known["alive"] == [False, None]
    assert known["dated"] == [None, "2024-03-05"] and known["a"] == [None, None]


def test_consent_of_a_death_without_a_date_can_still_run_out_and_be_withdrawn(fhir):
    """Only a known day of death ends what a consent is asked against; without one, today does."""
    deaths(fhir)
    sql = people_sql([[fhir.part("raw", "patients")]])
    found = fhir.query(f"SELECT died_on FROM ({sql}) ORDER BY died_on NULLS LAST")
    assert found == [("2024-03-05",), (None,), (None,), (None,), (None,)]


def test_the_flag_of_death_passes_the_door(tmp_path):
    settings = make_settings(tmp_path)
    write_subject(settings, "0" * 20)
    system, keyring = load_spec("fhir"), init_keyring(settings.keyring)
    table = system.table("patients")
    flags = (True, False, None)
    rows = [make_row(keyring, table, n, is_deceased=flag) for n, flag in enumerate(flags)]
    write_cleared(settings, system, table, rows)
    deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)
    left = [row["is_deceased"] for row in read_output(settings, "fhir__patients")]
    assert sorted(left, key=str) == sorted(flags, key=str)


def test_r5_encounters_procedures_orders_and_notes_are_read(fhir):
    who = {"reference": "urn:uuid:a"}
    export = small_export()
    export["Encounter"] = [
        resource(
            "Encounter",
            "e",
            status="completed",
            subject=who,
            **{"class": [{"coding": [{"code": "IMP"}]}]},
            actualPeriod={"start": "2024-04-01T08:00:00Z", "end": "2024-04-03T08:00:00Z"},
        )
    ]
    export["Procedure"] = [
        resource(
            "Procedure",
            "p",
            status="completed",
            subject=who,
            code=coded("232717009"),
            occurrencePeriod={"start": "2024-04-01T08:00:00Z", "end": "2024-04-01T09:00:00Z"},
        )
    ]
    export["Medication"] = [resource("Medication", "m", code=coded("849574"))]
    order = {"subject": who, "authoredOn": "2024-04-01"}
    export["MedicationRequest"] = [
        resource("MedicationRequest", "r1", medication={"concept": coded("1191")}, **order),
        resource(
            "MedicationRequest",
            "r2",
            medication={"reference": {"reference": f"{SERVER}/Medication/m"}},
            **order,
        ),
    ]
    export["DocumentReference"] = [
        resource(
            "DocumentReference",
            "n",
            subject=who,
            date="2024-04-01T08:00:00Z",
            context=[{"reference": "urn:uuid:e"}],
            content=[{"attachment": {"data": "VmlzaW9uIDIwLzIwIE9ELg=="}}],
        )
    ]
    report = send(fhir, export)
    assert sum(sum(t.quarantined.values()) for t in report.tables) == 0
    stay = "class, status, started_at::VARCHAR, ended_at::VARCHAR"
    assert fhir.state("encounters", stay) == [
        ("IMP", "completed", "2024-04-01 08:00:00", "2024-04-03 08:00:00")
    ]
    assert fhir.state("procedures", "started_at::VARCHAR, ended_at::VARCHAR") == [
        ("2024-04-01 08:00:00", "2024-04-01 09:00:00")
    ]
    assert fhir.state("medications", "code, description") == [
        ("1191", "name 1191"),
        ("849574", "name 849574"),
    ]
    assert fhir.state("notes", "encounter_id, text") == [("e", "Vision 20/20 OD.")]
