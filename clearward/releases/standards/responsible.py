"""What a buyer must know before a model is trained on a release: how the data came about, what was
done to them, what they cannot tell. Texts come from the product's spec, figures from the run; the
Croissant card (RAI 1.0) and the datasheet say the same sentences. Add no sentence that would be
true of every dataset.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearward.releases.documents.terms import named
from clearward.releases.standards.card import MASKED, PATIENT, Card

_HALF = 50


@dataclass(frozen=True)
class Sentence:
    """The same in both languages."""

    en: str
    zh: str


def collection(card: Card) -> list[Sentence]:
    """How the data came about."""
    return _said(card.record.collection)


def raw_data(card: Card) -> list[Sentence]:
    """What the release was made from."""
    extracts, consents = _extracts(card), card.figures["lineage"]["consents"]
    first, last = timeframe(card)
    return [
        Sentence(
            f"{len(extracts)} extracts of {consents['hospitals']} hospitals, received for the "
            f"months {first[:7]} to {last[:7]}; provenance.json names each by its "
            "SHA-256. They stay with the publisher.",
            f"来自 {consents['hospitals']} 家医院、{first[:7]} 至 {last[:7]} 的 {len(extracts)} "
            "批数据；"
            "provenance.json 以 SHA-256 标识每一批。原始数据不离开发布方。",
        )
    ]


def timeframe(card: Card) -> tuple[str, str]:
    """First and last day of the months in which extracts came, ISO 8601."""
    months = sorted(extract["month"] for extract in _extracts(card))
    year, month = map(int, months[-1].split("-"))
    return f"{months[0]}-01", f"{months[-1]}-{calendar.monthrange(year, month)[1]:02d}"


def missing(card: Card) -> list[Sentence]:
    """How much is empty, as measured."""
    shares = [f.filled for t in card.tables for f in t.fields]
    known = [int(share) for share in shares if share.isdigit()]
    sparse = sum(share < _HALF for share in known)
    return [
        Sentence(
            f"{sparse} of {len(shares)} columns are filled in fewer than half of their rows; an "
            "empty cell says that nothing was recorded, or that the value was withheld.",
            f"{len(shares)} 列中有 {sparse} 列的非空比例不足一半；空值表示未记录，或该值已被抑制。",
        )
    ]


def preprocessing(card: Card) -> list[Sentence]:
    """What was done to the data, step by step."""
    lineage, gate = card.figures["lineage"], card.figures["gate"]
    checks = sum(n for n in gate.values() if isinstance(n, int) and not isinstance(n, bool))
    sums = {"dbt": str(lineage["dbt_sha256"])[:12], "code": lineage["code"]["sha256"][:12]}
    return [
        Sentence(
            "Rows of patients without a consent in force for the purpose were left out; every "
            "column went through one listed treatment (pseudonym, date shift, generalisation, or "
            "dropped).",
            "未持有有效同意的患者记录均已排除；"
            "每一列都按既定规则处理（假名化、日期平移、泛化或删除）。",
        ),
        Sentence(
            f"Tables were built by dbt models (SHA-256 {sums['dbt']}…) and Clearward "
            f"{lineage['code']['version']} (SHA-256 {sums['code']}…).",
            f"数据表由 dbt 模型（SHA-256 {sums['dbt']}…）与 Clearward {lineage['code']['version']}"
            f"（SHA-256 {sums['code']}…）生成。",
        ),
        *_protection(card),
        Sentence(
            f"The release gate made {checks} checks of the published files; all of them passed.",
            f"发布闸门对所发布文件进行了 {checks} 项检查，全部通过。",
        ),
    ]


def _protection(card: Card) -> list[Sentence]:
    privacy = card.figures["privacy"]
    events = privacy.get("events", {})
    rows = sum(n for name, n in events.items() if name.startswith("rows_") and isinstance(n, int))
    cells = sum(n for name, n in events.items() if name.startswith("cells_") and isinstance(n, int))
    return [
        Sentence(
            "Each patient shares what an attacker may know with at least "
            f"{privacy['k_reached'] - 1} others (k = {privacy['k_reached']}, "
            f"{privacy.get('recoding', 'global')} recoding); "
            f"about {_round(rows)} rows and {_round(cells)} cells that few patients share were "
            "withheld or pooled.",
            f"每位患者与至少 {privacy['k_reached'] - 1} 名其他患者具有相同的准标识符"
            f"（k = {privacy['k_reached']}）；"
            f"约 {_round(rows)} 行、{_round(cells)} 个单元格因少见而被抑制或合并。",
        )
    ]


def biases(card: Card) -> list[Sentence]:
    """Who is absent or too many: the spec's words, then the share of patients who agreed."""
    found = _said(card.record.biases)
    for purpose, told in sorted(_consents(card).items()):
        asked, agreed = told.get("patients"), told.get("reasons", {}).get("permitted")
        if isinstance(asked, int) and isinstance(agreed, int) and asked:
            share, use = round(100 * agreed / asked), purposes((purpose,))
            found.append(
                Sentence(
                    f"{share} % of the hospitals' {asked:,} patients had agreed to {use.en}; the "
                    "others are not in the data and may differ from them.",
                    f"各医院 {asked:,} 名患者中有 {share}% 同意用途：{use.zh}；"
                    "其余患者不在数据中，且可能与其不同。",
                )
            )
    return found


