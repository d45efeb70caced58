"""How people write an identifier: each form of a made note, with its name. No form is from the
scrubber; each was thought of as something a clinic writes."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.scrub_people import Person
from benchmarks.scrub_words import CHINESE, DOUBLE, PINYIN, TONED

WIDE = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}


def written(rng: random.Random, slot: str, person: Person) -> tuple[str, str]:
    """One form of an identifier of a person, and what it is called."""
    plain = _PLAIN.get(slot)
    if plain:
        return plain[0](person.row), plain[1]
    return _pick(rng, _FORMS[person.lang][slot](rng, person.row))


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


def _english_names(rng: random.Random, first: str, middle: str, last: str) -> dict[str, str]:
    forms = {
        "name": f"{first} {last}",
        "name turned": f"{last}, {first}",
        "name upper": f"{first} {last}".upper(),
        "name turned upper": f"{last}, {first}".upper(),
        "name lower": f"{first} {last}".lower(),
        "initial": f"{first[0]}. {last}",
        "initial behind": f"{last} {first[0]}",
        "turned initial": f"{last}, {first[0]}.",
        "name on two lines": f"{first}\n{last}",
        "name hyphen": f"{first}-{last}",
        "name wide": "".join(WIDE.get(x, x) for x in f"{first}{last}"),
        "name double blank": f"{first}  {last}",
        "spelled": " ".join((first + last).upper())
        if (first + last).isalpha()
        else f"{first} {last}",
    }
    if middle:
        forms |= {
            "middle": f"{first} {middle} {last}",
            "middle initial": f"{first} {middle[0]}. {last}",
        }
    if len(last) >= 6 and last.isalpha():
        forms |= {"slip": f"{first} {_slip(rng, last)}"}
    return forms


Row = dict[str, str]


def _us_names(rng: random.Random, row: Row) -> dict[str, str]:
    return _english_names(rng, row["first_name"], row["middle_name"], row["last_name"])


def _us_phone(_rng: random.Random, row: Row) -> dict[str, str]:
    a, b, c = row["phone"].split("-")
    return {
        "phone": row["phone"],
        "phone in brackets": f"({a}) {b}-{c}",
        "phone dots": f"{a}.{b}.{c}",
        "phone blanks": f"{a} {b} {c}",
        "phone +1": f"+1 {a} {b} {c}",
        "phone run": a + b + c,
        "phone wide": _wide(a + b + c),
        "phone local": f"{b}-{c}",
    }


def _us_id(_rng: random.Random, row: Row) -> dict[str, str]:
    number = row["national_id"]
    a, b, c = number.split("-")
    letter = number.replace("0", "O", 1) if "0" in c else number
    return {"ssn": number, "ssn blanks": f"{a} {b} {c}", "ssn run": a + b + c, "letter O": letter}


def _us_address(_rng: random.Random, row: Row) -> dict[str, str]:
    street, city, code = row["address"], row["city"], row["zip"]
    return {
        "address": street,
        "address line": f"{street}, {city}, MA {code}",
        "address upper": street.upper(),
        "address two lines": f"{street}\n{city} {code}",
    }


def _parts(row: Row) -> tuple[str, str]:
    name = row["name"]
    return (name[:2], name[2:]) if name[:2] in DOUBLE else (name[:1], name[1:])


def _cn_names(_rng: random.Random, row: Row) -> dict[str, str]:
    name, (surname, given) = row["name"], _parts(row)
    return {
        "name": name,
        "name blanks": " ".join(name),
        "name wide blank": f"{surname}\u3000{given}",
        "name on two lines": f"{surname}\n{given}",
    }


def _cn_pinyin(_rng: random.Random, row: Row) -> dict[str, str]:
    surname, given = _parts(row)
    s, g = PINYIN[surname].title(), [PINYIN[c] for c in given]
    whole, toned = "".join(g).title(), "".join(TONED.get(c, PINYIN[c]) for c in given)
    return {
        "pinyin": f"{s} {whole}",
        "pinyin upper": f"{s} {whole}".upper(),
        "pinyin turned": f"{whole} {s}",
        "pinyin hyphen": f"{s} {'-'.join(g).title()}",
        "pinyin syllables": " ".join([s, *(x.title() for x in g)]),
        "pinyin comma": f"{s}, {whole}",
        "pinyin tones": f"{s} {toned.capitalize()}",
    }


def _cn_phone(column: str) -> Callable[[random.Random, Row], dict[str, str]]:
    def forms(_rng: random.Random, row: Row) -> dict[str, str]:
        p = row[column]
        return {
            "phone": p,
            "phone 3-4-4": f"{p[:3]}-{p[3:7]}-{p[7:]}",
            "phone blanks": f"{p[:3]} {p[3:7]} {p[7:]}",
            "phone +86": f"+86 {p}",
            "phone wide": _wide(p),
            "phone 4-3-4": f"{p[:4]} {p[4:7]} {p[7:]}",
        }

    return forms


def _cn_id(_rng: random.Random, row: Row) -> dict[str, str]:
    n = row["national_id"]
    return {
        "citizen number": n,
        "citizen number groups": f"{n[:6]}-{n[6:10]}-{n[10:14]}-{n[14:]}",
        "citizen number blanks": f"{n[:6]} {n[6:14]} {n[14:]}",
        "citizen number lower": n.lower(),
        "citizen number wide": _wide(n),
    }


def _cn_address(_rng: random.Random, row: Row) -> dict[str, str]:
    address = row["address"]
    towns = (*CHINESE["tuned"].towns, *CHINESE["sealed"].towns)
    town = next(t for t in towns if address.startswith(t))
    rest = address[len(town) :]
    return {
        "address": address,
        "address street": rest,
        "address number": rest.split("号")[0] + "号",
        "address wide": "".join(WIDE.get(c, c) if c.isdigit() else c for c in address),
        "address two lines": f"{town}\n{rest}",
    }


def _wide(text: str) -> str:
    return "".join(WIDE.get(c, c) for c in text)


_PLAIN: dict[str, tuple[Callable[[Row], str], str]] = {
    "first": (lambda row: row["first_name"], "first name alone"),
    "last": (lambda row: row["last_name"], "last name alone"),
    "lastlower": (lambda row: row["last_name"].lower(), "last name in lower case"),
    "maiden": (lambda row: row["maiden_name"] or row["last_name"], "maiden name"),
    "kin": (lambda row: row["contact_name"], "relative"),
    "last4": (lambda row: row["national_id"][-4:], "last four"),
    "mrn": (lambda row: row["patient_id"], "record number"),
    "licence": (lambda row: row["driver_licence"], "licence"),
    "surname": (lambda row: _parts(row)[0], "surname with a title"),
    "given": (lambda row: _parts(row)[1] if len(_parts(row)[1]) > 1 else row["name"], "given name"),
    "card2": (lambda row: row["health_card"], "health card"),
    "employer": (lambda row: row["employer"], "employer"),
}
_FORMS: dict[str, dict[str, Callable[[random.Random, Row], dict[str, str]]]] = {
    "en": {"name": _us_names, "phone": _us_phone, "id": _us_id, "address": _us_address},
    "zh": {
        "name": _cn_names,
        "pinyin": _cn_pinyin,
        "phone": _cn_phone("phone"),
        "kinphone": _cn_phone("contact_phone"),
        "id": _cn_id,
        "address": _cn_address,
    },
}
