"""Clinical notes made with their identifiers marked, English and Chinese, to measure scrubbing by.
Nothing here knows how scrubbing works: people, forms and sentences are lists of their own.

Two halves: `tuned`, which may be looked at, and `sealed`, which has other people, other seeds and
sentences of its own, and is only counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.scrub_words import CHINESE, DOUBLE, ENGLISH, PINYIN, TONED, Pools

WIDE = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}


@dataclass(frozen=True)
class Gold:
    """An identifier's place. `own`: in the patient's record; `what`: its kind and form."""

    start: int
    end: int
    what: str
    own: bool


@dataclass
class Note:
    """Text and the identifiers in it."""

    person: int
    lang: str
    text: str = ""
    gold: list[Gold] = field(default_factory=list)

    def add(self, piece: str) -> None:
        self.text += piece

    def mark(self, piece: str, what: str, *, own: bool) -> None:
        start = len(self.text)
        self.text += piece
        self.gold.append(Gold(start, len(self.text), what, own))


@dataclass(frozen=True)
class Person:
    """A patient's record, in the columns of a hospital's own tables."""

    number: int
    lang: str
    row: dict[str, str]


def hospital(half: str, lang: str, *, patients: int) -> tuple[list[Person], list[dict[str, str]]]:
    """Patients and staff of one half and language."""
    rng = random.Random(f"{half}-{lang}-people")
    pools = (ENGLISH if lang == "en" else CHINESE)[half]
    make = _english_row if lang == "en" else _chinese_row
    people = [Person(n, lang, make(rng, pools, n)) for n in range(patients)]
    staff = [{"name": _whole(rng, pools, lang)} for _ in range(max(5, patients // 20))]
    return people, staff


def notes(half: str, lang: str, *, patients: int, each: int = 2) -> Iterator[Note]:
    """Notes of a hospital's patients, the same on each call."""
    people, staff = hospital(half, lang, patients=patients)
    pools = (ENGLISH if lang == "en" else CHINESE)[half]
    rng = random.Random(f"{half}-{lang}-notes")
    for person in people:
        for _ in range(each):
            yield _note(rng, person, staff, pools)


def _note(
    rng: random.Random, person: Person, staff: list[dict[str, str]], pools: Pools
) -> Note:
    note = Note(person.number, person.lang)
    sentences = rng.sample(pools.sentences, 9) + rng.sample(pools.medicine, 7)
    rng.shuffle(sentences)
    forms = _english_forms if person.lang == "en" else _chinese_forms
    for sentence in [pools.heads[rng.randrange(len(pools.heads))], *sentences]:
        rest = sentence
        while "{" in rest:
            before, _, tail = rest.partition("{")
            slot, _, rest = tail.partition("}")
            note.add(before)
            _fill(rng, note, slot, forms, person, staff, pools)
        note.add(rest + ("\n" if rng.random() < 0.35 else " " if person.lang == "en" else ""))
    return note


def _fill(
    rng: random.Random,
    note: Note,
    slot: str,
    forms: Callable[[random.Random, str, Person], tuple[str, str]],
    person: Person,
    staff: list[dict[str, str]],
    pools: Pools,
) -> None:
    if slot == "staff":
        note.mark(rng.choice(staff)["name"], "staff name", own=True)
    elif slot == "stranger":
        note.mark(_whole(rng, pools, person.lang), "stranger", own=False)
    elif slot in {"email", "url", "plate", "chat", "age", "hospital", "card"}:
        note.mark(_general(rng, slot, pools), slot, own=False)
    else:
        text, what = forms(rng, slot, person)
        note.mark(text, what, own=True)


def _general(rng: random.Random, slot: str, pools: Pools) -> str:
    digits = "".join(str(rng.randrange(10)) for _ in range(6))
    if slot == "age":
        return str(rng.randrange(90, 108))
    if slot == "card":
        return "6222 02" + digits[:2] + " " + digits[2:6] + f" {rng.randrange(1000, 9999)}"
    return rng.choice(pools.general[slot]).replace("######", digits).replace("#####", digits[:5])


def _whole(rng: random.Random, pools: Pools, lang: str) -> str:
    given = rng.choice(pools.female + pools.male)
    return f"{given} {rng.choice(pools.last)}" if lang == "en" else rng.choice(pools.last) + given


