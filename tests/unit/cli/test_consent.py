"""``clearward consent``, as a hospital's officer types it, on a real state database."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.consent.counts import write_counts
from clearward.deidentify.installation import open_keyring
from clearward.keyring import init_keyring, pseudonym
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate

HEADER = (
    "patient_id,purpose,decision,decided_at,valid_from,valid_until,text_version,text_sha256,"
    "evidence_sha256,language,guardian,event_id"
)
SALE = "commercial_licensing"
FORM = b"I allow the hospital to license my data."


def line(patient, decision, at, *, until="", purpose=SALE, event_id=""):
    digest = hashlib.sha256(FORM).hexdigest()
    return f"{patient},{purpose},{decision},{at},,{until},v1,{digest},{'ab' * 32},en,,{event_id}"


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CLEARWARD_STORE", "CLEARWARD_DATABASE", "CLEARWARD_KEYRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    settings = load_settings()
    settings.home.mkdir()
    migrate(state_engine(settings.database))
    init_keyring(settings.keyring)
    return settings


@pytest.fixture
def send(home, tmp_path):
    def importing(*lines, month="2024-05", code=0, more=()):
        file = tmp_path / "consents.csv"
        file.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        words = ("import", str(file), "--hospital", "north", "--month", month, "--json", *more)
        return clearward(*words, code=code)

    return importing


def clearward(*words, code=0):
    result = CliRunner().invoke(app, ["consent", *words])
    assert result.exit_code == code, result.output + repr(result.exception)
    return json.loads(result.output) if code == 0 and "--json" in words else str(result.exception)


def events_in(settings):
    with state_engine(settings.database).connect() as connection:
        return connection.execute(text("SELECT count(*) FROM consent_event")).scalar()


def test_an_import_adds_once_and_a_dry_run_never(send, home):
    lines = [line("p1", "permit", "2024-05-01"), line("p2", "deny", "2024-05-01")]
    tried = send(*lines, more=["--dry-run"])
    assert (tried["events"], tried["added"], tried["dry_run"]) == (2, 0, True)
    assert events_in(home) == 0
    assert send(*lines)["added"] == 2
    assert send(*lines)["added"] == 0
    assert events_in(home) == 2


def test_a_dry_run_counts_the_contradictions_that_rules_decide(send):
    found = send(
        line("one-second", "permit", "2024-05-01T10:00:00Z"),
        line("one-second", "deny", "2024-05-01T10:00:00Z"),
        line("overlap", "permit", "2024-04-01", until="2024-05-01"),
        line("overlap", "permit", "2024-05-01"),
        line("apart", "permit", "2024-04-01", until="2024-04-30"),
        line("apart", "permit", "2024-05-01"),
        line("back", "withdraw", "2024-04-01"),
        line("back", "permit", "2024-05-01"),
        line("gone", "permit", "2024-04-01"),
        line("gone", "withdraw", "2024-05-01"),
        line("other", "permit", "2024-05-01T10:00:00Z"),
        line("other", "deny", "2024-05-01T10:00:00Z", purpose="research"),
        more=["--dry-run"],
    )
    names = ("same_second", "overlapping_periods", "permit_after_withdrawal")
    assert [found[name] for name in names] == [1, 1, 1]


def test_an_event_id_with_another_content_in_a_second_file_is_refused(send, home):
    first = line("p1", "permit", "2024-05-01", event_id="K-1")
    assert send(first)["added"] == 1
    assert send(first)["added"] == 0
    changed = line("p1", "permit", "2024-05-02", event_id="K-1")
    for more in ((), ("--dry-run",)):
        refusal = send(changed, line("p2", "permit", "2024-05-02"), code=1, more=more)
        assert "1 event_id with another content" in refusal
    assert events_in(home) == 1
    assert send(line("p1", "permit", "2024-05-02", event_id="K-2"))["added"] == 1


def test_a_line_that_breaks_a_rule_refuses_the_file_without_its_values(send, home):
    refusal = send(line("p1", "permit", "2024-05-01"), line("Jane Roe", "yes", "May"), code=1)
    assert "line 3: unknown decision" in refusal and "Jane" not in refusal
    assert events_in(home) == 0


def test_permits_must_name_the_registered_text(send, home, tmp_path):
    form = tmp_path / "form.txt"
    form.write_bytes(FORM)
    words = ("text", str(form), "--hospital", "north", "--version", "v1", "--purpose")
    clearward(*words, SALE, "--language", "en")
    assert send(line("p1", "permit", "2024-05-01"))["added"] == 1
    refusal = send(line("p1", "permit", "2024-05-01", purpose="research"), code=1)
    assert "1 purposes their text does not speak of" in refusal
    form.write_bytes(FORM + b" And more.")
    assert "registered already" in clearward(*words, SALE, "--language", "en", code=1)


def test_evidence_tells_the_decision_and_writes_the_pack(send, home, tmp_path):
    send(line("p1", "permit", "2024-05-01"), line("p1", "withdraw", "2024-05-02"))
    keyring_key = _patient_key(home, "p1")
    words = ("evidence", "--hospital", "north", "--patient-key", keyring_key)
    pack = clearward(*words, "--json")
    decided = {entry["purpose"]: entry for entry in pack["decisions"]}
    assert decided[SALE]["state"] == "withdrawn"
    assert len(pack["events"]) == 2
    clearward(*words, "--folder", str(tmp_path / "packs"))
    written = sorted(path.name for path in (tmp_path / "packs").iterdir())
    assert written == [f"consent-{keyring_key}.html", f"consent-{keyring_key}.json"]


def test_verify_counts_the_ledger_and_notices_a_changed_word(send, home):
    send(line("p1", "deny", "2024-05-01"))
    assert clearward("verify", "--json")["events"] == 1
    with state_engine(home.database).begin() as connection:
        connection.execute(text("DROP TRIGGER consent_event_no_update"))
        connection.execute(text("UPDATE consent_event SET decision = 'permit'"))
    assert clearward("verify", code=1)


def test_status_shows_what_the_gate_counted(home):
    assert clearward("status", "--json") == []
    counts = {SALE: {"permitted": 3, "denied": 1}}
    write_counts(home, counts, ledger="0" * 64, hospital="north", month="2024-05")
    rows = clearward("status", "--json", "--month", "2024-05")
    assert [(row["reason"], row["patients"]) for row in rows] == [("denied", 1), ("permitted", 3)]
    assert clearward("status", "--json", "--month", "2024-06") == []


def _patient_key(settings, patient):
    return pseudonym(open_keyring(settings).key("row"), "north", "patients", patient)
