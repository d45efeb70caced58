"""Alembic's entry: runs the migrations on the connection that `state.migrate` hands over."""

from alembic import context

from clearward.state import models  # noqa: F401  (fills Base.metadata)
from clearward.state.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
