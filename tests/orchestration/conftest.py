"""A home of its own for every test, and the definitions loaded once."""

import pytest

from orchestration.definitions import build_definitions


@pytest.fixture(scope="session")
def definitions():
    return build_definitions()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path))
    for name in ("CLEARWARD_STORE", "CLEARWARD_DATABASE", "CLEARWARD_KEYRING", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
