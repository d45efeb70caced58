"""The static catalogue: what a page says, that it is whole, and that nobody's text runs in it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from clearward.catalogue import entries, shelving
from clearward.catalogue.pages import environment
from clearward.catalogue.shelving import (
    POINTER,
    PREFIX,
    page_key,
    publish_catalogue,
    read_pointer,
    refresh_catalogue,
    write_catalogue,
)
from clearward.catalogue.words import LANGUAGES, words
from clearward.errors import ReleaseError
from clearward.releases.manifest import FileEntry
from clearward.releases.publish import retire
from clearward.state.base import state_engine
from clearward.state.models import VersionRecall
from tests.unit.releases.conftest import House
from tests.unit.releases.test_bundle_pages import faults

PAGES = ("index.html", "cardiology/index.html", "cardiology/1.0.0/index.html")


def pages(house):
    generation = read_pointer(house.storage)[0]
    prefix = page_key(generation, "")
    return {
        key.removeprefix(prefix): house.storage.get_bytes(key).decode()
        for key in house.storage.list(prefix)
    }


@pytest.fixture(scope="module")
def shown(shop):
    return pages(shop)


def build(house):
    return publish_catalogue(house.settings, house.keyring, house.storage)


def keys(table, path=""):
    return {
        name
        for key, value in table.items()
        for name in (keys(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}"})
    }


def test_both_languages_have_every_word_and_the_same_blanks():
    english, chinese = (words(language) for language in LANGUAGES)
    assert keys(english) == keys(chinese)
    for key in keys(english):
        texts = []
        for table in (english, chinese):
            found = table
            for part in key.split("."):
                found = found[part]
            texts.append(" ".join(found) if isinstance(found, list) else found)
        assert all(texts), key
        assert sorted(re.findall(r"{\w+}", texts[0])) == sorted(re.findall(r"{\w+}", texts[1])), key


def test_every_word_a_template_names_is_there():
    loader = environment().loader
    used = [
        pair
        for name in loader.list_templates()
        for pair in re.findall(
            r"\bw\.(\w+)|say\(\"(\w+)\"", loader.get_source(environment(), name)[0]
        )
    ]
    missing = {name for pair in used for name in pair if name} - set(words("en"))
    assert missing == set()


def test_every_page_is_there_in_both_languages(shown):
    expected = {*PAGES, "cardiology/1.1.0/index.html"}
    assert set(shown) == expected | {f"zh/{path}" for path in expected}
    assert 'lang="zh"' in shown["zh/index.html"]
    assert (
        '<link rel="alternate" hreflang="zh" href="../../zh/cardiology/1.0.0/index.html">'
        in (shown["cardiology/1.0.0/index.html"])
    )


def test_the_folder_is_a_whole_site_without_another_origin(shop, tmp_path):
    write_catalogue(shop.settings, shop.keyring, shop.storage, tmp_path / "site")
    wrong = [fault for fault in faults(tmp_path / "site") if "mailto:" not in fault]
    assert wrong == []


def test_a_product_page_tells_what_a_buyer_must_know(shown):
    page = shown["cardiology/1.0.0/index.html"]
    for part in (
        "access",
        "inside",
        "quality",
        "privacy",
        "columns",
        "use",
        "changes",
        "limits",
        "origin",
        "cite",
        "licence",
        "documents",
        "contact",
    ):
        assert f'<section id="{part}"' in page, part
    assert page.count("<svg ") == page.count("<title id=") == page.count("<desc id=") > 3
    assert page.count("<figure") == page.count("as a table<span")
    assert "@misc{cardiology_1_0_0" in page
    assert "sha256sum --check SHA256SUMS.txt" in page
    assert "not the newest version" in page and "1.1.0" in page
    assert "not the newest version" not in shown["cardiology/index.html"]


def test_no_row_and_no_data_file_is_in_the_site(shop, shown):
    assert not any(re.search(r"p0{10}", page) for page in shown.values())
    kept = [key for key in shop.storage.list(PREFIX) if "/documents/" in key]
    assert kept and not [key for key in kept if key.endswith(".parquet") or "/data/" in key]


def test_text_of_a_release_is_text_and_nothing_else(shown):
    for path in ("cardiology/1.0.0/index.html", "zh/cardiology/1.0.0/index.html"):
        page = shown[path]
        assert "<script>alert" not in page
        assert page.count("<script") == 2  # JSON-LD and our own
    assert "Heart &lt;script&gt;alert(1)&lt;/script&gt;" in shown["cardiology/1.0.0/index.html"]


def test_the_structured_data_is_json_that_no_text_can_end(shown):
    page = shown["cardiology/1.0.0/index.html"]
    block = page.split('<script type="application/ld+json">')[1].split("</script>")[0]
    told = json.loads(block)
    assert (told["@type"], told["version"]) == ("Dataset", "1.0.0")
    assert "<" not in block


def test_only_our_own_style_and_script_may_run(shown):
    for page in shown.values():
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
        policy = policy.replace("&#39;", "'")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.search(r'\son\w+=|\sstyle="|javascript:', page)


def test_the_same_releases_give_the_same_bytes_and_write_nothing(shop):
    before = {key: shop.storage.get_bytes(key) for key in shop.storage.list("")}
    assert build(shop).written == 0
    assert {key: shop.storage.get_bytes(key) for key in shop.storage.list("")} == before


class CrashError(Exception):
    pass


class FailingStorage:
    """The store, until so many writes were made."""

    def __init__(self, storage, writes):
        self.storage, self.left = storage, writes

    def __getattr__(self, name):
        method = getattr(self.storage, name)
        if name not in ("put_bytes", "create", "replace_if", "put_file"):
            return method

        def write(*args, **kwargs):
            if self.left == 0:
                raise CrashError
            self.left -= 1
            return method(*args, **kwargs)

        return write


def hide(house):
    """Take the newest release out of sight, as if it had not been published yet."""
    key = "cardiology/1.1.0/manifest.dsse.json"
    envelope = house.storage.get_bytes(key)
    house.storage.delete(key)
    for kept in list(house.storage.list(PREFIX)):
        house.storage.delete(kept)
    build(house)
    return lambda: house.storage.put_bytes(key, envelope)


def test_a_crash_at_any_write_leaves_the_old_site_or_the_new_one_whole(own):
    publish_newest = hide(own)
    old = pages(own)
    publish_newest()
    releases = {k: own.storage.get_bytes(k) for k in own.storage.list("cardiology/")}
    seen = []
    for writes in range(0, 400, 7):
        try:
            publish_catalogue(own.settings, own.keyring, FailingStorage(own.storage, writes))
        except CrashError:
            seen.append(pages(own))
        else:
            break
    new = pages(own)
    assert len(seen) >= 2 and new != old
    assert all(site in (old, new) for site in seen) and old in seen
    assert {k: own.storage.get_bytes(k) for k in own.storage.list("cardiology/")} == releases
    assert len({k.split("/")[1] for k in own.storage.list(f"{PREFIX}pages-")}) <= 2


def test_a_recalled_version_says_so_and_the_one_before_takes_its_place(own):
    mark = VersionRecall(
        product="cardiology",
        version="1.1.0",
        marked_at="2026-01-01T00:00:00Z",
        refused_from="2026-01-08T00:00:00Z",
    )
    with Session(state_engine(own.settings.database)) as session, session.begin():
        session.add(mark)
    build(own)
    page = pages(own)["cardiology/1.1.0/index.html"]
    assert "New copies end on 2026-01-08" in page and "Version 1.0.0 is offered now." in page
    assert "not the newest" not in pages(own)["cardiology/index.html"]


def test_withdrawn_versions_say_so_and_offer_nothing(own):
    for version in ("1.0.0", "1.1.0"):
        told = {"product": "cardiology", "version": version, "actor": "t", "reason": "r"}
        retire(own.settings, own.storage, **told)
    build(own)
    page = pages(own)["cardiology/index.html"]
    assert "This version was withdrawn." in page and "No version is offered now." in page
    assert 'class="button" href' not in page
    assert "目前没有可提供的版本" in pages(own)["zh/index.html"]


def test_a_store_without_a_release_has_a_catalogue_that_says_so(tmp_path):
    house = House(tmp_path / "home")
    done = build(house)
    assert (done.releases, done.pages) == (0, 2)
    assert "Nothing has been published yet." in pages(house)["index.html"]


def test_a_release_without_an_overview_has_a_page_all_the_same(shop, monkeypatch):
    monkeypatch.setattr(entries, "_read_overview", lambda storage, manifest: {})
    listings = shelving._listings(shop.settings, shop.keyring, shop.storage)
    page = shelving.build_pages(listings, shelving.House())["cardiology/1.0.0/index.html"].decode()
    assert "published without figures" in page
    assert "patient_key" in page  # the manifest names columns and types


def test_everything_masked_and_two_hundred_columns_are_a_page_too(shop, monkeypatch):
    def read(storage, manifest):
        columns = [
            {
                "column": f"column_{n}",
                "type": "VARCHAR",
                "unit": "",
                "values": "a | b <i>",
                "key": "",
                "role": "",
                "filled_percent": "masked",
                "description": "x" * 300,
            }
            for n in range(200)
        ]
        table = {"table": "t", "text": "", "key": [], "rows": None, "bytes": 1, "columns": columns}
        charts = {name: [] for name in ("birth", "sex", "visits", "hospital", "diagnoses")}
        return {
            "month": "2024-05",
            "k": 11,
            "patients": None,
            "hospitals": None,
            "tables": [table],
            "charts": charts,
            "attrition": [],
            "quality": {"kinds": {}},
        }

    monkeypatch.setattr(entries, "_read_overview", read)
    listings = shelving._listings(shop.settings, shop.keyring, shop.storage)
    page = shelving.build_pages(listings, shelving.House())["cardiology/index.html"].decode()
    assert page.count("column_") == 200 and "<svg" not in page
    assert "Not shown" in page and "<i>" not in page


def test_a_changed_document_stops_the_build_and_the_old_site_stays(own):
    publish_newest = hide(own)
    before = pages(own)
    publish_newest()
    stored = own.storage.list("cardiology/1.1.0/")
    [key] = [name for name in stored if name.endswith("privacy_report.html")]
    own.storage.put_bytes(key, b"another")
    with pytest.raises(ReleaseError, match="not what was signed"):
        build(own)
    assert pages(own) == before


@pytest.mark.parametrize(
    ("path", "table", "shown"),
    [
        ("quality_report.html", "", True),
        ("quality/gate.json", "", True),
        ("synthetic_sample/cardiology__patient.parquet", "", True),
        ("data/cardiology__patient/part.parquet", "", False),
        ("changes/cardiology__patient.csv", "", False),
        ("rows.parquet", "", False),
        ("report.csv", "cardiology__patient", False),
    ],
)
def test_documents_are_shown_and_rows_never(path, table, shown):
    assert entries.may_be_shown(FileEntry(path, "0" * 64, 1, table=table)) is shown


def test_a_folder_with_something_else_in_it_is_left_alone(shop, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="something else"):
        write_catalogue(shop.settings, shop.keyring, shop.storage, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def write(house, folder):
    return write_catalogue(house.settings, house.keyring, house.storage, folder)


def test_a_folder_turns_to_the_new_pages_in_one_step(own, tmp_path, monkeypatch):
    """Whoever looks at any moment, or after a crash at any moment, finds one whole site."""
    folder = tmp_path / "site"
    publish_newest = hide(own)
    write(own, folder)
    old = read_folder(folder)
    publish_newest()
    seen = []
    for method in ("replace", "symlink_to", "unlink"):
        real = getattr(Path, method)

        def look(path, *args, real=real, **more):
            seen.append(read_folder(folder))
            done = real(path, *args, **more)
            seen.append(read_folder(folder))
            return done

        monkeypatch.setattr(Path, method, look)
    write(own, folder)
    monkeypatch.undo()
    new = read_folder(folder)
    assert new != old and {id(site) for site in seen if site not in (old, new)} == set()
    assert old in seen and new in seen
    assert len([p for p in folder.iterdir() if p.name.startswith("pages-")]) == 2


def read_folder(folder):
    top = folder / "pages"
    return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*.html")}


def test_a_folder_of_an_older_catalogue_is_taken_over(shop, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").write_text("before there was a link")
    write(shop, tmp_path)
    assert "Clinical datasets" in (tmp_path / "pages" / "index.html").read_text()
    kept = sorted(p.name.rstrip("0123456789abcdef") for p in tmp_path.iterdir())
    assert kept == ["documents", "index.html", "pages", "pages-"]


def test_a_refresh_tells_of_a_withdrawn_version_and_builds_nothing_where_nothing_is(own):
    told = {"product": "cardiology", "version": "1.0.0", "actor": "t", "reason": "r"}
    retire(own.settings, own.storage, **told)
    assert refresh_catalogue(own.settings, own.keyring, own.storage).written > 0
    assert "This version was withdrawn." in pages(own)["cardiology/1.0.0/index.html"]
    for key in list(own.storage.list(PREFIX)):
        own.storage.delete(key)
    assert refresh_catalogue(own.settings, own.keyring, own.storage) is None
    assert list(own.storage.list(PREFIX)) == []


def test_the_door_leads_to_the_generation_that_stands(shop):
    generation = read_pointer(shop.storage)[0]
    assert (
        f"pages-{generation}/index.html" in shop.storage.get_bytes(f"{PREFIX}index.html").decode()
    )
    assert json.loads(shop.storage.get_bytes(POINTER))["generations"][0] == generation


class Headings(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.levels, self.ids = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.ids += [value for name, value in attrs if name == "id"]


def test_headings_are_in_order_and_ids_are_there_once(shown):
    for path, page in shown.items():
        found = Headings(page)
        assert found.levels[0] == 1 and found.levels.count(1) == 1, path
        steps = zip(found.levels, found.levels[1:], strict=False)
        assert all(after - before <= 1 for before, after in steps), path
        assert len(found.ids) == len(set(found.ids)), path
        assert len(re.findall("<main", page)) == 1
