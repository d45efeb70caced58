"""What a licence says beyond product and version, at the service's doors."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from clearward import audit
from clearward.licensing import agreements, organisations, registry, tokens
from clearward.licensing.model import Mode
from clearward.service.application import create_app
from clearward.state.models import AuditEvent
from tests.unit.releases import factory

LINKS = f"/v1/releases/{factory.PRODUCT}/1.0.0/links"


def browse(office, **changes):
    settings = replace(office.settings, **changes)
    return TestClient(create_app(settings, clock=office.clock), base_url="http://127.0.0.1")


def bearer(office, licence, **changes):
    expires = office.clock.moment + timedelta(days=1)
    token = registry.issue_token(office.engine, licence.id, expires_at=expires, **changes)
    return {"Authorization": f"Bearer {token}"}


def last_reason(office):
    with Session(office.engine) as session:
        query = select(AuditEvent.detail).order_by(AuditEvent.sequence.desc()).limit(1)
        return session.scalar(query)["reason"]


def test_links_are_counted_files_are_not(office):
    licence = office.licence(max_downloads=1)
    web, header = browse(office), bearer(office, licence)
    files = web.get(LINKS, headers=header).json()["files"]
    assert web.get(LINKS, headers=header).status_code == 403
    assert last_reason(office) == "downloads_used_up"
    assert {web.get(file["url"]).status_code for file in files[:3]} == {200}
    assert audit.verify(office.engine) > 0


def test_an_enclave_licence_gets_no_link(office):
    header = bearer(office, office.licence(mode=Mode.ENCLAVE))
    web = browse(office)
    assert web.get(LINKS, headers=header).status_code == 403
    assert last_reason(office) == "enclave_only"
    assert web.get("/v1/releases", headers=header).json()["releases"] == []


def test_a_country_is_the_proxys_word_where_one_is_set_up(office):
    header = bearer(office, office.licence(countries=["DE"]))
    told = {"X-Country": "de"}
    assert browse(office).get(LINKS, headers={**header, **told}).status_code == 403
    web = browse(office, country_header="X-Country")
    assert web.get(LINKS, headers={**header, **told}).status_code == 200
    for other in ({}, {"X-Country": "US"}, {"X-Country": "DE, US"}, {"X-Country": "XX"}):
        assert web.get(LINKS, headers={**header, **other}).status_code == 403


def test_a_link_followed_from_elsewhere_is_refused(office):
    header = bearer(office, office.licence(countries=["DE"]))
    web = browse(office, country_header="X-Country")
    here = {"X-Country": "DE"}
    url = web.get(LINKS, headers={**header, **here}).json()["files"][0]["url"]
    assert web.get(url, headers=here).status_code == 200
    for elsewhere in ({"X-Country": "US"}, {}):
        assert web.get(url, headers=elsewhere).status_code == 403


@pytest.mark.parametrize("link", ["organisation", "agreement", "person", "client"])
def test_whatever_is_revoked_above_it_a_link_that_is_out_stops(office, link):
    licence, now = office.licence(), office.clock.moment
    person = organisations.add_person(
        office.engine,
        organisation_id=licence.organisation_id,
        name="Ada",
        email="a@b.de",
        now=now,
    )
    client = tokens.make_client(
        office.engine, licence.id, expires_at=now + timedelta(days=9), now=now
    )
    token, _ = tokens.exchange(office.engine, **vars(client), now=now)
    web = browse(office)
    own = bearer(office, licence, person_id=person.id)
    header = {"Authorization": f"Bearer {token}"} if link == "client" else own
    url = web.get(LINKS, headers=header).json()["files"][0]["url"]
    assert web.get(url).status_code == 200
    end = {
        "organisation": lambda: organisations.revoke_organisation(
            office.engine, licence.organisation_id, now=now
        ),
        "agreement": lambda: agreements.revoke_agreement(
            office.engine, licence.agreement_id, now=now
        ),
        "person": lambda: organisations.revoke_person(office.engine, person.id, now=now),
        "client": lambda: tokens.revoke_client(office.engine, client.client_id, now=now),
    }
    end[link]()
    assert web.get(url).status_code == 403
    expected = 401 if link in ("person", "client") else 403
    assert web.get(LINKS, headers=header).status_code == expected
