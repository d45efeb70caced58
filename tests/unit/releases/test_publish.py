import json
import sys

import pytest
from sqlalchemy import select

from clearward import audit
from clearward.errors import GateBrokenError, GateError, ReleaseError, StorageError
from clearward.releases.candidate import build_candidate
from clearward.releases.publish import approve, publish, retire
from clearward.releases.shelf import (
    file_key,
    latest_version,
    list_releases,
    load_manifest,
    manifest_key,
    show_release,
)
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.stamp import write_stamped
from clearward.state.base import state_engine
from clearward.state.models import AuditEvent
from clearward.storage import LocalStorage
from tests.unit.releases import factory

PRODUCT, MONTH = factory.PRODUCT, factory.MONTH
publishing = sys.modules[publish.__module__]


def test_a_first_release_is_1_0_0_and_verifies(house):
    release = house.release()
    assert (release.version, release.change) == ("1.0.0", "first")
    verified = verify_release(
        house.storage, load_public_key(house.keyring), product=PRODUCT, version="1.0.0"
    )
    assert verified.files == release.files > 15
    assert latest_version(house.storage, PRODUCT) == "1.0.0"
    assert [r.version for r in list_releases(house.storage)] == ["1.0.0"]


def test_publishing_again_returns_the_same_release_and_writes_nothing(house):
    first = house.release()
    before = {k: house.storage.get_bytes(k) for k in house.storage.list("")}
    assert house.publish() == first
    house.build()
    assert house.publish() == first
    assert {k: house.storage.get_bytes(k) for k in house.storage.list("")} == before


def test_the_same_inputs_make_the_same_candidate_bytes(house):
    house.write()
    first = house.build()
    texts = {f.path: first.path(f).read_bytes() for f in first.files}
    second = house.build()
    assert {f.path: second.path(f).read_bytes() for f in second.files} == texts
    assert second == first


def test_without_an_approval_nothing_is_published(house):
    house.write()
    house.build()
    with pytest.raises(ReleaseError, match="Nobody has approved"):
        house.publish(approved_by=None)
    assert list(house.storage.list(f"{PRODUCT}/")) == []
    approve(house.settings, product=PRODUCT, month=MONTH, approved_by="B")
    assert house.publish(approved_by=None).version == "1.0.0"


def test_an_approval_is_for_one_content_only(house):
    house.write()
    house.build()
    approve(house.settings, product=PRODUCT, month=MONTH, approved_by="B")
    house.write(patients=61)
    house.build()
    with pytest.raises(ReleaseError, match="Nobody has approved"):
        house.publish(approved_by=None)


RED = [{"table": "t", "check": "c", "state": "fail", "rows": 9, "failed": 9}]
BROKEN = [{"table": "t", "check": "c", "state": "error", "rows": 0, "failed": 0}]


@pytest.mark.parametrize(
    ("gate", "error", "words"),
    [
        ({"is_green": False}, GateError, "red"),
        ({"checks": RED}, GateError, "red"),
        ({"checks": BROKEN}, GateBrokenError, "could not judge"),
        ({"checks": []}, GateError, "judged nothing"),
        ({"files": []}, GateError, "other files"),
        ({"is_green": "yes"}, GateError, "red"),
    ],
)
def test_a_gate_that_is_not_green_for_these_files_stops_it(house, gate, error, words):
    house.write()
    factory.write_reports(house.settings, gate=gate)
    house.build()
    with pytest.raises(GateError, match=words) as caught:
        house.publish()
    assert type(caught.value) is error
    assert list(house.storage.list(f"{PRODUCT}/")) == []


