import hashlib
import logging

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from clearward import audit
from clearward.licensing import registry
from clearward.releases.publish import retire
from clearward.service.application import create_app
from clearward.state.models import AuditEvent
from tests.unit.licensing.conftest import Office
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
BASE = f"/v1/releases/{PRODUCT}"


@pytest.fixture
def web(office):
    return browse(office)


def browse(office):
    app = create_app(office.settings, clock=office.clock)
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture
def bearer(office):
    return {"Authorization": f"Bearer {office.token(office.licence())}"}


@pytest.fixture
def files(web, bearer):
    answer = web.get(f"{BASE}/1.0.0/links", headers=bearer)
    assert answer.status_code == 200
    return {file["path"]: file for file in answer.json()["files"]}


def reasons(office):
    with Session(office.engine) as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))
        return [e.detail["reason"] for e in events if e.action.startswith("delivery.")]


def test_only_covered_releases_are_listed(web, bearer):
    listed = web.get("/v1/releases", headers=bearer).json()["releases"]
    assert [release["version"] for release in listed] == ["1.0.0"]


def test_every_linked_file_arrives_as_signed(web, files):
    for file in files.values():
        answer = web.get(file["url"])
        assert answer.status_code == 200, file["path"]
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
    assert {"manifest.dsse.json", "SHA256SUMS.txt"} < set(files)


@pytest.mark.parametrize("path", ["/v1/releases", f"{BASE}/1.0.0/links", f"{BASE}/9.9.9/links"])
@pytest.mark.parametrize("header", [None, "Bearer x", "Basic eDp4", "Bearer", "bearer  "])
def test_without_a_good_token_everything_is_401(web, office, path, header):
    answer = web.get(path, headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert reasons(office) == ["bad_token"]


def test_not_covered_and_not_existing_look_the_same(web, bearer, office):
    paths = [f"{BASE}/1.1.0/links", f"{BASE}/1.0.9/links", "/v1/releases/neurology/1.0.0/links"]
    paths += ["/v1/releases/dentistry/1.0.0/links", f"{BASE}/rubbish/links"]
    answers = [web.get(path, headers=bearer) for path in paths]
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}
    assert reasons(office) == [
        "other_version",
        "no_release",
        "other_product",
        "unknown_product",
        "other_version",
    ]


def test_a_link_is_for_one_file_one_token_one_time(web, files, office):
    url = files["README.md"]["url"]
    forged = [
        url.replace("README.md", "privacy.json"),
        url.replace("/1.0.0/", "/1.1.0/"),
        url.replace("&e=1", "&e=2"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.split("?")[0],
        url.replace("&s=", "&x="),
        url.replace("&e=", "&e=-"),
        url.replace("&s=", "&s=é"),
        url.replace("README.md", "nothing.txt"),
    ]
    answers = [web.get(link) for link in forged]
    assert {(a.status_code, a.content) for a in answers} == {(403, answers[0].content)}
    assert web.get(url).status_code == 200
    assert reasons(office)[1:] == ["bad_link"] * len(forged) + ["granted"]


def test_a_link_ends_with_its_time(web, files, office):
    url = files["README.md"]["url"]
    office.clock.pass_time(seconds=3599)
    assert web.get(url).status_code == 200
    office.clock.pass_time(seconds=1)
    assert web.get(url).status_code == 403


def test_no_link_outlives_its_licence(web, office):
    licence = office.licence()
    headers = {"Authorization": f"Bearer {office.token(licence, days=90)}"}
    office.clock.pass_time(days=30, minutes=-5)
    links = web.get(f"{BASE}/1.0.0/links", headers=headers).json()
    assert links["expires_at"] == licence.valid_until.isoformat(timespec="seconds")


def test_a_revoked_licence_stops_links_at_once(web, files, bearer, office):
    [licence] = registry.list_licences(office.engine)
    registry.revoke_licence(office.engine, licence.id)
    assert web.get(files["README.md"]["url"]).status_code == 403
    assert web.get(f"{BASE}/1.0.0/links", headers=bearer).status_code == 403
    assert web.get("/v1/releases", headers=bearer).json() == {"releases": []}
    assert reasons(office)[1:3] == ["revoked", "revoked"]


def test_a_revoked_token_stops_links_at_once(web, files, bearer, office):
    name = registry.token_id(bearer["Authorization"].removeprefix("Bearer "))
    registry.revoke_token(office.engine, name, now=office.clock.moment)
    assert web.get(files["README.md"]["url"]).status_code == 403
    assert web.get("/v1/releases", headers=bearer).status_code == 401


def test_an_expired_licence_is_403(web, bearer, office):
    headers = {"Authorization": f"Bearer {office.token(office.licence(), days=90)}"}
    office.clock.pass_time(days=31)
    assert web.get(f"{BASE}/1.0.0/links", headers=headers).status_code == 403
    assert web.get(f"{BASE}/9.0.0/links", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("wanted", "status", "content_range"),
    [
        ("bytes=0-3", 206, "bytes 0-3/{size}"),
        ("bytes=-4", 206, "bytes {tail}-{last}/{size}"),
        ("bytes=999999999-", 416, "bytes */{size}"),
        ("bytes=3-1", 200, None),
    ],
)
def test_ranges(web, files, wanted, status, content_range):
    [parquet] = [f for f in files.values() if f"{PRODUCT}__patient/" in f["path"]]
    answer = web.get(parquet["url"], headers={"Range": wanted})
    size = parquet["bytes"]
    names = {"size": size, "last": size - 1, "tail": size - 4}
    expected = content_range and content_range.format(**names)
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, expected)
    if status == 206:
        assert answer.content == b"PAR1"


