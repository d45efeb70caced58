"""Is a word that may be a name one here? "Rose denies pain" and "the rose bush", 姓名：安静 and
患者安静入睡. What counts is what stands round it; which words need the question is in `words`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from clearward.notes.names import BEFORE
from clearward.notes.phi import PhiSpan
from clearward.notes.words import is_cut_from_words, is_word, word_list

_TITLE = re.compile(
    r"(?i:(?<![a-z])(?:mr|mrs|ms|miss|mister|dr|doctor|prof|professor|hi|hey|hello|dear|named|"
    r"(?:first|last|family|given|maiden|patient|full|middle)?\s?name(?:\s+is)?|nurse|surname)"
    r"\s?[.,:]?\s+|<(?:given|family|name|prefix|suffix)[^<>]*>\s*)$"
)
# What stands before a word in the middle of a sentence, where only a name has a capital
_INSIDE = re.compile(r"(?:[a-z0-9,;:(/\]>]|[\u3400-\u9fff])[\"']?[ \t]*(?:\n[ \t]*)?$")
_DETERMINED = re.compile(
    r"(?i:(?<![a-z])(?:the|an?|his|her|their|this|that|these|of|no|any|or|mild|moderate|severe|left|"
    r"right|bilateral|acute|chronic|history:|pain:|positive|negative|grade|type|stage)\s+)$"
)
_HUMAN = re.compile(
    r"\s+(?:(?:is|was)\s+(?:an?\s+(?:\d|very|pleasant)|\d{1,3}\b|here\b|doing\b|seen\b|admitted\b|born\b|"
    r"discharged\b|brought\b|referred\b|accompanied\b|married\b|single\b)|has\s+(?:a\s+history|been\s+seen)|"
    r"(?:denies|reports|states|complains|says|said|feels|admits|endorses|lives|describes|agrees|"
    r"understands|smokes|drinks|works|underwent|denied|reported|stated|complained|felt|lived|"
    r"verbalized|arrived|told|asked|came|wants|thinks|wishes|tolerated)\b|\([^)]*\b(?:DOB|MRN|son|"
    r"daughter|wife|husband|mother|father|sister|brother)\b)"
)
# "Na 140" and "lithium (Li)" of somebody called Li Na; "Li 52 M" and "Na, 45 years" are people
_ELEMENT = re.compile(
    r"(?i:sodium|lithium|potassium|calcium|magnesium|chloride|cobalt|iron)\s*\($|(?:mmol|mEq)\W*$"
)
_MEASURED = re.compile(
    r"\s*[:=]?\s*[<>]?\d{1,3}(?:\.\d+)?(?![\d.]|\s?-?(?:[MFmf](?![a-z])|y|岁))|\+|\s+levels?\b"
)
_SYMBOLS = frozenset({"Na", "Li", "Ca", "Mg", "Cl", "Co", "Fe"})
_MONTHS = frozenset({"may", "april", "june", "august", "march", "jan", "dec"})
_OF_DATE = re.compile(
    r"(?i:(?<![a-z])(?:in|since|until|till|on|of|last|next|by|through|early|late|mid|this|from|to|"
    r"during|and|before|after|around|(?<!\d)\d{1,2}(?:st|nd|rd|th)?)[ -]+)$"
)
_ANNOUNCED = re.compile(
    r"(?:姓名|患者|病人|家属|联系人|签名|签字|医师|医生|护士|主任|教授|大夫|记录者|记录人|审核者|术者|助手|称|"
    r"其[子女妻夫父母兄弟姐妹]|[儿女]子?儿?|妻子|丈夫|爱人|配偶|叫|名|为|由|请|与|和)\s*[:：]?\s*$"
)
_STRONG = re.compile(
    r"(?:姓名|联系人|签名|签字|[医护]师|医生|家属|家属称|诉|记录[者人]|审核者|术者|叫|名)\s*[:：]?\s*$"
)
_ENTITLED = re.compile(
    r"\s*(?:先生|女士|小姐|同志|大爷|大妈|阿姨|老师|师傅|奶奶|爷爷|叔叔|医[生师]|主任|副主任|教授|大夫|护士|"
    r"主治|本人|签[字名]|代诉|陪[同诊]|[，,]?\s*[男女](?:[，,\s]|$))"
)
_BETWEEN = re.compile(r"^[\s,.'\"()·-]{1,4}(?:[A-Za-z]\.?[\s,.]{1,2})?$")
_TAG = re.compile(r"^</?[A-Za-z][^<>]{0,60}>\s*(?:<[A-Za-z][^<>]{0,60}>)?$")
_LINES_APART = 4
_FARTHEST = 140  # two tags with blanks between
# 小于来复诊, and not 小于5mm
_DOING = re.compile(r"来|诉|说|称|自[述诉]|已|家属|复诊|[今昨][日天]|因")


def is_name_here(plain: str, start: int, end: int) -> bool:
    """Whether a Latin word stands as a name, given that somebody concerned is called so."""
    word = plain[start:end]
    before, after = plain[max(0, start - 28) : start], plain[end : end + 40]
    if _is_month(word.lower(), before, after) or _opens_eponym(word.lower(), after):
        return False
    if _TITLE.search(before) or _acts(word, after):
        return True
    if not word[:1].isupper():
        return bool(_HUMAN.match(after)) and not _DETERMINED.search(before)
    # a capital says nothing where all are, nor in the symbol of an element
    if (word.isupper() and len(word) > 1) or _is_element(word, before, after):
        return False
    if not before.strip() or before.endswith("\n"):
        return not after.split("\n", 1)[0].strip(" .,:")  # a line of its own
    return bool(_INSIDE.search(before)) and not _DETERMINED.search(before)


def _is_element(word: str, before: str, after: str) -> bool:
    return word in _SYMBOLS and bool(_ELEMENT.search(before) or _MEASURED.match(after))


def _is_month(word: str, before: str, after: str) -> bool:
    return word in _MONTHS and bool(_OF_DATE.search(before) or re.match(r"\.?,?\s+\d", after))


def _acts(word: str, after: str) -> bool:
    """With a capital, and what people do or have behind it."""
    if not word[:1].isupper():
        return False
    has = after[:2] in {"'s", "' "} and word.lower() not in word_list("bare_eponyms")
    return has or bool(_HUMAN.match(after))


def _opens_eponym(word: str, after: str) -> bool:
    """ "Parkinson's" alone is the disease; a person has a title or does something."""
    return word in word_list("bare_eponyms") and (
        after.startswith("'s") and not _HUMAN.match(after[2:])
    )


def is_chinese_name_here(plain: str, start: int, end: int) -> bool:
    """Whether one or two Chinese characters stand as a name, not as words or parts of words."""
    before, after = plain[max(0, start - 8) : start], plain[end : end + 8]
    if _ENTITLED.match(after) or (plain[start] in BEFORE and _DOING.match(after)):
        return True
    if is_word(plain[start:end]):
        return bool(_STRONG.search(before))
    if not is_cut_from_words(plain, start, end):
        return True
    return bool(_ANNOUNCED.search(before)) and not is_cut_from_words(plain[start:], 0, end - start)


def is_announced(plain: str, start: int, end: int) -> bool:
    """Whether a label, a title or a relation says that a Chinese name stands here."""
    before, after = plain[max(0, start - 8) : start], plain[end : end + 8]
    return bool(_ANNOUNCED.search(before) or _ENTITLED.match(after))


class Neighbours:
    """Names that are certain, by place: which of them stands beside another span or under it."""

    def __init__(self, plain: str, spans: Iterable[PhiSpan]) -> None:
        self._plain = plain
        self._by_start = sorted(spans, key=_start)
        self._by_end = sorted(self._by_start, key=_end)
        self._starts, self._ends = list(map(_start, self._by_start)), list(map(_end, self._by_end))
        self._reached = list(accumulate(map(_end, self._by_start), max))

    def have_beside(self, span: PhiSpan) -> bool:
        """Whether one of them and the span are two words of one name, or lines of one address."""
        first = bisect_left(self._ends, span.start - _FARTHEST)
        last = bisect_right(self._ends, span.start)
        if any(is_beside(self._plain, span, one) for one in self._by_end[first:last]):
            return True
        first = bisect_left(self._starts, span.end)
        last = bisect_right(self._starts, span.end + _FARTHEST)
        return any(is_beside(self._plain, span, one) for one in self._by_start[first:last])

    def overlap(self, start: int, end: int) -> bool:
        """Whether one of them holds a character of ``[start, end)``."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._reached[before - 1] > start


def _start(span: PhiSpan) -> int:
    return span.start


def _end(span: PhiSpan) -> int:
    return span.end


def is_beside(plain: str, one: PhiSpan, other: PhiSpan) -> bool:
    """Two words of one name, or lines of one address: "Rose" before "K. Goodwin"."""
    if other.kind != one.kind:
        return False
    first, second = sorted((one, other), key=lambda span: span.start)
    gap = plain[first.end : second.start]
    if one.kind == "address":
        return bool(gap) and len(gap) <= _LINES_APART and not gap.strip(" ,\n")
    return bool(gap) and bool(_BETWEEN.match(gap) or _TAG.match(gap))
