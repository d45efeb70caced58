"""Small tables made in the test, and a product month with every table green before it is spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from clearward.keyring import init_keyring, install_hmac
from clearward.products.spec import load_product
from clearward.risk.judge import judge_risk
from clearward.settings import Settings
from clearward.warehouse import Warehouse

PRODUCT, MONTH = "cardiology", "2024-05"
PATIENTS = 2004


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, f"file://{tmp_path}/store", "", tmp_path / "keyring.json")


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


class Release:
    """A mart and its release. ``spoil`` changes one released table by a SELECT over itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.product = load_product(PRODUCT)
        self.warehouse = Warehouse(settings.warehouse)
        self.db = duckdb.connect()

    def build(self) -> None:
        key = init_keyring(self.settings.keyring).key("product", PRODUCT)
        install_hmac(self.db, "keyed", key)
        for table in self.product.tables:
            self._copy("product", table.entity, self._mart(table.entity, table.key[0]))
            source = self.path("product", table.entity)
            columns = [c for c, *_ in self.db.sql(f"SELECT * FROM '{source}'").description]
            keyed = [f"keyed({c}) AS {c}" if c.endswith("_key") else c for c in columns]
            self._copy("protected", table.entity, f"SELECT {', '.join(keyed)} FROM '{source}'")

    def path(self, zone: str, entity: str) -> Path:
        return self.warehouse.partition(zone, f"{PRODUCT}__{entity}", month=MONTH)

    def _copy(self, zone: str, entity: str, select: str) -> None:
        path = self.path(zone, entity)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db.execute(f"COPY ({select}) TO '{path}.new' (FORMAT parquet)")
        Path(f"{path}.new").replace(path)

    def spoil(self, entity: str, select: str, zone: str = "protected") -> None:
        """``select`` reads the present table under its own name."""
        path = self.path(zone, entity)
        self._copy(zone, entity, f"WITH {entity} AS (SELECT * FROM '{path}') {select}")

    def keep(self, entity: str, name: str) -> Path:
        """A copy of a released table, as an earlier version."""
        target = self.settings.home / f"{name}.parquet"
        target.write_bytes(self.path("protected", entity).read_bytes())
        return target

    def judge(self, earlier=()):
        return judge_risk(self.settings, product=PRODUCT, month=MONTH, earlier=earlier)

    def _mart(self, entity: str, key: str) -> str:
        people = f"range({PATIENTS}) t(i)"
        patient = "printf('p%05d', i) AS patient_key, ['H01', 'H02'][1 + i % 2] AS hospital_id"
        own = "" if key == "patient_key" else f"printf('{entity}%05d', i) AS {key}, "
        sensitive = "".join(
            f", hash(i * 31 + {n}) % 4 < 1 AS {s.column}"
            if s.column.startswith(("is_", "has_"))
            else f", ['a', 'b', 'c'][1 + CAST(hash(i * 7 + {n}) % 3 AS INTEGER)] AS {s.column}"
            for n, s in enumerate(self.product.protection.sensitive)
            if s.table == entity
        )
        if entity == "patient":
            return f"""SELECT {patient}, ['F', 'M'][1 + i // 2 % 2] AS sex,
                '1950-1969' AS birth_year, 'east' AS region_l1, '2020-2024' AS index_year
                {sensitive} FROM {people}"""
        if entity == "attrition":
            return "SELECT 'ALL' AS hospital_id, 1 AS step_no, 'x' AS step_id, 90 AS n_in"
        if entity == "encounter":
            return f"""SELECT printf('e%05d-%d', i, v) AS encounter_key, {patient}, v * 90 AS day,
                ['inpatient', 'outpatient'][1 + (i + v) % 2] AS class
                FROM {people}, range(3) visits(v)"""
        codes = ", ['I50', 'I48', 'I25'][1 + i % 3] AS code, 'ICD' AS code_system"
        return f"SELECT {own}{patient}, 5 AS day{codes}{sensitive} FROM {people}"


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("whole")
    Release(Settings(home, "", "", home / "keyring.json")).build()
    return home


@pytest.fixture
def release(settings: Settings, whole: Path) -> Release:
    shutil.copytree(whole, settings.home, dirs_exist_ok=True)
    return Release(settings)
