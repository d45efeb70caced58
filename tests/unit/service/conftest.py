import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from clearward.service.application import create_app
from clearward.state.models import AuditEvent
from tests.unit.licensing.conftest import arrived, office, people, published

__all__ = ["arrived", "office", "people", "published"]


class Buyer:
    """A licence's token in front of the service, with short words for the usual questions."""

    def __init__(self, office, licence, **app):
        app = create_app(office.settings, clock=office.clock, **app)
        self.office, self.licence = office, licence
        self.web = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        self.token = office.token(licence)
        self.header = {"Authorization": f"Bearer {self.token}"}

    def get(self, path, **headers):
        return self.web.get(path, headers={**self.header, **headers})

    def post(self, path, body=None, **headers):
        return self.web.post(path, json=body or {}, headers={**self.header, **headers})

    def log(self):
        with Session(self.office.engine) as session:
            events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))
            return [(e.action, e.detail.get("reason")) for e in events if "deliv" in e.action]


@pytest.fixture
def make_buyer(office):
    return lambda **changes: Buyer(office, office.licence(**changes))


@pytest.fixture
def buyer(make_buyer):
    return make_buyer(version_range="1.x")
