"""What a buyer who follows a product by its change feed hears of a patient who withdrew."""

from clearward.licensing.model import Copy
from tests.unit.releases import factory
from tests.unit.service.conftest import Buyer
from tests.unit.service.test_shares import PATIENT, changes, lines, rows


def held(buyer, **ask):
    file = lines(buyer.post(f"{PATIENT}/query", ask))[2]["file"]
    return {row["patient_key"] for row in rows(buyer, file["url"])}


def test_the_feed_takes_back_a_patient_whose_version_is_handed_out_no_more(people):
    buyer = Buyer(people.office, people.licence())
    before = held(buyer, version=0)
    people.withdraw(3)
    people.process()
    people.release("2024-06", numbers=[n for n in range(factory.PATIENTS) if n != 3])
    absent = buyer.post(f"{PATIENT}/query", {"version": 0})
    never = buyer.post(f"{PATIENT}/query", {"version": 7})
    assert (absent.status_code, absent.content) == (404, never.content)
    after = held(buyer)
    feed = changes(buyer, "startingVersion=1", table="patient")[2]["cdf"]
    found = rows(buyer, feed["url"])
    deleted = [row for row in found if row["_change_type"] == "delete"]
    assert {row["patient_key"] for row in deleted} == before - after and len(deleted) == 1
    told = {name for row in deleted for name, value in row.items() if value is not None}
    assert told == {"patient_key", "_change_type"}
    whole = changes(buyer, "startingVersion=0", table="patient")
    assert [next(iter(line)) for line in whole[2:]] == ["add"]
    assert {r["patient_key"] for r in rows(buyer, whole[2]["add"]["url"])} == after


def test_a_copy_made_for_the_comparison_alone_does_not_stay(people):
    people.release("2024-06", numbers=range(1, factory.PATIENTS))
    buyer = Buyer(people.office, people.licence())
    changes(buyer, "startingVersion=1", table="patient")
    kept = [p for p in (people.settings.home / "copies").iterdir() if not p.name.startswith(".")]
    assert len(kept) == 1
    assert list((kept[0] / factory.PRODUCT).iterdir()) == [kept[0] / factory.PRODUCT / "1.1.0"]


def test_feeds_of_canonical_files_leave_with_their_version(people):
    people.release("2024-06")
    buyer = Buyer(people.office, people.licence(copy=Copy.CANONICAL))
    url = changes(buyer, "startingVersion=1", table="patient")[2]["cdf"]["url"]
    assert buyer.web.get(url).status_code == 200
    people.withdraw(3)
    people.process()
    assert buyer.web.get(url).status_code == 403
    assert not list((people.settings.home / "copies").glob("canonical-*"))