def limitations(card: Card) -> list[Sentence]:
    """What the data cannot tell."""
    found = _said(card.record.limitations)
    found += [Sentence(f"Not suited for: {s.en}", s.zh) for s in _said(card.record.unsuitable_uses)]
    empty = [t.name for t in card.tables if t.rows == 0]
    if empty:
        found.append(
            Sentence(
                f"No row of {', '.join(empty)} could be published.",
                f"{'、'.join(empty)} 无可发布的行。",
            )
        )
    loss = card.figures["privacy"].get("loss")
    if isinstance(loss, float):
        found.append(
            Sentence(
                f"Generalising the quasi-identifiers cost {loss:.0%} of their detail.",
                f"准标识符的泛化损失了 {loss:.0%} 的细节。",
            )
        )
    return found


def uses(card: Card) -> list[Sentence]:
    """What the data are for."""
    return _said(card.record.intended_uses)


def purposes(names: Sequence[str]) -> Sentence:
    """Purposes in words, to stand within a sentence."""
    words = [named(name) for name in names]
    english = ", ".join(en[:1].lower() + en[1:] for en, _ in words)
    return Sentence(english, "、".join(zh or en for en, zh in words))


def sensitive(card: Card) -> list[Sentence]:
    """What about persons the data hold, and what an attack was measured to gain."""
    columns = [f"{t.entity}.{f.name}" for t in card.tables for f in t.fields if f.role == "S"]
    people = next((t.rows for t in card.tables if t.entity == PATIENT), None)
    after = card.figures["privacy"].get("after", {})
    shown = people if people is not None else f"<{card.k}"
    chance = after.get("max_prosecutor")
    risk = f"{chance:.1%}" if isinstance(chance, float) else MASKED
    return [
        Sentence(
            f"De-identified health data of {shown} people; {len(columns)} columns are marked "
            "sensitive in the contract.",
            f"{shown} 人的去标识化健康数据；合同中标记为敏感的列有 {len(columns)} 个。",
        ),
        Sentence(
            f"Largest chance of finding a known patient: {risk}. Attacks that were tried, and what "
            "each gained: risk.json.",
            f"找到某一已知患者的最大概率：{risk}。所试攻击及其收益见 risk.json。",
        ),
    ]


def maintenance(card: Card) -> list[Sentence]:
    """How the dataset is kept up."""
    rule = card.product.withdrawal
    every = card.record.frequency.lower()
    return [
        *_said(card.record.retention),
        Sentence(
            f"A new version follows new or corrected months ({every or 'no fixed'} rhythm); "
            f"withdrawals reach licensees at the latest {rule.deadline_days} days after they were "
            f"recorded, and are to be confirmed within {rule.confirm_days} days.",
            "新的或更正的月份会产生新版本；"
            f"撤回同意最迟在登记后 {rule.deadline_days} 天内通知被许可方，"
            f"被许可方须在 {rule.confirm_days} 天内确认删除。",
        ),
    ]


def rai(card: Card) -> dict[str, Any]:
    """The terms of the Croissant RAI vocabulary 1.0 (MLCommons), in English."""
    topics = {
        "rai:dataCollection": collection,
        "rai:dataCollectionRawData": raw_data,
        "rai:dataCollectionMissingData": missing,
        "rai:dataPreprocessingProtocol": preprocessing,
        "rai:dataBiases": biases,
        "rai:dataLimitations": limitations,
        "rai:dataUseCases": uses,
        "rai:personalSensitiveInformation": sensitive,
        "rai:dataReleaseMaintenancePlan": maintenance,
    }
    said = {term: [sentence.en for sentence in tell(card)] for term, tell in topics.items()}
    one = ("rai:dataCollection", "rai:dataCollectionRawData", "rai:dataCollectionMissingData")
    joined = {term: " ".join(said[term]) for term in (*one, "rai:dataReleaseMaintenancePlan")}
    fixed = {
        "rai:dataCollectionType": ["Secondary Data Analysis"],
        "rai:dataCollectionTimeFrame": list(timeframe(card)),
        "rai:dataImputationProtocol": "No value was imputed.",
    }
    if any(table.entity == "note_feature" for table in card.tables):
        engine = f"Clearward {card.figures['lineage']['code']['version']}"
        fixed["rai:machineAnnotationTools"] = [f"{engine}: rules that read notes, no learned model"]
    return {**said, **joined, **fixed}


def _said(text: Mapping[str, str] | None) -> list[Sentence]:
    return [Sentence(text["en"], text["zh"])] if text else []


def _extracts(card: Card) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = card.figures["lineage"]["extracts"]
    return found


def _consents(card: Card) -> Mapping[str, Any]:
    found: Mapping[str, Any] = card.figures.get("consent", {}).get("purposes", {})
    return found


def _round(count: int) -> int:
    """To two digits: a sum of shown figures needs no more, and cannot be taken apart."""
    digits = max(0, len(str(count)) - 2)
    return int(round(count, -digits))
