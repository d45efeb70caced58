"""A publisher's desk without any release: licences, people and secrets in one database."""

from datetime import UTC, datetime, timedelta

from clearward.licensing import agreements, organisations, registry
from clearward.state.base import Base, state_engine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = "commercial_licensing"


class BuyersDesk:
    def __init__(self, url):
        self.engine = state_engine(url)
        Base.metadata.create_all(self.engine)

    def licence(self, **changes):
        values = {
            "buyer": "Acme Research",
            "product": "cardiology",
            "purpose": GOOD,
            "version_range": "1.x",
            "terms": b"the text of the agreement",
            "valid_from": NOW - DAY,
            "valid_until": NOW + 30 * DAY,
            **changes,
        }
        return registry.create_licence(self.engine, **values)

    def token(self, licence, **changes):
        values = {"expires_at": NOW + DAY, **changes}
        return registry.issue_token(self.engine, licence.id, **values)

    def person(self, licence, name="Ada Byron", email="ada@acme.example"):
        return organisations.add_person(
            self.engine,
            organisation_id=licence.organisation_id,
            name=name,
            email=email,
            now=NOW,
        )

    def agreement(self, name="Acme Research", text=b"the text", version="2026-1"):
        with_name = organisations.add_organisation(self.engine, name=name, now=NOW)
        return agreements.offer(
            self.engine,
            organisation_id=with_name.id,
            text=text,
            text_version=version,
            now=NOW,
        )
