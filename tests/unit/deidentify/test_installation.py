"""A lost keyring, or another installation's, is told before anything is written."""

from __future__ import annotations

import pytest

from clearward.deidentify.installation import (
    check_installation,
    check_new_keyring,
    open_keyring,
    record_installation,
)
from clearward.errors import ConfigError
from clearward.keyring import init_keyring
from clearward.state.base import state_engine
from clearward.state.migrate import migrate

from .cleared import make_settings


@pytest.fixture
def settings(tmp_path):
    made = make_settings(tmp_path / "home")
    database = state_engine(made.database)
    migrate(database)
    record_installation(made, init_keyring(made.keyring), database)
    return made


def test_its_own_keyring_opens(settings):
    assert open_keyring(settings).id == init_keyring(settings.keyring).id


def test_a_keyring_made_anew_is_refused_by_warehouse_and_by_state(settings, tmp_path):
    other = init_keyring(tmp_path / "elsewhere" / "keyring.json")
    with pytest.raises(ConfigError, match="warehouse was made with another"):
        check_installation(settings, other, state_engine(settings.database))
    (settings.warehouse / "keyring-id.json").unlink()
    with pytest.raises(ConfigError, match="state database was made with another"):
        check_installation(settings, other, state_engine(settings.database))


def test_a_lost_keyring_is_not_replaced_in_silence(settings):
    settings.keyring.unlink()
    with pytest.raises(ConfigError, match="missing; no new one was made"):
        check_new_keyring(settings, state_engine(settings.database))
    assert not settings.keyring.exists()


def test_a_new_installation_may_make_its_keyring(tmp_path):
    fresh = make_settings(tmp_path / "fresh")
    check_new_keyring(fresh, state_engine(fresh.database))