def _english_row(rng: random.Random, pools: Pools, number: int) -> dict[str, str]:
    sex = rng.choice("FM")
    given = pools.female if sex == "F" else pools.male
    area, line = rng.randrange(201, 989), rng.randrange(1000, 9999)
    return {
        "first_name": rng.choice(given), "middle_name": rng.choice([*given[:20], ""]),
        "last_name": rng.choice(pools.last), "sex": sex,
        "maiden_name": rng.choice(pools.last) if sex == "F" and rng.random() < 0.4 else "",
        "phone": f"{area}-{rng.randrange(200, 999)}-{line}",
        "national_id": f"{rng.randrange(100, 665)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}",
        "address": f"{rng.randrange(2, 9900)} {rng.choice(pools.streets)}",
        "city": rng.choice(pools.towns), "zip": f"0{rng.randrange(1001, 9989)}",
        "driver_licence": f"S99{rng.randrange(100000, 999999)}",
        "patient_id": f"MR{number:02d}{rng.randrange(100000, 999999)}",
        "contact_name": _whole(rng, pools, "en"),
    }  # fmt: skip


def _chinese_row(rng: random.Random, pools: Pools, number: int) -> dict[str, str]:
    sex = rng.choice("女男")
    given = pools.female if sex == "女" else pools.male
    born = f"{rng.randrange(1935, 2005)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    return {
        "name": rng.choice(pools.last) + rng.choice(given), "sex": sex,
        "phone": f"1{rng.choice('3578')}{rng.randrange(100000000, 999999999)}",
        "national_id": f"{rng.choice(['110105', '320106', '510107'])}{born}{rng.randrange(100, 999)}{rng.choice('0123456789X')}",
        "health_card": f"E{rng.randrange(10000000, 99999999)}",
        "address": f"{rng.choice(pools.towns)}{rng.choice(pools.streets)}{rng.randrange(1, 400)}号{rng.randrange(1, 30)}栋{rng.randrange(1, 5)}单元{rng.randrange(101, 2905)}室",
        "employer": rng.choice(pools.general["employer"]),
        "patient_id": f"ZY{number:02d}{rng.randrange(100000, 999999)}",
        "contact_name": _whole(rng, pools, "zh"), "contact_phone": f"1{rng.choice('3578')}{rng.randrange(100000000, 999999999)}",
    }  # fmt: skip


def _pick(rng: random.Random, forms: dict[str, str]) -> tuple[str, str]:
    what = rng.choice(sorted(forms))
    return forms[what], what


def _slip(rng: random.Random, word: str) -> str:
    """One typing slip inside a word: two letters changed round, one left out or doubled."""
    at = rng.randrange(1, len(word) - 2)
    kind = rng.randrange(3)
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]


def _english_forms(rng: random.Random, slot: str, person: Person) -> tuple[str, str]:
    row = person.row
    first, last, middle = row["first_name"], row["last_name"], row["middle_name"]
    if slot == "name":
        return _pick(rng, _english_names(rng, first, middle, last))
    if slot == "first":
        return first, "first name alone"
    if slot == "last":
        return last, "last name alone"
    if slot == "lastlower":
        return last.lower(), "last name in lower case after a title"
    if slot == "maiden":
        return row["maiden_name"] or last, "maiden name"
    if slot == "kin":
        return row["contact_name"], "relative"
    if slot == "phone":
        a, b, c = row["phone"].split("-")
        return _pick(rng, {
            "phone": row["phone"], "phone in brackets": f"({a}) {b}-{c}", "phone dots": f"{a}.{b}.{c}",
            "phone blanks": f"{a} {b} {c}", "phone +1": f"+1 {a} {b} {c}", "phone run": a + b + c,
            "phone wide": "".join(WIDE.get(x, x) for x in a + b + c), "phone local": f"{b}-{c}",
        })  # fmt: skip
    if slot == "id":
        a, b, c = row["national_id"].split("-")
        return _pick(rng, {
            "ssn": row["national_id"], "ssn blanks": f"{a} {b} {c}", "ssn run": a + b + c,
            "ssn letter O": row["national_id"].replace("0", "O") if "0" in c else row["national_id"],
        })  # fmt: skip
    if slot == "last4":
        return row["national_id"][-4:], "last four"
    if slot == "mrn":
        return row["patient_id"], "record number"
    if slot == "licence":
        return row["driver_licence"], "licence"
    street, city, code = row["address"], row["city"], row["zip"]
    return _pick(rng, {
        "address": street, "address line": f"{street}, {city}, MA {code}",
        "address upper": street.upper(), "address two lines": f"{street}\n{city} {code}",
    })  # fmt: skip


