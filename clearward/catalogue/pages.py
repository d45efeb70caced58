"""Pages from templates: one environment, one policy of what a browser may load, one look. What a
page says is decided by the module that asks for it.

Style and script stand in the page and are allowed by their hashes, so that a page needs no other
file and lets nothing else run; from a folder, a bucket and the service it is the same.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from clearward.catalogue.words import Words, words

_STATIC = Path(__file__).with_name("static")


@dataclass(frozen=True)
class House:
    """Who publishes, and where things are on the web; any of them may be empty."""

    publisher: str = ""
    service_url: str = ""
    catalogue_url: str = ""


@dataclass(frozen=True)
class Link:
    """An entry of the site's navigation."""

    href: str
    text: str
    current: bool = False


def render(template: str, language: str, house: House, *, values: Mapping[str, Any]) -> str:
    """A whole page.

    Args:
        template: file name under `templates`.
        language: of the words.
        house: who publishes.
        values: what the template names besides words, style and script: at least ``title``,
            ``home``, ``navigation`` (of `Link`), ``other_language`` and ``policy``, which is empty
            where a header says it.
    """
    w = words(language)
    context = {
        "w": w,
        "say": _sayer(w),
        "style": Markup(_style()),  # noqa: S704 - our own file
        "script": Markup(_script(language)),  # noqa: S704 - our own file
        "publisher": house.publisher,
        "contact": "",
        "footer": w["footer"],
        "address": _address,
        "marked": _marked,
        **values,
    }
    return environment().get_template(template).render(context)


def policy(language: str, *, forms: bool = False) -> str:
    """The Content-Security-Policy of a page: our style and script by hash, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(_style())}'",
            f"script-src '{_hash(_script(language))}'",
            "base-uri 'none'",
            "form-action 'self'" if forms else "form-action 'none'",
        )
    )


@cache
def environment() -> jinja2.Environment:
    """Everything is escaped; a name that is missing is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("clearward.catalogue"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _sayer(w: Words) -> Any:
    def say(key: str, **values: Any) -> str:
        group, _, name = key.rpartition(".")
        found: Any = w[group] if group else w
        return str(found[name]).format(**values)

    return say


def _address(contact: str) -> Markup:
    """A contact as a link where it is an e-mail address or a web address, else as words."""
    text = Markup.escape(contact)
    if "@" in contact and not set(contact) & set(" <>\"'"):
        return Markup('<a href="mailto:{}">{}</a>').format(quote(contact, safe="@+.-_"), text)
    if contact.startswith("https://"):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(contact, text)
    return text


def _marked(text: str) -> Markup:
    """A text in which names of columns stand between backticks."""
    parts = [Markup.escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


@cache
def _style() -> str:
    return (_STATIC / "style.css").read_text(encoding="utf-8")


@cache
def _script(language: str) -> str:
    w = words(language)
    text = (_STATIC / "copy.js").read_text(encoding="utf-8")
    return text.replace("COPIED", str(w["copied"])).replace("COPY", str(w["copy"]))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
