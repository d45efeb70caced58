from datetime import UTC, datetime, timedelta

import pytest

from clearward.licensing import registry
from clearward.state.base import state_engine
from tests.unit.releases import factory
from tests.unit.releases.conftest import House


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
