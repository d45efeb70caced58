"""A house with releases, a catalogue of them, and the service in front; shared, so read only."""

import shutil

import pytest
from starlette.testclient import TestClient

from clearward.catalogue.shelving import publish_catalogue
from clearward.catalogue.web import routes
from clearward.service.application import create_app
from tests.unit.licensing.conftest import Office
from tests.unit.releases.conftest import House

DIAGNOSIS = """SELECT printf('d%05d', i) AS diagnosis_key, printf('p%019d', i) AS patient_key,
    'H01' AS hospital_id, i AS day,
    CASE WHEN i < 40 THEN 'Heart <script>alert(1)</script> "failure" \u202e'
        ELSE 'Atrial flutter' END AS label_en,
    CASE WHEN i < 40 THEN '心力衰竭' ELSE '心房扑动' END AS label_zh
    FROM range(60) t(i)"""
PATIENT = """SELECT printf('p%019d', i) AS patient_key,
    'H01' AS hospital_id,
    CASE WHEN i % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
    CASE WHEN i < 30 THEN '1940-1949' ELSE '1950-1959' END AS birth_year,
    'east_china' AS region_l1, '2020-2024' AS index_year FROM range(60) t(i)"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """Cardiology 1.0.0 with charts and 1.1.0, which is the newest."""
    house = House(tmp_path_factory.mktemp("catalogue") / "home")
    house.release(overrides={"diagnosis": DIAGNOSIS, "patient": PATIENT})
    later = {
        "diagnosis": DIAGNOSIS.replace("range(60)", "range(70)"),
        "patient": PATIENT.replace("range(60)", "range(70)").replace("i < 30", "i < 35"),
    }
    house.release("2024-06", patients=70, overrides=later)
    publish_catalogue(house.settings, house.keyring, house.storage)
    return house


@pytest.fixture
def own(shop, tmp_path):
    """The same house once more, for a test that changes it."""
    home = shop.settings.home
    shutil.copytree(home, tmp_path / "home")
    for identity in home.parent.glob(f"*{home.name}.identity"):
        shutil.copy(identity, tmp_path / identity.name)
    return House(tmp_path / "home")


@pytest.fixture
def office(shop, tmp_path):
    return Office(shop, f"sqlite:///{tmp_path / 'state.db'}")


def browse(office, **more):
    app = create_app(office.settings, clock=office.clock, pages=routes)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, **more)


@pytest.fixture
def web(office):
    return browse(office)


def form_token(answer):
    return answer.text.split('name="form_token" value="')[1].split('"')[0]


def sign_in(web, token, lang="en", **more):
    page = web.get(f"/{lang}/sign-in")
    fields = {"token": token, "form_token": form_token(page), **more}
    return web.post(f"/{lang}/sign-in", data=fields)
