"""The people of the dbt tests: three invented hospitals over two months. Each person is there to
show one thing, which the row's name says.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.dbt.fabricate import DeidentifiedZone, at, on

MAY, JUNE = "2024-05", "2024-06"
SYNTHEA, FHIR, HIS = "stmary", "riverside", "renmin"


def key(*parts: str) -> str:
    """A stable key of 20 hex characters, as the door makes them."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]


class Story:
    """Adds rows by short names; `key` of the name is the row key."""

    def __init__(self, root: Path) -> None:
        self.zone = DeidentifiedZone(root)

    def row(
        self, table: str, month: str, hospital: str, name: str, who: str, **values: Any
    ) -> None:
        """One row of a source table, for the patient `who`."""
        own = {"row_key": key(name), "patient_key": key(who)}
        self.zone.add(table, month, hospital, own | values)

    def subject(self, month: str, hospital: str, *people: str) -> None:
        """The list of patients in force."""
        for who in people:
            self.zone.add(
                "subject",
                month,
                hospital,
                {"patient_key": key(who), "purpose": "commercial_licensing"},
            )


def tell(root: Path) -> None:
    """Write both months of all three hospitals."""
    story = Story(root)
    _heart_patients(story)
    _eye_patient(story)
    _stroke_patient(story)
    _june(story)
    story.zone.write()


def _heart_patients(story: Story) -> None:
    """Synthea and FHIR: heart failure, confirmed by a stay and by ejection fraction."""
    for hospital, who in ((SYNTHEA, "stays"), (SYNTHEA, "withdraws"), (FHIR, "fhir-heart")):
        system = "synthea" if hospital == SYNTHEA else "fhir"
        person = {"birth_year": 1950, "sex": "male", "region_l1": "Northeast"}
        story.row(f"{system}__patients", MAY, hospital, who, who, **person)
        visit = {
            "encounter_key": key(who, "visit"),
            "started_at": at("2023-03-01T08:00"),
            "ended_at": at("2023-03-05T08:00"),
            "class": "IMP" if system == "fhir" else "inpatient",
        }
        story.zone.add(
            f"{system}__encounters",
            MAY,
            hospital,
            {"row_key": key(who, "visit"), "patient_key": key(who)} | visit,
        )
        onset = on("2023-03-01") if system == "synthea" else at("2023-03-01")
        story.row(
            f"{system}__conditions",
            MAY,
            hospital,
            f"{who}-hf",
            who,
            code="88805009",
            code_system="http://snomed.info/sct",
            started_on=onset,
            encounter_key=key(who, "visit"),
        )
        named = {"code_system": "http://loinc.org"} if system == "fhir" else {}
        for name, code, value, unit, day in (
            ("ef", "10230-1", "35", "%", "2023-03-02T09:00"),
            ("k", "2823-3", "4.1", "mmol/L", "2023-03-03T09:00"),
            ("odd", "99999-9", "1", None, "2023-03-03T09:00"),
        ):
            story.row(
                f"{system}__observations",
                MAY,
                hospital,
                f"{who}-{name}",
                who,
                code=code,
                value=value,
                unit=unit,
                observed_at=at(day),
                encounter_key=key(who, "visit"),
                **named,
            )
    story.row(
        "fhir__conditions",
        MAY,
        FHIR,
        "ruled-out",
        "fhir-heart",
        code="230690007",
        code_system="http://snomed.info/sct",
        started_on=at("2023-03-01"),
        encounter_key=key("fhir-heart", "visit"),
        verification_status="refuted",
    )
    story.subject(MAY, SYNTHEA, "stays", "withdraws")
    story.subject(MAY, FHIR, "fhir-heart")


