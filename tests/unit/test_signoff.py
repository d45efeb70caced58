"""A sign-off lets one extract through, and stands in the audit log."""

from __future__ import annotations

import pytest
from sources.conftest import P1, observation, small_run
from test_arrival import Landing

from clearward import audit
from clearward.errors import ConfigError, ExtractError
from clearward.signoff import sign_off, signed_changes
from clearward.state.base import Base, state_engine


@pytest.fixture
def database(tmp_path):
    engine = state_engine(f"sqlite:///{tmp_path / 'state.db'}")
    Base.metadata.create_all(engine)
    return engine


def test_a_sign_off_is_for_one_extract_only(database):
    sign_off(database, "a" * 64, changes=["moved", "deletes"], by="Ann", reason="asked")
    assert signed_changes(database, "a" * 64) == {"moved", "deletes"}
    assert signed_changes(database, "b" * 64) == frozenset()
    audit.verify(database)


@pytest.mark.parametrize(
    ("changes", "by", "reason"),
    [(["everything"], "Ann", "asked"), ([], "Ann", "asked"), (["moved"], " ", "asked"),
     (["moved"], "Ann", "")],
)  # fmt: skip
def test_a_sign_off_without_change_name_or_reason_is_none(database, changes, by, reason):
    with pytest.raises(ConfigError):
        sign_off(database, "a" * 64, changes=changes, by=by, reason=reason)
    assert signed_changes(database, "a" * 64) == frozenset()


def test_a_held_extract_goes_through_once_it_is_signed_off(tmp_path):
    landing = Landing(tmp_path)
    run = small_run()
    run["observations.csv"] = [observation(P1, 120, CODE=f"c{n}") for n in range(500)]
    landing.land("first", run=run, month="2024-05", sequence=1)
    landing.receive("2024-05")
    run["observations.csv"] = run["observations.csv"][:400]
    landing.land("second", run=run, month="2024-06", sequence=2)
    with pytest.raises(ExtractError, match="drops too many"):
        landing.receive("2024-06")
    held = landing.register()[-1]
    assert held[0] == "refused"
    manifest = next(a.manifest_sha256 for a in _arrivals(landing) if a.month == "2024-06")
    sign_off(landing.database, manifest, changes=["deletes"], by="Ann", reason="asked")
    assert landing.receive("2024-06").table("observations").deleted == 100
    assert landing.register()[-1][0] == "accepted"


def _arrivals(landing):
    from clearward.arrival import all_arrivals

    return list(all_arrivals(landing.settings))
