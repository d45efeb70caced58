"""The reports as the rooms that own them write them are the ones that publishing understands."""

import json

import pytest

from clearward.errors import GateBrokenError, GateError
from clearward.protect.report import ProtectReport, write_report
from clearward.quality.report import Check, GateReport, State, judge_file, save_report
from clearward.releases import evidence
from clearward.releases.evidence import GREEN_STATES, check_gate, gate_folder
from clearward.releases.tables import read_tables
from clearward.risk.prosecutor import Risk
from clearward.stamp import stamp_file
from clearward.warehouse import Warehouse
from tests.unit.releases import factory

PRODUCT, MONTH = factory.PRODUCT, factory.MONTH


def write_real_reports(house, state=State.PASS):
    product = factory.load_product(PRODUCT)
    warehouse = Warehouse(house.settings.warehouse)
    names = [product.table_name(table) for table in product.tables]
    paths = {name: warehouse.partition("protected", name, month=MONTH) for name in names}
    checks = [Check(name, "has_rows", "has_rows", State.PASS, 60, 0) for name in names]
    checks[0] = Check(names[0], "has_rows", "has_rows", state, 60, 0)
    files = tuple(judge_file(name, path) for name, path in paths.items())
    report = GateReport("release", tuple(checks), files, tuple(names))
    path = save_report(report, gate_folder(house.settings, PRODUCT, month=MONTH))
    stamp_file(house.settings, path)
    risk = Risk(30, factory.PATIENTS, 2, 0, 1 / 30, 1 / 30, 0.0)
    hashes = factory.table_hashes(house.settings, MONTH)
    protect = ProtectReport(
        product=PRODUCT,
        month=MONTH,
        k_asked=product.protection.k,
        k_reached=30,
        max_suppressed=product.protection.max_suppressed,
        patients_in=factory.PATIENTS,
        patients_kept=factory.PATIENTS,
        patients_suppressed=0,
        patients_waiting=0,
        patients_withheld=0,
        earlier=(),
        recoding="global",
        levels={"sex": 0},
        heights={"sex": 1},
        loss=0.1,
        nodes=4,
        nodes_checked=2,
        before=risk,
        after=risk,
        events={},
        rows=dict.fromkeys(hashes, factory.PATIENTS),
        files=hashes,
    )
    write_report(house.settings, protect)
    return report


def test_real_green_reports_are_published(house):
    house.write()
    assert write_real_reports(house).is_green
    house.build()
    assert house.publish().version == "1.0.0"


@pytest.mark.parametrize(
    ("state", "error"), [(State.FAIL, GateError), (State.ERROR, GateBrokenError)]
)
def test_real_red_reports_are_not(house, state, error):
    house.write()
    write_real_reports(house, state)
    house.build()
    with pytest.raises(error):
        house.publish()


@pytest.mark.parametrize("state", State)
def test_both_rooms_call_the_same_states_green(house, state):
    house.write()
    report = write_real_reports(house, state)
    tables = read_tables(house.settings, factory.load_product(PRODUCT), month=MONTH)
    document = evidence.read_gate(house.settings, PRODUCT, month=MONTH)
    assert report.is_green == (state.value in GREEN_STATES)
    if report.is_green:
        check_gate(document, tables)
    else:
        with pytest.raises(GateError):
            check_gate(json.loads(json.dumps(document)), tables)
