"""``clearward recall`` and ``clearward licence deliveries``, as the publisher types them."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.licensing import recall_lists
from clearward.products.spec import load_product
from tests.unit.releases import factory

K = load_product(factory.PRODUCT).protection.k


@pytest.fixture
def house(people, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(people.settings.home))
    for name in ("CLEARWARD_STORE", "CLEARWARD_DATABASE", "CLEARWARD_KEYRING"):
        monkeypatch.delenv(name, raising=False)
    now = datetime.now(UTC).replace(microsecond=0)
    people.clock.moment = now
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    return people


def clearward(*words, code=0):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def test_from_run_to_a_confirmation_on_paper(house, tmp_path):
    assert json.loads(clearward("recall", "run", "--json"))["lists_made"] == 1
    [row] = json.loads(clearward("recall", "list", "--json"))
    assert row["state"] == "pending"
    report = json.loads(clearward("recall", "report", "--json", code=1))
    assert report["lists"][0]["patients"] == str(K)
    clearward("recall", "export", row["id"], "--folder", str(tmp_path), "--by", "Officer")
    kept = tmp_path / f"{row['id']}.dsse.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    paper = tmp_path / "statement.pdf"
    paper.write_bytes(b"signed")
    [note] = recall_lists.lists(house.engine)
    made = note.made_at.removesuffix("Z")
    attest = ("recall", "attest", row["id"], "--by", "A. Officer", "--paper", str(paper))
    clearward(*attest, "--deleted-at", made)
    assert json.loads(clearward("recall", "report", "--json"))["lists"][0]["state"] == "confirmed"


def test_no_command_shows_a_patient(house):
    clearward("recall", "run")
    shown = clearward("recall", "list") + clearward("recall", "report", code=1)
    shown += clearward("licence", "deliveries", "--json") + clearward("licence", "list", "--json")
    assert not [n for n in range(K) if house.published_key(n) in shown]
    assert "PUBLIC KEY" not in shown


def test_deliveries_are_shown_by_buyer_however_it_is_spelled(house):
    rows = json.loads(clearward("licence", "deliveries", "--buyer", "ACME  research", "--json"))
    assert [(r["version"], r["copy"]) for r in rows] == [("1.0.0", "own")]
    assert json.loads(clearward("licence", "deliveries", "--buyer", "Nobody", "--json")) == []
