"""Buyer's and approver's pages: who gets in, for how long, and what a stranger can make them do."""

import base64
import json
import re
from datetime import timedelta

import pytest

from clearward.catalogue.web import operators
from clearward.catalogue.web.front import MOST_BYTES
from clearward.errors import LicenceError
from clearward.licensing import ledger, registry, requests, tokens
from clearward.releases.publish import retire
from tests.unit.catalogue.conftest import browse, form_token, sign_in
from tests.unit.licensing.conftest import Office

RELEASE = "/en/releases/cardiology/1.0.0"
ASKED = {
    "organisation": "Acme <b>Research</b>",
    "person": "Ada \u05d0\u05d1",
    "email": "ada@acme.example",
    "purpose": "commercial_licensing",
    "statement": 'Outcomes after "ablation" <script>alert(1)</script>',
    "agreed": "yes",
}


@pytest.fixture
def licence(office):
    return office.licence()


@pytest.fixture
def buyer(office, web, licence):
    assert sign_in(web, office.token(licence)).status_code == 303
    return web


def post(web, path, page="", **fields):
    token = form_token(web.get(page or path))
    return web.post(path, data={"form_token": token, **fields})


def approver(office, web, **changes):
    made = {"name": "Data board", "hours": 8, "now": office.clock.moment, **changes}
    operator, token = operators.make_token(office.engine, office.house.keyring, **made)
    return operator, post(web, "/en/approve", token=token)


def test_a_token_opens_the_account_and_is_never_in_the_cookie(office, web, licence):
    token = office.token(licence)
    answer = sign_in(web, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "/en/account")
    page = web.get("/en/account")
    for told in (licence.id, "Commercial licensing.", "1.0.x", licence.terms_sha256, "in force"):
        assert told in page.text
    held = base64.urlsafe_b64decode(web.cookies["clearward"].split(".")[0]).decode()
    assert token not in held and token not in page.text


def test_an_activation_code_becomes_a_token_shown_once(office, web, licence):
    code = tokens.make_activation(
        office.engine,
        licence.id,
        token_expires_at=office.clock.moment + timedelta(days=9),
        now=office.clock.moment,
    )
    page = sign_in(web, code)
    assert page.status_code == 200 and "cwt_" in page.text
    assert web.get("/en/account").status_code == 200
    assert sign_in(browse(office), code).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "cwt_" + "0" * 43, "cwa_nothing", "é" * 50, "a" * 500])
def test_a_wrong_token_opens_nothing(web, token):
    assert sign_in(web, token).status_code == 403
    assert web.get("/en/account").headers["location"] == "/en/sign-in?next=/en/account"


def test_a_revoked_token_is_out_at_the_next_request(office, buyer, licence):
    [cookie] = [c for c in buyer.cookies.jar if c.name == "clearward"]
    subject = json.loads(base64.urlsafe_b64decode(cookie.value.split(".")[0]))["subject"]
    registry.revoke_token(office.engine, subject, now=office.clock.moment)
    assert buyer.get("/en/account").status_code == 303
    assert buyer.get(RELEASE).status_code == 303


def test_a_revoked_licence_gives_nothing_though_the_session_stands(office, buyer, licence):
    registry.revoke_licence(office.engine, licence.id)
    page = buyer.get("/en/account")
    assert page.status_code in (200, 303)
    assert RELEASE not in page.text
    assert buyer.get(RELEASE).status_code in (303, 403)


def test_a_session_ends_after_half_an_hour_without_a_page_and_after_eight_at_most(office, buyer):
    cookies = dict(buyer.cookies)
    office.clock.pass_time(minutes=29)
    assert buyer.get("/en/account").status_code == 200
    office.clock.pass_time(minutes=29)
    assert buyer.get("/en/account").status_code == 200
    assert browse(office, cookies=cookies).get("/en/account").status_code == 303
    for _ in range(16):
        office.clock.pass_time(minutes=29)
        buyer.get("/en/account")
    assert buyer.get("/en/account").status_code == 303


