"""The static catalogue as a mapping of paths to bytes: every page of every release, in every
language. Pure: the same releases give the same bytes. Where they are kept belongs to `shelving`.

Paths are inside the folder of pages; documents of releases lie beside it, under
``../documents/<product>/<version>/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from clearward.catalogue.entries import Edition, Listing
from clearward.catalogue.pages import House, Link, policy, render
from clearward.catalogue.papers import SAMPLE
from clearward.catalogue.product_page import product_page
from clearward.catalogue.structured import inside_script
from clearward.catalogue.words import LANGUAGES, Words, count_text, size_text, words
from clearward.releases.standards import schema_org

INDEX = "index.html"
DOCUMENTS = "documents"


def build_pages(listings: Sequence[Listing], house: House) -> dict[str, bytes]:
    """Path -> page. A product's own address shows its newest offered version."""
    pages = {}
    for language in LANGUAGES:
        w = words(language)
        pages[path_of(language)] = _home(listings, w, house)
        for listing in listings:
            for edition, place in _places(listing):
                pages[path_of(language, place)] = _product(listing, edition, w, house, place=place)
    return {path: text.encode() for path, text in pages.items()}


def path_of(language: str, place: str = "") -> str:
    """Where a page lies; English at the top, other languages in a folder of their own."""
    folder = "" if language == LANGUAGES[0] else f"{language}/"
    return f"{folder}{place}{INDEX}"


def document_path(edition: Edition, path: str) -> str:
    """Where a document of a release lies, beside the folder of pages."""
    return f"{DOCUMENTS}/{edition.product.name}/{edition.version}/{path}"


def _places(listing: Listing) -> Iterator[tuple[Edition, str]]:
    name = listing.product.name
    for edition in listing.editions:
        yield edition, f"{name}/{edition.version}/"
    if listing.latest:
        yield listing.latest, f"{name}/"


def _frame(w: Words, house: House, place: str) -> dict[str, Any]:
    """What every page of the site has, with addresses relative to its own place."""
    language, path = w["lang"], path_of(w["lang"], place)
    top = "../" * path.count("/")
    home = f"{top}{path_of(language)}"
    account = f"{house.service_url}/{language}/account"
    links = [Link(home, w["catalogue"], current=not place)]
    return {
        "top": top,
        "home": home,
        "navigation": [*links, Link(account, w["account"])] if house.service_url else links,
        "other_language": f"{top}{path_of(w['other_lang'], place)}",
        "alternates": _alternates(house, place, top),
        "policy": policy(language),
    }


def _alternates(house: House, place: str, top: str) -> list[dict[str, str]]:
    """The page in every language; whole addresses where the catalogue knows its own."""
    base = f"{house.catalogue_url}/" if house.catalogue_url else top
    found = [{"lang": each, "href": f"{base}{path_of(each, place)}"} for each in LANGUAGES]
    return [*found, {"lang": "x-default", "href": found[0]["href"]}]


def _canonical(w: Words, house: House, place: str) -> str:
    return f"{house.catalogue_url}/{path_of(w['lang'], place)}" if house.catalogue_url else ""


def _home(listings: Sequence[Listing], w: Words, house: House) -> str:
    offers = [_offer(listing, w) for listing in listings]
    values = {
        **_frame(w, house, ""),
        "title": w["home_title"],
        "canonical": _canonical(w, house, ""),
        "offers": offers if any(offer["href"] for offer in offers) else [],
    }
    return render("home.html", w["lang"], house, values=values)


def _offer(listing: Listing, w: Words) -> dict[str, Any]:
    product, latest = listing.product, listing.latest
    offer: dict[str, Any] = {
        "title": product.title[w["lang"]],
        "description": product.description[w["lang"]],
        "href": f"{product.name}/{INDEX}" if latest else "",
        "state": "",
        "facts": [],
    }
    if latest is None:
        return {**offer, "state": w["home_soon"]}
    facts = {
        "version": latest.version,
        "period": latest.manifest.month,
        "size": size_text(latest.bytes),
    }
    if latest.overview:
        facts["patients"] = count_text(latest.overview.get("patients"), masked=w["masked"])
        facts["hospitals"] = count_text(latest.overview.get("hospitals"), masked=w["masked"])
    order = ("patients", "hospitals", "period", "size", "version")
    offer["facts"] = [{"name": w[f"fact_{n}"], "value": facts[n]} for n in order if n in facts]
    return {**offer, "state": "" if latest.is_offered else w["home_closed"]}


def _product(listing: Listing, edition: Edition, w: Words, house: House, *, place: str) -> str:
    own = f"{listing.product.name}/{edition.version}/"
    frame = _frame(w, house, place)
    canonical = _canonical(w, house, own)
    # Language folders repeat the tree, so a product's folder is where its language begins
    tree = "../" * place.count("/")
    page = product_page(listing, edition, w, house)
    documents = f"{frame['top']}../"
    page |= {name: _papers(page["papers"][name], edition, documents) for name in page["papers"]}
    for line in page["editions"]:
        line["href"] = f"{tree}{listing.product.name}/{line['version']}/{INDEX}"
    sample = edition.document(*SAMPLE)
    page |= {
        "sample": f"{documents}{document_path(edition, sample)}" if sample else "",
        "request": _request(house, w, listing.product.name),
        "banners": _banners(edition, w, f"{tree}{listing.product.name}/{edition.newest}/{INDEX}"),
        "licence": edition.licence,
    }
    structured = schema_org.describe(edition.manifest, url=canonical, language=w["lang"])
    record = listing.product.record
    values = {
        **frame,
        "title": f"{page['title']} {edition.version}",
        "canonical": canonical,
        "structured": inside_script(structured),
        "contact": record.contact.email or record.contact.url,
        "p": page,
    }
    return render("product.html", w["lang"], house, values=values)


def _papers(found: Sequence[Any], edition: Edition, root: str) -> list[dict[str, str]]:
    return [
        {"href": f"{root}{document_path(edition, p.path)}", "title": p.title, "text": p.text}
        for p in found
    ]


def _request(house: House, w: Words, product: str) -> str:
    return f"{house.service_url}/{w['lang']}/request/{product}" if house.service_url else ""


def _banners(edition: Edition, w: Words, newest: str) -> list[dict[str, str]]:
    """What somebody must know before they read on, the gravest first."""
    found = []
    if edition.recalled_from:
        text = w["banner_recalled_text"].format(on=edition.recalled_from[:10])
        found.append(_banner("grave", w["banner_recalled"], text))
    if edition.is_retired:
        found.append(_banner("grave", w["banner_retired"], w["banner_retired_text"]))
    if not edition.is_latest:
        if edition.newest:
            text = w["banner_newer_text"].format(version=edition.newest)
            link = {"href": newest, "link": w["banner_newer_link"]}
            found.append({**_banner("notice", w["banner_newer"], text), **link})
        else:
            found.append(_banner("notice", w["banner_closed"], w["banner_closed_text"]))
    return found


def _banner(kind: str, title: str, text: str) -> dict[str, str]:
    return {"kind": kind, "title": title, "text": text, "href": "", "link": ""}
