"""The datasheet of a release, for people, English and Chinese: motivation, composition, collection,
preprocessing, uses, distribution, maintenance. Its sentences are those of the Croissant card, so
the two cannot disagree; add a sentence in `responsible`.

Source: Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021: its sections.
"""

from __future__ import annotations

import re

from clearward.releases.standards import policy, responsible
from clearward.releases.standards.card import Card
from clearward.releases.standards.claims import Claim
from clearward.releases.standards.responsible import Sentence

NAME = "datasheet.md"
Section = tuple[Sentence, list[Sentence]]
_HEAD = Sentence(
    "Sections after Gebru et al., *Datasheets for Datasets* (2021). Figures are this release's.",
    "章节依照 Gebru 等人《Datasheets for Datasets》（2021）。数字均为本版本的实测值。",
)


def describe(card: Card) -> str:
    """The datasheet as Markdown, first in English, then in Chinese."""
    return "\n".join((_sheet(card, "en"), _sheet(card, "zh")))


def _sheet(card: Card, language: str) -> str:
    title = {"en": "Datasheet", "zh": "数据说明书"}[language]
    lines = [f"# {title}: {card.product.title[language]} {card.version}", ""]
    lines += [getattr(_HEAD, language), ""]
    for name, sentences in _sections(card):
        lines += [f"## {getattr(name, language)}", ""]
        lines += [f"- {getattr(sentence, language)}" for sentence in sentences]
        lines += [""]
    return "\n".join(lines)


def _sections(card: Card) -> list[Section]:
    return [
        (Sentence("Motivation", "动机"), _motivation(card)),
        (Sentence("Composition", "构成"), [*_composition(card), *responsible.missing(card)]),
        (
            Sentence("Collection", "采集"),
            [*responsible.collection(card), *responsible.raw_data(card)],
        ),
        (Sentence("Preprocessing", "预处理"), responsible.preprocessing(card)),
        (Sentence("Uses", "用途"), [*responsible.uses(card), *_forbidden(card)]),
        (Sentence("Known limitations", "已知局限"), responsible.limitations(card)),
        (Sentence("Biases", "偏倚"), responsible.biases(card)),
        (Sentence("Sensitive information", "敏感信息"), responsible.sensitive(card)),
        (Sentence("Distribution", "分发"), _distribution(card)),
        (Sentence("Maintenance", "维护"), responsible.maintenance(card)),
    ]


def _motivation(card: Card) -> list[Sentence]:
    description, publisher = card.product.description, card.record.publisher.name
    found = [Sentence(description["en"], description["zh"])]
    if publisher:
        found.append(Sentence(f"Published by {publisher}.", f"发布方：{publisher}。"))
    return found


def _composition(card: Card) -> list[Sentence]:
    return [
        Sentence(
            f"`{table.name}`: {_rows(card, table.rows)} rows, {len(table.fields)} columns, one row "
            f"per {', '.join(table.key)}.",
            f"`{table.name}`：{_rows(card, table.rows)} 行，{len(table.fields)} 列，"
            f"每行由 {'、'.join(table.key)} 确定。",
        )
        for table in card.tables
    ]


def _rows(card: Card, rows: int | None) -> str:
    return f"<{card.k}" if rows is None else f"{rows:,}"


def _forbidden(card: Card) -> list[Sentence]:
    names = responsible.purposes(card.product.forbidden_purposes)
    return [
        Sentence(
            f"Nobody may use them for: {names.en} ({policy.NAME}).",
            f"任何人不得用于：{names.zh}（{policy.NAME}）。",
        )
    ]


def _distribution(card: Card) -> list[Sentence]:
    basis = card.record.legal_basis
    found = [Sentence(basis["en"], basis["zh"])] if basis else []
    purposes = responsible.purposes(card.product.purposes)
    return [
        *found,
        Sentence(
            f"Handed out under a licence only, for: {purposes.en}; every licensee has other keys.",
            f"仅凭许可提供，用途：{purposes.zh}；每位被许可方的键值各不相同。",
        ),
    ]


_LINES = (
    (
        re.compile(r"^# Datasheet: .* (\S+)$", re.MULTILINE),
        re.compile(
            r"^- `(?P<table>\w+)`: (?P<rows>\S+) rows, (?P<width>\d+) columns", re.MULTILINE
        ),
    ),
    (
        re.compile(r"^# 数据说明书: .* (\S+)$", re.MULTILINE),
        re.compile(r"^- `(?P<table>\w+)`：(?P<rows>\S+) 行，(?P<width>\d+) 列", re.MULTILINE),
    ),
)


def claims(document: str) -> dict[str, Claim]:
    """Table -> what the document says of it; ValueError when its languages differ."""
    english, chinese = (
        {
            found["table"]: Claim(
                version=_version(title, document),
                rows=_count(found["rows"]),
                width=int(found["width"]),
            )
            for found in line.finditer(document)
        }
        for title, line in _LINES
    )
    if english != chinese:
        raise ValueError("two languages that say different things")
    return english


def _count(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() else None


def _version(title: re.Pattern[str], document: str) -> str:
    found = title.search(document)
    return found.group(1) if found else ""