@pytest.mark.parametrize(
    ("privacy", "words"),
    [
        ({"k_reached": 10}, "misses its privacy bound"),
        ({"k_asked": 2}, "misses its privacy bound"),
        ({"product": "neurology"}, "misses its privacy bound"),
        ({"patients_suppressed": 40}, "leaves out too many"),
        ({"files": {}}, "other files"),
        ({"k_reached": None}, "lacks a figure"),
        ({"patients_in": 0}, "too many"),
    ],
)
def test_privacy_figures_out_of_bound_or_for_other_files_stop_it(house, privacy, words):
    house.write()
    house.build()
    factory.write_reports(house.settings, privacy=privacy)
    with pytest.raises(ReleaseError, match=words):
        house.publish()
    assert list(house.storage.list(f"{PRODUCT}/")) == []


def test_a_report_of_yesterdays_files_stops_it(house):
    house.write()
    path = house.settings.reports / PRODUCT / MONTH / "release_gate" / "gate.json"
    stale = path.read_text()
    house.write(patients=61)
    write_stamped(house.settings, path, stale)
    house.build()
    with pytest.raises(GateError, match="other files"):
        house.publish()


def test_tables_that_changed_after_the_build_stop_it(house):
    house.write()
    house.build()
    house.write(patients=61)
    with pytest.raises(ReleaseError, match="stale"):
        house.publish()


def test_a_document_that_was_touched_stops_it(house):
    house.write()
    candidate = house.build()
    (candidate.folder / "files" / "README.md").write_text("another text")
    with pytest.raises(ReleaseError, match="stale"):
        house.publish()


def test_a_new_month_is_a_minor_and_a_correction_a_patch(house):
    house.release()
    assert house.release("2024-06", patients=70).version == "1.1.0"
    corrected = house.release("2024-06", patients=71)
    assert (corrected.version, corrected.change) == ("1.1.1", "correction")
    reverted = house.release("2024-06", patients=70)
    assert (reverted.version, reverted.change) == ("1.1.2", "correction")
    assert latest_version(house.storage, PRODUCT) == "1.1.2"
    manifest = load_manifest(house.storage, PRODUCT, "1.1.2")
    assert manifest.previous["manifest_sha256"] == corrected.manifest_sha256


def test_a_removed_column_is_a_major(house):
    house.release()
    sql = "SELECT * EXCLUDE (value) FROM (" + factory.entity_sql("encounter", "encounter_key") + ")"
    release = house.release("2024-06", overrides={"encounter": sql})
    assert (release.version, release.change) == ("2.0.0", "schema_break")
    manifest = load_manifest(house.storage, PRODUCT, "2.0.0")
    notes = house.storage.get_bytes(file_key(manifest, manifest.file("release_notes.md"))).decode()
    [line] = [li for li in notes.splitlines() if f"| `{PRODUCT}__encounter.value` |" in li]
    assert "column · 字段" in line and line.endswith("| **yes · 是** |")
    told = house.storage.get_bytes(file_key(manifest, manifest.file("changes.json")))
    document = json.loads(told)
    assert document["is_breaking"] is True
    assert document["causes"] == ["new_month", "schema"]


def test_a_number_that_somebody_wrote_into_the_candidate_is_refused(house):
    house.release()
    sql = "SELECT * EXCLUDE (value) FROM (" + factory.entity_sql("encounter", "encounter_key") + ")"
    house.write("2024-06", overrides={"encounter": sql})
    path = house.build("2024-06").folder / "candidate.json"
    honest = json.loads(path.read_text())
    lies = ({"version": "1.1.0"}, {"version": "1.1.0", "change": "new_month"}, {"version": "3.0.0"})
    contract = {**honest["facts"]["contract"], f"{PRODUCT}__gone": {"key": [], "columns": {}}}
    for lie in (*lies, {"facts": {**honest["facts"], "contract": contract}}):
        path.write_text(json.dumps({**honest, **lie}))
        with pytest.raises(ReleaseError, match="bears a number of its own"):
            house.publish("2024-06")
    path.write_text(json.dumps(honest))
    assert house.publish("2024-06").version == "2.0.0"


def test_an_old_month_again_is_the_old_release(house):
    first = house.release()
    house.release("2024-06", patients=70)
    house.build(MONTH)
    assert house.publish(MONTH).version == first.version
    assert latest_version(house.storage, PRODUCT) == "1.1.0"


