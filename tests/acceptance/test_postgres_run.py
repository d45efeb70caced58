"""A hospital's month from extract to signed release with PostgreSQL as the state database."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from clearward.keyring import init_keyring
from clearward.products.spec import product_names
from clearward.releases.shelf import list_releases
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.state.models import ConsentEvent, ExtractRecord
from clearward.storage import open_storage

ROOT = Path(__file__).parents[2]
POSTGRES = os.environ.get("CLEARWARD_TEST_POSTGRES", "")
MONTH, HOSPITAL = "2024-03", "renmin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.skipif(
        not POSTGRES, reason="CLEARWARD_TEST_POSTGRES is not set: run scripts/postgres.sh start"
    ),
]


@pytest.fixture
def house(tmp_path):
    """A home whose state is in a database of its own on the server."""
    own = f"clearward_run_{os.getpid()}"
    server = state_engine(POSTGRES).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {own}"))
    url = server.url.set(database=own).render_as_string(hide_password=False)
    environment = {"CLEARWARD_HOME": str(tmp_path / "home"), "CLEARWARD_DATABASE": url}
    settings = load_settings(environment)
    init_keyring(settings.keyring)
    migrate(state_engine(settings.database))
    sample = ROOT / "samples" / "extracts" / HOSPITAL / MONTH
    shutil.copytree(sample, settings.landing / HOSPITAL / MONTH)
    yield settings, {**os.environ, **environment}
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {own} WITH (FORCE)"))


def test_a_month_runs_and_publishes_with_its_state_in_postgresql(house):
    settings, environment = house
    command = [sys.executable, "-m", "orchestration.monthly", "--month", MONTH]
    for expected in ("✓", "nothing changed"):
        done = subprocess.run(
            [*command, "--approve", "data board", "--sign-off", "few invented patients"],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout
    published = list_releases(open_storage(settings))
    assert sorted(release.product for release in published) == sorted(product_names())
    with Session(state_engine(settings.database)) as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) > 0
        assert session.scalars(select(ExtractRecord.status)).all() == ["accepted"]
    assert not (settings.home / "state.db").exists()
