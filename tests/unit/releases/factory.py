"""A small protected product with its reports, made in the test's folder: no real data."""

import hashlib
import json
from dataclasses import replace

import duckdb

from clearward.consent.counts import write_counts
from clearward.deidentify.reports import write_report as write_door_report
from clearward.deidentify.special import list_id
from clearward.keyring import init_keyring
from clearward.products.spec import load_product
from clearward.releases.shelf import patient_hashes
from clearward.risk.gates import demands
from clearward.settings import load_settings
from clearward.stamp import write_stamped
from clearward.state.base import Base, state_engine
from clearward.storage import open_storage
from clearward.warehouse import Warehouse

PRODUCT = "cardiology"
MONTH = "2024-05"
PATIENTS = 60


def make_settings(home):
    settings = load_settings({"CLEARWARD_HOME": str(home)})
    Base.metadata.create_all(state_engine(settings.database))
    return settings, init_keyring(settings.keyring)


def patient_sql(patients=PATIENTS):
    return f"""SELECT printf('p%019d', i) AS patient_key, 'H01' AS hospital_id,
        CASE i % 2 WHEN 0 THEN 'F' ELSE 'M' END AS sex, '1950-1969' AS birth_year,
        'east' AS region_l1, '2020-2024' AS index_year FROM range({patients}) t(i)"""


def entity_sql(entity, key, patients=PATIENTS):
    if entity == "attrition":
        return f"""SELECT * FROM (VALUES
            ('H01', 1, 'has_code', {patients + 40}, {patients + 20}, 20, 'no cardiac code'),
            ('H01', 2, 'is_adult', {patients + 20}, {patients + 20}, 0, 'under 18'),
            ('H01', 3, 'k-anonymity', {patients + 20}, {patients}, 20, 'fewer than k patients')
            ) t(hospital_id, step_no, step_id, n_in, n_out, n_excluded, reason)"""
    if entity == "patient":
        return patient_sql(patients)
    named = "" if key == "patient_key" else f"printf('{entity}%05d', i) AS {key}, "
    return f"""SELECT {named}printf('p%019d', i) AS patient_key, 'H01' AS hospital_id,
        i AS day, 50.0 + i AS value FROM range({patients}) t(i)"""


def write_product(settings, month=MONTH, *, patients=PATIENTS, overrides=None):
    """Write all protected tables; ``overrides``: entity -> SQL that replaces the default."""
    product, warehouse = load_product(PRODUCT), Warehouse(settings.warehouse)
    with duckdb.connect() as connection:
        for table in product.tables:
            sql = (overrides or {}).get(table.entity) or entity_sql(
                table.entity, table.key[0], patients
            )
            path = warehouse.partition("protected", product.table_name(table), month=month)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            order = ", ".join(table.key)
            connection.execute(
                f"COPY (SELECT *, '{month}' AS month FROM ({sql}) ORDER BY {order}) TO '{path}'"
            )
        write_counts(
            settings,
            {"commercial_licensing": {"permitted": patients, "denied": 40}},
            ledger="1" * 64,
            hospital="stmary",
            month=month,
        )
        subject = warehouse.partition("cleared", "subject", month=month, hospital="stmary")
        subject.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(
            "COPY (SELECT 'stmary' AS hospital_id, printf('r%d', i) AS patient_key, "
            f"'commercial_licensing' AS purpose FROM range({patients}) t(i)) TO '{subject}'"
        )
    write_marker(settings, month)
    door = {"hospital": "stmary", "month": month, "special_list": list_id()}
    write_door_report(settings, door, hospital="stmary", month=month)
    write_reports(settings, month, patients=patients)


def write_marker(settings, month):
    folder = settings.warehouse / "raw" / "_extracts" / f"month={month}" / "hospital=stmary"
    folder.mkdir(parents=True, exist_ok=True)
    report = {
        "hospital": "stmary",
        "manifest_sha256": hashlib.sha256(month.encode()).hexdigest(),
        "month": month,
        "kind": "full",
        "tables": [],
    }
    (folder / "report.json").write_text(json.dumps(report))


