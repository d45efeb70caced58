"""A warehouse with one made-up product month: 60 patients of three hospitals."""

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

    def rows(self, entity: str, query: str = "SELECT *") -> list[tuple]:
        path = self.path("protected", entity)
        return duckdb.sql(f"{query} FROM read_parquet('{path}')").fetchall()


PATIENT = """
    SELECT 'p' || lpad(i::varchar, 3, '0') AS patient_key,
           ['north', 'south', 'west'][1 + i % 3] AS hospital_id, '2023-0' || (1 + i % 9) AS month,
           CASE WHEN i = 0 THEN NULL WHEN i % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
           CASE WHEN i = 1 THEN 1921 ELSE 1950 + i % 10 END AS birth_year,
           'r' || (1 + i % 2) AS region_l1, 2020 AS index_year, i % 7 = 0 AS deceased
    FROM range({n}) t(i)"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    def _make(n: int = 60, patient: str = PATIENT) -> Made:
        settings = Settings(tmp_path, "", "", tmp_path / "keyring.json")
        made = Made(settings, init_keyring(tmp_path / "keyring.json"), load_product(PRODUCT))
        people = made.write("patient", patient.format(n=n))
        for table in made.product.tables:
            if table.entity in {"patient", "attrition"}:
                continue
            keys = "".join(f", patient_key || 'x' AS {k}" for k in table.key if k != "patient_key")
            made.write(
                table.entity,
                f"SELECT patient_key, hospital_id, month{keys}, 7 AS day FROM '{people}'",
            )
        made.write(
            "attrition",
            f"""SELECT hospital_id, '{MONTH}' AS month, '{PRODUCT}' AS product, step_no,
                       'step-' || step_no AS step_id, n + 60 - 20 * step_no AS n_in,
                       n + 40 - 20 * step_no AS n_out, 20 AS n_excluded, 'rule' AS reason
                FROM (SELECT hospital_id, count(*) AS n FROM '{people}' GROUP BY 1),
                     (VALUES (1), (2)) steps(step_no)""",
        )
        return made

    return _make
