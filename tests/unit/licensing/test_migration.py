"""Licences from before there were agreements keep working, and what was ended stays ended."""

import pytest
import sqlalchemy as sa
from alembic import command

from clearward import audit
from clearward.errors import StateError
from clearward.licensing import agreements, ledger, odrl, organisations, registry
from clearward.licensing.chain import secret_hash
from clearward.licensing.model import Reason
from clearward.licensing.odrl import keep_policies
from clearward.licensing.policies import may_receive
from clearward.licensing.proof import verify_licences
from clearward.state.base import state_engine
from clearward.state.migrate import _config, migrate
from tests.servers import own_database
from tests.unit.licensing.buyers import GOOD, NOW

TOKEN = "cwt_" + "x" * 43


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old(request, tmp_path):
    """A database of revision 0007 with three licences, a token and a delivery."""
    if request.param == "sqlite":
        yield from _old(f"sqlite:///{tmp_path}/old.db")
        return
    with own_database("lic") as url:
        yield from _old(url)


def _old(url):
    engine = state_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0007")
        for number, (buyer, terms, status) in enumerate(
            [
                ("Example Pharma", "a" * 64, "active"),
                ("EXAMPLE  pharma", "b" * 64, "active"),
                ("Örtel & Söhne", "a" * 64, "revoked"),
            ]
        ):
            connection.execute(
                sa.text(
                    "INSERT INTO licence (id, buyer, product, purpose, version_range, terms_sha256,"
                    " valid_from, valid_until, status) VALUES (:id, :buyer, 'cardiology', :purpose,"
                    " '1.x', :terms, '2025-01-01T00:00:00Z', '2027-01-01T00:00:00Z', :status)"
                ),
                {
                    "id": f"lic_{number}",
                    "buyer": buyer,
                    "purpose": GOOD,
                    "terms": terms,
                    "status": status,
                },
            )
        connection.execute(
            sa.text("INSERT INTO access_token VALUES (:hash, 'lic_0', :end, NULL)"),
            {"hash": secret_hash(TOKEN), "end": "2026-06-01T00:00:00Z"},
        )
    audit.append(engine, actor="clearward", action="licence.create", subject="lic_0")
    yield engine
    engine.dispose()


def reason(licence):
    asked = {"product": "cardiology", "version": "1.0.0", "purpose": GOOD, "now": NOW}
    return may_receive(licence, **asked).reason


def test_old_licences_and_tokens_mean_what_they_meant(old):
    migrate(old)
    licences = {li.id: li for li in registry.list_licences(old)}
    assert [reason(licences[f"lic_{n}"]) for n in range(3)] == [
        Reason.GRANTED,
        Reason.GRANTED,
        Reason.REVOKED,
    ]
    assert registry.find_bearer(old, TOKEN, now=NOW).licence == licences["lic_0"]
    assert licences["lic_1"].licensee == licences["lic_0"].licensee == "example pharma"


def test_one_buyer_is_one_organisation_with_an_agreement_for_each_text(old):
    migrate(old)
    assert [o.licensee for o in organisations.list_organisations(old)] == [
        "example pharma",
        "örtel & söhne",
    ]
    signed = agreements.list_agreements(old)
    assert len(signed) == 3
    assert {a.signed_by for a in signed} == {"paper"}
    assert all(a.is_signature_whole() for a in signed)
    assert verify_licences(old) == 1
    assert (keep_policies(old, now=NOW), keep_policies(old, now=NOW)) == (3, 0)
    assert verify_licences(old) == 4
    kept = registry.find_licence(old, "lic_1")
    assert kept.policy_sha256 and odrl.find_document(old, kept.policy_sha256)
    with old.begin() as connection:
        connection.execute(sa.text("UPDATE licence SET version_range = '*' WHERE id = 'lic_1'"))
    with pytest.raises(StateError, match="lic_1 is not what line"):
        verify_licences(old)
    assert ledger.verify_ledger(old) == 0


def test_a_buyer_of_old_can_be_given_more_and_be_ended(old):
    migrate(old)
    [first, *_] = registry.buyers_licences(old, "EXAMPLE PHARMA")
    more = registry.create_licence(
        old,
        agreement_id=first.agreement_id,
        product="neurology",
        purpose=GOOD,
        version_range="*",
        valid_from=first.valid_from,
        valid_until=first.valid_until,
    )
    assert more.organisation_id == first.organisation_id
    organisations.revoke_organisation(old, first.organisation_id, now=NOW)
    assert {reason(li) for li in registry.buyers_licences(old, "example pharma")} == {
        Reason.ORGANISATION_REVOKED
    }


def test_the_way_back_keeps_licences_and_log(old):
    migrate(old)
    with old.begin() as connection:
        command.downgrade(_config(connection), "0007")
        assert connection.scalar(sa.text("SELECT count(*) FROM licence")) == 3
    assert audit.verify(old) == 1
    migrate(old)
    assert registry.find_bearer(old, TOKEN, now=NOW) is not None
