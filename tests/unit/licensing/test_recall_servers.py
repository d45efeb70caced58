"""The same recall on both servers, from migrated tables, and with several processes at once."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from clearward import audit
from clearward.licensing import ledger, recall_lists
from clearward.licensing.attestation import Attested
from clearward.licensing.recall_report import recall_report
from clearward.products.spec import load_product
from clearward.state.models import RecallEntry
from tests.servers import own_database
from tests.unit.licensing.conftest import People
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
K = load_product(PRODUCT).protection.k


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def people(request, tmp_path):
    if request.param == "sqlite":
        yield People.arrived(tmp_path / "home", f"sqlite:///{tmp_path / 'own.db'}")
        return
    with own_database("recall") as url:
        made = People.arrived(tmp_path / "home", url)
        yield made
        made.engine.dispose()


def test_from_withdrawal_to_confirmation(people):
    licence = people.licence()
    people.download(licence)
    for number in range(K):
        people.withdraw(number)
    run = people.process()
    assert (run.versions_marked, run.lists_made) == (1, 1)
    web, header = people.web(), people.header(licence)
    [note] = web.get("/v1/recalls", headers=header).json()["recalls"]
    document = web.get(f"/v1/recalls/{note['id']}", headers=header).content
    said = Attested(
        note["id"],
        hashlib.sha256(document).hexdigest(),
        "A. Officer",
        people.clock.moment + timedelta(minutes=1),
    )
    answer = web.post(
        f"/v1/recalls/{note['id']}/attestation",
        content=json.dumps(said.fields()),
        headers=header,
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed")
    assert recall_report(people.engine).is_clear
    assert ledger.verify_ledger(people.engine) > 15
    assert audit.verify(people.engine) > 20


def test_runs_at_the_same_time_make_one_list_and_one_entry_each(people):
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: people.process(), range(4)))
    assert sum(run.lists_made for run in runs) == 1
    assert sum(run.versions_marked for run in runs) == 1
    with people.engine.connect() as connection:
        entries = connection.execute(
            sa.select(RecallEntry.list_id, sa.func.count()).group_by(RecallEntry.list_id)
        ).all()
    [note] = recall_lists.lists(people.engine)
    assert [tuple(row) for row in entries] == [(note.id, K)]
    assert audit.verify(people.engine) > 0


def test_downloads_while_a_recall_runs_are_refused_or_in_the_ledger(people):
    """A file that leaves is in the ledger; the next run finds whoever got it."""
    licence = people.licence()
    web, header = people.web(), people.header(licence)
    files = web.get(f"/v1/releases/{PRODUCT}/1.0.0/links", headers=header).json()["files"]
    data = [f["url"] for f in files if f["path"].startswith("data/")]
    for number in range(K):
        people.withdraw(number)
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(people.process)
        answers = list(pool.map(lambda url: web.get(url).status_code, data * 2))
        running.result()
    assert set(answers) <= {200, 403}
    people.process()
    got = any(status == 200 for status in answers)
    assert bool(recall_lists.lists(people.engine)) == got
    assert web.get(data[0]).status_code == 403


@pytest.mark.parametrize("change", ["UPDATE delivery SET path = 'x'", "DELETE FROM delivery"])
def test_the_database_refuses_to_change_the_ledger(people, change):
    people.download(people.licence())
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        people.engine.begin() as connection,
    ):
        connection.execute(sa.text(change))