def test_a_part_of_another_file_is_not_continued(web, files):
    url = files["README.md"]["url"]
    whole = web.get(url)
    stale = {"Range": "bytes=5-", "If-Range": '"another"'}
    fresh = {"Range": "bytes=5-", "If-Range": whole.headers["ETag"]}
    assert web.get(url, headers=stale).status_code == 200
    assert web.get(url, headers=fresh).content == whole.content[5:]


def test_head_tells_the_size_and_sends_nothing(web, files):
    answer = web.head(files["README.md"]["url"])
    assert answer.headers["Content-Length"] == str(files["README.md"]["bytes"])
    assert answer.content == b""


@pytest.mark.parametrize("path", ["../../latest.json", "%2e%2e/%2e%2e/latest.json", "..%2flatest"])
def test_no_path_leads_out_of_a_release(web, files, path):
    url = files["README.md"]["url"].replace("README.md", path)
    assert web.get(url).status_code in (403, 404)


def test_nothing_secret_is_logged_or_kept(web, files, bearer, office, caplog):
    caplog.set_level(logging.DEBUG, logger="clearward")
    url = files["README.md"]["url"]
    web.get(url)
    signature = url.rpartition("s=")[2]
    token = bearer["Authorization"].removeprefix("Bearer ")
    with Session(office.engine) as session:
        kept = str([vars(e) for e in session.scalars(select(AuditEvent))])
    assert signature not in kept
    assert token not in kept
    assert not [r for r in caplog.records if r.name.startswith("clearward")]


def test_answers_are_not_to_be_cached(web, files, bearer):
    answers = [web.get("/v1/releases", headers=bearer), web.get(files["README.md"]["url"])]
    answers += [web.get("/v1/releases"), web.get("/files/a/b/c")]
    assert {a.headers["Cache-Control"] for a in answers} == {"private, no-store"}


def test_the_log_holds_after_all_this(web, files, office):
    before = audit.verify(office.engine)
    for file in files.values():
        web.get(file["url"])
    assert audit.verify(office.engine) == before + len(files)


def test_a_retired_release_is_no_longer_delivered(published, tmp_path):
    house = published.moved(tmp_path / "home")
    office = Office(house, house.settings.database)
    web = browse(office)
    headers = {"Authorization": f"Bearer {office.token(office.licence())}"}
    links = web.get(f"{BASE}/1.0.0/links", headers=headers).json()["files"]
    retire(house.settings, house.storage, product=PRODUCT, version="1.0.0", actor="A", reason="x")
    assert web.get(f"{BASE}/1.0.0/links", headers=headers).status_code == 404
    assert web.get(links[0]["url"]).status_code == 403
    assert web.get("/v1/releases", headers=headers).json() == {"releases": []}


def test_a_damaged_manifest_is_not_delivered_and_not_explained(published, tmp_path):
    house = published.moved(tmp_path / "home")
    office = Office(house, house.settings.database)
    headers = {"Authorization": f"Bearer {office.token(office.licence())}"}
    key = f"{PRODUCT}/1.0.0/manifest.dsse.json"
    house.storage.put_bytes(key, house.storage.get_bytes(key).replace(b'"sig": "', b'"sig": "AAAA'))
    web = TestClient(create_app(office.settings, clock=office.clock), raise_server_exceptions=False)
    answer = web.get(f"{BASE}/1.0.0/links", headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "BROKEN")
    assert "signature" not in answer.text
