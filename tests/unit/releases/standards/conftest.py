"""One release, built and issued once; a test that changes a document gets documents of its own."""

import shutil
from datetime import date

import pytest

from clearward.products.spec import load_product
from clearward.releases import standards
from clearward.releases.issue import issue_candidate
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

DAY = date(2024, 6, 3)


@pytest.fixture(scope="session")
def candidate(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("standards") / "home")
    house.write()
    return house.build()


@pytest.fixture(scope="session")
def issued(candidate, tmp_path_factory):
    return issue_candidate(candidate, DAY, folder=tmp_path_factory.mktemp("issued"))


@pytest.fixture
def folder(issued, tmp_path):
    """The release's documents, to be spoilt; its data are the shared ones."""
    for name in standards.WRITERS:
        shutil.copyfile(issued.folder / "files" / name, tmp_path / name)
    (tmp_path / "data").symlink_to(issued.folder / "files" / "data")
    return tmp_path


@pytest.fixture(scope="session")
def product():
    return load_product(factory.PRODUCT)
