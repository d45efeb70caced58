"""Every form a known name takes in a note: orders, initials, titles, single words, and pinyin of a
Chinese name. Forms only; whether a form found in a text is a name there belongs to `lone`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from pypinyin import Style, pinyin

from clearward.notes.document import fold
from clearward.notes.forms import Identifier, Part
from clearward.notes.squeeze import bare, squeeze_value
from clearward.notes.words import is_word

COMPOUND = (
    "欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒",
    "夏侯", "南宫", "端木", "百里", "长孙", "宇文",
)  # fmt: skip
TITLES = (
    "先生", "女士", "某某", "某", "大爷", "大妈", "阿姨", "老师", "小姐", "师傅", "同志", "大娘",
    "老太太", "老太", "老先生", "老人家", "奶奶", "爷爷", "叔叔", "医生", "医师", "主任",
    "教授", "大夫", "护士", "护师",
)  # fmt: skip
BEFORE = ("小", "老", "阿")
_CJK = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff·]+")
_HONORIFIC = re.compile(
    r"(?i)^(?:dr|mr|mrs|ms|miss|prof)\.?\s+|,?\s+(?:md|phd|rn|jr|sr|iii|ii)\.?$"
)
_WORD = re.compile(r"[^\W\d_]+")
# Surnames that are read otherwise than the character usually is
_READ = {
    "单": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "查": "zha", "区": "ou", "朴": "piao",
    "盖": "ge", "乐": "yue", "覃": "qin", "翟": "zhai", "任": "ren", "尉迟": "yuchi",
    "万": "wan", "缪": "miao", "秘": "bi", "种": "chong", "繁": "po", "员": "yun", "黑": "he",
}  # fmt: skip
_AUDITED_LATIN, _AUDITED_PINYIN, _SURE_PINYIN = 4, 6, 8


def name_forms(value: str, *, staff: bool, sex: str = "") -> Iterator[Identifier]:
    """Forms of a name that stands in one column, in either order and script."""
    value = _HONORIFIC.sub("", fold(value)).strip()
    if _CJK.search(value):
        yield from chinese_forms("".join(_CJK.findall(value)), staff=staff, sex=sex)
        return
    if "," in value:
        last, _, given = value.partition(",")
        value = f"{given.strip()} {last.strip()}"
    words = value.split()
    if len(words) == 1:
        yield from _words_alone([(words[0], "given")], staff=staff, sex=sex)
    elif words:
        yield from latin_forms(words[0], " ".join(words[1:-1]), words[-1], staff=staff, sex=sex)


def part_forms(
    first: str, middle: str, surnames: tuple[str, ...], *, staff: bool, sex: str
) -> Iterator[Identifier]:
    """Forms of a name that comes in columns of its own; `surnames` holds a maiden name too."""
    whole = surnames[0] + first if surnames else first
    if _CJK.fullmatch(whole) and surnames and first:
        yield from chinese_forms(whole, staff=staff, sex=sex)
        return
    for surname in surnames or ("",):
        yield from latin_forms(first, middle, surname, staff=staff, sex=sex)


def latin_forms(
    first: str, middle: str, last: str, *, staff: bool, sex: str
) -> Iterator[Identifier]:
    """Orders, initials and, for patients, each word alone."""
    spelled = [_spellings(value) for value in (first, middle, last)]
    for n in range(max(map(len, spelled))):
        f, m, s = (forms[min(n, len(forms) - 1)] for forms in spelled)
        parts = tuple(
            (word, Part(role, word, sex if role == "given" else "", name=(f, s, sex)))
            for word, role in ((f, "given"), (m, "given"), (s, "family"))
            if word
        )
        orders = (f + s, s + f, f + m + s, f + m[:1] + s, s + f + m[:1], s + f + m, m and m + s)
        for text in dict.fromkeys(filter(None, orders)):
            whole = bool(f and s) and len(text) >= _AUDITED_LATIN
            yield Identifier("name", text, audited=whole, cased=not whole, parts=parts)
        if f and s:
            i, j = f[0], m[:1]
            for text in dict.fromkeys((i + s, s + i, i + j + s, s + i + j, i + m + s)):
                yield Identifier("name", text, cased=True, parts=parts)
    words = [(first, "given"), (middle, "given"), (last, "family")]
    name = (squeeze_value(first), squeeze_value(last), sex)
    yield from _words_alone(words, staff=staff, sex=sex, name=name)


def _spellings(value: str) -> tuple[str, ...]:
    """A name as it stands, and without the digits that test data put behind it."""
    text = squeeze_value(value)
    return tuple(dict.fromkeys((text, re.sub(r"\d+$", "", text))))


def _words_alone(
    words: list[tuple[str, str]],
    *,
    staff: bool,
    sex: str,
    name: tuple[str, str, str] = ("", "", ""),
) -> Iterator[Identifier]:
    """Each word of a name, and the halves of a double one."""
    if staff:
        return
    for value, role in words:
        halves = [half for half in _WORD.findall(fold(value)) if len(half) > 2]
        for text in dict.fromkeys((*_spellings(value), *map(squeeze_value, halves))):
            own_sex = sex if role == "given" else ""
            part = ((text, Part(role, text, own_sex, name=name)),)
            if len(text) < 3:
                yield Identifier("name", text, lone=True, parts=part)
            elif is_word(text):
                yield Identifier("name", text, lone=True, slips=len(text) >= 5, parts=part)
            else:
                yield Identifier("name", text, slips=len(text) >= 5, parts=part)


def chinese_forms(name: str, *, staff: bool, sex: str) -> Iterator[Identifier]:
    """The whole name, surname with a title, the given name alone, and the same in pinyin."""
    whole = name.replace("·", "")
    if len(whole) < 2:
        return
    surname, given = split_chinese(name)
    called = (given, surname, sex)
    parts = (
        (whole, Part("whole", whole, sex, name=called)),
        (surname, Part("surname", surname, name=called)),
        (given, Part("given-zh", given, sex, name=called)),
    )
    yield Identifier(
        "name", whole, audited=True, lone=len(whole) == 2, slips=not staff, parts=parts
    )
    for title in TITLES:
        yield Identifier("name", surname + title, keep=len(title), parts=parts)
    if not staff:
        for form in _called(surname, given):
            lead = int(form[0] in BEFORE and form != given)
            yield Identifier("name", form, lone=len(form) <= 2, lead=lead, parts=parts)
    if "·" not in name and all("\u3400" <= c <= "\u9fff" for c in whole):
        yield from _pinyin_forms(surname, given, staff=staff, sex=sex)


def _called(surname: str, given: str) -> Iterator[str]:
    if len(given) >= 2:
        yield given
    else:
        yield from (given * 2, *(before + given for before in BEFORE))
    yield from (before + surname for before in BEFORE)


def split_chinese(name: str) -> tuple[str, str]:
    """Surname and given name; a name with a dot is cut there."""
    if "·" in name:
        given, _, rest = name.partition("·")
        return rest.replace("·", ""), given
    surname = next((s for s in COMPOUND if name.startswith(s) and len(name) > len(s)), name[0])
    return surname, name[len(surname) :]


def _pinyin_forms(surname: str, given: str, *, staff: bool, sex: str) -> Iterator[Identifier]:
    for s, syllables in product(readings(surname), _given_readings(given)):
        g = "".join(syllables)
        part = Part("given-zh", given, sex, name=(given, surname, sex))
        parts = [(s, part._replace(role="surname", of=surname)), (g, part)]
        parts += [(x, part._replace(syllable=n)) for n, x in enumerate(syllables) if x != g]
        whole = part._replace(role="whole", of=surname + given)
        parts += [(s + g, whole), (g + s, whole._replace(role="reversed"))]
        for text in (s + g, g + s):
            long = len(text) >= _AUDITED_PINYIN
            cased = len(text) < _SURE_PINYIN
            yield Identifier("name", text, cased=cased, audited=long, parts=tuple(parts))
        for text in (g[0] + s, s + g[0], s[0] + g, g + s[0], *_capitals(s, syllables)):
            yield Identifier("name", text, cased=True, parts=tuple(parts))
        if not staff and len(g) >= 3:
            yield Identifier("name", g, cased=True, lone=is_word(g), parts=tuple(parts))


def _capitals(s: str, syllables: list[str]) -> Iterator[str]:
    """J.G. Li and Li JG."""
    if len(syllables) > 1:
        initials = "".join(x[0] for x in syllables)
        yield from (initials + s, s + initials)


@lru_cache(maxsize=4096)
def readings(surname: str) -> tuple[str, ...]:
    """Pinyin of a surname without tones, the reading as a name first; ü as v and u."""
    text = plain_pinyin(surname)
    usual = [text.replace("ü", "v"), text.replace("ü", "u")]
    return tuple(dict.fromkeys([_READ.get(surname, usual[0]), *usual]))


@lru_cache(maxsize=65536)
def _given_readings(given: str) -> list[list[str]]:
    syllables = [plain_pinyin(character) for character in given]
    forms = [[bare(x.replace("ü", letter)) for x in syllables] for letter in ("v", "u")]
    return forms if forms[0] != forms[1] else forms[:1]


@lru_cache(maxsize=65536)
def plain_pinyin(text: str) -> str:
    """Pinyin without tones and blanks, ü kept."""
    if len(text) != 1:
        return "".join(map(plain_pinyin, text))
    return str(pinyin(text, style=Style.NORMAL, v_to_u=True)[0][0])