@pytest.mark.parametrize("change", ["kind", "subject", "until", "ends"])
def test_a_forged_cookie_is_a_visitors(office, buyer, change):
    payload, signature = buyer.cookies["clearward"].split(".")
    fields = json.loads(base64.urlsafe_b64decode(payload))
    other = {"kind": "approver", "subject": "0" * 16, "until": 9**10, "ends": 9**10}
    forged = base64.urlsafe_b64encode(json.dumps({**fields, change: other[change]}).encode())
    for value in (f"{forged.decode()}.{signature}", f"{payload}.{'0' * 64}", "x", "." * 9, "é"):
        stranger = browse(office)
        header = {"Cookie": f"clearward={value}".encode()}
        assert stranger.get("/en/account", headers=header).status_code == 303
        assert stranger.get("/en/requests", headers=header).headers["location"] == "/en/approve"


def test_the_cookie_is_for_this_site_and_for_tls_alone(web, office):
    here = web.get("/en/sign-in").headers["set-cookie"].lower()
    assert "httponly" in here and "samesite=strict" in here and "secure" not in here
    there = browse(office)
    there.base_url = "https://data.example"
    far = there.get("/en/sign-in").headers["set-cookie"]
    assert far.startswith("__Host-clearward=") and "secure" in far.lower()


def test_signing_in_begins_another_session(office, web, licence):
    web.get("/en/sign-in")
    before = web.cookies["clearward"]
    sign_in(web, office.token(licence))
    nonces = {
        json.loads(base64.urlsafe_b64decode(value.split(".")[0]))["nonce"]
        for value in (before, web.cookies["clearward"])
    }
    assert len(nonces) == 2


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/en/account/../../x",
        "/en//x",
        "/en/account?x=//e",
        "javascript:alert(1)",
        "/en/sign-out",
    ],
)
def test_signing_in_leads_to_our_own_pages_only(office, web, licence, goal):
    answer = sign_in(web, office.token(licence), next=goal)
    assert answer.headers["location"] == "/en/account"
    page = web.get("/en/sign-in", params={"next": goal})
    assert "evil" not in page.text


def test_signing_in_leads_to_the_release_that_was_asked_for(office, web, licence):
    asked = web.get(RELEASE).headers["location"]
    page = web.get(asked)
    fields = {"token": office.token(licence), "form_token": form_token(page), "next": RELEASE}
    assert web.post("/en/sign-in", data=fields).headers["location"] == RELEASE


@pytest.mark.parametrize(
    "path", [RELEASE, "/en/sign-out", "/en/sign-in", "/en/request/cardiology", "/en/approve"]
)
@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_of_another_site_does_nothing(office, buyer, path, token):
    fields = {} if token is None else {"form_token": token}
    assert buyer.post(path, data=fields).status_code == 403
    assert buyer.get("/en/account").status_code == 200
    assert ledger.all_receipts(office.engine) == ()


def test_a_good_form_token_from_another_site_does_nothing_either(buyer):
    token = form_token(buyer.get(RELEASE))
    header = {"Sec-Fetch-Site": "cross-site"}
    assert buyer.post(RELEASE, data={"form_token": token}, headers=header).status_code == 403


def test_no_page_can_be_framed_or_load_from_elsewhere(buyer):
    for path in (
        "/en/account",
        RELEASE,
        "/zh/request/cardiology",
        "/en/approve",
        "/en/nothing/x",
        "/catalogue/pages/index.html",
    ):
        headers = buyer.get(path).headers
        assert headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("statement=" + "x" * MOST_BYTES, 413),
        ("&".join(f"f{n}=1" for n in range(100)), 413),
        ("%ff%fe=%00", 403),
        ("", 403),
    ],
)
def test_huge_and_broken_forms_are_refused(web, body, status):
    header = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/en/request/cardiology", content=body, headers=header).status_code == status


