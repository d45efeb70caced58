"""The last download goes to one of those who ask for it at once, on both servers."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from clearward import audit
from clearward.licensing import ledger, organisations, registry
from clearward.licensing.ledger import Handover, Kind
from clearward.licensing.model import Copy, Mode, Reason
from clearward.licensing.quota import downloads, may_leave
from tests.unit.licensing.buyers import NOW


def line(licence, token, kind=Kind.LINKS, **changes):
    values = {
        "request_id": secrets.token_hex(16),
        "licence_id": licence.id,
        "licensee": licence.licensee,
        "product": licence.product,
        "version": "1.0.0",
        "copy": Copy.OWN,
        "copy_id": "",
        "manifest_sha256": "",
        "canonical_sha256": "",
        "kind": kind,
        "path": "*",
        "token_id": registry.token_id(token),
        "at": audit.utc_text(NOW),
        **changes,
    }
    return Handover(**values)


def hand_over(desk, *lines, country=None):
    """As the service does it: asked and written in one transaction."""
    with audit.logged(desk.engine) as connection:
        decision = may_leave(connection, lines, country=country)
        if decision.allowed:
            for each in lines:
                ledger.write(connection, each)
    return decision.reason


def test_two_who_ask_at_once_do_not_both_take_the_last_download(desk):
    licence = desk.licence(max_downloads=3)
    token = desk.token(licence)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: hand_over(desk, line(licence, token)), range(8)))
    assert sorted(told) == [Reason.DOWNLOADS_USED_UP] * 5 + [Reason.GRANTED] * 3
    with desk.engine.connect() as connection:
        assert downloads(connection, licence.id) == 3


def test_files_of_a_download_are_not_another_one(desk):
    licence = desk.licence(max_downloads=1)
    token = desk.token(licence)
    assert hand_over(desk, line(licence, token)) is Reason.GRANTED
    for _ in range(3):
        assert hand_over(desk, line(licence, token, Kind.FILE)) is Reason.GRANTED
    assert hand_over(desk, line(licence, token, Kind.PRESIGNED)) is Reason.DOWNLOADS_USED_UP


def test_one_answer_with_two_downloads_is_whole_or_not_at_all(desk):
    licence = desk.licence(max_downloads=3)
    token = desk.token(licence)
    assert hand_over(desk, line(licence, token), line(licence, token)) is Reason.GRANTED
    both = line(licence, token), line(licence, token)
    assert hand_over(desk, *both) is Reason.DOWNLOADS_USED_UP
    assert hand_over(desk, line(licence, token)) is Reason.GRANTED


def test_another_licence_of_the_buyer_has_its_own_downloads(desk):
    first, second = desk.licence(max_downloads=1), desk.licence(max_downloads=1)
    for licence in (first, second):
        assert hand_over(desk, line(licence, desk.token(licence))) is Reason.GRANTED


def test_what_ended_since_the_request_was_let_in_stops_it_here(desk):
    licence = desk.licence()
    person = desk.person(licence)
    token = desk.token(licence, person_id=person.id)
    assert hand_over(desk, line(licence, token)) is Reason.GRANTED
    organisations.revoke_person(desk.engine, person.id, now=NOW)
    assert hand_over(desk, line(licence, token)) is Reason.BAD_TOKEN
    token = desk.token(licence)
    organisations.revoke_organisation(desk.engine, licence.organisation_id, now=NOW)
    assert hand_over(desk, line(licence, token)) is Reason.ORGANISATION_REVOKED


def test_a_line_under_another_licence_than_the_tokens_is_refused(desk):
    token = desk.token(desk.licence())
    assert hand_over(desk, line(desk.licence(), token)) is Reason.BAD_TOKEN


def test_an_enclave_licence_gets_no_bytes(desk):
    licence = desk.licence(mode=Mode.ENCLAVE)
    token = desk.token(licence)
    for kind in Kind:
        assert hand_over(desk, line(licence, token, kind)) is Reason.ENCLAVE_ONLY


def test_the_country_of_the_request_counts_here_too(desk):
    licence = desk.licence(countries=["DE"])
    token = desk.token(licence)
    told = [hand_over(desk, line(licence, token), country=c) for c in ("DE", "US", "", None, "de")]
    assert told == [
        Reason.GRANTED,
        Reason.OTHER_COUNTRY,
        Reason.UNKNOWN_COUNTRY,
        Reason.UNKNOWN_COUNTRY,
        Reason.OTHER_COUNTRY,
    ]
