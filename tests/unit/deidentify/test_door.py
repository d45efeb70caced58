"""What passes the one-way door, for every source system there is."""

from __future__ import annotations

import dataclasses
import datetime
import io
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from clearward.deidentify.dates import shift_days
from clearward.deidentify.door import deidentify_partition, write_schemas
from clearward.deidentify.schemas import (
    DIRECT_IDENTIFIERS,
    FINDING_COLUMNS,
    LOAD_COLUMNS,
    NOTE_COLUMNS,
    output_schema,
    passing_columns,
    passing_tables,
    schema_partition,
    zone_schemas,
)
from clearward.errors import DeidentifyError
from clearward.keyring import init_keyring, pseudonym
from clearward.sources.spec import TYPES, load_spec, source_systems
from clearward.warehouse import Warehouse

from .cleared import (
    HOSPITAL,
    MONTH,
    make_row,
    make_settings,
    marker,
    output_path,
    read_output,
    write_cleared,
    write_subject,
)

PATIENT = "0123456789abcdef0123"


@pytest.fixture
def settings(tmp_path):
    made = make_settings(tmp_path)
    write_subject(made, PATIENT)
    return made


@pytest.fixture
def keyring(settings):
    return init_keyring(settings.keyring)


def pass_door(settings, keyring):
    return deidentify_partition(settings, keyring, hospital=HOSPITAL, month=MONTH)


def synthea(name):
    system = load_spec("synthea")
    return system, system.table(name)


def everything_in(path):
    """All bytes of a file, and of its content written plainly, statistics included."""
    table = pq.read_table(path, partitioning=None)
    plain = io.BytesIO()
    pq.write_table(table, plain, compression="none", use_dictionary=False)
    return path.read_bytes() + plain.getvalue()


@pytest.mark.parametrize("name", source_systems())
def test_no_marker_of_a_dropped_scrubbed_or_natural_id_column_leaves(settings, keyring, name):
    system = load_spec(name)
    stays, tables = set(), 0
    for table in system.tables:
        rows = [make_row(keyring, table, number) for number in (1, 2, 3)]
        write_cleared(settings, system, table, rows, extra={"unlisted": "zqunlistedqz"})
        for column in table.columns:
            if column.treatment != "keep" and column.type == "text":
                stays |= {marker(table, column, number).encode() for number in (1, 2, 3)}
        tables += table.passes and table.name != "notes"
    report = pass_door(settings, keyring)
    assert len(report.tables) == tables
    assert {each.unlisted for each in report.tables} == {("unlisted",)}
    found = b"".join(everything_in(output_path(settings, t.table)) for t in report.tables)
    assert len(stays) > 20
    assert [mark for mark in stays if mark in found] == []
    assert b"zqunlistedqz" not in found and b"zqhashqz" not in found
    # The search itself works: what is kept is found.
    assert b"hypertension" in found


@pytest.mark.parametrize("name", source_systems())
def test_the_output_is_exactly_the_listed_columns_and_no_note_or_reference_table(
    settings, keyring, name
):
    system = load_spec(name)
    for table in system.tables:
        write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    pass_door(settings, keyring)
    for table in system.tables:
        path = output_path(settings, system.warehouse_name(table))
        if not table.passes or table.name == "notes":
            assert not path.exists()
            continue
        listed = [c.output for c in table.columns if c.treatment not in {"drop", "scrub"}]
        expected = [*LOAD_COLUMNS, *(c for c in listed if c != "patient_key")]
        assert pq.read_schema(path).names == expected


def test_no_spec_can_name_a_direct_identifier_and_every_dropped_name_is_one():
    for _, table in passing_tables():
        assert not DIRECT_IDENTIFIERS & set(output_schema(table))
        dropped = {c.name for c in table.columns if c.treatment in {"drop", "scrub"}}
        assert dropped <= DIRECT_IDENTIFIERS


