"""Organisation -> people -> agreement -> licence -> token: what ends, ends for the next request."""

from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing import agreements, organisations, registry, tokens
from clearward.licensing.model import AgreementState, Mode, Reason, Status
from clearward.licensing.policies import may_receive
from clearward.releases.signing import sign_with
from tests.unit.licensing.buyers import DAY, GOOD, NOW


def reason(desk, token, now=NOW):
    """What the next request with a token is told."""
    bearer = registry.find_bearer(desk.engine, token, now=now)
    linked = registry.find_bearer_by_id(desk.engine, registry.token_id(token), now=now)
    assert bearer == linked
    if bearer is None:
        return None
    asked = {"product": "cardiology", "version": "1.0.0", "purpose": GOOD, "now": now}
    return may_receive(bearer.licence, **asked).reason


def test_each_link_of_the_chain_ends_what_is_under_it_at_once(desk):
    ends = {
        "organisation": Reason.ORGANISATION_REVOKED,
        "agreement": Reason.AGREEMENT_REVOKED,
        "licence": Reason.REVOKED,
        "person": None,
        "token": None,
    }
    for number, (link, expected) in enumerate(ends.items()):
        licence = desk.licence(buyer=f"Buyer {number}")
        person = desk.person(licence)
        token = desk.token(licence, person_id=person.id)
        other = desk.token(desk.licence(buyer=f"Neighbour {number}"))
        assert reason(desk, token) is Reason.GRANTED
        {
            "organisation": lambda li=licence: organisations.revoke_organisation(
                desk.engine, li.organisation_id, now=NOW
            ),
            "agreement": lambda li=licence: agreements.revoke_agreement(
                desk.engine, li.agreement_id, now=NOW
            ),
            "licence": lambda li=licence: registry.revoke_licence(desk.engine, li.id),
            "person": lambda p=person: organisations.revoke_person(desk.engine, p.id, now=NOW),
            "token": lambda t=token: registry.revoke_token(
                desk.engine, registry.token_id(t), now=NOW
            ),
        }[link]()
        assert reason(desk, token) is expected, link
        assert reason(desk, other) is Reason.GRANTED, link
    assert audit.verify(desk.engine) > 0


def test_a_link_that_is_missing_grants_nothing(desk):
    token = desk.token(desk.licence())
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE licence SET agreement_id = 'agr_gone'"))
    assert reason(desk, token) is Reason.ORGANISATION_REVOKED
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE access_token SET client_id = 'cwc_gone'"))
    assert reason(desk, token) is None


def test_a_token_of_one_licence_opens_no_other(desk):
    first, second = desk.licence(), desk.licence(product="neurology")
    bearer = registry.find_bearer(desk.engine, desk.token(first), now=NOW)
    assert bearer.licence == first
    asked = {"version": "1.0.0", "purpose": GOOD, "now": NOW}
    decision = may_receive(bearer.licence, product=second.product, **asked)
    assert decision.reason is Reason.OTHER_PRODUCT


def test_a_person_of_another_organisation_holds_no_token(desk):
    stranger = desk.person(desk.licence(buyer="Other Lab"))
    with pytest.raises(LicenceError, match="no such person"):
        desk.token(desk.licence(), person_id=stranger.id)


def test_the_last_second_of_a_token_is_the_one_before_it_ends(desk):
    berlin = timezone(timedelta(hours=1))
    token = desk.token(desk.licence(), expires_at=datetime(2026, 1, 1, 14, tzinfo=berlin))
    end = NOW + timedelta(hours=1)
    assert reason(desk, token, end - timedelta(microseconds=1)) is Reason.GRANTED
    assert reason(desk, token, end) is None
    assert reason(desk, token, end.astimezone(timezone(timedelta(hours=-9)))) is None


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
def test_a_moment_without_a_time_zone_is_nobodys_moment(desk, field):
    with pytest.raises(LicenceError, match="time zone"):
        desk.licence(**{field: datetime(2026, 6, 1)})


def test_no_licence_is_made_under_a_text_that_is_not_signed(desk):
    offered = desk.agreement()
    with pytest.raises(LicenceError, match="not in force"):
        desk.licence(buyer="", terms=b"", agreement_id=offered.id)
    agreements.take_paper(desk.engine, offered.id, signatory="A. Director", now=NOW)
    made = desk.licence(buyer="", terms=b"", agreement_id=offered.id)
    assert (made.buyer, made.agreement_id) == ("Acme Research", offered.id)
    assert made.terms_sha256 == offered.text_sha256
    agreements.revoke_agreement(desk.engine, offered.id, now=NOW)
    with pytest.raises(LicenceError, match="not in force"):
        desk.licence(buyer="", terms=b"", agreement_id=offered.id)
    with pytest.raises(LicenceError, match="cannot sign"):
        agreements.take_paper(desk.engine, offered.id, signatory="A. Director", now=NOW)


def test_nobody_is_licensed_under_the_agreement_of_somebody_else(desk):
    other = desk.licence(buyer="Other Lab")
    with pytest.raises(LicenceError, match="another organisation's"):
        desk.licence(agreement_id=other.agreement_id)
    same = desk.licence(buyer="OTHER  lab", agreement_id=other.agreement_id)
    assert same.licensee == other.licensee


