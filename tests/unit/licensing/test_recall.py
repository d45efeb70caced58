import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import ConfigError, LicenceError, ReleaseError
from clearward.keyring import pseudonym
from clearward.licensing import recall_lists
from clearward.licensing.access import may_query
from clearward.licensing.model import Copy, Reason
from clearward.licensing.recall_lists import is_ripe, read_recall
from clearward.licensing.recall_report import recall_report, subject_recalls
from clearward.licensing.recall_states import ListState
from clearward.licensing.recall_store import marks, refused_versions
from clearward.licensing.withdrawals import withdrawn_keys
from clearward.products import spec as specs
from clearward.products.spec import load_product
from clearward.products.withdrawal import BATCHES, Withdrawal, read_withdrawal
from clearward.releases.shelf import file_key, load_manifest
from clearward.releases.signing import load_public_key
from clearward.state.models import AuditEvent, RecallEntry, RecallList
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
K = load_product(PRODUCT).protection.k


def own_key(people, number, licensee="acme research"):
    secret = people.keyring.key("product", PRODUCT, f"licensee|{licensee}")
    return pseudonym(secret, people.published_key(number))


def documents(people, licensee="acme research"):
    found = []
    for note in recall_lists.lists(people.engine, licensee=licensee):
        document = recall_lists.send(
            people.engine, note.id, licensee=licensee, actor="test", now=people.clock.moment
        )
        found.append(read_recall(document, load_public_key(people.keyring)))
    return found


def test_without_a_withdrawal_nothing_happens(people):
    people.download(people.licence())
    assert set(people.process().metadata().values()) == {0}
    assert marks(people.engine) == ()


def test_a_version_that_holds_a_withdrawn_patient_is_marked_and_not_handed_out_anew(people):
    licence = people.licence()
    people.download(licence)
    people.withdraw(3)
    assert people.process().versions_marked == 1
    assert refused_versions(people.engine, PRODUCT, now=people.clock.moment) == {"1.0.0"}
    answer = people.web().get(f"/v1/releases/{PRODUCT}/1.0.0/links", headers=people.header(licence))
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "NO_SUCH_RELEASE")


def test_links_handed_out_before_stop_too(people):
    web, header = people.web(), people.header(people.licence())
    files = web.get(f"/v1/releases/{PRODUCT}/1.0.0/links", headers=header).json()["files"]
    people.withdraw(3)
    people.process()
    assert web.get(files[0]["url"]).status_code == 403
    assert web.get("/v1/releases", headers=header).json() == {"releases": []}


def test_a_patient_who_was_never_published_marks_nothing(people):
    people.withdraw(factory.PATIENTS + 1)
    assert people.process().versions_marked == 0


def test_only_versions_that_hold_the_patient_are_marked(people):
    people.release("2024-06", numbers=range(5, 70))
    people.withdraw(2)
    people.withdraw(66)
    people.process()
    assert {version for _, version, *_ in marks(people.engine)} == {"1.0.0", "1.1.0"}
    people.release("2024-07", numbers=range(5, 66))
    assert people.process().versions_marked == 0


def test_a_refusal_sent_with_an_extract_counts_like_a_withdrawal(people):
    people.permit(4, "2024-01-01T00:00:00Z")
    people.withdraw(4, decided_at=datetime(2024, 3, 1, tzinfo=UTC), month="2030-01")
    assert people.process().versions_marked == 1  # whatever month the gate will count it from


def test_a_patient_who_allowed_again_later_is_not_recalled(people):
    people.withdraw(4, decided_at=datetime(2024, 3, 1, tzinfo=UTC))
    people.permit(4, "2024-04-01T00:00:00Z")
    assert people.process().versions_marked == 0


def test_a_permit_given_before_the_withdrawal_does_not_help(people):
    people.withdraw(4, decided_at=datetime(2024, 3, 1, tzinfo=UTC))
    people.permit(4, "2024-02-01T00:00:00Z")
    assert people.process().versions_marked == 1


def test_withdrawing_another_use_alone_recalls_nothing(people):
    people.permit(4, "2024-02-01T00:00:00Z")
    people.withdraw(4, purpose="research")
    assert people.process().versions_marked == 0


def version(number, *, says):
    return {"record_key": "c4", "record_version": str(number), "record_sha256": says * 64}


def test_a_record_that_permits_less_than_before_is_recalled(people):
    people.permit(4, "2024-02-01T00:00:00Z", **version(1, says="a"))
    assert people.process().versions_marked == 0
    people.permit(4, "2024-02-01T00:00:00Z", **version(2, says="b"), purpose="research")
    assert people.process().versions_marked == 1


