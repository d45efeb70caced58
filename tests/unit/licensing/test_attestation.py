"""A licensee's answer, over HTTP and on paper: what is taken, from whom, and what is kept."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing import attestation, recall_lists, registry
from clearward.licensing.attestation import Attested, sign_attestation
from clearward.licensing.recall_lists import read_recall
from clearward.licensing.recall_states import ListState
from clearward.products.spec import load_product
from clearward.releases.signing import key_id, load_public_key
from clearward.state.models import DeletionAttestation
from tests.unit.licensing.conftest import People
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
K = load_product(PRODUCT).protection.k


@pytest.fixture
def recalled(recall, tmp_path):
    people = People(recall.house.moved(tmp_path / "home"))
    people.mine = recall.mine
    people.note = recall_lists.lists(people.engine)[0]
    people.path = f"/v1/recalls/{people.note.id}"
    return people


def fetch(people):
    answer = people.web().get(people.path, headers=people.header(people.mine))
    assert answer.status_code == 200
    return answer.content


def said(people, document, **changes):
    fields = Attested(
        people.note.id,
        hashlib.sha256(document).hexdigest(),
        "A. Officer",
        people.clock.moment + timedelta(minutes=5),
    ).fields()
    return {**fields, **changes}


def attest(people, body, licence=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return people.web().post(
        f"{people.path}/attestation",
        content=content,
        headers=people.header(licence or people.mine),
    )


def state(people):
    return recall_lists.find_list(people.engine, people.note.id).state


def test_a_licensee_lists_fetches_and_confirms(recalled):
    listed = recalled.web().get("/v1/recalls", headers=recalled.header(recalled.mine)).json()
    assert [r["state"] for r in listed["recalls"]] == ["pending"]
    assert "patient_keys" not in json.dumps(listed)
    document = fetch(recalled)
    assert state(recalled) is ListState.SENT
    assert hashlib.sha256(document).hexdigest() == recalled.note.document_sha256
    answer = attest(recalled, said(recalled, document))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed")
    with Session(recalled.engine) as session:
        [kept] = session.scalars(select(DeletionAttestation))
    assert (kept.attested_by, kept.channel, kept.signed_by) == ("A. Officer", "service", "token")
    assert hashlib.sha256(kept.statement.encode()).hexdigest() == kept.statement_sha256
    assert audit.verify(recalled.engine) > 0


def test_fetching_twice_gives_the_same_bytes_and_after_confirming_none(recalled):
    document = fetch(recalled)
    assert fetch(recalled) == document
    assert attest(recalled, said(recalled, document)).status_code == 200
    gone = recalled.web().get(recalled.path, headers=recalled.header(recalled.mine))
    assert gone.status_code == 404


def test_the_same_answer_twice_is_one_and_another_one_is_refused(recalled):
    document = fetch(recalled)
    body = said(recalled, document)
    assert [attest(recalled, body).status_code for _ in range(2)] == [200, 200]
    assert attest(recalled, {**body, "by": "Somebody Else"}).status_code == 400
    with Session(recalled.engine) as session:
        assert [a.attested_by for a in session.scalars(select(DeletionAttestation))] == [
            "A. Officer"
        ]


def test_answers_that_race_are_one(recalled):
    body = said(recalled, fetch(recalled))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: attest(recalled, body).status_code, range(4)))
    assert answers == [200] * 4
    with Session(recalled.engine) as session:
        assert len(session.scalars(select(DeletionAttestation)).all()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"list_sha256": "0" * 64},
        {"by": "  "},
        {"by": "x" * 200},
        {"by": 7},
        {"deleted_at": "yesterday"},
        {"deleted_at": "2026-01-01T12:00:00"},
        {"deleted_at": "2020-01-01T00:00:00Z"},
        {"deleted_at": "2030-01-01T00:00:00Z"},
        {"list_id": "rcl_0000000000000000"},
    ],
)
def test_an_answer_that_cannot_be_is_refused(recalled, change):
    document = fetch(recalled)
    assert attest(recalled, said(recalled, document, **change)).status_code == 400
    assert state(recalled) is ListState.SENT


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"by": "A"}', b"\xff\xfe", b"7"])
def test_rubbish_is_refused(recalled, body):
    fetch(recalled)
    assert attest(recalled, body).status_code == 400


def test_a_long_answer_is_cut_off(recalled):
    assert attest(recalled, b"x" * 100_000).status_code == 413


def test_what_was_never_fetched_cannot_be_confirmed(recalled):
    body = said(recalled, b"", list_sha256=recalled.note.document_sha256)
    assert attest(recalled, body).status_code == 400
    assert state(recalled) is ListState.PENDING


def test_another_licensees_list_another_products_and_none_look_the_same(recalled):
    others = [
        recalled.licence("Other Lab"),
        recalled.office.licence(buyer="Acme Research", product="neurology"),
    ]
    web = recalled.web()
    answers = []
    for licence in others:
        for path in (recalled.path, "/v1/recalls/rcl_0000000000000000", "/v1/recalls/x"):
            answers.append(web.get(path, headers=recalled.header(licence)))
            body = json.dumps(said(recalled, b""))
            posted = web.post(f"{path}/attestation", content=body, headers=recalled.header(licence))
            answers.append(posted)
        assert web.get("/v1/recalls", headers=recalled.header(licence)).json() == {"recalls": []}
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}
    assert state(recalled) is ListState.PENDING


@pytest.mark.parametrize("header", [None, "Bearer x"])
def test_without_a_good_token_nothing_is_told(recalled, header):
    web, headers = recalled.web(), {"Authorization": header} if header else {}
    answers = [
        web.get("/v1/recalls", headers=headers),
        web.get(recalled.path, headers=headers),
        web.post(f"{recalled.path}/attestation", content=b"{}", headers=headers),
    ]
    assert {a.status_code for a in answers} == {401}


def test_a_recall_reaches_a_licensee_whose_licence_has_ended(recalled):
    token = recalled.header(recalled.mine)
    registry.revoke_licence(recalled.engine, recalled.mine.id)
    assert recalled.web().get(recalled.path, headers=token).status_code == 200


def test_a_late_answer_is_taken(recalled):
    document = fetch(recalled)
    recalled.clock.pass_time(days=16)
    recalled.process()
    assert state(recalled) is ListState.OVERDUE
    assert attest(recalled, said(recalled, document)).status_code == 200
    assert state(recalled) is ListState.CONFIRMED


@pytest.fixture
def keyed(people):
    people.key = Ed25519PrivateKey.generate()
    pem = people.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    people.mine = people.licence(key_pem=pem)
    people.download(people.mine)
    for number in range(K):
        people.withdraw(number)
    people.process()
    people.note = recall_lists.lists(people.engine)[0]
    people.path = f"/v1/recalls/{people.note.id}"
    return people


def signed(people, document, key, **changes):
    said_ = Attested(
        people.note.id,
        hashlib.sha256(document).hexdigest(),
        "A. Officer",
        people.clock.moment + timedelta(minutes=5),
    )
    return sign_attestation(said_, key)


def test_with_a_key_in_the_licence_only_that_keys_word_counts(keyed):
    document = fetch(keyed)
    assert attest(keyed, said(keyed, document)).status_code == 400  # the token alone
    stranger = Ed25519PrivateKey.generate()
    assert attest(keyed, signed(keyed, document, stranger)).status_code == 400
    assert state(keyed) is ListState.SENT
    assert attest(keyed, signed(keyed, document, keyed.key)).status_code == 200
    with Session(keyed.engine) as session:
        [kept] = session.scalars(select(DeletionAttestation))
    assert kept.signed_by == key_id(keyed.key.public_key())


def test_a_signature_over_something_else_is_no_attestation(keyed):
    """The licensee's key may sign other things: a list's own envelope is not an answer to it."""
    from clearward.releases.signing import sign_with

    document = fetch(keyed)
    other = sign_with(b'{"predicateType": "urn:clearward:recall:1"}', keyed.key)
    assert attest(keyed, other).status_code == 400
    assert attest(keyed, document).status_code == 400


def test_a_licence_with_a_key_that_is_none_is_not_made(people):
    with pytest.raises(Exception, match="public key"):
        people.licence(key_pem=b"-----BEGIN NONSENSE-----")


def test_a_list_is_signed_by_the_publisher(recalled):
    document = fetch(recalled)
    assert read_recall(document, load_public_key(recalled.keyring))["list_id"] == recalled.note.id
    forged = document.replace(b'"sig": "', b'"sig": "AAAA')
    with pytest.raises(Exception, match="signature"):
        read_recall(forged, load_public_key(recalled.keyring))


def test_a_deletion_attested_on_paper_is_kept_with_its_hash(recalled):
    fetch(recalled)
    paper = Attested(
        recalled.note.id, recalled.note.document_sha256, "A. Officer", recalled.clock.moment
    )
    attestation.confirm(
        recalled.engine,
        paper,
        licensee="acme research",
        statement=paper.statement().decode(),
        signed_by="f" * 64,
        channel="paper",
        now=recalled.clock.moment,
    )
    found = attestation.find_attestation(recalled.engine, recalled.note.id)
    assert found == ("A. Officer", "2026-01-01T12:00:00Z", "f" * 64)
    with pytest.raises(LicenceError, match="no such recall list"):
        attestation.confirm(
            recalled.engine,
            paper,
            licensee="other lab",
            statement="x",
            signed_by="x",
            channel="paper",
            now=recalled.clock.moment,
        )


def test_another_licence_without_a_key_does_not_get_around_it(keyed):
    second = keyed.licence()
    document = fetch(keyed)
    assert attest(keyed, said(keyed, document), second).status_code == 400
    assert attest(keyed, signed(keyed, document, keyed.key), second).status_code == 200


def test_a_look_at_the_size_is_no_fetching(recalled):
    answer = recalled.web().head(recalled.path, headers=recalled.header(recalled.mine))
    assert (answer.status_code, answer.content) == (200, b"")
    assert state(recalled) is ListState.PENDING


def test_what_a_licensee_sees_before_fetching_does_not_let_them_answer(recalled):
    listed = recalled.web().get("/v1/recalls", headers=recalled.header(recalled.mine)).text
    assert recalled.note.document_sha256 not in listed
