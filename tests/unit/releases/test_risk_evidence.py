"""Nobody publishes what misses a privacy bound, whatever its report says; amber needs a person."""

import json
from dataclasses import replace

import pytest

from clearward import audit
from clearward.errors import GateBrokenError, GateError, ReleaseError
from clearward.releases.evidence import amber_gates
from clearward.releases.shelf import load_manifest
from clearward.releases.sign_off import sign_off, signatures
from clearward.releases.tables import content_hash, read_tables
from clearward.risk.gates import demands
from clearward.stamp import stamp_file
from clearward.state.base import state_engine
from tests.unit.releases import factory

PRODUCT, MONTH = factory.PRODUCT, factory.MONTH
DEMANDS = demands(factory.load_product(PRODUCT), has_earlier=False)


def judged(house, change=None, **entries):
    house.write()
    factory.write_risk(house.settings, change=change, **entries)
    house.build()


def worse(demand):
    """A value just beyond the bound."""
    beyond = demand.bound - 0.5 if demand.is_least else demand.bound + 0.01
    beyond = 0 if (demand.gate, demand.is_least) == ("G4", True) else beyond
    return {(demand.gate, demand.check, demand.subject): {"value": beyond, "high": beyond}}


def sign(house, gate="G4", **words):
    words = {"by": "Dr. Officer", "reason": "few patients", **words}
    return sign_off(house.settings, product=PRODUCT, month=MONTH, gate=gate, **words)


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda d: d.name)
def test_a_value_beyond_the_bound_is_refused_though_its_state_says_green(house, demand):
    judged(house, worse(demand))
    with pytest.raises(GateError, match=demand.check):
        house.publish()
    assert list(house.storage.list(f"{PRODUCT}/")) == []


@pytest.mark.parametrize("demand", DEMANDS[::5], ids=lambda d: d.name)
def test_a_bound_in_the_report_counts_for_nothing(house, demand):
    change = worse(demand)
    next(iter(change.values())).update(bound=1e9, is_least=False)
    judged(house, change)
    with pytest.raises(GateError):
        house.publish()


@pytest.mark.parametrize("name", ["risk.json", "privacy.json", "release_gate/gate.json"])
def test_a_report_that_was_edited_by_hand_is_refused(house, name):
    judged(house)
    path = house.settings.reports / PRODUCT / MONTH / name
    path.write_text(path.read_text().replace("0.02", "0.01") + " ")
    for step in (house.build, house.publish):
        with pytest.raises((GateError, ReleaseError), match="not the one that was made"):
            step()


def test_a_report_of_another_installation_is_refused(house, tmp_path):
    judged(house)
    settings, _ = factory.make_settings(tmp_path / "elsewhere")
    path = house.settings.reports / PRODUCT / MONTH / "risk.json"
    stamp_file(replace(house.settings, keyring=settings.keyring), path)
    with pytest.raises(GateError, match="not the one that was made"):
        house.publish()


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda d: d.name)
def test_a_check_that_is_missing_is_refused(house, demand):
    checks = factory.green_checks()
    place = (demand.gate, demand.check, demand.subject)
    kept = [c for c in checks if (c["gate"], c["check"], c["subject"]) != place]
    judged(house, checks=kept)
    with pytest.raises(GateError, match="exactly the checks"):
        house.publish()


@pytest.mark.parametrize("value", [None, "0", True, float("nan"), float("inf"), [], {}])
def test_a_check_without_a_number_is_a_broken_gate(house, value):
    judged(house, {("G1", "k", ""): {"value": value}})
    with pytest.raises(GateBrokenError):
        house.publish()


@pytest.mark.parametrize("checks", [[], None, "all green", [factory.green_checks()[0]] * 2])
def test_a_report_without_its_checks_is_refused(house, checks):
    judged(house, checks=checks)
    with pytest.raises(GateError):
        house.publish()


def test_a_check_nobody_demanded_is_refused(house):
    extra = {**factory.green_checks()[0], "check": "charm"}
    judged(house, checks=[*factory.green_checks(), extra])
    with pytest.raises(GateError, match="unknown checks"):
        house.publish()


def test_a_report_about_other_files_is_refused(house):
    house.write(patients=61)
    house.build()
    other = dict.fromkeys(factory.table_hashes(house.settings, MONTH), "0" * 64)
    factory.write_risk(house.settings, files=other)
    with pytest.raises(GateError, match="other files"):
        house.publish()


