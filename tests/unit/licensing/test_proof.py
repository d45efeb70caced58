"""What was changed in the state database beside the log is found by the log."""

import pytest
from sqlalchemy import text

from clearward.errors import StateError
from clearward.licensing import agreements, odrl, organisations, registry, tokens
from clearward.licensing.model import Mode
from clearward.licensing.proof import verify_licences
from tests.unit.licensing.buyers import DAY, NOW, BuyersDesk


@pytest.fixture
def desk(tmp_path):
    return BuyersDesk(f"sqlite:///{tmp_path}/s.db")


def test_what_was_granted_and_ended_is_as_the_log_says(desk):
    licence = desk.licence(countries=["DE"], max_downloads=2)
    registry.revoke_token(desk.engine, registry.token_id(desk.token(licence)), now=NOW)
    client = tokens.make_client(desk.engine, licence.id, expires_at=NOW + DAY, now=NOW)
    tokens.revoke_client(desk.engine, client.client_id, now=NOW)
    organisations.revoke_person(desk.engine, desk.person(licence).id, now=NOW)
    organisations.declare_country(desk.engine, licence.organisation_id, "DE", now=NOW)
    registry.revoke_licence(desk.engine, licence.id)
    agreements.revoke_agreement(desk.engine, licence.agreement_id, now=NOW)
    organisations.revoke_organisation(desk.engine, licence.organisation_id, now=NOW)
    assert verify_licences(desk.engine) == 9


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE licence SET version_range = '*'",
        "UPDATE licence SET product = 'neurology'",
        "UPDATE licence SET valid_until = '2099-01-01T00:00:00Z'",
        "UPDATE licence SET countries = ''",
        "UPDATE licence SET max_downloads = NULL",
        "UPDATE licence SET mode = 'download'",
        "UPDATE licence SET copy = 'canonical'",
        "UPDATE licence SET key_pem = 'x'",
        "UPDATE licence SET duo = ''",
        "UPDATE licence SET policy_sha256 = ''",
        "UPDATE licence SET buyer = 'Somebody Else'",
        "UPDATE policy_document SET body = replace(body, 'count', 'event')",
        "DELETE FROM policy_document",
        "UPDATE licence SET agreement_id = 'agr_other'",
        "UPDATE agreement SET text_sha256 = 'x'",
        "UPDATE agreement SET signed_by = 'x'",
        "UPDATE agreement SET organisation_id = (SELECT max(id) FROM organisation)"
        " WHERE organisation_id = (SELECT min(id) FROM organisation)",
    ],
)
def test_a_term_that_was_changed_by_hand_is_found(desk, change):
    desk.licence(countries=["DE"], max_downloads=2, mode=Mode.ENCLAVE, duo=["DUO:0000021"])
    desk.licence(buyer="Other Lab", countries=["DE"], max_downloads=2)
    verify_licences(desk.engine)
    with desk.engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(StateError, match="beside the log"):
        verify_licences(desk.engine)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE licence SET status = 'active'",
        "UPDATE organisation SET status = 'active'",
        "UPDATE person SET status = 'active'",
        "UPDATE access_token SET revoked_at = NULL",
    ],
)
def test_what_was_ended_and_made_good_by_hand_is_found(desk, change):
    licence = desk.licence()
    person = desk.person(licence)
    registry.revoke_token(desk.engine, registry.token_id(desk.token(licence)), now=NOW)
    organisations.revoke_person(desk.engine, person.id, now=NOW)
    registry.revoke_licence(desk.engine, licence.id)
    organisations.revoke_organisation(desk.engine, licence.organisation_id, now=NOW)
    verify_licences(desk.engine)
    with desk.engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(StateError, match="beside the log"):
        verify_licences(desk.engine)


def test_the_policy_document_is_kept_by_its_hash_and_reads_as_odrl(desk):
    licence = desk.licence(countries=["DE", "FR"], max_downloads=12, duo=["DUO:0000021"])
    body = odrl.policy_document(licence)
    with desk.engine.connect() as connection:
        kept = connection.execute(text("SELECT sha256, body FROM policy_document")).one()
    assert (kept.sha256, kept.body.encode()) == (licence.policy_sha256, body)
    rdflib = pytest.importorskip("rdflib")
    graph = rdflib.Graph().parse(data=body, format="json-ld")
    space = rdflib.Namespace("http://www.w3.org/ns/odrl/2/")
    [policy] = graph.subjects(rdflib.RDF.type, space.Agreement)
    assert str(policy) == f"urn:clearward:licence:{licence.id}"
    operands = {str(o).rpartition("/")[2] for o in graph.objects(None, space.leftOperand)}
    assert {"purpose", "dateTime", "version", "spatial", "count"} <= operands
    assert len(list(graph.objects(policy, space.prohibition))) == 2
    uses = {str(o) for o in graph.objects(policy, rdflib.URIRef("urn:clearward:dataUse"))}
    assert "http://purl.obolibrary.org/obo/DUO_0000021" in uses
    reached = {str(o) for o in graph.objects(None, space.rightOperand)}
    assert "https://w3id.org/dpv#CommercialPurpose" in reached
