"""Licences that somebody should look at."""

import pytest

from clearward.licensing import ledger, registry
from clearward.licensing.watch import Concern, watch
from tests.unit.licensing.buyers import DAY, NOW, BuyersDesk
from tests.unit.licensing.test_quota import line


@pytest.fixture
def desk(tmp_path):
    return BuyersDesk(f"sqlite:///{tmp_path}/s.db")


def concerns(desk, now=NOW):
    return [(each.concern, each.licence_id) for each in watch(desk.engine, now=now)]


def test_what_ends_soon_is_told_and_what_goes_on_is_not(desk):
    soon = desk.licence(valid_until=NOW + 30 * DAY)
    later = desk.licence(valid_until=NOW + 300 * DAY)
    desk.licence(valid_until=NOW + 300 * DAY)
    desk.token(later, expires_at=NOW + 5 * DAY)
    assert concerns(desk) == [(Concern.TOKENS_END, later.id), (Concern.LICENCE_ENDS, soon.id)]
    desk.token(later, expires_at=NOW + 200 * DAY)
    registry.revoke_licence(desk.engine, soon.id)
    assert concerns(desk) == []


def test_a_licence_that_nobody_used_is_told_until_it_delivers(desk):
    licence = desk.licence(valid_from=NOW, valid_until=NOW + 300 * DAY)
    token = desk.token(licence, expires_at=NOW + 290 * DAY)
    assert concerns(desk, NOW + 29 * DAY) == []
    assert concerns(desk, NOW + 30 * DAY) == [(Concern.NEVER_USED, licence.id)]
    ledger.record(desk.engine, line(licence, token))
    assert concerns(desk, NOW + 30 * DAY) == []


def test_what_is_over_or_not_begun_concerns_nobody(desk):
    desk.licence(valid_from=NOW + DAY, valid_until=NOW + 2 * DAY)
    desk.licence(valid_from=NOW - 90 * DAY, valid_until=NOW)
    assert concerns(desk) == []
