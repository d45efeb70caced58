import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from clearward.licensing import registry, tokens
from clearward.service import streaming
from clearward.service.application import create_app
from clearward.service.limits import Buckets, Limits, Rate, network_of
from clearward.state.models import AuditEvent
from tests.unit.releases import factory
from tests.unit.service.conftest import Buyer

PRODUCT = factory.PRODUCT
ONE = f"/v1/releases/{PRODUCT}/1.0.0"


def links(buyer, version="1.0.0"):
    answer = buyer.get(f"/v1/releases/{PRODUCT}/{version}/links")
    assert answer.status_code == 200, answer.text
    return {file["path"]: file for file in answer.json()["files"]}


def test_every_answer_is_named_private_and_safe(buyer):
    url = links(buyer)["README.md"]["url"]
    answers = [
        buyer.get("/v1/releases"),
        buyer.web.get(url),
        buyer.web.get("/nothing"),
        buyer.web.put("/v1/releases"),
        buyer.web.get("/v1/releases"),
        buyer.web.get("/openapi.json"),
        buyer.web.get("/activate/x"),
    ]
    assert len({a.headers["X-Request-Id"] for a in answers}) == len(answers)
    for name, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "private, no-store"),
    ):
        assert {a.headers[name] for a in answers} == {value}
    assert all("default-src 'none'" in a.headers["Content-Security-Policy"] for a in answers)
    assert "Strict-Transport-Security" not in answers[0].headers
    secure = TestClient(buyer.web.app, base_url="https://data.example.org")
    assert "max-age" in secure.get("/health").headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/releases/", 404),
        ("DELETE", "/v1/releases", 405),
        ("PROPFIND", "/delta-sharing/shares", 405),
        ("TRACE", "/v1/releases", 405),
        ("GET", "/v1/releases", 401),
    ],
)
def test_every_refusal_has_one_shape_and_says_what_to_do(buyer, method, path, status):
    answer = buyer.web.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status and told["detail"] and told["type"].startswith("urn:clearward")
    assert told["message"].startswith(told["title"])


def test_a_failure_nobody_foresaw_tells_nothing(buyer, monkeypatch, caplog):
    def broken(*_, **__):
        raise ValueError("secret /srv/path")

    monkeypatch.setattr("clearward.service.desk.may_download", broken)
    answer = buyer.get(f"{ONE}/links")
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "BROKEN")
    assert "secret" not in answer.text and "secret" not in caplog.text
    assert answer.headers["X-Request-Id"] in caplog.text


def test_a_body_that_is_too_long_is_not_read(buyer):
    path = f"/delta-sharing/shares/clearward/schemas/{PRODUCT}/tables/{PRODUCT}__patient/query"
    long = b" " * (2 << 20)
    said = buyer.web.post(path, content=long, headers=buyer.header)
    unsaid = buyer.web.post(path, content=iter([long]), headers=buyer.header)
    lied = buyer.web.post(path, content=b"{}", headers={**buyer.header, "Content-Length": "-1"})
    assert (said.status_code, unsaid.status_code, lied.status_code) == (413, 413, 413)


def test_a_head_request_tells_everything_but_the_body(buyer):
    url = links(buyer)["README.md"]["url"]
    for path in ("/v1/releases", f"{ONE}/links", f"{ONE}/SHA256SUMS.txt", url, "/health"):
        told = buyer.web.head(path, headers=buyer.header)
        assert told.status_code == 200 and told.content == b"", path
        got = buyer.get(path)
        assert told.headers["content-length"] == got.headers["content-length"], path


def test_the_sums_and_the_addresses_come_as_text(buyer):
    files = links(buyer)
    sums = buyer.get(f"{ONE}/SHA256SUMS.txt")
    told = dict(reversed(line.split("  ")) for line in sums.text.splitlines())
    assert told == {
        path: file["sha256"]
        for path, file in files.items()
        if path not in ("SHA256SUMS.txt", "manifest.dsse.json")
    }
    urls = buyer.get(f"{ONE}/urls.txt")
    assert urls.headers["content-disposition"].startswith('attachment; filename="urls.txt"')
    fetched = [buyer.web.get(url) for url in urls.text.split()]
    assert {a.status_code for a in fetched} == {200} and len(fetched) == len(files)
    part = buyer.get(f"{ONE}/SHA256SUMS.txt", Range="bytes=0-63")
    assert (part.status_code, part.text) == (206, sums.text[:64])