def test_the_buyers_signature_is_over_this_text_by_this_key(desk):
    offered = desk.agreement()
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    said = {"key_pem": pem, "signatory": "A. Director", "now": NOW}
    another = offered.statement().replace(b"2026-1", b"2026-2")
    for envelope in (
        sign_with(offered.statement(), other),
        sign_with(another, key),
        offered.statement(),
    ):
        with pytest.raises(LicenceError, match="not over this agreement"):
            agreements.sign(desk.engine, offered.id, envelope=envelope, **said)
    envelope = sign_with(offered.statement(), key)
    signed = agreements.sign(desk.engine, offered.id, envelope=envelope, **said)
    assert signed.state is AgreementState.IN_FORCE
    assert signed.is_signature_whole()
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE agreement SET text_version = '2026-2'"))
    assert not agreements.find_agreement(desk.engine, offered.id).is_signature_whole()


def test_licences_of_one_text_share_an_agreement_and_its_end(desk):
    first, second = desk.licence(), desk.licence(buyer="ＡＣＭＥ  research", product="neurology")
    other = desk.licence(terms=b"another text")
    assert first.agreement_id == second.agreement_id != other.agreement_id
    assert first.organisation_id == other.organisation_id
    agreements.revoke_agreement(desk.engine, first.agreement_id, now=NOW)
    standing = [li.is_standing for li in registry.buyers_licences(desk.engine, "acme research")]
    assert sorted(standing) == [False, False, True]


def test_a_buyer_sees_their_licences_and_nobody_elses(desk):
    mine = {desk.licence().id, desk.licence(product="neurology").id}
    desk.licence(buyer="Other Lab")
    licence = registry.find_licence(desk.engine, next(iter(mine)))
    person = desk.person(licence)
    for who in (licence.organisation_id, person.id, "ACME research"):
        assert {li.id for li in registry.buyers_licences(desk.engine, who)} == mine
    organisations.revoke_person(desk.engine, person.id, now=NOW)
    assert registry.buyers_licences(desk.engine, person.id) == ()
    assert registry.buyers_licences(desk.engine, "per_%") == ()


def test_a_rotated_token_is_good_until_the_overlap_ends(desk):
    licence = desk.licence()
    person = desk.person(licence)
    old = desk.token(licence, person_id=person.id, expires_at=NOW + 3 * DAY)
    name = registry.token_id(old)
    new = tokens.rotate(desk.engine, name, expires_at=NOW + 9 * DAY, now=NOW)
    assert [reason(desk, t, NOW + DAY - timedelta(seconds=1)) for t in (old, new)] == [
        Reason.GRANTED
    ] * 2
    assert reason(desk, old, NOW + DAY) is None
    assert registry.find_bearer(desk.engine, new, now=NOW + DAY).person_id == person.id
    with pytest.raises(LicenceError, match="has ended"):
        tokens.rotate(desk.engine, name, expires_at=NOW + 9 * DAY, now=NOW + DAY)
    tokens.rotate(
        desk.engine, registry.token_id(new), expires_at=NOW + 9 * DAY, now=NOW, overlap=DAY * 0
    )
    assert reason(desk, new) is None


def test_a_rotation_lengthens_no_life(desk):
    old = desk.token(desk.licence(), expires_at=NOW + timedelta(hours=2))
    tokens.rotate(desk.engine, registry.token_id(old), expires_at=NOW + 9 * DAY, now=NOW)
    assert reason(desk, old, NOW + timedelta(hours=2)) is None
    with pytest.raises(LicenceError, match="overlap"):
        tokens.rotate(
            desk.engine,
            registry.token_id(old),
            expires_at=NOW + DAY,
            now=NOW,
            overlap=timedelta(days=8),
        )


def test_an_activation_link_gives_one_token_to_whoever_comes_first_and_soon(desk):
    licence = desk.licence()
    person = desk.person(licence)
    asked = {"token_expires_at": NOW + 9 * DAY, "now": NOW}
    link = tokens.make_activation(desk.engine, licence.id, person_id=person.id, **asked)
    token = tokens.activate(desk.engine, activation=link, now=NOW)
    assert registry.find_bearer(desk.engine, token, now=NOW).person_id == person.id
    late = tokens.make_activation(desk.engine, licence.id, **asked)
    orphan = tokens.make_activation(desk.engine, licence.id, person_id=person.id, **asked)
    organisations.revoke_person(desk.engine, person.id, now=NOW)
    for secret, now in ((link, NOW), (late, NOW + DAY), (orphan, NOW), (token, NOW), ("", NOW)):
        with pytest.raises(LicenceError, match="not good any more"):
            tokens.activate(desk.engine, activation=secret, now=now)
    with pytest.raises(LicenceError, match="time to use it"):
        tokens.make_activation(desk.engine, licence.id, good_for=8 * DAY, **asked)
    registry.revoke_licence(desk.engine, licence.id)
    with pytest.raises(LicenceError, match="not good any more"):
        tokens.activate(desk.engine, activation=late, now=NOW)


