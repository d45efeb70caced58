"""Every page of a release, walked as a reader would: each link leads on, none leads out."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from clearward.products.spec import load_product, product_names
from clearward.quality.docs import write_site
from clearward.quality.report import Check, State
from clearward.quality.suites import Suite
from clearward.releases import candidate
from clearward.releases.documents import PAGES
from clearward.releases.evidence import gate_folder
from clearward.releases.risk_documents import check_words
from clearward.releases.samples import FOLDER
from clearward.risk.gates import demands
from tests.unit.releases import factory

ASKS = {"src", "srcset", "data", "poster", "action", "formaction", "background"}
UPWARD = '<a href="../../../../index.html">Home</a>'  # as Great Expectations writes it
FULL_WIDTH = "\uff0c\uff1a\uff1b\uff08\uff09"


class Page(HTMLParser):
    """Anchors, links and everything a browser would fetch by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.names.add(value)
            elif name in ("href", "xlink:href") and value and tag in ("a", "area", "use"):
                self.links.append(value)
            elif (name in ASKS or name == "href") and value:
                self.fetched.append(value)


def faults(root: Path) -> list[str]:
    """Links that lead nowhere and things asked of another origin, in all pages below ``root``."""
    found = []
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(root.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(root)
        outside = [u for u in page.fetched + page.links if urlsplit(u).scheme or u[:2] == "//"]
        found += [f"{where} asks {u}" for u in outside if not u.startswith("data:")]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            inside = target.is_relative_to(root.resolve()) and target.is_file()
            known = pages[target].names if target in pages else None
            if not inside or (parts.fragment and known is not None and parts.fragment not in known):
                found.append(f"{where} leads to {link}")
    return found


def write_docs(house):
    """The gate's real Data Docs in place of the factory's."""
    checks = [Check("t", "c", "kind", State.PASS, 90, 0, kahn="completeness")]
    docs = gate_folder(house.settings, factory.PRODUCT, month=factory.MONTH) / "data_docs"
    write_site(docs, "release", {"t": Suite("t", ())}, checks, "<html><head></head>" + UPWARD)


@pytest.fixture
def bundle(house):
    house.write()
    write_docs(house)
    return (house.build().folder / "files").resolve()


def test_every_link_of_every_page_leads_to_a_file_of_the_release(bundle):
    pages = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*.html")}
    assert set(PAGES) < pages
    assert "quality/data_docs/index.html" in pages
    assert faults(bundle) == []


@pytest.mark.parametrize(
    "added",
    [
        '<a href="gone.html">x</a>',
        '<a href="#nowhere">x</a>',
        '<a href="../../outside.html">x</a>',
        '<img src="https://example.org/pixel.png">',
        '<link rel="stylesheet" href="//example.org/a.css">',
        '<a href="https://example.org/">x</a>',
    ],
)
def test_the_walk_finds_what_is_wrong(bundle, added):
    (bundle.parent.parent / "outside.html").write_text("x")
    with (bundle / "risk_report.html").open("a", encoding="utf-8") as page:
        page.write(added)
    assert len(faults(bundle)) == 1


def test_the_data_docs_lead_back_to_the_quality_report(bundle):
    text = (bundle / "quality/data_docs/index.html").read_text("utf-8")
    assert 'href="../../quality_report.html"' in text


NUMBERS = (".json", ".csv")


@pytest.mark.parametrize(("name", "also"), [("README.md", ()), ("index.html", NUMBERS)])
def test_the_first_page_of_a_release_names_every_document(bundle, name, also):
    text = (bundle / name).read_text("utf-8")
    named = (
        ".html",
        ".md",
        ".py",
        ".R",
        ".sh",
        ".sql",
        ".yaml",
        ".jsonld",
        ".ttl",
        ".ndjson",
        *also,
    )
    documents = [p.name for p in bundle.iterdir() if p.suffix in named]
    missing = {d for d in documents if d not in text} - {"index.html", "README.md"}
    assert missing == set()
    assert FOLDER not in text  # this release has none


def test_a_release_with_a_sample_points_to_it(house, monkeypatch):
    def place(settings, tables, folder, *, product):
        (folder / FOLDER).mkdir(parents=True)
        (folder / FOLDER / "README.md").write_text("invented")
        return "1" * 64

    monkeypatch.setattr(candidate, "place_sample", place)
    house.write()
    files = house.build().folder / "files"
    assert f'href="{FOLDER}/README.md"' in (files / "index.html").read_text("utf-8")
    assert FOLDER in (files / "README.md").read_text("utf-8")


def test_every_check_of_every_product_has_a_name_in_both_languages():
    words = check_words()
    assert set(words["en"]) == set(words["zh"])
    asked = {
        demand.check
        for name in product_names()
        for earlier in (False, True)
        for demand in demands(load_product(name), has_earlier=earlier)
    }
    assert asked <= set(words["en"])


def test_chinese_sentences_have_chinese_punctuation():
    texts = Path(__file__).parents[3] / "clearward/releases"
    pages = [texts / "risk_words.toml", texts / "risk_checks.toml", *texts.glob("templates/*")]
    han = range(0x4E00, 0xA000)
    wrong = [
        (page.name, text[at - 1 : at + 2])
        for page in pages
        for text in [page.read_text("utf-8")]
        for at, sign in enumerate(text)
        if sign in ",;:()"
        and (ord(text[at - 1]) in han or ord(text[at + 1 : at + 2] or " ") in han)
    ]
    assert wrong == []
    assert all(sign in pages[0].read_text("utf-8") for sign in FULL_WIDTH)
