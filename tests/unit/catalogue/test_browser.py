"""The pages in a real browser: phone and desktop, light and dark, keyboard, without JavaScript."""

import re
import shutil
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe

from clearward.catalogue.web import routes
from clearward.licensing import requests
from clearward.service.application import create_app
from tests.unit.licensing.conftest import Office

CHROMIUM = shutil.which("chromium") or ""
LOOKS = [(390, "light"), (1280, "dark")]
STYLE = Path(__file__).parents[3] / "clearward/catalogue/static/style.css"
READ = [
    "/catalogue/pages/index.html",
    "/catalogue/pages/cardiology/1.0.0/index.html",
    "/catalogue/pages/zh/cardiology/index.html",
    "/en/sign-in",
    "/zh/request/cardiology",
]
browser_only = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def counter(shop, tmp_path_factory):
    """The service on a free port, with an office of its own."""
    database = f"sqlite:///{tmp_path_factory.mktemp('browser') / 'state.db'}"
    office = Office(shop, database)
    app = create_app(office.settings, clock=office.clock, pages=routes)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    office.address = f"http://127.0.0.1:{port}"
    yield office
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def tab(browser, counter):
    """Open a page in a fresh context; complaints and foreign requests are remembered."""
    contexts, heard = [], []

    def open_tab(width=1280, scheme="light", **more):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url))
        return page

    yield open_tab
    for context in contexts:
        context.close()
    refused = "Failed to load resource: the server responded with a status of 400"
    usual = (counter.address, "data:", refused)  # a form that comes back
    assert [told for told in heard if not told.startswith(usual)] == []


@browser_only
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_fit_and_complain_about_nothing(tab, counter, width, scheme):
    page = tab(width, scheme)
    for path in READ:
        page.goto(counter.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        unnamed = page.evaluate(
            """[...document.querySelectorAll('a,button,input:not([type=hidden]),textarea,svg')]
            .filter(e => !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).length"""
        )
        assert unnamed == 0, path


def failed_rules(page):
    """What axe finds against WCAG 2.2, level AA."""
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": levels}).response["violations"]
    return [(each["id"], each["nodes"][0]["target"]) for each in found]


@browser_only
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_keep_wcag(tab, counter, width, scheme):
    page = tab(width, scheme)
    for path in READ:
        page.goto(counter.address + path)
        assert failed_rules(page) == [], path


@browser_only
def test_the_documents_behind_a_product_page_keep_wcag_too(tab, counter):
    page = tab(390, "dark")
    page.goto(counter.address + READ[1])
    hrefs = page.locator("a[href*='documents/'][href$='.html']").evaluate_all(
        "links => [...new Set(links.map(link => link.href))]"
    )
    assert len(hrefs) > 5
    wrong = {}
    for href in hrefs:
        page.goto(href)
        wrong[href.rsplit("/", 1)[-1]] = failed_rules(page)
    assert {name: found for name, found in wrong.items() if found} == {}


@browser_only
def test_without_javascript_everything_is_there_but_the_copy_buttons(tab, counter):
    page = tab(java_script_enabled=False)
    page.goto(counter.address + READ[1])
    assert page.locator("button.copy").count() == 0
    assert page.locator("section h2").count() >= 12
    page.locator("details.table summary").nth(1).click()
    assert page.locator("details.table[open]").count() == 2


@browser_only
def test_the_keyboard_is_enough_to_read_and_to_copy(tab, counter):
    page = tab()
    page.goto(counter.address + READ[1])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.locator("button.copy").count() == page.locator(".code").count()
    page.locator("button.copy").first.focus()
    page.keyboard.press("Enter")
    page.locator("details.table summary").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("details.table").nth(2).get_attribute("open") is not None


@browser_only
def test_a_buyer_signs_in_and_makes_links_with_the_keyboard_alone(tab, counter):
    page = tab(390, "dark")
    page.goto(counter.address + "/en/sign-in")
    page.locator("#token").focus()
    page.keyboard.type(counter.token(counter.licence()))
    page.keyboard.press("Enter")
    page.wait_for_url("**/en/account")
    page.get_by_role("link", name="Open 1.0.0").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make links").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile(r"\d+ files")).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("a[href*='/files/']").count() > 20


@browser_only
def test_somebody_asks_for_access_in_chinese(tab, counter):
    page = tab(java_script_enabled=False)
    page.goto(counter.address + "/zh/request/cardiology")
    page.locator("button[type=submit]").click()
    assert page.locator(".wrong").count() == 6
    for name, text in {
        "organisation": "某公司",
        "person": "某人",
        "email": "a@b.example",
        "statement": "研究",
    }.items():
        page.locator(f"#{name}").fill(text)
    page.locator("input[type=radio]").check()
    page.locator("input[type=checkbox]").check()
    page.locator("button[type=submit]").click()
    assert page.locator("h1").inner_text() == "申请已收到"
    assert [asked.organisation for asked in requests.pending(counter.engine)] == ["某公司"]


@browser_only
def test_a_printed_page_is_black_on_white_without_buttons(tab, counter):
    page = tab(scheme="dark")
    page.goto(counter.address + READ[1])
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator(".side").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_keep_the_contrast_of_wcag(scheme):
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[scheme]))
    texts = ("ink", "soft", "accent", "good", "warn", "bad")
    assert all(contrast(colours[t], colours["paper"]) >= 4.5 for t in texts)
    assert all(contrast(colours[t], colours["tint"]) >= 4.5 for t in ("ink", "soft", "accent"))
    assert contrast(colours["accent-ink"], colours["accent"]) >= 4.5
    for tint in ("warn-tint", "bad-tint"):
        assert contrast(colours["ink"], colours[tint]) >= 4.5
    for mark in ("edge", "bar"):
        assert contrast(colours[mark], colours["paper"]) >= 3
