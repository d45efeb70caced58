"""A product that carries text is published only when nobody its hospitals know stands in it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clearward.errors import DeidentifyError, GateError
from clearward.products.spec import load_product
from clearward.releases.text_check import FREE_TEXT, require_clean_text
from clearward.settings import Settings, load_settings
from clearward.sources.state_sql import marker_path
from clearward.warehouse import Warehouse

MONTH = "2024-05"
SPEC = load_product("ophthalmology")
TABLE = next(t for t in SPEC.tables if t.entity != "patient")
LONG = "视力右眼0.5，眼压18mmHg。" * (FREE_TEXT // 10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings({"CLEARWARD_HOME": str(tmp_path)})
    _known(made, "renmin", "陈美玲", "13987654321")
    _known(made, "second", "欧阳建国", "13812345678")
    return made


def _known(settings: Settings, hospital: str, name: str, phone: str) -> None:
    row = {"hospital_id": hospital, "month": MONTH, "row_key": name, "patient_key": name, "op": "I",
           "patient_id": f"P{phone}", "name": name, "phone": phone}  # fmt: skip
    warehouse = Warehouse(settings.warehouse)
    _write(warehouse.partition("raw", "his__patients", month=MONTH, hospital=hospital), [row])
    marker = marker_path(warehouse, month=MONTH, hospital=hospital)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("{}")


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def release(settings: Settings, *texts: str, hospital: str = "renmin") -> None:
    """A product of one patient whose table carries text, before and after protection."""
    warehouse = Warehouse(settings.warehouse)
    name = SPEC.table_name(TABLE)
    rows = [{"patient_key": "a", "note": text} for text in texts]
    _write(warehouse.partition("product", name, month=MONTH), rows)
    patient = [{"patient_key": "a", "hospital_id": hospital}]
    _write(warehouse.partition("product", f"{SPEC.name}__patient", month=MONTH), patient)
    masked = [{"patient_key": "x", "note": text} for text in texts]
    _write(warehouse.partition("protected", name, month=MONTH), masked)


def test_text_that_names_nobody_passes(settings: Settings) -> None:
    release(settings, LONG, LONG + "复诊。")
    assert require_clean_text(settings, SPEC, month=MONTH) == 2


@pytest.mark.parametrize(
    "leak", ["陈美玲", "陈 美\n玲", "139 8765 4321", "１３９８７６５４３２１", "Chen Meiling"]
)
def test_one_identifier_in_any_form_stops_the_release(settings: Settings, leak: str) -> None:
    release(settings, LONG, f"{LONG}患者{leak}。")
    with pytest.raises(GateError, match="names people") as refused:
        require_clean_text(settings, SPEC, month=MONTH)
    assert "1 of 2" in str(refused.value) and leak not in str(refused.value)


def test_a_text_is_held_against_its_own_hospital(settings: Settings) -> None:
    release(settings, f"{LONG}欧阳建国")
    assert require_clean_text(settings, SPEC, month=MONTH) == 1
    release(settings, f"{LONG}欧阳建国", hospital="second")
    with pytest.raises(GateError):
        require_clean_text(settings, SPEC, month=MONTH)


def test_a_text_of_no_known_origin_is_held_against_every_hospital(settings: Settings) -> None:
    release(settings, LONG)
    name = SPEC.table_name(TABLE)
    masked = [{"patient_key": "x", "note": f"{LONG}欧阳建国"}]
    path = Warehouse(settings.warehouse).partition("protected", name, month=MONTH)
    _write(path, masked)
    with pytest.raises(GateError):
        require_clean_text(settings, SPEC, month=MONTH)


def test_a_short_text_with_lines_is_text_too(settings: Settings) -> None:
    release(settings, "视力0.5\n陈美玲")
    with pytest.raises(GateError):
        require_clean_text(settings, SPEC, month=MONTH)


def test_labels_are_no_text(settings: Settings) -> None:
    release(settings, "Diabetic retinopathy", "2型糖尿病")
    assert require_clean_text(settings, SPEC, month=MONTH) == 0


def test_text_of_a_hospital_where_nobody_is_known_is_refused(settings: Settings) -> None:
    release(settings, LONG, hospital="third")
    with pytest.raises(DeidentifyError, match="nobody is known"):
        require_clean_text(settings, SPEC, month=MONTH)
