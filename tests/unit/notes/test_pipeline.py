from __future__ import annotations

import re
from typing import Any

import pyarrow.parquet as pq
import pytest

from clearward.deidentify.special import list_id
from clearward.errors import DeidentifyError
from clearward.notes.tables import FINDING, NOTE


def test_a_note_leaves_scrubbed_with_its_findings(hospital: Any) -> None:
    text = "患者李建国，电话138-1234-5678，2024年5月20日查右眼视力0.5，眼压18mmHg。张伟主任查房。"
    key = hospital.note("N1", "P1", text)
    report = hospital.run()
    (note,) = hospital.rows("note")
    assert note["row_key"] == key
    assert note["encounter_key"] == hospital.key("visits", "VN1")
    assert str(note["written_at"]) == "2024-05-30 09:30:00"
    assert "2024年5月30日" in note["text"]
    for secret in ("李建国", "138-1234-5678", "张伟"):
        assert secret not in note["text"]
    acuity = next(f for f in hospital.rows("finding") if f["attribute"] == "visual_acuity")
    assert note["text"][acuity["span_start"] : acuity["span_end"]] == "0.5"
    assert (acuity["value_num"], acuity["laterality"]) == (0.3, "OD")
    assert acuity["note_key"] == key and acuity["recorded_at"] == note["written_at"]
    assert report.withheld_leak == 0 and report.findings == 2
    assert report.phi == {"date": 1, "name": 2, "phone": 1}


def test_a_note_that_names_another_patient_is_withheld(hospital: Any) -> None:
    hospital.note("N1", "P1", "误入他人记录：陈美玲，视力0.5。")
    hospital.note("N2", "P1", "视力右眼0.5")
    report = hospital.run()
    assert report.withheld_leak == 1
    written = {n["row_key"]: (n["op"], n["text"] is None) for n in hospital.rows("note")}
    assert written == {
        hospital.key("notes", "N1"): ("D", True),
        hospital.key("notes", "N2"): ("I", False),
    }
    assert {f["note_key"] for f in hospital.rows("finding")} == {hospital.key("notes", "N2")}


def test_a_deleted_note_keeps_its_row_and_nothing_else(hospital: Any) -> None:
    hospital.note("N1", "P1", "视力右眼0.5", op="D")
    report = hospital.run()
    (note,) = hospital.rows("note")
    assert note["op"] == "D" and note["text"] is None and note["note_sha256"] is None
    assert hospital.rows("finding") == [] and report.deleted == 1


def test_no_notes_give_empty_tables_with_every_column(hospital: Any) -> None:
    report = hospital.run()
    assert report.notes == 0
    assert pq.read_schema(hospital.path("note")).names == NOTE.names
    assert pq.read_schema(hospital.path("finding")).names == FINDING.names
    assert pq.read_schema(hospital.path("finding")).types == FINDING.types


def test_the_bytes_do_not_depend_on_the_batch(hospital: Any) -> None:
    for number in range(30):
        hospital.note(
            f"N{number}",
            f"P{number % 2 + 1}",
            f"李建国 视力右眼0.{number % 9 + 1} 血压130/8{number % 9}",
        )
    seen = []
    for rows in (1, 7, 1000):
        hospital.run(batch_rows=rows)
        seen.append(tuple(hospital.path(t).read_bytes() for t in ("note", "finding")))
    assert seen[0] == seen[1] == seen[2]


def test_a_partition_that_was_not_cleared_is_refused(hospital: Any) -> None:
    with pytest.raises(DeidentifyError, match="not cleared"):
        hospital.read()


def test_a_hospital_of_which_nobody_is_known_is_refused(hospital: Any) -> None:
    hospital.patients, hospital.staff = [], []
    hospital.note("N1", "P1", "视力0.5")
    hospital.notes[0].pop("doctor_name")
    with pytest.raises(DeidentifyError, match="No identifiers are known"):
        hospital.run()


def test_a_finding_under_an_identifier_is_not_written(hospital: Any) -> None:
    hospital.patient("P3", name="孙七", national_id="X", phone="13712340000", health_card="BP12080")
    hospital.note("N1", "P3", "卡 BP120/80 视力右眼0.5")
    report = hospital.run()
    assert report.findings_on_phi == 2
    assert [f["attribute"] for f in hospital.rows("finding")] == ["visual_acuity"]


def test_values_in_words_come_from_a_closed_vocabulary(hospital: Any) -> None:
    hospital.note("N1", "P1", "视力右眼指数/30cm，左眼0.6+2，LVEF 55%，血压120/80，NYHA III级")
    hospital.run()
    rows = hospital.rows("finding")
    assert len(rows) == 6
    allowed = re.compile(r"[\d./+-]+|(CF|HM|LP|NLP)(@\d+cm)?|\d+ letters")
    assert all(r["value_text"] is None or allowed.fullmatch(r["value_text"]) for r in rows)


def test_the_report_and_errors_hold_counts_and_ids_only(hospital: Any) -> None:
    hospital.note("N1", "P1", "患者李建国，视力右眼0.5")
    metadata = hospital.run().metadata()
    ids = ("renmin", "2024-05", list_id())
    assert all(isinstance(v, int) or v in ids for v in metadata.values())
    assert "李建国" not in str(metadata)
    assert metadata["finding_visual_acuity"] == 1


def test_where_identifiers_stood_is_kept_in_the_identified_zone_alone(hospital: Any) -> None:
    text = "患者李建国，视力右眼0.5"
    key = hospital.note("N1", "P1", text)
    hospital.run()
    path = hospital.warehouse.partition("cleared", "note_phi", month="2024-05", hospital="renmin")
    (span,) = pq.read_table(path).to_pylist()
    assert (span["note_key"], span["kind"], span["rule_id"]) == (key, "name", "known")
    assert text[span["span_start"] : span["span_end"]] == "李建国"
    assert "李建国" not in map(str, span.values())
    assert not hospital.path("note_phi").exists()


def test_a_patient_has_one_surrogate_in_all_notes(hospital: Any) -> None:
    hospital.note("N1", "P1", "患者李建国，视力右眼0.5")
    hospital.note("N2", "P1", "姓名：李 建 国，李先生，Li Jianguo")
    hospital.run()
    texts = {n["row_key"]: n["text"] for n in hospital.rows("note")}
    name = texts[hospital.key("notes", "N1")].removeprefix("患者").split("，")[0]
    assert len(name) == 3 and name != "李建国"
    assert texts[hospital.key("notes", "N2")].startswith(f"姓名：{name}，{name[0]}先生，")
