import shutil

import pytest

from clearward.releases.candidate import build_candidate
from clearward.releases.publish import publish
from clearward.state.base import state_engine
from clearward.storage import open_storage
from tests.unit.protect.conftest import make_months
from tests.unit.releases import factory


class House:
    """Settings, keys and store of one test, with short words for the usual steps."""

    def __init__(self, home):
        self.settings, self.keyring = factory.make_settings(home)
        self.storage = open_storage(self.settings)

    def moved(self, home):
        """A copy under another home, for a test to change: cheaper than to publish it anew. What
        opens a keyring lies beside its home."""
        state_engine(self.settings.database).dispose()
        for path in self.settings.home.parent.glob(f"{self.settings.home.name}*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, home.with_name(path.name.replace(self.settings.home.name, home.name, 1)))
        return House(home)

    def write(self, month=factory.MONTH, **kwargs):
        factory.write_product(self.settings, month, **kwargs)

    def build(self, month=factory.MONTH):
        return build_candidate(self.settings, self.keyring, product=factory.PRODUCT, month=month)

    def publish(self, month=factory.MONTH, approved_by="A. Reviewer"):
        return publish(
            self.settings,
            self.keyring,
            self.storage,
            product=factory.PRODUCT,
            month=month,
            approved_by=approved_by,
        )

    def release(self, month=factory.MONTH, **kwargs):
        self.write(month, **kwargs)
        self.build(month)
        return self.publish(month)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "home")


@pytest.fixture
def make(tmp_path):
    """A made product month of protection's tests."""
    return make_months(tmp_path)
