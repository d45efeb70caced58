"""Exports against the published structures: OMOP CDM 5.4 NOTE_NLP and FHIR R4 4.0.1."""

from __future__ import annotations

import json
import re
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clearward.errors import ConfigError
from clearward.notes.exports import export_fhir, export_omop

# https://ohdsi.github.io/CommonDataModel/cdm54.html#note_nlp: name, type, required, size
CDM = [
    ("note_nlp_id", int, True, 0), ("note_id", int, True, 0), ("section_concept_id", int, False, 0),
    ("snippet", str, False, 250), ("offset", str, False, 50), ("lexical_variant", str, True, 250),
    ("note_nlp_concept_id", int, False, 0), ("note_nlp_source_concept_id", int, False, 0),
    ("nlp_system", str, False, 250), ("nlp_date", date, True, 0), ("nlp_datetime", date, False, 0),
    ("term_exists", str, False, 1), ("term_temporal", str, False, 50),
    ("term_modifiers", str, False, 2000),
]  # fmt: skip
# hl7.org/fhir/R4: elements of the resources that are written, and which must be there
OBSERVATION = {
    "resourceType", "id", "meta", "status", "code", "subject", "encounter", "effectiveDateTime",
    "valueQuantity", "valueRange", "valueString", "bodySite", "method", "derivedFrom", "note",
}  # fmt: skip
OBSERVATION_STATUS = {"registered", "preliminary", "final", "amended", "corrected", "cancelled",
                      "entered-in-error", "unknown"}  # fmt: skip
CONDITION = {
    "resourceType", "id", "meta", "clinicalStatus", "verificationStatus", "code", "bodySite",
    "subject", "encounter", "recordedDate", "evidence", "note",
}  # fmt: skip
PLACE = {"hospital": "renmin", "month": "2024-05"}
TEXT = (
    "患者李建国，右眼视力指数/30cm，眼压：20/21mmHg。左眼视力0.5。目标眼压18mmHg。"
    "LVEF≥50-55%。母亲血压180/100。否认血压200/120。"
)


@pytest.fixture
def written(hospital: Any) -> Any:
    hospital.note("N1", "P1", TEXT)
    hospital.run()
    return hospital


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def nulls(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(nulls, value.values()))
    return sum(map(nulls, value)) if isinstance(value, list) else value is None


def test_note_nlp_has_the_columns_types_and_sizes_of_the_cdm(written: Any, tmp_path: Path) -> None:
    rows = export_omop(written.settings, tmp_path / "out", **PLACE)
    table = pq.read_table(tmp_path / "out" / "note_nlp.parquet")
    assert table.column_names == [name for name, *_ in CDM]
    assert rows == table.num_rows == len(written.rows("finding"))
    for row in table.to_pylist():
        for name, kind, required, size in CDM:
            assert row[name] is not None or not required, name
            assert row[name] is None or isinstance(row[name], kind), name
            assert not size or row[name] is None or len(row[name]) <= size, name
        assert row["term_exists"] in ("Y", "N")
    assert len(set(table["note_nlp_id"].to_pylist())) == rows


def test_what_note_nlp_has_no_column_for_is_a_modifier(written: Any, tmp_path: Path) -> None:
    export_omop(written.settings, tmp_path, **PLACE)
    rows = pq.read_table(tmp_path / "note_nlp.parquet").to_pylist()
    read = [dict(p.split("=", 1) for p in row["term_modifiers"].split(";")) for row in rows]
    acuity = next(m for m in read if m["attribute"] == "visual_acuity" and m["laterality"] == "OS")
    assert (acuity["value"], acuity["unit"], acuity["code"]) == ("0.3", "{logMAR}", "LOINC:98498-9")
    assert int(acuity["end"]) > 0 and acuity["rule"] == "ophthalmology.visual_acuity"
    said = {
        (m["attribute"], m["value"]): (r["term_exists"], r["term_temporal"])
        for r, m in zip(rows, read, strict=True)
    }
    assert said["intraocular_pressure", "18.0"] == ("Y", "Future")
    assert said["blood_pressure_systolic", "180.0"] == ("N", "Present")
    assert said["blood_pressure_systolic", "200.0"] == ("N", "Present")
    assert "李建国" not in str(rows)