def test_links_are_made_on_click_and_put_on_record(office, buyer, licence):
    page = buyer.get(RELEASE)
    assert "/files/" not in page.text and ledger.all_receipts(office.engine) == ()
    made = post(buyer, RELEASE)
    links = re.findall(r'href="(http://127.0.0.1/files/[^"]+)"', made.text)
    assert made.status_code == 200 and len(links) > 20
    first = links[0].replace("&amp;", "&")
    assert browse(office).get(first).status_code == 200
    [receipt] = ledger.all_receipts(office.engine)
    assert (receipt.licence_id, receipt.version) == (licence.id, "1.0.0")
    assert "1.0.0" in buyer.get("/en/account").text.split("My downloads")[-1]


def test_what_is_not_covered_and_what_does_not_exist_are_the_same_page(buyer):
    paths = ["cardiology/1.1.0", "cardiology/9.9.9", "neurology/1.0.0", "x/y"]
    pages = [buyer.get(f"/en/releases/{path}") for path in paths]
    assert {page.status_code for page in pages} == {404}
    texts = {re.sub(r"/releases/[^\"]*", "", page.text) for page in pages}
    assert len(texts) == 1


def test_a_retired_version_is_gone_from_the_account(own):
    house, office = own, Office(own, own.settings.database)
    web = browse(office)
    sign_in(web, office.token(office.licence()))
    assert RELEASE in web.get("/en/account").text
    retire(
        house.settings, house.storage, product="cardiology", version="1.0.0", actor="t", reason="r"
    )
    assert RELEASE not in web.get("/en/account").text
    assert web.get(RELEASE).status_code == 404


def test_signing_out_ends_the_session_of_this_browser(buyer):
    page = post(buyer, "/en/sign-out", page="/en/account")
    assert "You are signed out." in page.text
    assert buyer.get("/en/account").status_code == 303


def test_somebody_who_guesses_tokens_is_slowed_down(web):
    answers = [sign_in(web, f"cwt_{n}").status_code for n in range(12)]
    assert answers[0] == 403 and answers[-1] == 429


def test_a_request_lands_in_the_queue_and_tells_its_number(office, web):
    page = post(web, "/en/request/cardiology", **ASKED)
    [asked] = requests.pending(office.engine)
    assert page.status_code == 200 and asked.id in page.text
    assert (asked.organisation, asked.email) == ("Acme <b>Research</b>", "ada@acme.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("organisation", ""),
        ("organisation", "x" * 129),
        ("person", " "),
        ("email", "nobody"),
        ("email", "a@b"),
        ("purpose", "marketing"),
        ("purpose", ""),
        ("statement", "x" * 4001),
        ("agreed", ""),
    ],
)
def test_a_request_that_lacks_something_comes_back_with_a_mark(office, web, name, value):
    page = post(web, "/zh/request/cardiology", **{**ASKED, name: value})
    assert page.status_code == 400 and 'class="wrong"' in page.text
    assert requests.pending(office.engine) == ()
    assert "<b>Research" not in page.text and "<script>alert" not in page.text


def test_one_address_cannot_fill_the_queue(office, web):
    answers = [post(web, "/en/request/cardiology", **ASKED).status_code for _ in range(7)]
    assert answers[0] == 200 and answers[-1] == 429
    assert len(requests.pending(office.engine)) == 5


def test_an_approver_says_yes_or_no_under_their_name(office, web):
    post(web, "/en/request/cardiology", **ASKED)
    post(
        web, "/en/request/cardiology", **{**ASKED, "organisation": "Other", "email": "o@o.example"}
    )
    first, second = requests.pending(office.engine)
    approver(office, web)
    page = web.get("/en/requests")
    assert "Acme &lt;b&gt;Research" in page.text and "<script>alert" not in page.text
    token = form_token(page)
    web.post(f"/en/requests/{first.id}", data={"form_token": token, "decision": "approve"})
    empty = web.post(f"/en/requests/{second.id}", data={"form_token": token, "decision": "reject"})
    assert empty.status_code == 400
    no = {"form_token": token, "decision": "reject", "reason": "no study"}
    web.post(f"/en/requests/{second.id}", data=no)
    states = {asked.id: asked for asked in requests.list_requests(office.engine)}
    assert states[first.id].state == "approved" and states[first.id].decided_by == "Data board"
    assert (states[second.id].state, states[second.id].reason) == ("rejected", "no study")


