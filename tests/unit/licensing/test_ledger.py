import hashlib
import json

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import StateError
from clearward.licensing import ledger
from clearward.licensing.ledger import Handover, Kind
from clearward.licensing.model import Copy
from clearward.state import migrate as migrations
from clearward.state.base import state_engine
from clearward.state.models import Delivery
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
LINKS = f"/v1/releases/{PRODUCT}/1.0.0/links"


def lines(people):
    with Session(people.engine) as session:
        return list(session.scalars(select(Delivery)))


def test_every_file_handed_out_is_in_the_ledger_with_what_it_was(people):
    licence = people.licence()
    files = people.download(licence)
    written = lines(people)
    assert {line.path for line in written if line.kind == "file"} == set(files)
    assert [line.path for line in written if line.kind == "links"] == ["*"]
    [manifest] = {line.manifest_sha256 for line in written}
    assert manifest == hashlib.sha256(files["manifest.dsse.json"]).hexdigest()
    assert {(line.licence_id, line.licensee, line.copy) for line in written} == {
        (licence.id, "acme research", "own")
    }
    assert ledger.verify_ledger(people.engine) == len(written)


def test_an_answer_names_the_line_that_was_written_for_it(people):
    answer = people.web().get(LINKS, headers=people.header(people.licence()))
    assert [line.request_id for line in lines(people)] == [answer.headers["X-Request-Id"]]


def test_nothing_leaves_when_the_ledger_cannot_be_written(people):
    web, header = people.web(), people.header(people.licence())
    url = web.get(LINKS, headers=header).json()["files"][0]["url"]
    with people.engine.begin() as connection:
        connection.execute(text("ALTER TABLE delivery RENAME TO gone"))
    for answer in (web.get(url), web.get(LINKS, headers=header)):
        assert (answer.status_code, answer.json()["errorCode"]) == (503, "BUSY")
        assert answer.headers["Retry-After"] == "10"


def test_a_refused_request_and_a_look_at_the_size_write_no_line(people):
    web, header = people.web(), people.header(people.licence())
    url = web.get(LINKS, headers=header).json()["files"][0]["url"]
    before = len(lines(people))
    assert web.head(url).status_code == 200
    assert web.get(url + "0").status_code == 403
    assert web.get(LINKS.replace("1.0.0", "7.0.0"), headers=header).status_code == 404
    assert len(lines(people)) == before


def test_received_by_and_versions_of(people):
    people.release("2024-06", numbers=range(5, 70))
    acme, other = people.licence(), people.licence("Other Lab")
    people.download(acme)
    people.download(acme, "1.1.0")
    web = people.web()
    web.get(LINKS, headers=people.header(other))
    receipts = {r.licensee: r for r in ledger.received_by(people.engine, PRODUCT, "1.0.0")}
    assert {name: r.has_data for name, r in receipts.items()} == {
        "acme research": True,
        "other lab": False,
    }
    mine = ledger.versions_of(people.engine, "acme research")
    assert [r.version for r in mine] == ["1.0.0", "1.1.0"]
    assert ledger.versions_of(people.engine, "acme research", product="neurology") == ()
    assert ledger.versions_of(people.engine, "nobody") == ()


def test_documents_alone_are_no_data(people):
    web, header = people.web(), people.header(people.licence())
    files = {f["path"]: f["url"] for f in web.get(LINKS, headers=header).json()["files"]}
    web.get(files["README.md"])
    [receipt] = ledger.received_by(people.engine, PRODUCT, "1.0.0")
    assert (receipt.requests, receipt.has_data) == (2, False)


def test_a_changed_and_a_missing_line_are_found(people):
    people.download(people.licence())
    one = lines(people)[3].request_id
    with people.engine.begin() as connection:
        changed = update(Delivery).where(Delivery.request_id == one)
        connection.execute(changed.values(licensee="somebody else"))
    with pytest.raises(StateError, match="tampered"):
        ledger.verify_ledger(people.engine)
    with people.engine.begin() as connection:
        connection.execute(text("DELETE FROM delivery WHERE licensee = 'somebody else'"))
    with pytest.raises(StateError, match="missing"):
        ledger.verify_ledger(people.engine)


