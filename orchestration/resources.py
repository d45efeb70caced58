"""What assets need from outside: settings, keys, the database, the store. No rule of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import dagster as dg
from sqlalchemy import Engine

from clearward.deidentify.installation import check_installation
from clearward.errors import ClearwardError
from clearward.keyring import Keyring, load_keyring
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.storage import Storage, open_storage


class Clearward(dg.ConfigurableResource):
    """Opens each thing once per process; everything comes from `settings.py`."""

    @cached_property
    def settings(self) -> Settings:
        """All settings, read once."""
        return load_settings()

    @cached_property
    def keyring(self) -> Keyring:
        """The secret keys, once they are known to be this installation's."""
        keyring = load_keyring(self.settings.keyring)
        check_installation(self.settings, keyring, self.database)
        return keyring

    @cached_property
    def database(self) -> Engine:
        """The state database."""
        return state_engine(self.settings.database)

    @cached_property
    def storage(self) -> Storage:
        """The object store releases are published to."""
        return open_storage(self.settings)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a domain error into a Dagster failure; retry only what a retry can help."""
    try:
        yield
    except ClearwardError as error:
        if error.retryable:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=20) from error
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__, "exit_code": error.exit_code},
            allow_retries=False,
        ) from error