def test_a_changed_old_month_is_refused(house):
    house.release()
    house.release("2024-06", patients=70)
    house.write(patients=61)
    with pytest.raises(ReleaseError, match="before the last release"):
        house.build(MONTH)


def test_a_candidate_counted_from_an_older_release_is_refused(house, tmp_path):
    house.write()
    house.build()
    approve(house.settings, product=PRODUCT, month=MONTH, approved_by="B")
    house.write("2024-04", patients=50)
    build_candidate(house.settings, house.keyring, product=PRODUCT, month="2024-04")
    assert house.publish("2024-04").version == "1.0.0"
    with pytest.raises(ReleaseError, match="follows an older release"):
        house.publish()


def test_changes_are_counted_by_key_and_small_ones_masked(house):
    house.release()
    sql = """SELECT printf('encounter%05d', i) AS encounter_key,
        printf('p%019d', i) AS patient_key, 'H01' AS hospital_id, i AS day,
        CASE WHEN i < 40 THEN 999.0 ELSE 50.0 + i END AS value
        FROM range(20, 110) t(i)"""
    small = """SELECT printf('diagnosis%05d', i) AS diagnosis_key,
        printf('p%019d', i) AS patient_key, 'H01' AS hospital_id, i AS day,
        50.0 + i AS value FROM range(1, 90) t(i)"""
    house.release("2024-06", overrides={"encounter": sql, "diagnosis": small})
    changes = {
        c["table"]: c for c in load_manifest(house.storage, PRODUCT, "1.1.0").facts["changes"]
    }
    encounter = changes[f"{PRODUCT}__encounter"]
    assert (encounter["inserted"], encounter["updated"], encounter["deleted"]) == (50, 20, 20)
    diagnosis = changes[f"{PRODUCT}__diagnosis"]
    assert (diagnosis["inserted"], diagnosis["updated"], diagnosis["deleted"]) == (None, 0, None)
    assert (encounter["columns"], diagnosis["columns"]) == ({"value": 20}, {})
    patient = changes[f"{PRODUCT}__patient"]
    assert (patient["inserted"], patient["updated"], patient["deleted"]) == (0, 0, 0)


def test_published_objects_never_change(house):
    house.release()
    before = {k: house.storage.get_bytes(k) for k in house.storage.list(f"{PRODUCT}/1.0.0/")}
    house.release("2024-06", patients=70)
    after = {k: house.storage.get_bytes(k) for k in house.storage.list(f"{PRODUCT}/1.0.0/")}
    assert after == before


def test_a_refused_second_publisher_has_not_touched_the_first_ones_files(house, tmp_path):
    """Two houses with one store and one key, both about to publish 1.0.0 with other contents."""
    house.write()
    house.build()
    other_settings, _ = factory.make_settings(tmp_path / "other")
    other_settings = factory.moved(other_settings, store=house.settings.store)
    factory.write_product(other_settings, MONTH, patients=61)
    build_candidate(other_settings, house.keyring, product=PRODUCT, month=MONTH)

    class SlowStorage(LocalStorage):
        """The first publisher commits just before the second one would."""

        def create(self, key, data):
            if key == manifest_key(PRODUCT, "1.0.0"):
                house.publish()
            super().create(key, data)

    slow = SlowStorage(house.storage.root)
    with pytest.raises(ReleaseError, match="by someone else"):
        publish(other_settings, house.keyring, slow, product=PRODUCT, month=MONTH, approved_by="C")
    public_key = load_public_key(house.keyring)
    verify_release(house.storage, public_key, product=PRODUCT, version="1.0.0")
    assert show_release(house.storage, PRODUCT, "1.0.0").content_sha256 == (
        house.build().content_sha256
    )