def _english_names(rng: random.Random, first: str, middle: str, last: str) -> dict[str, str]:
    forms = {
        "name": f"{first} {last}", "name turned": f"{last}, {first}", "name upper": f"{first} {last}".upper(),
        "name turned upper": f"{last}, {first}".upper(), "name lower": f"{first} {last}".lower(),
        "initial": f"{first[0]}. {last}", "initial behind": f"{last} {first[0]}",
        "turned initial": f"{last}, {first[0]}.", "name on two lines": f"{first}\n{last}",
        "name hyphen": f"{first}-{last}", "name wide": "".join(WIDE.get(x, x) for x in f"{first}{last}"),
        "name double blank": f"{first}  {last}",
        "spelled": " ".join((first + last).upper()) if (first + last).isalpha() else f"{first} {last}",
    }  # fmt: skip
    if middle:
        forms |= {"middle": f"{first} {middle} {last}", "middle initial": f"{first} {middle[0]}. {last}"}
    if len(last) >= 6 and last.isalpha():
        forms |= {"slip": f"{first} {_slip(rng, last)}"}
    return forms


def _chinese_forms(rng: random.Random, slot: str, person: Person) -> tuple[str, str]:
    row = person.row
    name = row["name"]
    surname, given = (name[:2], name[2:]) if name[:2] in DOUBLE else (name[:1], name[1:])
    if slot == "name":
        forms = {"name": name, "name blanks": " ".join(name), "name wide blank": f"{surname}\u3000{given}",
                 "name on two lines": f"{surname}\n{given}"}  # fmt: skip
        return _pick(rng, forms)
    if slot == "pinyin":
        s, g = PINYIN[surname], [PINYIN[c] for c in given]
        t = "".join(TONED.get(c, PINYIN[c]) for c in given)
        return _pick(rng, {
            "pinyin": f"{s.title()} {''.join(g).title()}", "pinyin upper": f"{s.upper()} {''.join(g).upper()}",
            "pinyin turned": f"{''.join(g).title()} {s.title()}", "pinyin hyphen": f"{s.title()} {'-'.join(g).title()}",
            "pinyin syllables": " ".join([s.title(), *(x.title() for x in g)]),
            "pinyin comma": f"{s.title()}, {''.join(g).title()}", "pinyin tones": f"{s.title()} {t.capitalize()}",
        })  # fmt: skip
    if slot == "surname":
        return surname, "surname with a title"
    if slot == "given":
        return (given if len(given) > 1 else name), "given name alone"
    if slot == "kin":
        return row["contact_name"], "relative"
    if slot in {"phone", "kinphone"}:
        p = row["phone" if slot == "phone" else "contact_phone"]
        return _pick(rng, {
            "phone": p, "phone 3-4-4": f"{p[:3]}-{p[3:7]}-{p[7:]}", "phone blanks": f"{p[:3]} {p[3:7]} {p[7:]}",
            "phone +86": f"+86 {p}", "phone wide": "".join(WIDE[c] for c in p), "phone 4-3-4": f"{p[:4]} {p[4:7]} {p[7:]}",
        })  # fmt: skip
    if slot == "id":
        n = row["national_id"]
        return _pick(rng, {
            "citizen number": n, "citizen number groups": f"{n[:6]}-{n[6:10]}-{n[10:14]}-{n[14:]}",
            "citizen number blanks": f"{n[:6]} {n[6:14]} {n[14:]}", "citizen number lower": n.lower(),
            "citizen number wide": "".join(WIDE[c] for c in n),
        })  # fmt: skip
    if slot == "last4":
        return row["national_id"][-4:], "last four"
    if slot == "mrn":
        return row["patient_id"], "record number"
    if slot == "card2":
        return row["health_card"], "health card"
    if slot == "employer":
        return row["employer"], "employer"
    address = row["address"]
    town = next(t for t in (*CHINESE["tuned"].towns, *CHINESE["sealed"].towns) if address.startswith(t))
    rest = address[len(town) :]
    return _pick(rng, {
        "address": address, "address street": rest, "address number": rest.split("号")[0] + "号",
        "address wide": "".join(WIDE.get(c, c) if c.isdigit() else c for c in address),
        "address two lines": f"{town}\n{rest}",
    })  # fmt: skip