def test_a_record_that_moved_to_another_patient_recalls_the_first(people):
    people.permit(4, "2024-02-01T00:00:00Z", **version(1, says="a"))
    people.permit(5, "2024-02-01T00:00:00Z", **version(2, says="b"))
    assert people.process().versions_marked == 1
    assert withdrawn_keys(
        people.settings, people.keyring, product=PRODUCT, now=people.clock.moment
    ) == {people.published_key(4)}


def test_a_later_version_that_permits_as_much_recalls_nothing(people):
    people.permit(4, "2024-02-01T00:00:00Z", **version(1, says="a"))
    people.permit(4, "2024-02-02T00:00:00Z", **version(2, says="b"))
    assert people.process().versions_marked == 0


def test_k_withdrawals_make_a_list_with_exactly_the_licensees_names_for_them(people):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    assert people.process().lists_made == 1
    [asked] = documents(people)
    assert asked["recalled"] == [
        {
            "version": "1.0.0",
            "copy": "own",
            "patient_keys": sorted(own_key(people, n) for n in range(K)),
        }
    ]
    assert not recall_lists.lists(people.engine)[0].is_forced


def test_a_list_waits_for_k_patients_or_the_deadline(people):
    people.download(people.licence())
    people.withdraw(0)
    assert people.process().lists_made == 0
    assert recall_report(people.engine).deliveries[0]["recall"].startswith("waits")
    people.clock.moment = datetime.now(UTC) + timedelta(days=14)
    assert people.process().lists_made == 0
    people.clock.pass_time(days=2)
    assert people.process().lists_made == 1
    [note] = recall_lists.lists(people.engine)
    assert note.is_forced
    assert documents(people)[0]["recalled"][0]["patient_keys"] == [own_key(people, 0)]


def test_at_once_means_the_next_run(people, monkeypatch):
    policy(monkeypatch, batch="at_once")
    people.download(people.licence())
    people.withdraw(0)
    assert people.process().lists_made == 1


def policy(monkeypatch, **changes):
    from dataclasses import replace

    from clearward.licensing import recall_store

    product = load_product(PRODUCT)
    changed = replace(product, withdrawal=replace(product.withdrawal, **changes))

    def load(name):
        return changed if name == PRODUCT else load_product(name)

    monkeypatch.setattr(recall_lists, "load_product", load)
    monkeypatch.setattr(recall_store, "load_product", load)


def test_a_grace_lets_a_marked_version_out_until_it_ends(people, monkeypatch):
    policy(monkeypatch, grace_days=7, batch="at_once")
    licence = people.licence()
    people.withdraw(0)
    people.process()
    people.download(licence)  # within the grace
    assert people.process().lists_made == 1  # and found by the next run
    people.clock.pass_time(days=7)
    answer = people.web().get(f"/v1/releases/{PRODUCT}/1.0.0/links", headers=people.header(licence))
    assert answer.status_code == 404


@given(
    patients=st.integers(0, 30),
    waited=st.integers(0, 40),
    deadline=st.integers(0, 30),
    batch=st.sampled_from(sorted(BATCHES)),
)
def test_fewer_than_k_leave_only_when_the_policy_or_the_law_says_so(
    patients, waited, deadline, batch
):
    rules = Withdrawal(0, batch, deadline, 15)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    oldest = audit.utc_text(now - timedelta(days=waited))
    ripe = is_ripe(rules, k=11, patients=patients, oldest=oldest, now=now)
    if patients == 0:
        assert not ripe
    elif patients < 11 and batch == "deadline":
        assert ripe == (waited >= deadline)
    else:
        assert ripe


def test_each_licensee_is_told_their_own_names_and_only_what_they_have(people):
    people.release("2024-06", numbers=range(5, 70))
    people.download(people.licence())
    people.download(people.licence("Other Lab"), "1.1.0")
    for number in range(5 + K):
        people.withdraw(number)
    people.process()
    [acme], [other] = documents(people), documents(people, "other lab")
    assert [r["version"] for r in acme["recalled"]] == ["1.0.0"]
    assert [r["version"] for r in other["recalled"]] == ["1.1.0"]
    theirs = {key for r in other["recalled"] for key in r["patient_keys"]}
    assert theirs == {own_key(people, n, "other lab") for n in range(5, 5 + K)}
    assert len(acme["recalled"][0]["patient_keys"]) == 5 + K
    assert not theirs & set(acme["recalled"][0]["patient_keys"])


def test_a_licensee_with_canonical_files_is_told_the_published_names(people):
    people.download(people.licence("Old Buyer", copy=Copy.CANONICAL))
    for number in range(K):
        people.withdraw(number)
    people.process()
    [asked] = documents(people, "old buyer")
    assert set(asked["recalled"][0]["patient_keys"]) == {people.published_key(n) for n in range(K)}