def test_what_the_buyer_has_is_not_sent_again(buyer):
    file = links(buyer)["README.md"]
    tag = f'"{file["sha256"]}"'
    for header in (tag, "*", f'"x", {tag}', f"W/{tag}"):
        answer = buyer.web.get(file["url"], headers={"If-None-Match": header})
        assert (answer.status_code, answer.content) == (304, b"")
    assert buyer.web.get(file["url"], headers={"If-None-Match": '"x"'}).status_code == 200
    assert buyer.web.get(file["url"], headers={"If-Match": '"x"'}).status_code == 412
    assert buyer.web.get(file["url"], headers={"If-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
        "bytes=0-1,3-4",
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 5000,
        "bytes=a-b",
        "lines=1-2",
        "bytes=--5",
    ],
)
def test_strange_ranges_give_the_whole_file_once(buyer, wanted):
    file = links(buyer)["README.md"]
    answer = buyer.web.get(file["url"], headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (200, file["bytes"])


def test_a_huge_range_is_cut_at_the_end_of_the_file(buyer):
    file = links(buyer)["README.md"]
    answer = buyer.web.get(file["url"], headers={"Range": "bytes=1-999999999999999999"})
    assert (answer.status_code, len(answer.content)) == (206, file["bytes"] - 1)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/releases/a%00b/1.0.0/links",
        f"/v1/releases/{PRODUCT}/%00/urls.txt",
        "/v1/recalls/%00",
        f"/delta-sharing/shares/clearward/schemas/{PRODUCT}/tables/%00/metadata",
        "/delta-sharing/shares?pageToken=%00",
        "/activate/%00",
    ],
)
def test_what_no_database_could_keep_is_malformed_whatever_exists(buyer, path):
    answers = [ask(path, headers=buyer.header) for ask in (buyer.web.get, buyer.web.post)]
    assert {a.status_code for a in answers} == {400}


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2fmanifest.dsse.json",
        "%2e%2e/%2e%2e/latest.json",
        "data%2f..%2f..%2flatest.json",
        "README.md%00.txt",
        "README.md%0d%0aX-Evil: 1",
        "data/cardiology__patient/changes-from-1.0.0.parquet/../../x",
        "/etc/passwd",
        "C:%5cwindows",
    ],
)
def test_no_link_leads_anywhere_else(buyer, path):
    file = links(buyer)["README.md"]
    answer = buyer.web.get(file["url"].replace("README.md", path))
    assert answer.status_code in ({400} if "%00" in path else {403, 404})
    assert "X-Evil" not in answer.headers


def test_a_token_for_one_product_or_version_opens_no_other(buyer, make_buyer):
    narrow = make_buyer(version_range="1.1.x", buyer="Another House")
    wide = links(buyer, "1.1.0")["README.md"]["url"]
    name = registry.token_id(narrow.token)
    mine = registry.token_id(buyer.token)
    stolen = wide.replace(mine, name)
    assert narrow.web.get(stolen).status_code == 403
    assert narrow.get(f"{ONE}/links").status_code == 404
    assert narrow.get("/v1/releases/neurology/1.1.0/links").status_code == 404


def test_a_running_download_ends_when_the_licence_does(buyer, monkeypatch):
    monkeypatch.setattr(streaming, "ASK_EVERY", 0.0)
    monkeypatch.setattr(streaming, "CHUNK", 64)
    url = links(buyer)["README.md"]["url"]
    seen = b""
    with buyer.web.stream("GET", url) as answer:
        size = int(answer.headers["content-length"])
    assert answer.status_code == 200
    asked = []

    def revoke_then_read(storage, *arguments, **named):
        stream = opening(storage, *arguments, **named)
        if not asked:
            asked.append(1)
            registry.revoke_licence(buyer.office.engine, buyer.licence.id)
        return stream

    from clearward.storage.local import LocalStorage

    opening = LocalStorage.open_range
    monkeypatch.setattr(LocalStorage, "open_range", revoke_then_read)
    cut = buyer.web.get(url)
    seen = cut.content
    assert asked and len(seen) < size
    assert ("delivery.cut", "revoked") in buyer.log()


def test_too_many_requests_of_a_token_wait(office):
    buyer = Buyer(office, office.licence(version_range="1.x"), limits=Limits(token=Rate(0.01, 3)))
    answers = [buyer.get("/v1/releases") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) in range(1, 101)
    other = office.token(office.licence(buyer="Another House"))
    header = {"Authorization": f"Bearer {other}"}
    assert buyer.web.get("/v1/releases", headers=header).status_code == 200


