"""Tests of a general pattern's match that a pattern alone cannot say: a check digit, a word that is
a role and no name, where a Chinese name of a place begins. Patterns are data in `phi.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from clearward.notes.words import is_eponymous, is_word, word_list

Span = tuple[int, int]
_TITLES = frozenset({"dr", "drs", "mr", "mrs", "ms", "prof"})
_NHS_WEIGHTS = range(10, 1, -1)
_CUT = re.compile(
    r"^.*(?:[在于至到由从往赴经转入出回送及和与向即就住的]|门诊|急诊|患者|曾|外院|建议|电话|联系|"
    r"诊断|治疗|检查|介绍|平车|家属)"
)
_NO_PLACE = re.compile(
    r"^(?:[我本外该各某此一二三多家大小原别]|[一二三两几这那]家|各大|另一|别的|[一二三][级甲]|公立|民营|大型|"
    r"上级|当地|下级|基层|专科|综合|社区|三甲|附近|其他|其它|原|同级|定点|正规|"
    r"就近|地方|县级|市级|省级|乡镇|私人|互联网|转诊|就诊|相关|医联体|合作|国外|国内|北京等|个体|口腔|眼科|儿童|"
    r"中医|精神|妇幼|肿瘤|传染病|康复|老年)*(?:医院|卫生院|社区卫生服务中心|诊所|保健院)$"
)


def check_match(name: str, plain: str, span: Span) -> Span | None:
    """The span that stays of a match, or None where it is no identifier."""
    return _CHECKS[name](plain, span)


def _nhs(plain: str, span: Span) -> Span | None:
    """Modulus 11 of the NHS number (NHS Data Dictionary)."""
    digits = [int(c) for c in plain[slice(*span)] if c.isdigit()]
    left = 11 - sum(d * w for d, w in zip(digits, _NHS_WEIGHTS, strict=False)) % 11
    return span if digits[-1] == left % 11 else None


def _not_a_role(plain: str, span: Span) -> Span | None:
    """ "Dr. Will follow" and "Provider: Self" name nobody; words behind a name are cut off."""
    start, end = span
    words = list(re.finditer(r"[^\W\d_][\w'-]*", plain[start:end]))
    kept = list(words)
    while len(kept) > 1 and _is_plain_word(kept[-1][0]):
        kept.pop()
    told = [word[0].lower() for word in kept if len(word[0]) > 1]
    if not told or told[0] in _TITLES or (len(told) == 1 and _is_plain_word(told[0])):
        return None
    if told[0] in word_list("no_name"):
        return None
    return start, start + kept[-1].end() - (2 if kept[-1][0].endswith("'s") else 0)


def _is_plain_word(text: str) -> bool:
    """A word that hardly anybody is called."""
    text = text.lower().removesuffix("'s")
    return is_word(text) and text not in word_list("surnames") and not is_eponymous(text)


def _named_hospital(plain: str, span: Span) -> Span | None:
    """At least one word that is no kind of clinic; what stands before the name is cut off."""
    start, end = span
    words = list(re.finditer(r"[A-Za-z'&-]+", plain[start:end]))
    kind_words = word_list("kinds_of_clinic")
    while words and words[0][0].lower() in kind_words - {"general", "community", "county", "city"}:
        words.pop(0)
    kinds = kind_words | {
        "hospital",
        "center",
        "centre",
        "clinic",
        "infirmary",
        "nursing",
        "of",
        "medical",
    }
    named = [w for w in words if w[0].lower() not in kinds and not is_eponymous(w[0].lower())]
    return (start + words[0].start(), end) if named else None


def _chinese_hospital(plain: str, span: Span) -> Span | None:
    start, end = _cut(plain, span, keep=4)
    text = plain[start:end]
    return None if _NO_PLACE.match(text) or end - start < 4 else (start, end)


def _chinese_address(plain: str, span: Span) -> Span | None:
    start, end = _cut(plain, span, keep=3)
    return (start, end) if end - start >= 4 and plain[start] not in "区县市省街路" else None


def _cut(plain: str, span: Span, *, keep: int) -> Span:
    """Verbs before a place do not belong to it."""
    start, end = span
    head = _CUT.match(plain[start : end - keep])
    return (start + head.end(), end) if head else span


_CHECKS: Mapping[str, Callable[[str, Span], Span | None]] = {
    "nhs": _nhs,
    "not_a_role": _not_a_role,
    "named_hospital": _named_hospital,
    "chinese_hospital": _chinese_hospital,
    "chinese_address": _chinese_address,
}
