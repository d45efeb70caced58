"""Servers that the tests may use, where one was started. Starting them belongs to `scripts`."""

import os
import uuid
from contextlib import contextmanager

import pytest
import sqlalchemy as sa


@contextmanager
def own_database(name):
    """The URL of a new database on the real PostgreSQL server, which other tests share; its name
    begins with ``name``. Without a server the test is skipped.
    """
    server = os.environ.get("CLEARWARD_TEST_POSTGRES")
    if not server:
        pytest.skip("CLEARWARD_TEST_POSTGRES is not set: scripts/postgres.sh starts a server")
    name = f"{name}_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
