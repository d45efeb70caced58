"""What search engines and catalogues read in a page: schema.org/Dataset as JSON-LD."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from clearward.catalogue.entries import Edition


def describe(edition: Edition, *, language: str, publisher: str, url: str) -> dict[str, Any]:
    """A release as schema.org/Dataset; figures only where the page shows them too."""
    manifest, overview = edition.manifest, edition.overview
    columns = [c for table in overview.get("tables", []) for c in table["columns"]]
    names = dict.fromkeys(c["column"] for c in columns)
    document: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": edition.product.title[language],
        "description": edition.product.description[language],
        "identifier": f"urn:sha256:{manifest.sha256}",
        "version": edition.version,
        "datePublished": manifest.published_at[:10],
        "temporalCoverage": f"../{manifest.month}",
        "inLanguage": language,
        "isAccessibleForFree": False,
        "conditionsOfAccess": "Licence for an approved organisation and one named purpose",
        "creativeWorkStatus": "Published" if edition.is_offered else "Withdrawn",
        "variableMeasured": list(names),
        "distribution": [
            {
                "@type": "DataDownload",
                "name": file.table,
                "encodingFormat": "application/vnd.apache.parquet",
                "contentSize": f"{file.bytes} B",
                "sha256": file.sha256,
            }
            for file in manifest.files
            if file.table
        ],
    }
    if publisher:
        document["creator"] = document["publisher"] = {"@type": "Organization", "name": publisher}
    if url:
        document["url"] = url
    return document


def inside_script(document: Any) -> Markup:
    """JSON that no text in it can end: ``<`` is an escape, so ``</script>`` cannot be."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped in the line before
