"""How a release is cited: one line, and BibTeX. Adding a style is adding a function here."""

from __future__ import annotations

from clearward.catalogue.entries import Edition
from clearward.catalogue.words import Words

_SPECIAL = {
    **{"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"},
    **{"^": r"\textasciicircum{}", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "$": r"\$"},
}


def cite(edition: Edition, w: Words) -> str:
    """One line that names the very bytes: the manifest's hash is in it."""
    manifest = edition.manifest
    return str(w["cite_form"]).format(
        publisher=_publisher(edition, w),
        title=edition.product.title[w["lang"]],
        version=edition.version,
        month=manifest.month,
        on=manifest.published_at[:10],
        hash=manifest.sha256,
    )


def bibtex(edition: Edition, w: Words, *, url: str) -> str:
    """An ``@misc`` entry, which every style knows; `url` may be empty."""
    manifest = edition.manifest
    fields = {
        "author": "{" + _escaped(_publisher(edition, w)) + "}",
        "title": "{" + _escaped(edition.product.title[w["lang"]]) + "}",
        "year": manifest.published_at[:4],
        "version": edition.version,
        "note": f"Dataset, data up to {manifest.month}. Manifest SHA-256 {manifest.sha256}",
        **({"url": url} if url else {}),
    }
    key = f"{edition.product.name}_{edition.version}".replace(".", "_")
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items()]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _publisher(edition: Edition, w: Words) -> str:
    return edition.product.record.publisher.name or str(w["cite_publisher"])


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(sign, sign) for sign in text)