def table_hashes(settings, month):
    product, warehouse = load_product(PRODUCT), Warehouse(settings.warehouse)
    found = {}
    for table in product.tables:
        path = warehouse.partition("protected", product.table_name(table), month=month)
        found[table.entity] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def write_reports(settings, month=MONTH, *, patients=PATIENTS, gate=None, privacy=None):
    """Green reports for the files as they are; ``gate`` and ``privacy`` replace single entries."""
    hashes = table_hashes(settings, month)
    folder = settings.reports / PRODUCT / month
    (folder / "release_gate" / "data_docs").mkdir(parents=True, exist_ok=True)
    (folder / "release_gate" / "data_docs" / "index.html").write_text("<h1>docs</h1>")
    checks = [
        {
            "table": f"{PRODUCT}__{entity}",
            "check": "has_rows",
            "kind": "has_rows",
            "state": "pass",
            "rows": patients,
            "failed": 0,
            "mostly": 1.0,
            "kahn": "completeness",
        }
        for entity in hashes
    ]
    files = [{"table": f"{PRODUCT}__{e}", "sha256": h, "bytes": 1} for e, h in hashes.items()]
    document = {"gate": "release", "is_green": True, "checks": checks, "files": files}
    gate_path = folder / "release_gate" / "gate.json"
    write_stamped(settings, gate_path, json.dumps({**document, **(gate or {})}))
    risk = {
        "k": 30,
        "patients": patients,
        "classes": 2,
        "uniques": 0,
        "max_prosecutor": 1 / 30,
        "avg_prosecutor": 1 / 30,
        "at_risk": 0.0,
    }
    figures = {
        "product": PRODUCT,
        "month": month,
        "k_asked": load_product(PRODUCT).protection.k,
        "k_reached": 30,
        "patients_in": patients + 3,
        "patients_kept": patients,
        "patients_suppressed": 3,
        "levels": {"sex": 0, "birth_year": 3},
        "heights": {"sex": 1, "birth_year": 5},
        "loss": 0.25,
        "before": risk,
        "after": risk,
        "files": hashes,
    }
    write_risk(settings, month, hashes=hashes)
    write_stamped(settings, folder / "privacy.json", json.dumps({**figures, **(privacy or {})}))


def green_checks(*, has_earlier=False):
    """Every demanded check at exactly its bound, the narrowest interval around it."""
    return [
        {
            "gate": demand.gate,
            "check": demand.check,
            "subject": demand.subject,
            "value": demand.bound,
            "low": demand.bound,
            "high": demand.bound,
            "bound": demand.bound,
            "is_least": demand.is_least,
            "state": "green",
        }
        for demand in demands(load_product(PRODUCT), has_earlier=has_earlier)
    ]


def write_risk(settings, month=MONTH, *, hashes=None, change=None, **entries):
    """A green risk report for the files as they are, beside everything the store holds.

    ``change``: (gate, check, subject) -> entries of that check; ``entries`` replace the report's.
    """
    earlier = list(patient_hashes(open_storage(settings), PRODUCT, public_key=None))
    checks = green_checks(has_earlier=bool(earlier))
    for check in checks:
        check.update((change or {}).get((check["gate"], check["check"], check["subject"]), {}))
    document = {
        "product": PRODUCT,
        "month": month,
        "checks": checks,
        "states": {"G1": "green", "G2": "green", "G4": "green", "G5": "green", "G6": "green"},
        "figures": {},
        "files": hashes or table_hashes(settings, month),
        "mart": {},
        "earlier": earlier,
    }
    path = settings.reports / PRODUCT / month / "risk.json"
    write_stamped(settings, path, json.dumps({**document, **entries}))


def moved(settings, **changes):
    return replace(settings, **changes)