def test_keys_meet_the_rows_they_name(settings, keyring):
    system, patients = synthea("patients")
    _, encounters = synthea("encounters")
    _, conditions = synthea("conditions")
    for table in (patients, encounters, conditions):
        row = make_row(keyring, table, 1, patient_id="A")
        if table is not patients:
            row = make_row(keyring, table, 1, patient_id="A", encounter_id="E")
        write_cleared(settings, system, table, [row])
    pass_door(settings, keyring)
    (patient,) = read_output(settings, "synthea__patients")
    (encounter,) = read_output(settings, "synthea__encounters")
    (condition,) = read_output(settings, "synthea__conditions")
    assert patient["row_key"] == patient["patient_key"] == condition["patient_key"]
    assert encounter["row_key"] == encounter["encounter_key"] == condition["encounter_key"]
    expected = pseudonym(keyring.key("row"), HOSPITAL, "encounters", "E")
    assert condition["encounter_key"] == expected


def test_dates_move_by_the_patients_days_and_intervals_stay(settings, keyring):
    system, table = synthea("encounters")
    times = [datetime.datetime(2024, 2, 28, 23, 15), datetime.datetime(2024, 3, 1, 6, 45)]
    row = make_row(keyring, table, 1, started_at=times[0], ended_at=times[1])
    write_cleared(settings, system, table, [row, make_row(keyring, table, 2)])
    pass_door(settings, keyring)
    rows = {r["patient_key"]: r for r in read_output(settings, "synthea__encounters")}
    moved = rows[row["patient_key"]]
    shift = datetime.timedelta(days=shift_days(keyring, row["patient_key"]))
    assert [moved["started_at"], moved["ended_at"]] == [time + shift for time in times]


def test_values_withheld_are_counted(settings, keyring):
    system, table = synthea("observations")
    values = ["7.1", "call 555-0100", "20/40"]
    codes = ["4548-4", "72514-3", "79818-1"]
    rows = [
        make_row(keyring, table, n, value=value, code=code)
        for n, (value, code) in enumerate(zip(values, codes, strict=True), start=1)
    ]
    write_cleared(settings, system, table, rows)
    patients = system.table("patients")
    write_cleared(settings, system, patients, [make_row(keyring, patients, 1, state="Atlantis")])
    report = pass_door(settings, keyring)
    withheld = {each.table: each.withheld for each in report.tables}
    assert withheld["synthea__observations"] == {"value": 1}
    assert withheld["synthea__patients"] == {"region_l1": 1}
    assert report.metadata()["values_withheld"] == 2
    assert {r["value"] for r in read_output(settings, "synthea__observations")} == {
        "7.1",
        None,
        "20/40",
    }


def test_a_deletion_passes_with_nothing_but_its_keys(settings, keyring):
    system, table = synthea("encounters")
    row = make_row(keyring, table, 1)
    gone = {**dict.fromkeys(row), **{name: row[name] for name in LOAD_COLUMNS}, "op": "D"}
    write_cleared(settings, system, table, [gone])
    pass_door(settings, keyring)
    (found,) = read_output(settings, "synthea__encounters")
    assert (found["op"], found["encounter_key"]) == ("D", row["row_key"])
    assert found["started_at"] is None


def test_the_same_rows_in_another_order_are_the_same_bytes(settings, keyring):
    system, table = synthea("observations")
    rows = [make_row(keyring, table, n, value=str(n)) for n in range(1, 60)]
    write_cleared(settings, system, table, rows)
    pass_door(settings, keyring)
    path = output_path(settings, "synthea__observations")
    first = path.read_bytes()
    write_cleared(settings, system, table, rows[::-1])
    pass_door(settings, keyring)
    assert path.read_bytes() == first


def test_the_subject_list_passes_as_it_is(settings, keyring):
    system, table = synthea("patients")
    write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    assert pass_door(settings, keyring).subjects == 1
    assert read_output(settings, "subject") == [
        {
            "hospital_id": HOSPITAL,
            "month": MONTH,
            "patient_key": PATIENT,
            "purpose": "commercial_licensing",
        }
    ]


def test_a_month_that_was_not_cleared_does_not_pass_silently(settings, keyring):
    with pytest.raises(DeidentifyError, match="no cleared table"):
        pass_door(settings, keyring)
    with pytest.raises(DeidentifyError, match="no subject list"):
        deidentify_partition(settings, keyring, hospital="south", month=MONTH)