def test_fhir_resources_hold_only_elements_of_the_specification(
    written: Any, tmp_path: Path
) -> None:
    counts = export_fhir(written.settings, tmp_path, **PLACE)
    found = lines(tmp_path / "Observation.ndjson")
    assert counts["Observation"] == len(found) > 3
    for each in found:
        assert set(each) <= OBSERVATION and {"status", "code", "resourceType"} <= set(each)
        assert nulls(each) == 0
        assert each["status"] in OBSERVATION_STATUS
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", each["id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["effectiveDateTime"])
        assert sum(key.startswith("value") for key in each) == 1
        assert each["code"]["coding"][0]["system"] in ("http://loinc.org", "http://snomed.info/sct")
        quantity = each.get("valueQuantity")
        if quantity:
            assert quantity["system"] == "http://unitsofmeasure.org" and quantity["code"]
            assert quantity.get("comparator", "<") in ("<", "<=", ">=", ">")
    assert "李建国" not in str(found)


def test_fhir_keeps_side_range_and_doubt(written: Any, tmp_path: Path) -> None:
    export_fhir(written.settings, tmp_path, **PLACE)
    found = lines(tmp_path / "Observation.ndjson")
    by = {(o["code"]["text"], o.get("bodySite", {}).get("text")): o for o in found}
    assert by["visual_acuity", "OS"]["bodySite"]["coding"][0]["code"] == "8966001"
    assert by["lvef", None]["valueRange"]["low"]["value"] == 50
    assert by["intraocular_pressure", "OD"]["status"] == "preliminary"
    assert by["visual_acuity", "OS"]["status"] == "final"


def test_fhir_leaves_out_relatives_aims_and_denials_and_counts_them(
    written: Any, tmp_path: Path
) -> None:
    counts = export_fhir(written.settings, tmp_path, **PLACE)
    assert counts["left_out_relative"] == 2
    assert counts["left_out_target"] == 1
    assert counts["left_out_denied"] == 2
    assert sum(counts.values()) == len(written.rows("finding"))


def test_a_named_disease_becomes_a_condition(written: Any, tmp_path: Path) -> None:
    path = written.path("finding")
    table = pq.read_table(path)
    rows = table.to_pylist()
    base = rows[0] | {"value_num": None, "value_low": None, "value_high": None, "unit_ucum": None,
                      "value_text": None, "experiencer": "patient", "laterality": None,
                      "concept_system": "ICD-10-CM", "concept_code": "I48.91",
                      "attribute": "atrial_fibrillation"}  # fmt: skip
    made = [
        base
        | {
            "finding_id": "A",
            "is_negated": False,
            "certainty": "certain",
            "temporality": "current",
        },
        base
        | {"finding_id": "B", "is_negated": True, "certainty": "certain", "temporality": "current"},
        base
        | {
            "finding_id": "C",
            "is_negated": False,
            "certainty": "uncertain",
            "temporality": "prior",
        },
    ]
    pq.write_table(type(table).from_pylist(made, schema=table.schema), path)
    assert export_fhir(written.settings, tmp_path, **PLACE) == {"Condition": 3}
    said = []
    for each in lines(tmp_path / "Condition.ndjson"):
        assert set(each) <= CONDITION and {"subject", "code"} <= set(each) and nulls(each) == 0
        assert each["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10-cm"
        clinical = each.get("clinicalStatus", {}).get("coding", [{}])[0].get("code")
        said.append((clinical, each["verificationStatus"]["coding"][0]["code"]))
    assert said == [("active", "confirmed"), (None, "refuted"), ("inactive", "provisional")]


def test_exports_are_the_same_bytes_again_and_only_their_owners(
    written: Any, tmp_path: Path
) -> None:
    seen = []
    for name in ("one", "two"):
        export_omop(written.settings, tmp_path / name, **PLACE)
        export_fhir(written.settings, tmp_path / name, **PLACE)
        files = sorted((tmp_path / name).iterdir())
        assert len(files) == 3
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
        seen.append([path.read_bytes() for path in files])
    assert seen[0] == seen[1]


def test_a_month_that_was_never_read_is_refused(hospital: Any, tmp_path: Path) -> None:
    for export in (export_omop, export_fhir):
        with pytest.raises(ConfigError, match="no findings of 2024-05"):
            export(hospital.settings, tmp_path, **PLACE)