def test_a_client_exchanges_its_secret_for_an_hour(desk):
    licence = desk.licence(valid_until=NOW + timedelta(minutes=90))
    client = tokens.make_client(desk.engine, licence.id, expires_at=NOW + 9 * DAY, now=NOW)
    assert client.client_secret not in repr(client)
    given = vars(client)
    token, until = tokens.exchange(desk.engine, **given, now=NOW)
    assert until == NOW + timedelta(hours=1)
    assert reason(desk, token, until - timedelta(seconds=1)) is Reason.GRANTED
    assert reason(desk, token, until) is None
    _, until = tokens.exchange(desk.engine, **given, now=NOW + timedelta(hours=1))
    assert until == licence.valid_until
    wrong = [
        {**given, "client_secret": "x"},
        {**given, "client_secret": token},
        {**given, "client_id": "cwc_none"},
        {**given, "client_secret": ""},
    ]
    refusals = set()
    for secret in wrong:
        with pytest.raises(LicenceError) as refused:
            tokens.exchange(desk.engine, **secret, now=NOW)
        refusals.add(str(refused.value))
    assert len(refusals) == 1
    with pytest.raises(LicenceError):
        tokens.rotate(
            desk.engine, registry.token_id(token), expires_at=NOW + 9 * DAY, now=NOW
        )  # an hour's token is not made into a longer one
    tokens.revoke_client(desk.engine, client.client_id, now=NOW)
    assert reason(desk, token) is None
    with pytest.raises(LicenceError):
        tokens.exchange(desk.engine, **given, now=NOW)


def test_a_clients_former_secret_ends_with_the_overlap(desk):
    old = tokens.make_client(desk.engine, desk.licence().id, expires_at=NOW + 9 * DAY, now=NOW)
    new = tokens.rotate_client(desk.engine, old.client_id, now=NOW)
    for client in (old, new):
        tokens.exchange(desk.engine, **vars(client), now=NOW)
    with pytest.raises(LicenceError):
        tokens.exchange(desk.engine, **vars(old), now=NOW + DAY)
    tokens.rotate_client(desk.engine, old.client_id, now=NOW)
    with pytest.raises(LicenceError):
        tokens.exchange(desk.engine, **vars(old), now=NOW)


def test_no_secret_works_in_the_place_of_another(desk):
    licence = desk.licence()
    token = desk.token(licence)
    link = tokens.make_activation(desk.engine, licence.id, token_expires_at=NOW + DAY, now=NOW)
    client = tokens.make_client(desk.engine, licence.id, expires_at=NOW + DAY, now=NOW)
    for secret in (link, client.client_secret, client.client_id, registry.token_id(token)):
        assert registry.find_bearer(desk.engine, secret, now=NOW) is None
    for name in (token[:16], registry.token_id(token)[:15], "0" * 15 + "g", "F" * 16):
        assert registry.find_bearer_by_id(desk.engine, name, now=NOW) is None


def test_terms_are_kept_as_they_were_granted(desk):
    made = desk.licence(
        countries=["fr", "DE", "de"], max_downloads=12, mode=Mode.ENCLAVE, duo=["DUO:0000021"]
    )
    assert made == registry.find_licence(desk.engine, made.id)
    assert made.countries == {"DE", "FR"}
    assert (made.max_downloads, made.mode, made.duo) == (12, Mode.ENCLAVE, ("DUO:0000021",))


@pytest.mark.parametrize(
    "changes",
    [
        {"max_downloads": 0},
        {"countries": ["Germany"]},
        {"countries": [""]},
        {"duo": ["DUO:0000046"]},
        {"duo": ["DUO:9"]},
    ],
)
def test_a_licence_whose_terms_contradict_each_other_is_not_made(desk, changes):
    with pytest.raises(LicenceError):
        desk.licence(**changes)
    assert registry.list_licences(desk.engine) == ()
    assert organisations.list_organisations(desk.engine) == ()


def test_a_declared_country_counts_from_the_next_request(desk):
    licence = desk.licence(countries=["DE"])
    token = desk.token(licence)
    assert reason(desk, token) is Reason.UNKNOWN_COUNTRY
    organisations.declare_country(desk.engine, licence.organisation_id, "de", now=NOW)
    assert reason(desk, token) is Reason.GRANTED
    organisations.declare_country(desk.engine, licence.organisation_id, "US", now=NOW)
    assert reason(desk, token) is Reason.OTHER_COUNTRY


def test_a_revoked_organisation_gets_nothing_new(desk):
    licence = desk.licence()
    organisations.revoke_organisation(desk.engine, licence.organisation_id, now=NOW)
    with pytest.raises(LicenceError, match="revoked"):
        desk.licence()
    with pytest.raises(LicenceError, match="revoked"):
        desk.person(licence)
    with pytest.raises(LicenceError, match="already"):
        desk.agreement(name="ACME RESEARCH")
    assert registry.find_licence(desk.engine, licence.id).organisation_status is Status.REVOKED
