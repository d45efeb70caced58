from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from clearward.consent.model import EVENT_SCHEMA
from clearward.consent.registry import event_key, load_events, record_withdrawal
from clearward.keyring import pseudonym
from clearward.licensing import recall_lists, registry
from clearward.licensing.recall import process_withdrawals
from clearward.products.spec import load_product
from clearward.service.application import create_app
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from tests.servers import own_database
from tests.unit.consent.hospital import write_raw
from tests.unit.licensing.buyers import BuyersDesk
from tests.unit.releases import factory
from tests.unit.releases.conftest import House


@pytest.fixture(scope="session")
def postgres_url():
    """A database of this process's own on the real server; other tests share the server."""
    with own_database("licences") as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk(request, tmp_path):
    """A publisher's desk without any release, on both servers."""
    on_server = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if on_server else f"sqlite:///{tmp_path}/s.db"
    made = BuyersDesk(url)
    yield made
    factory.Base.metadata.drop_all(made.engine)
    made.engine.dispose()


class FixedClock:
    def __init__(self, moment):
        self.moment = moment

    def __call__(self):
        return self.moment

    def pass_time(self, **duration):
        self.moment += timedelta(**duration)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """One house with cardiology 1.0.0 and 1.1.0; tests that change the store make their own."""
    house = House(tmp_path_factory.mktemp("licensing") / "home")
    house.release()
    house.release("2024-06", patients=70)
    return house


class Office:
    """Licences and tokens for one test, in their own database."""

    def __init__(self, house, database):
        self.house = house
        self.settings = factory.moved(house.settings, database=database)
        self.engine = state_engine(database)
        factory.Base.metadata.create_all(self.engine)
        self.clock = FixedClock(datetime(2026, 1, 1, 12, tzinfo=UTC))

    def licence(self, **changes):
        values = {
            "buyer": "Acme Research",
            "product": factory.PRODUCT,
            "purpose": "commercial_licensing",
            "version_range": "1.0.x",
            "terms": b"the text of the agreement",
            "valid_from": self.clock.moment - timedelta(days=1),
            "valid_until": self.clock.moment + timedelta(days=30),
            **changes,
        }
        return registry.create_licence(self.engine, **values)

    def token(self, licence, **duration):
        expires = self.clock.moment + timedelta(**(duration or {"days": 1}))
        return registry.issue_token(self.engine, licence.id, expires_at=expires)


@pytest.fixture
def office(published, tmp_path):
    return Office(published, f"sqlite:///{tmp_path / 'state.db'}")


class People:
    """A house whose published patients are known: consent names them ``r0``, ``r1`` …"""

    def __init__(self, house, database=""):
        self.house = house
        if database:
            migrate(state_engine(database))
            self.house.settings = factory.moved(self.house.settings, database=database)
        self.office = Office(self.house, self.house.settings.database)
        self.settings, self.keyring = self.house.settings, self.house.keyring
        self.engine, self.clock, self.storage = (
            self.office.engine,
            self.office.clock,
            self.house.storage,
        )

    @classmethod
    def arrived(cls, home, database=""):
        """With their extract, and the release that holds them."""
        people = cls(House(home), database)
        people._arrive()
        people.release()
        return people

    def published_key(self, number):
        return pseudonym(self.keyring.key("product", factory.PRODUCT), f"r{number}")

    def _arrive(self):
        """The extract that brought the patients, all of age."""
        rows = [
            {"row_key": f"r{n}", "patient_key": f"r{n}", "patient_id": str(n)}
            for n in range(factory.PATIENTS)
        ]
        write_raw(self.settings, "synthea__patients", factory.MONTH, rows, hospital="stmary")

    def release(self, month=factory.MONTH, *, numbers=range(factory.PATIENTS)):
        keys = sorted(self.published_key(n) for n in numbers)
        listed = "(" + str(keys) + ")[i + 1]"
        overrides = {
            table.entity: factory.entity_sql(table.entity, table.key[0], len(keys)).replace(
                "printf('p%019d', i)", listed
            )
            for table in load_product(factory.PRODUCT).tables
        }
        return self.house.release(month, patients=len(keys), overrides=overrides)

    def withdraw(self, number, **changes):
        values = {
            "hospital": "stmary",
            "patient_key": f"r{number}",
            "decided_at": self.clock.moment,
            **changes,
        }
        return record_withdrawal(self.engine, **values)

    def permit(self, number, decided_at, **changes):
        event = dict.fromkeys(EVENT_SCHEMA.names, "")
        event |= {
            "hospital_id": "stmary",
            "patient_key": f"r{number}",
            "purpose": "commercial_licensing",
            "decision": "permit",
            "decided_at": decided_at,
            "valid_from": decided_at,
            "valid_until": None,
            "guardian": False,
            "month": "2024-05",
            **changes,
        }
        event["event_key"] = event_key(event)
        return load_events(self.engine, pa.Table.from_pylist([event], schema=EVENT_SCHEMA))

    def recall_list(self, licensee, name):
        return recall_lists.send(
            self.engine, name, licensee=licensee, actor="test", now=self.clock.moment
        )

    def process(self):
        return process_withdrawals(self.settings, self.keyring, self.storage, now=self.clock.moment)

    def web(self):
        app = create_app(self.office.settings, clock=self.clock)
        return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def header(self, licence, **duration):
        return {"Authorization": f"Bearer {self.office.token(licence, **duration)}"}

    def download(self, licence, version="1.0.0"):
        """Every file as the buyer gets it: path -> bytes."""
        web, header = self.web(), self.header(licence)
        answer = web.get(f"/v1/releases/{factory.PRODUCT}/{version}/links", headers=header)
        assert answer.status_code == 200, answer.text
        return {f["path"]: web.get(f["url"]).content for f in answer.json()["files"]}

    def licence(self, buyer="Acme Research", **changes):
        return self.office.licence(buyer=buyer, version_range="1.x", **changes)


@pytest.fixture(scope="session")
def arrived(tmp_path_factory):
    return People.arrived(tmp_path_factory.mktemp("people") / "home")


@pytest.fixture
def people(arrived, tmp_path):
    return People(arrived.house.moved(tmp_path / "home"))


@pytest.fixture(scope="session")
def recall(arrived, tmp_path_factory):
    """K patients have withdrawn after a licensee's download, so there is a list to answer."""
    people = People(arrived.house.moved(tmp_path_factory.mktemp("recall") / "home"))
    people.mine = people.licence()
    people.download(people.mine)
    for number in range(load_product(factory.PRODUCT).protection.k):
        people.withdraw(number)
    people.process()
    return people
