"""An extract's way in: what is registered, in which order, and what a crash or a refusal leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sources.conftest import P1, Workshop, csv_text, patient, small_run, write_run
from sqlalchemy import select
from sqlalchemy.orm import Session

from clearward import arrival as arrival_module
from clearward.arrival import PASSED_OVER, find_extract, landed_extracts, receive_extract
from clearward.consent.registry import read_events
from clearward.errors import ConsentError, ExtractError, StateError
from clearward.freshness import month_fingerprint
from clearward.state.base import Base, state_engine
from clearward.state.models import ExtractRecord

MONTH = "2024-05"
PERMIT = {
    "patient_id": P1,
    "purpose": "commercial_licensing",
    "decision": "permit",
    "decided_at": "2024-04-01",
    "valid_from": "",
    "valid_until": "",
    "text_version": "v1",
    "text_sha256": "a" * 64,
    "evidence_sha256": "b" * 64,
    "language": "en",
    "guardian": "false",
}


class Landing(Workshop):
    """A workshop whose extracts lie in the landing folder, with a register beside it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "synthea")
        self.database = state_engine(f"sqlite:///{root / 'state.db'}")
        Base.metadata.create_all(self.database)

    def land(self, name: str, *, run=None, consents=(PERMIT,), **how) -> Path:
        """Write and pack an extract under landing/<hospital>/<name>."""
        folder = self.settings.landing / self.hospital / name
        folder.mkdir(parents=True)
        write_run(folder, run or small_run())
        if consents:
            (folder / "consents.csv").write_text(csv_text(list(consents)), "utf-8")
        return self.pack(folder, **how)

    def receive(self, month: str = MONTH):
        return receive_extract(
            self.settings, self.database, self.keyring, hospital=self.hospital, month=month
        )

    def register(self) -> list[tuple[str, int, str, str]]:
        """Status, sequence, reason and system of every record, oldest first."""
        with Session(self.database) as session:
            records = session.scalars(select(ExtractRecord).order_by(ExtractRecord.id))
            return [(r.status, r.sequence, r.reason, r.system) for r in records]

    def consents(self) -> int:
        return read_events(self.database, self.hospital, month="2024-12").num_rows


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def change(folder: Path, **values: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def test_rows_and_consents_are_both_there(landing):
    landing.land("may")
    report = landing.receive()
    assert report.status == "ingested" and len(landing.raw("patients", "row_key")) == 2
    assert landing.consents() == 1
    assert landing.register() == [("accepted", 1, "", "synthea")]


def test_a_refusal_is_registered_with_its_reason_and_raised_again(landing):
    folder = landing.land("may")
    with (folder / "patients.csv").open("a") as file:
        file.write("\n")
    for _ in range(2):
        with pytest.raises(ExtractError, match="another size"):
            landing.receive()
    [(status, sequence, reason, _)] = landing.register()
    assert (status, sequence) == ("refused", 1)
    assert reason == "patients.csv has another size than its manifest says."


def test_a_second_refusal_replaces_the_reason_of_the_first(landing):
    folder = landing.land("may")
    good = (folder / "patients.csv").read_bytes()
    (folder / "patients.csv").unlink()
    with pytest.raises(ExtractError, match="not in the folder"):
        landing.receive()
    (folder / "patients.csv").write_bytes(good.replace(b"1960", b"1961"))
    with pytest.raises(ExtractError, match="has changed since"):
        landing.receive()
    assert [reason for _, _, reason, _ in landing.register()] == [
        "patients.csv has changed since its manifest was written."
    ]
    (folder / "patients.csv").write_bytes(good)
    landing.receive()
    assert landing.register() == [("accepted", 1, "", "synthea")]


def test_a_corrected_extract_after_a_refusal_is_accepted(landing):
    bad = landing.land("may-1")
    change(bad, created_at="2024-06-01T00:00:00Z")
    (bad / "conditions.csv").unlink()
    with pytest.raises(ExtractError, match="not in the folder"):
        landing.receive()
    good = landing.land("a-second-try")
    change(good, created_at="2024-06-02T00:00:00Z")
    assert landing.receive().status == "ingested"
    assert [status for status, *_ in landing.register()] == ["refused", "accepted"]


def test_a_refused_ingest_loads_no_consent(landing):
    landing.land("june", month="2024-06", sequence=2)
    with pytest.raises(ExtractError, match="gap before it"):
        landing.receive("2024-06")
    assert landing.consents() == 0
    assert [status for status, *_ in landing.register()] == ["refused"]


def test_refused_consents_take_no_row(landing):
    landing.land("may", consents=[{**PERMIT, "decision": "maybe"}])
    with pytest.raises(ConsentError, match="rules are broken"):
        landing.receive()
    assert not landing.part("raw", "patients").exists()
    assert [status for status, *_ in landing.register()] == ["refused"]


def test_a_crash_after_ingest_is_completed_by_the_next_call(landing, monkeypatch):
    landing.land("may")

    def dies(engine, events):
        raise StateError("the process dies here")

    monkeypatch.setattr(arrival_module, "load_events", dies)
    with pytest.raises(StateError):
        landing.receive()
    assert (landing.consents(), landing.register()) == (0, [])
    monkeypatch.undo()
    before = landing.files()
    assert landing.receive().status == "repeated"
    assert landing.consents() == 1 and landing.files() == before
    assert landing.register() == [("accepted", 1, "", "synthea")]


def test_only_unseen_manifests_are_listed_oldest_month_first(landing):
    june = landing.land("x", month="2024-06", sequence=2)
    may = landing.land("y")
    assert [a.folder for a in landed_extracts(landing.settings, landing.database)] == [may, june]
    landing.receive()
    assert [a.folder for a in landed_extracts(landing.settings, landing.database)] == [june]


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"hospital": "stmary"}', "\xff"])
def test_an_unreadable_manifest_is_a_clear_refusal(landing, content):
    folder = landing.land(MONTH)
    (folder / "manifest.json").write_text(content, "latin-1")
    [arrival] = landed_extracts(landing.settings, landing.database)
    assert (arrival.hospital, arrival.month) == ("stmary", MONTH)
    with pytest.raises(ExtractError, match="manifest of 2024-05 cannot be understood"):
        landing.receive()
    assert landed_extracts(landing.settings, landing.database) == []