def test_who_only_looked_at_links_or_documents_has_nothing_to_delete(people):
    web, header = people.web(), people.header(people.licence())
    files = web.get(f"/v1/releases/{PRODUCT}/1.0.0/links", headers=header).json()["files"]
    web.get(next(f["url"] for f in files if f["path"] == "README.md"))
    for number in range(K):
        people.withdraw(number)
    assert people.process().lists_made == 0
    assert recall_report(people.engine).deliveries[0]["recall"] == "nothing to delete"


def test_running_again_changes_nothing(people):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    people.process()
    with Session(people.engine) as session:
        before = session.scalars(select(RecallEntry.id)).all(), marks(people.engine)
    again = people.process()
    assert (again.versions_marked, again.lists_made) == (0, 0)
    with Session(people.engine) as session:
        assert (session.scalars(select(RecallEntry.id)).all(), marks(people.engine)) == before


def test_whoever_allows_again_before_the_list_left_is_not_on_it(people):
    people.download(people.licence())
    people.withdraw(0)
    people.process()
    later = people.clock.moment + timedelta(hours=1)
    people.clock.moment = later
    people.permit(0, audit.utc_text(later))
    people.clock.moment = datetime.now(UTC) + timedelta(days=40)
    assert people.process().lists_made == 0
    with Session(people.engine) as session:
        assert session.scalars(select(RecallEntry)).all() == []


def test_a_changed_patient_file_stops_the_run(people):
    key = load_public_key(people.keyring)
    manifest = load_manifest(people.storage, PRODUCT, "1.0.0", public_key=key)
    entry = next(f for f in manifest.files if f.table == f"{PRODUCT}__patient")
    people.storage.put_bytes(file_key(manifest, entry), b"PAR1 nobody PAR1")
    people.withdraw(0)
    with pytest.raises(ReleaseError, match="patient file"):
        people.process()


def test_the_next_release_is_not_marked_and_can_be_had(people):
    licence = people.licence()
    people.download(licence)
    people.withdraw(3)
    people.process()
    people.release(numbers=[n for n in range(factory.PATIENTS) if n != 3])
    assert people.process().versions_marked == 0
    files = people.download(licence, "1.0.1")
    [patients] = [content for path, content in files.items() if "__patient/" in path]
    assert own_key(people, 3).encode() not in patients


def test_copies_of_refused_versions_leave_the_machine(people):
    people.download(people.licence())
    [copy] = [p for p in (people.settings.home / "copies").iterdir() if p.name[0] != "."]
    people.withdraw(3)
    people.process()
    assert not copy.exists()


def test_a_list_that_is_not_answered_becomes_overdue_and_is_told_again(people):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    people.process()
    people.clock.pass_time(days=15)
    assert people.process().lists_overdue == 1
    assert people.process().lists_overdue == 0
    [note] = recall_lists.lists(people.engine)
    assert note.state is ListState.OVERDUE
    told = (people.settings.reports / "notices.jsonl").read_text().splitlines()
    subjects = [json.loads(line)["subject"] for line in told]
    assert (
        subjects == ["recall: a recall list waits"] + ["recall: deletion not confirmed in time"] * 2
    )


def test_a_notice_that_failed_is_given_again(people, tmp_path):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    people.settings = factory.moved(people.settings, notify_command="false")
    with pytest.raises(ConfigError, match="notifier"):
        people.process()
    received = tmp_path / "received.json"
    people.settings = factory.moved(people.settings, notify_command=f"tee {received}")
    people.process()
    assert "acme research" in json.loads(received.read_text())["reason"]


def everything_but_lists(people):
    """All that a log reader, a notifier or a dashboard could see of a recall."""
    with Session(people.engine) as session:
        events = session.scalars(select(AuditEvent)).all()
        logged = json.dumps([[e.actor, e.action, e.subject, e.detail] for e in events])
    notices = people.settings.reports / "notices.jsonl"
    return logged + (notices.read_text() if notices.exists() else "")


def test_no_log_notice_or_figure_names_a_patient_or_counts_them(people, caplog):
    caplog.set_level(logging.DEBUG)
    licence = people.licence()
    people.download(licence)
    for number in range(3):
        people.withdraw(number)
    people.clock.moment = datetime.now(UTC) + timedelta(days=16)
    run = people.process()
    documents(people)
    seen = everything_but_lists(people) + json.dumps(run.metadata()) + caplog.text
    report = recall_report(people.engine)
    seen += json.dumps([report.deliveries, report.lists])
    names = [f"r{n}" for n in range(3)] + [people.published_key(n) for n in range(3)]
    names += [own_key(people, n) for n in range(3)]
    assert [name for name in names if f'"{name}"' in seen or (len(name) > 5 and name in seen)] == []
    assert report.lists[0]["patients"] == f"<{K}"
    assert set(run.metadata().values()) <= {0, 1}


