"""What a kept column may hold, read from domains.toml, and the words known as labels.

Add a domain here when a column of a new kind is kept. Whether a file's values keep to it is judged
in `content`.
"""

from __future__ import annotations

import gzip
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearward.errors import ConfigError

_HERE = Path(__file__).parent
# Full-width characters of Chinese keyboards and their plain twins (same length, for translate()).
_WIDE = "０１２３４５６７８９．／＜＞＋－（）＊％"
_PLAIN = "0123456789./<>+-()*%"
# Anywhere in a label, or as a whole value: a mark of a person, whatever the column is.
IDENTIFIER_FORMS = (
    r"[1-9][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9x]",
    r"(^|[^0-9])(\+?86[- ]?)?1[3-9][0-9]{9}([^0-9]|$)",
    r"(^|[^0-9-])\(?[0-9]{3}\)?[-. ][0-9]{3}[-. ][0-9]{4}([^0-9]|$)",
    r"(^|[^0-9-])[0-9]{3}-[0-9]{2}-[0-9]{4}([^0-9-]|$)",
    r"[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z]{2}",
    r"(19|20)[0-9]{2}([-/.年])(0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])",
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
)


@dataclass(frozen=True)
class Domain:
    """What the values of a kept column may be; see the head of domains.toml."""

    name: str
    values: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    labels: bool = False
    range: tuple[int, ...] = ()


@cache
def load_domains() -> dict[str, Domain]:
    """Every domain by name."""
    document = tomllib.loads((_HERE / "domains.toml").read_text(encoding="utf-8"))
    return {
        name: Domain(
            name,
            tuple(body.get("values", ())),
            tuple(body.get("forms", ())),
            bool(body.get("labels", False)),
            tuple(body.get("range", ())),
        )
        for name, body in document.items()
    }


def domain(name: str) -> Domain:
    """The domain of that name; ConfigError when domains.toml lists none."""
    if name not in load_domains():
        raise ConfigError(
            f"Unknown domain {name!r} of a kept column.", expected=", ".join(load_domains())
        )
    return load_domains()[name]


def plain_sql(value: str) -> str:
    """SQL for a text in lower case and half width, without outer blanks."""
    return f"lower(trim(translate({value}::VARCHAR, '{_WIDE}', '{_PLAIN}')))"


def fits_sql(one: Domain, value: str) -> str:
    """SQL that is true where a plain value is of the domain's list or forms."""
    parts = [f"{value} IN ({', '.join(map(quoted, one.values))})"] if one.values else []
    parts += [f"regexp_full_match({value}, {quoted(form)})" for form in one.forms]
    return f"({' OR '.join(parts) or 'false'})"


def is_identifier_sql(value: str) -> str:
    """SQL that is true where a plain value holds a mark of a person."""
    forms = (f"regexp_matches({value}, {quoted(form)})" for form in IDENTIFIER_FORMS)
    return f"({' OR '.join(forms)})"


def quoted(text: str) -> str:
    """A SQL text."""
    return "'" + text.replace("'", "''") + "'"


@cache
def known_labels() -> frozenset[str]:
    """Words that ship with Clearward as labels of codes, in lower case."""
    return _lines(*sorted((_HERE / "labels").glob("*.txt*")))


def own_labels(home: Path) -> frozenset[str]:
    """Words that this installation added under ``labels/`` of its home."""
    return _lines(*sorted((home / "labels").glob("*.txt")))


def _lines(*paths: Path) -> frozenset[str]:
    texts = (
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in paths
    )
    lines = (line.strip().lower() for text in texts for line in text.decode("utf-8").split("\n"))
    return frozenset(line.translate(str.maketrans(_WIDE, _PLAIN)) for line in lines if line)