def test_too_many_requests_of_an_address_wait_before_anything_is_looked_up(office):
    buyer = Buyer(office, office.licence(), limits=Limits(address=Rate(0.01, 2)))
    assert [buyer.web.get("/health").status_code for _ in range(3)] == [200, 200, 429]


def test_guessing_does_not_fill_the_log(office):
    buyer = Buyer(office, office.licence(), limits=Limits(failures=Rate(0.01, 3)))
    answers = [
        buyer.web.get("/v1/releases", headers={"Authorization": f"Bearer {n}"}) for n in range(9)
    ]
    assert [a.status_code for a in answers] == [401] * 3 + [429] * 6
    with Session(office.engine) as session:
        events = session.scalars(select(AuditEvent.action)).all()
    assert events.count("delivery.list") == 3
    assert buyer.get("/v1/releases").status_code == 200


def test_a_bucket_fills_again_and_forgets_who_is_quiet():
    now = [0.0]
    buckets = Buckets(Rate(2, 3), clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]
    now[0] = 0.5
    assert (buckets.take("a"), buckets.take("a")) == (0, 1)
    now[0] = 100.0
    assert buckets.take("b") == 0
    assert list(buckets._full_at) == ["b"]
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db9::1")


def test_a_profile_comes_once_by_its_link(office, buyer):
    from datetime import timedelta

    activation = tokens.make_activation(
        office.engine,
        buyer.licence.id,
        token_expires_at=office.clock.moment + timedelta(days=9),
        now=office.clock.moment,
    )
    path = f"/activate/{activation}"
    looked = [buyer.web.get(path), buyer.web.get("/activate/unknown")]
    assert {a.status_code for a in looked} == {200}
    first, second = buyer.web.post(path), buyer.web.post(path)
    assert (first.status_code, second.status_code) == (200, 404)
    profile = first.json()
    assert profile["endpoint"] == "http://127.0.0.1/delta-sharing"
    assert profile["expirationTime"] == "2026-01-10T12:00:00+00:00"
    header = {"Authorization": f"Bearer {profile['bearerToken']}"}
    shares = buyer.web.get("/delta-sharing/shares", headers=header).json()
    assert shares["items"][0]["name"] == "clearward"


def test_a_secret_is_exchanged_for_a_short_token(office, buyer):
    from datetime import timedelta

    now = office.clock.moment
    made = tokens.make_client(
        office.engine, buyer.licence.id, expires_at=now + timedelta(days=9), now=now
    )
    grant = {"grant_type": "client_credentials"}
    path = "/delta-sharing/oauth/token"

    def ask(data, auth=None):
        return buyer.web.post(path, data=data, auth=auth)

    basic = ask(grant, (made.client_id, made.client_secret))
    form = ask({**grant, "client_id": made.client_id, "client_secret": made.client_secret})
    assert (basic.status_code, form.status_code) == (200, 200)
    assert basic.json()["expires_in"] == 3600 and basic.headers["Cache-Control"] == "no-store"
    header = {"Authorization": f"Bearer {basic.json()['access_token']}"}
    assert buyer.web.get("/v1/releases", headers=header).status_code == 200
    refused = [ask(grant, (made.client_id, "x")), ask(grant), ask(grant, ("x", "y"))]
    assert {(a.status_code, a.content) for a in refused} == {(401, refused[0].content)}
    assert refused[0].json()["error"] == "invalid_client"
    assert refused[0].headers["WWW-Authenticate"].startswith("Basic")
    other = ask({"grant_type": "password"}, (made.client_id, made.client_secret))
    assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")
    office.clock.pass_time(hours=1)
    assert buyer.web.get("/v1/releases", headers=header).status_code == 401


def test_pages_for_people_stand_behind_the_same_guard(office):
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    page = Route("/hello", lambda _: PlainTextResponse("hello"))
    web = TestClient(create_app(office.settings, pages=lambda _: [page]))
    answer = web.get("/hello")
    assert (answer.text, answer.headers["X-Frame-Options"]) == ("hello", "DENY")


def test_a_head_that_is_too_long_is_refused(buyer):
    answers = [
        buyer.web.get("/health", headers={"X-Long": "a" * 20_000}),
        buyer.web.get("/health?" + "a" * 20_000),
    ]
    assert {a.status_code for a in answers} == {431}