def test_one_and_ten_withdrawals_look_the_same_from_outside(tmp_path):
    """Whoever has no licence, or another one, must not tell one withdrawal from many."""
    from tests.unit.licensing.conftest import People

    seen = []
    for number, gone in enumerate((1, 10)):
        people = People(tmp_path / str(number))
        people.release()
        acme, other = people.licence(), people.licence("Other Lab", product="neurology")
        people.download(acme)
        for patient in range(gone):
            people.withdraw(patient)
        people.clock.moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=16)
        people.process()
        web = people.web()
        late = people.licence("Newcomer")
        asked = [
            web.get(path, headers=people.header(who))
            for who in (other, late)
            for path in ("/v1/recalls", "/v1/releases", f"/v1/releases/{PRODUCT}/1.0.0/links")
        ]
        seen.append([(a.status_code, a.content) for a in asked])
    assert seen[0] == seen[1]


def test_the_report_says_who_has_what_and_whether_it_is_settled(people):
    licence = people.licence()
    people.download(licence)
    assert recall_report(people.engine).is_clear
    for number in range(K):
        people.withdraw(number)
    people.process()
    report = recall_report(people.engine)
    [row] = report.deliveries
    assert (row["licence"], row["version"], row["recall"]) == (licence.id, "1.0.0", "pending")
    assert (report.is_clear, report.lists[0]["patients"]) == (False, str(K))


def test_a_patients_own_file_has_counts_and_dates_and_no_names(people):
    people.download(people.licence())
    people.download(people.licence("Other Lab"))
    for number in range(K):
        people.withdraw(number)
    people.process()
    told = subject_recalls(people.engine, people.keyring, "r0")
    assert [(t.product, t.licensee_no, t.versions, t.state) for t in told] == [
        (PRODUCT, 1, 1, "pending"),
        (PRODUCT, 2, 1, "pending"),
    ]
    assert "acme" not in repr(told)
    assert subject_recalls(people.engine, people.keyring, "r40") == ()


def ask_enclave(people, licence, version="1.0.0"):
    return may_query(
        people.settings,
        people.keyring,
        people.storage,
        licence=licence,
        product=PRODUCT,
        version=version,
        now=people.clock.moment,
    )


def test_an_enclave_is_told_at_once_whose_rows_to_leave_out(people):
    licence = people.licence()
    assert ask_enclave(people, licence).left_out == frozenset()
    people.withdraw(3)
    right = ask_enclave(people, licence)  # no daily run in between
    assert right.decision.allowed
    assert right.left_out == {people.published_key(3)}
    refused = ask_enclave(people, licence, "9.0.0")
    assert (refused.decision.reason, refused.left_out) == (Reason.OTHER_VERSION, frozenset())


def test_the_document_is_in_no_listing_and_dropped_when_confirmed(people):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    people.process()
    [note] = recall_lists.lists(people.engine)
    assert own_key(people, 0) not in json.dumps(note.told())
    with pytest.raises(LicenceError, match="no such recall list"):
        recall_lists.send(
            people.engine, note.id, licensee="other lab", actor="x", now=people.clock.moment
        )
    with people.engine.connect() as connection:
        kept = connection.scalar(select(RecallList.document))
        assert own_key(people, 0) not in kept  # base64 in its envelope
        assert connection.scalar(text("SELECT count(*) FROM recall_entry")) == K


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"grace_days": 0, "batch": "deadline", "deadline_days": 15},
        {"grace_days": 0, "batch": "never", "deadline_days": 15, "confirm_days": 15},
        {"grace_days": -1, "batch": "deadline", "deadline_days": 15, "confirm_days": 15},
        {"grace_days": True, "batch": "deadline", "deadline_days": 15, "confirm_days": 15},
        {"grace_days": 0, "batch": "at_once", "deadline_days": 1, "confirm_days": 1, "x": 1},
    ],
)
def test_a_spec_that_does_not_state_its_rules_exactly_is_refused(body):
    with pytest.raises(ConfigError, match="withdrawals"):
        read_withdrawal(body)


@pytest.mark.parametrize("product", specs.product_names())
def test_every_products_deadlines_fit_into_thirty_days(product):
    rules = load_product(product).withdrawal
    assert rules.deadline_days + rules.confirm_days <= 30