def test_a_store_that_only_pretends_gets_nothing(house):
    class Pretending(LocalStorage):
        def create(self, key, data):
            self.put_bytes(key, data)

    house.write()
    house.build()
    house.storage = Pretending(house.storage.root)
    with pytest.raises(StorageError, match="only pretends"):
        house.publish()
    assert list(house.storage.list("")) == []


def test_a_store_signed_by_another_key_is_refused(house, tmp_path):
    house.release()
    other, keyring = factory.make_settings(tmp_path / "other")
    other = factory.moved(other, store=house.settings.store)
    factory.write_product(other, "2024-06")
    with pytest.raises(ReleaseError, match="signature does not hold"):
        build_candidate(other, keyring, product=PRODUCT, month="2024-06")


def test_every_step_is_in_the_log_and_the_log_holds(house):
    house.release()
    house.publish()
    engine = state_engine(house.settings.database)
    assert audit.verify(engine) == 2


def test_a_retired_release_stays_verifiable_and_says_so(house):
    house.release()
    for _ in range(2):
        release = retire(
            house.settings,
            house.storage,
            product=PRODUCT,
            version="1.0.0",
            actor="A",
            reason="wrong unit",
        )
        assert release.is_retired
    note = json.loads(house.storage.get_bytes(f"{PRODUCT}/1.0.0/retired.json"))
    assert note["reason"] == "wrong unit"
    verify_release(house.storage, load_public_key(house.keyring), product=PRODUCT, version="1.0.0")


def test_a_lost_state_database_is_written_again_from_the_store(house):
    first = house.release()
    factory.Base.metadata.drop_all(state_engine(house.settings.database))
    factory.Base.metadata.create_all(state_engine(house.settings.database))
    assert house.publish() == first
    retire(
        house.settings, house.storage, product=PRODUCT, version="1.0.0", actor="A", reason="test"
    )


def test_no_file_of_a_release_names_a_hospital_or_a_machine_path(house):
    house.release()
    manifest = load_manifest(house.storage, PRODUCT, "1.0.0")
    for entry in manifest.files:
        content = house.storage.get_bytes(file_key(manifest, entry))
        assert b"stmary" not in content, entry.path
        assert str(house.settings.home).encode() not in content, entry.path
    assert b"stmary" not in manifest.envelope


def test_an_empty_table_that_may_not_be_empty_is_refused(house):
    sql = factory.entity_sql("encounter", "encounter_key") + " WHERE false"
    house.write(overrides={"encounter": sql})
    with pytest.raises(ReleaseError, match="empty tables"):
        house.build()


def test_a_missing_table_is_refused(house):
    house.write()
    path = house.settings.warehouse / "protected" / f"{PRODUCT}__patient" / f"month={MONTH}"
    (path / "part.parquet").unlink()
    with pytest.raises(ReleaseError, match="no table for patient"):
        house.build()


def test_who_is_second_while_the_privacy_gates_are_read_gets_the_first_ones_release(
    house, monkeypatch
):
    house.write()
    house.build()
    follows = publishing._follows

    def another_publishes_meanwhile(*arguments):
        monkeypatch.undo()
        answer = follows(*arguments)
        house.publish()
        return answer

    monkeypatch.setattr(publishing, "_follows", another_publishes_meanwhile)
    assert house.publish() == show_release(house.storage, PRODUCT, "1.0.0")
    assert len(list_releases(house.storage)) == 1


@pytest.mark.parametrize("action", ["release.approve", "release.publish"])
def test_what_was_killed_before_its_line_in_the_log_is_recorded_again_with_it(
    house, monkeypatch, action
):
    house.write()
    house.build()
    write = audit.write

    def killed(connection, **line):
        if line["action"] == action:
            raise KeyboardInterrupt
        return write(connection, **line)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(audit, "write", killed)
        house.publish()
    house.publish()
    with state_engine(house.settings.database).connect() as connection:
        lines = connection.execute(select(AuditEvent.action)).scalars().all()
    assert lines == ["release.approve", "release.publish"]