def test_a_report_of_another_product_is_refused(house):
    judged(house)
    factory.write_risk(house.settings, product="neurology")
    with pytest.raises(GateError, match="another product"):
        house.publish()


def test_without_a_report_there_is_no_candidate_and_no_release(house):
    house.write()
    house.build()
    (house.settings.reports / PRODUCT / MONTH / "risk.json").unlink()
    with pytest.raises(GateError, match="no risk report"):
        house.publish()
    with pytest.raises(GateError, match="no risk report"):
        house.build()


@pytest.mark.parametrize("earlier", [[], ["0" * 64], ["0" * 64, "1" * 64]])
def test_a_history_that_is_not_the_stores_is_refused(house, earlier):
    house.release("2024-05")
    house.write("2024-06", patients=70)
    checks = factory.green_checks(has_earlier=bool(earlier))
    factory.write_risk(house.settings, "2024-06", earlier=earlier, checks=checks)
    house.build("2024-06")
    with pytest.raises(GateError, match="published before"):
        house.publish("2024-06")


def test_beside_the_stores_own_history_it_is_published(house):
    house.release("2024-05")
    assert house.release("2024-06", patients=70).version == "1.1.0"


AMBER = {("G4", "linkability", ""): {"value": 0.001, "low": 0.0, "high": 0.5}}


def test_amber_needs_a_persons_signature_for_this_very_content(house):
    judged(house, AMBER)
    assert amber_gates(house.settings, PRODUCT, month=MONTH) == ["G4"]
    with pytest.raises(GateError, match="nobody has signed"):
        house.publish()
    content = sign(house)
    tables = read_tables(house.settings, factory.load_product(PRODUCT), month=MONTH)
    assert content == content_hash(tables)
    assert house.publish().version == "1.0.0"
    told = load_manifest(house.storage, PRODUCT, "1.0.0").facts["sign_offs"]
    assert [(s["gate"], s["signed_by"], s["reason"]) for s in told] == [
        ("G4", "Dr. Officer", "few patients")
    ]


def test_a_signature_is_in_the_audit_log_once(house):
    judged(house, AMBER)
    sign(house)
    sign(house, by="Somebody Else")
    engine = state_engine(house.settings.database)
    lines = audit.verify(engine)
    kept = signatures(house.settings, product=PRODUCT, content_sha256=sign(house))
    assert kept["G4"].signed_by == "Dr. Officer"
    assert audit.verify(engine) == lines


def test_a_signature_does_not_outlive_the_data(house):
    judged(house, AMBER)
    sign(house)
    house.write(patients=61)
    factory.write_risk(house.settings, change=AMBER)
    house.build()
    with pytest.raises(GateError, match="nobody has signed"):
        house.publish()


@pytest.mark.parametrize("demand", DEMANDS[::4], ids=lambda d: d.name)
def test_a_red_gate_is_signed_off_by_nobody(house, demand):
    judged(house, worse(demand))
    with pytest.raises(GateError, match="cannot be signed off"):
        sign(house, demand.gate)


def test_one_red_check_makes_an_amber_gate_red(house):
    judged(house, AMBER | {("G4", "singling_out", ""): {"value": 0.5, "high": 0.6}})
    with pytest.raises(GateError, match="cannot be signed off"):
        sign(house)


def test_a_green_gate_needs_no_signature_and_takes_none(house):
    judged(house)
    with pytest.raises(GateError, match="cannot be signed off"):
        sign(house)


@pytest.mark.parametrize("words", [{"by": " "}, {"reason": ""}])
def test_a_signature_has_a_name_and_a_reason(house, words):
    judged(house, AMBER)
    with pytest.raises(ReleaseError, match="name and a reason"):
        sign(house, **words)


def test_a_gate_that_does_not_exist_is_not_signed(house):
    judged(house, AMBER)
    with pytest.raises(GateError, match="no gate G9"):
        sign(house, "G9")


def test_the_manifest_holds_values_and_bounds(house):
    judged(house)
    house.publish()
    risk = load_manifest(house.storage, PRODUCT, "1.0.0").facts["risk"]
    assert {(c["gate"], c["check"]) for c in risk["checks"]} == {(d.gate, d.check) for d in DEMANDS}
    assert all("bound" in check for check in risk["checks"])
    json.dumps(risk, allow_nan=False)