def test_a_manifest_that_tells_no_month_is_logged_and_stops_no_other(landing, caplog):
    good, bad = landing.land("good"), landing.land("bad")
    change(bad, month="May 2024")
    assert [a.folder for a in landed_extracts(landing.settings, landing.database)] == [good]
    assert "1 landed manifests are unreadable" in caplog.text


def test_of_two_folders_the_higher_sequence_then_the_newest_counts(landing):
    names = {"c": (1, "2024-06-03"), "b": (2, "2024-06-02"), "a": (2, "2024-06-04")}
    for name, (sequence, made) in names.items():
        change(landing.land(name, sequence=sequence), created_at=made)
    found = find_extract(landing.settings, hospital="stmary", month=MONTH)
    assert (found.folder.name, found.sequence) == ("a", 2)


def test_a_folder_passed_over_is_registered_and_an_accepted_one_stays_accepted(landing):
    change(landing.land("first"), created_at="2024-06-01")
    landing.receive()
    change(landing.land("again"), created_at="2024-06-02")
    change(landing.land("older", run=small_run(patients=(P1,))), created_at="2024-05-30")
    landing.receive()
    assert sorted((s, r) for s, _, r, _ in landing.register()) == [
        ("accepted", ""),
        ("accepted", ""),
        ("refused", PASSED_OVER),
    ]
    assert landed_extracts(landing.settings, landing.database) == []


def test_a_delta_that_landed_with_the_extract_before_it_is_taken_after_it(landing):
    landing.land("b-full")
    more = {"patients.csv": [patient("p-0009")]}
    landing.land("a-delta", run=more, consents=(), kind="delta", sequence=2)
    report = landing.receive()
    assert (report.sequence, report.merged) == (2, True)
    assert len(landing.state("patients", "patient_id")) == 3
    assert [(s, n) for s, n, *_ in landing.register()] == [("accepted", 1), ("accepted", 2)]


def test_an_extract_of_another_hospital_is_refused(landing):
    change(landing.land("may"), hospital="renmin")
    with pytest.raises(ExtractError, match="landing folder of stmary and is another's"):
        landing.receive()
    assert not landing.settings.warehouse.exists()


@pytest.mark.parametrize("how", ["unlisted", "capitals"])
def test_consents_outside_the_manifest_or_in_capitals_are_refused(landing, how):
    folder = landing.land("may", consents=() if how == "unlisted" else (PERMIT,))
    if how == "unlisted":
        (folder / "consents.csv").write_text(csv_text([PERMIT]), "utf-8")
    else:
        (folder / "consents.csv").rename(folder / "CONSENTS.CSV")
        landing.pack(folder)
    with pytest.raises(ExtractError, match="consents cannot be trusted"):
        landing.receive()
    assert landing.consents() == 0


def test_a_month_without_extract_says_where_to_put_it(landing):
    with pytest.raises(ExtractError, match="no extract of stmary") as caught:
        landing.receive("2024-07")
    assert "landing" in str(caught.value)


def test_a_hospitals_words_make_its_month_one_to_be_done_again(landing):
    landing.land("may")

    def now() -> str:
        return month_fingerprint(
            landing.settings, landing.database, month=MONTH, hospitals=["stmary"], goal="candidate"
        )

    before = now()
    words = landing.settings.landing / "stmary" / "hospital.toml"
    words.write_text('[code_systems]\n"house list" = "ICD-10-CM"\n', "utf-8")
    assert now() != before
