import sqlite3
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import LicenceError, ReleaseError
from clearward.licensing import ledger, registry
from clearward.licensing.model import Copy, Mode, Status
from clearward.state.models import AuditEvent
from tests.unit.licensing.test_quota import line


def test_a_licence_is_kept_as_it_was_made(office):
    made = office.licence()
    assert registry.find_licence(office.engine, made.id) == made
    assert registry.list_licences(office.engine) == (made,)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"purpose": "reidentification"}, LicenceError),
        ({"purpose": "curiosity"}, LicenceError),
        ({"product": "dentistry"}, Exception),
        ({"version_range": "newest"}, ReleaseError),
        ({"buyer": " "}, LicenceError),
        ({"terms": b""}, LicenceError),
    ],
)
def test_a_licence_that_could_grant_nothing_is_not_made(office, changes, error):
    with pytest.raises(error):
        office.licence(**changes)
    assert registry.list_licences(office.engine) == ()


def test_a_licence_that_ends_before_it_begins_is_not_made(office):
    with pytest.raises(LicenceError, match="never be in force"):
        office.licence(valid_until=office.clock.moment - timedelta(days=2))


def test_nobody_holds_a_marked_and_an_unmarked_copy_of_one_version(office):
    grant = partial(office.licence, now=office.clock())
    own = grant()
    with pytest.raises(LicenceError, match="a marked and an unmarked"):
        grant(buyer="ACME  research", copy=Copy.MARKED)
    grant(copy=Copy.MARKED, version_range="1.1.x")
    for copy in (Copy.OWN, Copy.CANONICAL):
        with pytest.raises(LicenceError, match="a marked and an unmarked"):
            grant(copy=copy, version_range=">=1.1.3")
    canonical = grant(copy=Copy.CANONICAL)
    grant(buyer="Another House", copy=Copy.MARKED)
    grant(copy=Copy.MARKED, mode=Mode.ENCLAVE)
    registry.revoke_licence(office.engine, own.id)
    with pytest.raises(LicenceError):
        grant(copy=Copy.MARKED)
    registry.revoke_licence(office.engine, canonical.id)
    grant(copy=Copy.MARKED)


def test_what_was_handed_out_decides_the_kind_of_copy_after_its_licence_has_ended(office):
    own = office.licence()
    with office.engine.begin() as connection:
        ledger.write(connection, line(own, office.token(own), version="1.0.3"))
    registry.revoke_licence(office.engine, own.id)
    with pytest.raises(LicenceError, match=r"1\.0\.3, handed out"):
        office.licence(copy=Copy.MARKED)
    office.licence(copy=Copy.MARKED, version_range=">1.0.3")


def test_a_token_is_nowhere_in_the_database(office):
    token = office.token(office.licence())
    dump = "\n".join(sqlite3.connect(office.engine.url.database).iterdump())
    assert token not in dump
    assert registry.token_id(token) in dump


def test_a_token_finds_its_licence_until_it_expires(office):
    licence = office.licence()
    token = office.token(licence, hours=1)
    now = office.clock.moment
    assert registry.find_bearer(office.engine, token, now=now).licence == licence
    assert registry.find_bearer(office.engine, token, now=now + timedelta(hours=1)) is None
    assert registry.find_bearer(office.engine, token + "x", now=now) is None


def test_a_revoked_token_finds_nothing(office):
    token = office.token(office.licence())
    now = office.clock.moment
    registry.revoke_token(office.engine, registry.token_id(token), now=now)
    assert registry.find_bearer(office.engine, token, now=now) is None
    assert registry.find_bearer_by_id(office.engine, registry.token_id(token), now=now) is None


@pytest.mark.parametrize("name", ["", "%", "%%%%%%%%%%%%%%%%", "________________", "0" * 15])
def test_no_pattern_finds_a_token(office, name):
    office.token(office.licence())
    assert registry.find_bearer_by_id(office.engine, name, now=office.clock.moment) is None


def test_a_revoked_licence_says_so(office):
    licence = office.licence()
    registry.revoke_licence(office.engine, licence.id)
    assert registry.find_licence(office.engine, licence.id).status is Status.REVOKED


def test_unknown_licences_and_tokens_are_refused(office):
    with pytest.raises(LicenceError):
        registry.revoke_licence(office.engine, "lic_none")
    with pytest.raises(LicenceError):
        registry.issue_token(office.engine, "lic_none", expires_at=office.clock.moment)
    with pytest.raises(LicenceError):
        registry.revoke_token(office.engine, "0" * 16, now=office.clock.moment)


def test_every_step_is_in_the_log(office):
    licence = office.licence()
    token = office.token(licence)
    registry.revoke_token(office.engine, registry.token_id(token), now=office.clock.moment)
    registry.revoke_licence(office.engine, licence.id)
    with Session(office.engine) as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence)).all()
    assert actions == [
        "organisation.add",
        "agreement.offer",
        "agreement.sign",
        "licence.create",
        "token.issue",
        "token.revoke",
        "licence.revoke",
    ]
    assert audit.verify(office.engine) == len(actions)
