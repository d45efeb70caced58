"""A published release as schema.org/Dataset (JSON-LD), for the page of a catalogue: what a search
engine may know. It names no address of a file, for only a licence opens one. Columns with units and
values belong to `croissant`, which travels with the files.
"""

from __future__ import annotations

from typing import Any

from clearward.products.record import Party
from clearward.products.spec import Product, load_product
from clearward.releases.manifest import FileEntry, Manifest

_ACCESS = {
    "en": "Licensed use only: a signed agreement that names the purpose. No open download.",
    "zh": "仅限许可使用：须签署载明用途的协议，不开放下载。",
}


def describe(manifest: Manifest, *, url: str = "", language: str = "en") -> dict[str, Any]:
    """A release for a page, ready for ``json.dumps``.

    Args:
        manifest: as published; its time of publication is the document's.
        url: of the page that embeds this; left out when empty.
        language: "en" or "zh", of the texts.

    Source: schema.org/Dataset; what Google Dataset Search asks for (name, description, creator,
    license, version, identifier) is always there.
    """
    product = load_product(manifest.product)
    record = product.record
    about = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": f"{record.base}{manifest.version}" if record.base else "",
        "name": product.title[language],
        "alternateName": product.name,
        "description": f"{product.title[language]}. {product.description[language]}",
        "inLanguage": language,
        "version": str(manifest.version),
        "identifier": f"urn:sha256:{manifest.content_sha256}",
        "url": url,
        "datePublished": manifest.published_at[:10],
        "temporalCoverage": f"../{manifest.month}",
        "spatialCoverage": list(record.spatial),
        "keywords": list(record.keywords),
        "creator": organisation(record.publisher),
        "publisher": organisation(record.publisher),
        "license": record.publisher.url,
        "conditionsOfAccess": _ACCESS[language],
        "usageInfo": _uses(product),
        "isAccessibleForFree": False,
        "measurementTechnique": (record.collection or {}).get(language, ""),
        "variableMeasured": _columns(manifest),
        "distribution": [_file(entry) for entry in manifest.files if entry.table],
        "isBasedOn": _previous(manifest, record.base),
    }
    return {name: value for name, value in about.items() if value not in ("", [], {}, None)}


def organisation(party: Party) -> dict[str, str]:
    """An organisation; empty where the spec names none."""
    about = {"name": party.name, "email": party.email, "url": party.url}
    filled = {name: value for name, value in about.items() if value}
    return {"@type": "Organization", **filled} if filled else {}


def _uses(product: Product) -> str:
    permitted, never = ", ".join(product.purposes), ", ".join(product.forbidden_purposes)
    return f"For: {permitted}. Never for: {never}."


def _columns(manifest: Manifest) -> list[dict[str, str]]:
    """Every column once, in the order of the tables; a key in many tables is one variable."""
    names = dict.fromkeys(name for columns in manifest.schema.values() for name in columns)
    return [{"@type": "PropertyValue", "name": name} for name in names]


def _file(entry: FileEntry) -> dict[str, str]:
    return {
        "@type": "DataDownload",
        "name": entry.table,
        "encodingFormat": "application/vnd.apache.parquet",
        "contentSize": f"{entry.bytes} B",
        "sha256": entry.sha256,
    }


def _previous(manifest: Manifest, base: str) -> str:
    version = manifest.previous.get("version", "")
    return f"{base}{version}" if base and version else ""
