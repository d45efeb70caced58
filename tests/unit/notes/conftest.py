"""A small Chinese hospital's raw and cleared partitions, made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clearward.keyring import Keyring, init_keyring, pseudonym
from clearward.notes.pipeline import NotesReport, read_partition
from clearward.settings import Settings, load_settings
from clearward.sources.state_sql import marker_path
from clearward.warehouse import Warehouse

HOSPITAL, MONTH, SHIFT = "renmin", "2024-05", 10


@dataclass
class Hospital:
    """Writes what earlier rooms would have written."""

    settings: Settings
    keyring: Keyring
    patients: list[dict] = field(default_factory=list)
    staff: list[dict] = field(default_factory=list)
    notes: list[dict] = field(default_factory=list)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse)

    def key(self, table: str, value: str) -> str:
        return pseudonym(self.keyring.key("row"), HOSPITAL, table, value)

    def patient(self, patient_id: str, **columns: str) -> str:
        key = self.key("patients", patient_id)
        self.patients.append(
            self._row("patients", patient_id, key) | {"patient_id": patient_id} | columns
        )
        return key

    def doctor(self, name: str) -> None:
        row = self._row("staff", name, None)
        self.staff.append(row | {"staff_id": name, "name": name, "department": "眼科"})

    def note(
        self,
        note_id: str,
        patient_id: str,
        text: str | None,
        *,
        op: str = "I",
        title: str | None = "病程记录",
    ) -> str:
        key = self.key("notes", note_id)
        self.notes.append(
            self._row("notes", note_id, self.key("patients", patient_id), op=op)
            | {
                "note_id": note_id,
                "visit_id": f"V{note_id}",
                "patient_id": patient_id,
                "title": title,
                "written_at": datetime(2024, 5, 20, 9, 30),
                "text": text,
                "doctor_name": "赵六一",
            }
        )
        return key

    def write(self) -> None:
        self._write("raw", "his__patients", self.patients)
        self._write("raw", "his__staff", self.staff)
        marker = marker_path(self.warehouse, month=MONTH, hospital=HOSPITAL)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text("{}")
        self._write("cleared", "his__notes", self.notes)
        self._write(
            "cleared",
            "subject",
            [
                {
                    "hospital_id": HOSPITAL,
                    "month": MONTH,
                    "patient_key": "x",
                    "purpose": "commercial_licensing",
                }
            ],
        )

    def run(self, **more: int) -> NotesReport:
        self.write()
        return self.read(**more)

    def read(self, **more: int) -> NotesReport:
        return read_partition(
            self.settings, self.keyring, hospital=HOSPITAL, month=MONTH,
            shift=lambda patient_key: SHIFT, **more,
        )  # fmt: skip

    def rows(self, table: str) -> list[dict]:
        return pq.read_table(self.path(table)).to_pylist()

    def path(self, table: str) -> Path:
        return self.warehouse.partition("deidentified", table, month=MONTH, hospital=HOSPITAL)

    def _row(self, table: str, value: str, patient_key: str | None, op: str = "I") -> dict:
        return {
            "hospital_id": HOSPITAL, "month": MONTH, "row_key": self.key(table, value),
            "patient_key": patient_key, "op": op, "content_hash": "c", "file_id": "f" * 12,
            "source_row": len(self.notes) + 2,
        }  # fmt: skip

    def _write(self, zone: str, table: str, rows: list[dict]) -> None:
        if rows:
            target = self.warehouse.partition(zone, table, month=MONTH, hospital=HOSPITAL)
            target.parent.mkdir(parents=True, exist_ok=True)
            names = dict.fromkeys(name for row in rows for name in row)
            columns = {name: [row.get(name) for row in rows] for name in names}
            pq.write_table(pa.table(columns), target)


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    settings = load_settings({"CLEARWARD_HOME": str(tmp_path)})
    made = Hospital(settings, init_keyring(tmp_path / "keyring.json"))
    made.patient(
        "P1", name="李建国", sex="男", national_id="110101195503072316", phone="13812345678",
        address="北京市海淀区中关村大街27号", employer="首都钢铁公司", contact_name="王小丽",
        contact_phone="01062345678",
    )  # fmt: skip
    made.patient(
        "P2", name="陈美玲", sex="女", national_id="310101196606061234", phone="13987654321",
        address="上海市黄浦区南京东路100号", employer="纺织三厂", contact_name="陈大勇",
        contact_phone="13911112222",
    )  # fmt: skip
    made.doctor("张伟")
    return made