def test_a_key_that_is_no_pseudonym_is_stopped_and_leaves_no_file(settings, keyring):
    system, table = synthea("encounters")
    row = make_row(keyring, table, 1)
    write_cleared(settings, system, table, [{**row, "row_key": "MRN-778899"}])
    with pytest.raises(DeidentifyError, match="no pseudonyms") as raised:
        pass_door(settings, keyring)
    assert "778899" not in str(raised.value)
    folder = output_path(settings, "synthea__encounters").parent
    assert list(folder.iterdir()) == []
    assert not output_path(settings, "subject").exists()


def test_a_row_with_another_patients_key_is_stopped(settings, keyring):
    system, table = synthea("encounters")
    row = make_row(keyring, table, 1)
    write_cleared(settings, system, table, [{**row, "patient_key": PATIENT}])
    with pytest.raises(DeidentifyError, match="another patient"):
        pass_door(settings, keyring)


def test_a_file_of_other_types_is_stopped_without_a_value(settings, keyring):
    system, table = synthea("encounters")
    path = write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    read = pq.read_table(path, partitioning=None)
    index = read.schema.get_field_index("started_at")
    pq.write_table(read.set_column(index, "started_at", read["started_at"].cast("string")), path)
    with pytest.raises(DeidentifyError, match="does not fit its spec") as raised:
        pass_door(settings, keyring)
    assert "started_at" in str(raised.value) and "2024-05" not in str(raised.value)


def test_a_column_the_file_lacks_is_null_and_reported(settings, keyring):
    system, table = synthea("encounters")
    path = write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["reason_code"]), path)
    report = pass_door(settings, keyring)
    assert report.tables[0].missing == ("reason_code",)
    assert read_output(settings, "synthea__encounters")[0]["reason_code"] is None


def test_a_broken_file_is_an_error_that_quotes_nothing(settings, keyring):
    system, table = synthea("encounters")
    path = write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    path.write_bytes(b"PAR1 Mrs Smith 1950-01-01 PAR1")
    with pytest.raises(DeidentifyError) as raised:
        pass_door(settings, keyring)
    assert "Smith" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_every_table_has_an_empty_partition_with_its_types(settings):
    assert write_schemas(settings) == len(zone_schemas())
    warehouse = Warehouse(settings.warehouse)
    for name, schema in zone_schemas().items():
        path = schema_partition(warehouse, name)
        assert path.parent.relative_to(settings.warehouse).as_posix() == (
            f"deidentified/{name}/month=0000-00/hospital=_schema"
        )
        assert pq.read_schema(path).names == list(schema)
        assert pq.read_metadata(path).num_rows == 0
    names = {system.warehouse_name(table) for system, table in passing_tables()}
    assert set(zone_schemas()) == names | {"note", "finding", "subject"}
    assert not any(name.endswith("__notes") for name in zone_schemas())


def test_the_empty_partition_has_the_types_of_a_real_one(settings, keyring):
    write_schemas(settings)
    for system, table in passing_tables():
        write_cleared(settings, system, table, [make_row(keyring, table, 1)])
    pass_door(settings, keyring)
    for system, table in passing_tables():
        name = system.warehouse_name(table)
        empty = pq.read_schema(schema_partition(Warehouse(settings.warehouse), name))
        assert empty.equals(pq.read_schema(output_path(settings, name)))


def test_the_columns_of_other_rooms_are_those_of_the_contract():
    page = Path(__file__).parents[3] / "docs" / "reference" / "rooms.md"
    text = page.read_text("utf-8").split("## De-identified tables")[1].replace("\n", " ")
    for name, columns in (("note", NOTE_COLUMNS), ("finding", FINDING_COLUMNS)):
        listed = re.search(rf"`{name}`: `([^`]*)`", text)
        bare = re.sub(r"\([^)]*\)", "", listed[1])
        assert [word.strip() for word in bare.split(",")] == list(columns)
    assert set(NOTE_COLUMNS.values()) | set(FINDING_COLUMNS.values()) <= set(TYPES.values())


def test_two_columns_of_one_name_are_refused():
    _, table = synthea("encounters")
    twice = dataclasses.replace(table.column("class"), output="op")
    named = dataclasses.replace(table.column("class"), output="phone")
    for column in (twice, named):
        with pytest.raises(DeidentifyError, match="may not name"):
            output_schema(dataclasses.replace(table, columns=(column,)))
    assert passing_columns(table)