def test_a_line_without_its_log_entry_is_a_crash_not_a_forgery(people):
    """Written ahead: the process ended between the ledger and the log."""
    licence = people.licence()
    line = Handover(
        request_id="0" * 32,
        licence_id=licence.id,
        licensee=licence.licensee,
        product=PRODUCT,
        version="1.0.0",
        copy=Copy.OWN,
        copy_id="",
        manifest_sha256="",
        canonical_sha256="",
        kind=Kind.FILE,
        path="data/x",
        token_id="",
        at="2026-01-01T00:00:00Z",
    )
    with people.engine.begin() as connection:
        ledger.write(connection, line)
    assert ledger.verify_ledger(people.engine) == 0
    assert [r.has_data for r in ledger.received_by(people.engine, PRODUCT, "1.0.0")] == [True]
    with pytest.raises(IntegrityError), people.engine.begin() as connection:
        ledger.write(connection, line)


@pytest.fixture
def migrated(tmp_path):
    engine = state_engine(f"sqlite:///{tmp_path / 'state.db'}")
    migrations.migrate(engine)
    return engine


@pytest.mark.parametrize("change", ["UPDATE delivery SET path = 'x'", "DELETE FROM delivery"])
def test_the_database_itself_refuses_to_change_a_line(migrated, people, change):
    licence = people.licence()
    with Session(people.engine) as session:
        row = session.execute(text("SELECT * FROM licence")).mappings().one()
    with migrated.begin() as connection:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO licence ({names}) VALUES ({values})"), dict(row))
    line = dict.fromkeys(Handover.__dataclass_fields__, "x") | {"licence_id": licence.id}
    with Session(migrated) as session, session.begin():
        session.add(Delivery(**line))
    with pytest.raises(DBAPIError, match="append-only"), migrated.begin() as connection:
        connection.execute(text(change))


def test_deliveries_from_before_the_ledger_are_taken_over_from_the_log(tmp_path, monkeypatch):
    from alembic import command

    engine = state_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        command.upgrade(migrations._config(connection), "0001")
        connection.execute(
            text(
                "INSERT INTO licence VALUES ('lic_1', 'ACME  Lab', 'cardiology', 'p', '1.x', '',"
                " '2024-01-01T00:00:00Z', '2030-01-01T00:00:00Z', 'active')"
            )
        )
    told = {"token_id": "t" * 16}
    for action, subject, reason in (
        ("delivery.links", "cardiology/1.0.0", "granted"),
        ("delivery.file", "cardiology/1.0.0/data/cardiology__patient/part-1.parquet", "granted"),
        ("delivery.file", "cardiology/1.1.0/README.md", "granted"),
        ("delivery.links", "cardiology/2.0.0", "other_version"),
    ):
        audit.append(
            engine, actor="lic_1", action=action, subject=subject, detail={**told, "reason": reason}
        )
    migrations.migrate(engine)
    found = {(r.version, r.copy, r.has_data) for r in ledger.versions_of(engine, "acme lab")}
    assert found == {("1.0.0", Copy.CANONICAL, True), ("1.1.0", Copy.CANONICAL, False)}
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT copy FROM licence")) == "canonical"
    assert audit.verify(engine) == 4


def test_no_signature_or_token_is_in_the_ledger(people):
    licence = people.licence()
    token = people.office.token(licence)
    header = {"Authorization": f"Bearer {token}"}
    answer = people.web().get(LINKS, headers=header).json()
    kept = json.dumps([{k: str(v) for k, v in vars(line).items()} for line in lines(people)])
    assert token not in kept
    assert not [f for f in answer["files"] if f["url"].rpartition("=")[2] in kept]