def _eye_patient(story: Story) -> None:
    """HIS: a dual code of proliferative retinopathy, two visits, one row per eye."""
    story.row(
        "his__patients", MAY, HIS, "eyes", "eyes", birth_year=1960, sex="女", region_l1="华中"
    )
    for n, day in enumerate(("2023-01-05", "2023-09-05", "2024-03-05")):
        story.row(
            "his__visits",
            MAY,
            HIS,
            f"eye-visit-{n}",
            "eyes",
            started_at=at(day),
            encounter_key=key(f"eye-visit-{n}"),
            department="眼科",
            **{"class": "门诊"},
        )
        for eye, acuity in (("右", "4.8"), ("左", "指数/30cm")):
            story.row(
                "his__eye_exams",
                MAY,
                HIS,
                f"exam-{n}-{eye}",
                "eyes",
                exam_id=key(f"exam-{n}"),
                encounter_key=key(f"eye-visit-{n}"),
                eye=eye,
                va_uncorrected="0.1",
                va_corrected=acuity,
                iop="18",
                iop_method="Goldmann",
                examined_at=at(day),
            )
    for n in (1, 2):
        story.row(
            "his__diagnoses",
            MAY,
            HIS,
            f"eye-dx-{n}",
            "eyes",
            rank=1,
            code="E11.300x031+H36.0*",
            description="右眼糖尿病性视网膜病",
            diagnosed_at=at("2023-09-05" if n == 1 else "2024-03-05"),
            encounter_key=key(f"eye-visit-{n}"),
        )
    story.subject(MAY, HIS, "eyes", "stroke")


def _stroke_patient(story: Story) -> None:
    """HIS: ischaemic stroke of the front sheet, NIHSS from a note, infarction only in the past."""
    story.row(
        "his__patients", MAY, HIS, "stroke", "stroke", birth_year=1948, sex="男", region_l1="华中"
    )
    story.row(
        "his__visits",
        MAY,
        HIS,
        "stay",
        "stroke",
        encounter_key=key("stay"),
        started_at=at("2024-04-01T10:00"),
        ended_at=at("2024-04-11T10:00"),
        department="神经内科",
        **{"class": "住院"},
    )
    story.row(
        "his__front_sheet",
        MAY,
        HIS,
        "sheet",
        "stroke",
        record_no=key("sheet"),
        stay_no=1,
        encounter_key=key("stay"),
        admitted_at=at("2024-04-01T10:00"),
        los_days=10,
        discharged_at=at("2024-04-11T10:00"),
        discharge_disposition="1",
        code="I63.900x007",
        present_on_admission="1",
    )
    story.row(
        "his__front_sheet_diagnoses",
        MAY,
        HIS,
        "sheet-2",
        "stroke",
        record_no=key("sheet"),
        stay_no=1,
        encounter_key=key("stay"),
        admitted_at=at("2024-04-01T10:00"),
        position=1,
        code="I25.200",
    )
    _note(story, MAY, "I", [("nihss-1", 12.0)])


def _note(story: Story, month: str, op: str, scores: list[tuple[str, float]]) -> None:
    """One version of the stroke note and the NIHSS read from it."""
    story.row(
        "note",
        month,
        HIS,
        "note",
        "stroke",
        op=op,
        encounter_key=key("stay"),
        written_at=at("2024-04-01T11:00"),
        lang="zh",
    )
    for name, value in scores:
        story.zone.add("finding", month, HIS, {
            "finding_id": key(name), "note_key": key("note"), "patient_key": key("stroke"),
            "encounter_key": key("stay"), "recorded_at": at("2024-04-01T11:00"),
            "attribute": "nihss_total", "concept_code": "72089-6", "concept_system": "LOINC",
            "value_num": value, "is_negated": False, "certainty": "certain",
            "temporality": "current", "experiencer": "patient", "comparator": "",
        })  # fmt: skip


def _june(story: Story) -> None:
    """One withdrawal, one correction, one deletion, one late row, one new version of a note."""
    story.subject(JUNE, SYNTHEA, "stays")
    story.subject(JUNE, FHIR, "fhir-heart")
    story.subject(JUNE, HIS, "eyes", "stroke")
    story.row(
        "synthea__observations",
        JUNE,
        SYNTHEA,
        "stays-ef",
        "stays",
        op="U",
        code="10230-1",
        value="45",
        unit="%",
        observed_at=at("2023-03-02T09:00"),
        encounter_key=key("stays", "visit"),
    )
    story.row("fhir__observations", JUNE, FHIR, "fhir-heart-k", "fhir-heart", op="D")
    story.row(
        "synthea__observations",
        JUNE,
        SYNTHEA,
        "late",
        "stays",
        code="2160-0",
        value="1.0",
        unit="mg/dL",
        observed_at=at("2023-03-04T09:00"),
    )
    story.row(
        "his__eye_exams",
        JUNE,
        HIS,
        "exam-2-左",
        "eyes",
        op="U",
        exam_id=key("exam-2"),
        eye="左",
        va_uncorrected="0.1",
        examined_at=at("2024-03-05"),
    )
    _note(story, JUNE, "U", [("nihss-2", 7.0)])