def test_nobody_but_an_approver_sees_the_queue_or_decides(office, buyer):
    post(buyer, "/en/request/cardiology", **ASKED)
    [asked] = requests.pending(office.engine)
    assert buyer.get("/en/requests").headers["location"] == "/en/approve"
    token = form_token(buyer.get("/en/account"))
    fields = {"form_token": token, "decision": "approve"}
    assert buyer.post(f"/en/requests/{asked.id}", data=fields).status_code == 303
    assert requests.pending(office.engine) == (asked,)


def test_an_operator_token_ends_when_it_is_ended_and_when_its_time_is_over(office, web):
    operator, _ = approver(office, web)
    assert web.get("/en/requests").status_code == 200
    operators.end_token(office.engine, operator.id, actor="t", now=office.clock.moment)
    assert web.get("/en/requests").status_code == 303
    made = {"name": "B", "hours": 1, "now": office.clock.moment}
    _, token = operators.make_token(office.engine, office.house.keyring, **made)
    office.clock.pass_time(hours=1)
    assert post(web, "/en/approve", token=token).status_code == 403


def test_an_operators_session_does_not_outlive_the_token(office, web):
    approver(office, web, hours=1)
    for _ in range(3):
        office.clock.pass_time(minutes=25)
        answer = web.get("/en/requests")
    assert answer.status_code == 303


@pytest.mark.parametrize("token", ["cwo_", "cwo_x.y", "x", "cwo_e30=." + "0" * 64])
def test_a_forged_operator_token_opens_nothing(web, token):
    assert post(web, "/en/approve", token=token).status_code == 403


def test_operator_tokens_are_for_a_named_person_and_a_day(office):
    for wrong in ({"hours": 0}, {"hours": 25}, {"name": " "}):
        made = {"name": "A", "hours": 8, "now": office.clock.moment, **wrong}
        with pytest.raises(LicenceError):
            operators.make_token(office.engine, office.house.keyring, **made)


def test_the_catalogue_is_served_without_a_cookie(web):
    door = web.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert door.headers["location"] == "/catalogue/pages/zh/index.html"
    page = web.get("/catalogue/pages/cardiology/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in page.headers
    document = web.get("/catalogue/documents/cardiology/1.0.0/quality_report.html")
    assert document.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "pages/../../cardiology/latest.json",
        "pages/%2e%2e/%2e%2e/keys/clearward-ed25519.pub",
        "documents/../../cardiology/1.0.0/manifest.dsse.json",
        "documents/cardiology/1.0.0/manifest.dsse.json",
        "pages/nothing.html",
        "documents/",
    ],
)
def test_the_catalogue_serves_nothing_beside_itself(web, path):
    assert web.get(f"/catalogue/{path}").status_code == 404


def test_another_language_is_no_page(web):
    assert web.get("/fr/account").status_code == 404
    assert web.get("/en/request/dentistry").status_code == 404


def test_a_licence_with_its_downloads_used_up_makes_no_more_links(office, web):
    sign_in(web, office.token(office.licence(max_downloads=1)))
    assert "/files/" in post(web, RELEASE).text
    again = post(web, RELEASE)
    assert again.status_code == 403 and "/files/" not in again.text
    assert "1 of 1" in web.get("/en/account").text


def test_a_licence_for_named_countries_opens_nothing_where_no_country_is_told(office, web):
    sign_in(web, office.token(office.licence(countries=frozenset({"DE"}))))
    assert RELEASE not in web.get("/en/account").text
    assert web.get(RELEASE).status_code == 403
