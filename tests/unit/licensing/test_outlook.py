"""What a licence may receive, when it ends, whether it is used; its copy is ready before asked."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from clearward import audit
from clearward.errors import LicenceError
from clearward.licensing import ledger, organisations
from clearward.licensing.model import Copy
from clearward.licensing.outlook import Kind, ending, receivable, tell, unused
from clearward.licensing.preparation import prepare_newest, waiting
from clearward.licensing.registry import revoke_licence
from clearward.releases.signing import load_public_key
from clearward.releases.verify import verify_release
from clearward.storage import LocalStorage
from tests.unit.releases.factory import PRODUCT


def notices(office):
    path = office.settings.reports / "notices.jsonl"
    return [json.loads(li) for li in path.read_text().splitlines()] if path.is_file() else []


@pytest.fixture(autouse=True)
def no_old_news(office):
    (office.settings.reports / "notices.jsonl").unlink(missing_ok=True)


def prepare(office, licence):
    return prepare_newest(
        *(office.settings, office.house.keyring, office.house.storage),
        database=office.engine,
        licence_id=licence.id,
        now=office.clock(),
    )


def take(office, licence, path="data/x.parquet"):
    line = ledger.Handover(
        request_id=f"{licence.id}-{path}"[:32],
        licence_id=licence.id,
        licensee=licence.licensee,
        product=PRODUCT,
        version="1.0.0",
        copy=Copy.OWN,
        copy_id="c",
        manifest_sha256="0" * 64,
        canonical_sha256="1" * 64,
        kind=ledger.Kind.FILE,
        path=path,
        token_id="t",
        at=audit.utc_text(office.clock()),
    )
    with office.engine.begin() as connection:
        ledger.write(connection, line)


def receivable_now(office, licence, *, now=None, **settings):
    return receivable(
        replace(office.settings, **settings),
        *(office.engine, office.house.storage),
        licence=licence,
        now=now or office.clock(),
    )


def test_a_licence_may_receive_what_its_range_covers_while_it_is_in_force(office):
    licence = office.licence(version_range="1.x")
    assert receivable_now(office, licence) == ("1.0.0", "1.1.0")
    assert receivable_now(office, licence, now=licence.valid_until) == ()


def test_a_licence_for_some_countries_is_made_ready_where_a_proxy_will_tell_the_country(office):
    licence = office.licence(countries=["DE", "FR"])
    assert receivable_now(office, licence) == ()
    assert receivable_now(office, licence, country_header="X-Country") == ("1.0.0",)
    elsewhere = organisations.add_organisation(
        office.engine, name="Elsewhere", country="US", now=office.clock()
    )
    abroad = office.licence(buyer=elsewhere.name, countries=["DE"])
    assert receivable_now(office, abroad, country_header="X-Country") == ()


def test_the_newest_covered_version_waits_for_each_licence_in_force(office):
    narrow, wide = office.licence(), office.licence(version_range="*", buyer="Other")
    revoked = office.licence(buyer="Third")
    revoke_licence(office.engine, revoked.id)
    storage = office.house.storage
    found = waiting(office.settings, office.engine, storage, now=office.clock())
    assert {(each.licence, each.version) for each in found} == {
        (narrow.id, "1.0.0"),
        (wide.id, "1.1.0"),
    }


def test_the_copy_lies_ready_is_intact_and_its_licensee_is_told_once(office):
    licence = office.licence(version_range="1.x", buyer="Prepared Ltd")
    first, again = prepare(office, licence), prepare(office, licence)
    assert first == again
    assert (first.version, first.versions, first.copy) == ("1.1.0", 2, "own")
    store = LocalStorage(office.settings.home / "copies" / first.copy_id)
    key = load_public_key(office.house.keyring)
    assert verify_release(store, key, product=PRODUCT, version="1.1.0").files == first.files
    [notice] = notices(office)
    assert (notice["run_id"], notice["partition"]) == (licence.id, PRODUCT)
    assert "1.1.0" in notice["reason"] and "prepared ltd" in notice["reason"]


def test_a_notifier_that_failed_is_asked_again(office, monkeypatch):
    licence = office.licence(buyer="Unlucky", copy=Copy.CANONICAL)

    def fails(*_):
        raise OSError("no network")

    monkeypatch.setattr("clearward.licensing.preparation.notify", fails)
    with pytest.raises(OSError):
        prepare(office, licence)
    monkeypatch.undo()
    assert prepare(office, licence).copy == "canonical"
    assert len(notices(office)) == 1


def test_nothing_is_prepared_for_who_may_receive_nothing(office):
    none = office.licence(version_range="9.x")
    over = office.licence()
    revoke_licence(office.engine, over.id)
    for licence in (none, over):
        with pytest.raises(LicenceError, match="Nothing can be prepared"):
            prepare(office, licence)
    assert notices(office) == []


def test_a_licence_that_ends_soon_is_told_once_and_again_when_its_end_moved(office):
    now = office.clock()
    soon = office.licence(valid_until=now + timedelta(days=10))
    office.licence(valid_until=now + timedelta(days=400))
    found = ending(office.engine, now=now)
    assert [concern.licence.id for concern in found] == [soon.id]
    told = tell(office.settings, found, told=frozenset())
    assert tell(office.settings, found, told=told) == told
    assert len(notices(office)) == 1
    assert ending(office.engine, now=soon.valid_until) == ()  # then it has ended


def test_a_licence_whose_last_token_ends_is_told_while_it_goes_on(office):
    now = office.clock()
    licence = office.licence(valid_until=now + timedelta(days=400))
    soon = office.licence(valid_until=now + timedelta(days=20))
    office.token(licence, days=5)
    office.token(soon, days=1)
    found = ending(office.engine, now=now)
    assert [(each.kind, each.licence.id) for each in found] == [
        (Kind.TOKENS_END, licence.id),
        (Kind.LICENCE_ENDS, soon.id),
    ]
    assert [row["at"] for row in (each.row() for each in found)] == [each.at for each in found]
    office.token(licence, days=200)
    revoke_licence(office.engine, soon.id)
    assert ending(office.engine, now=now) == ()


def test_a_licence_nothing_was_taken_of_is_told_until_something_is(office):
    began = office.clock() - timedelta(days=100)
    idle, busy = (office.licence(valid_from=began, buyer=name) for name in ("Idle", "Busy"))
    office.licence(buyer="New")
    take(office, busy)
    take(office, idle, path="README.md")  # a document is no data
    found = unused(office.engine, now=office.clock())
    assert [concern.licence.id for concern in found] == [idle.id]
    take(office, idle)
    assert unused(office.engine, now=office.clock()) == ()
    office.clock.pass_time(days=20)
    assert unused(office.engine, now=office.clock(), after=timedelta(days=20))
