"""A warehouse with made-up product months: 240 patients of three hospitals by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from clearward.keyring import Keyring, init_keyring
from clearward.products.spec import Product, load_product
from clearward.settings import Settings
from clearward.warehouse import Warehouse

MONTH = "2024-05"
PRODUCT = "ophthalmology"


@dataclass
class Made:
    """Settings, keys and a way to write one product table from a SELECT."""

    settings: Settings
    keyring: Keyring
    product: Product

    def write(self, entity: str, select: str, month: str = MONTH) -> Path:
        path = self.path("product", entity, month)
        path.parent.mkdir(parents=True, exist_ok=True)
        duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path

    def path(self, zone: str, entity: str, month: str = MONTH) -> Path:
        warehouse = Warehouse(self.settings.warehouse)
        return warehouse.partition(zone, f"{self.product.name}__{entity}", month=month)

    def rows(
        self, entity: str, query: str = "SELECT *", rest: str = "", month: str = MONTH
    ) -> list[tuple]:
        path = self.path("protected", entity, month)
        return duckdb.sql(f"{query} FROM read_parquet('{path}') {rest}").fetchall()


PATIENT = """
    SELECT 'p' || lpad(i::varchar, 3, '0') AS patient_key,
           ['north', 'south', 'west'][1 + i % 3] AS hospital_id, '2023-0' || (1 + i % 9) AS month,
           CASE WHEN i = 0 THEN NULL WHEN i % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
           CASE WHEN i = 1 THEN 1921 ELSE 1950 + i % 10 END AS birth_year,
           'r' || (1 + i % 2) AS region_l1, 2020 AS index_year, i % 7 = 0 AS is_deceased,
           CASE WHEN i % 7 = 0 THEN 400 + i END AS death_day, 300 + i AS followup_days,
           -200 - i AS first_day, 20.0 + i % 30 AS bmi_kg_m2,
           ['never', 'former', 'U'][1 + i // 3 % 3] AS smoking
    FROM range({n}) t(i)"""
SUMMARY = """
    SELECT patient_key, hospital_id, month,
           ['DR', 'GLC'][1 + CAST(hash(patient_key) % 2 AS BIGINT)] AS arm,
           hash(patient_key || 'm') % 3 = 0 AS has_macular_edema FROM '{people}'"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    return make_months(tmp_path)


def make_months(tmp_path: Path) -> Callable[..., Made]:
    """Write a month of the product; the same warehouse every time."""
    settings = Settings(tmp_path, "", "", tmp_path / "keyring.json")
    made = Made(settings, init_keyring(tmp_path / "keyring.json"), load_product(PRODUCT))

    def _make(n: int = 240, patient: str = PATIENT, month: str = MONTH) -> Made:
        people = made.write("patient", patient.format(n=n), month)
        made.write("cohort_summary", SUMMARY.format(people=people), month)
        for table in made.product.tables:
            if table.entity in {"patient", "attrition", "cohort_summary"}:
                continue
            keys = "".join(f", patient_key || 'x' AS {k}" for k in table.key if k != "patient_key")
            made.write(
                table.entity,
                f"SELECT patient_key, hospital_id, month{keys}, 7 AS day, 'outpatient' AS class "
                f"FROM '{people}'",
                month,
            )
        made.write(
            "attrition",
            f"""SELECT hospital_id, '{month}' AS month, '{PRODUCT}' AS product, step_no,
                       'step-' || step_no AS step_id, n + 60 - 20 * step_no AS n_in,
                       n + 40 - 20 * step_no AS n_out, 20 AS n_excluded, 'rule' AS reason
                FROM (SELECT hospital_id, count(*) AS n FROM '{people}' GROUP BY 1),
                     (VALUES (1), (2)) steps(step_no)""",
            month,
        )
        return made

    return _make
