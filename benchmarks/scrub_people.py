"""Made patients and staff: records in the columns of a hospital's own tables."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.scrub_words import CHINESE, ENGLISH, Pools


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
    staff = [{"name": whole_name(rng, pools, lang)} for _ in range(max(5, patients // 20))]
    return people, staff


def whole_name(rng: random.Random, pools: Pools, lang: str) -> str:
    given = rng.choice(pools.female + pools.male)
    return f"{given} {rng.choice(pools.last)}" if lang == "en" else rng.choice(pools.last) + given


def _english_row(rng: random.Random, pools: Pools, number: int) -> dict[str, str]:
    sex = rng.choice("FM")
    given = pools.female if sex == "F" else pools.male
    area, line = rng.randrange(201, 989), rng.randrange(1000, 9999)
    return {
        "first_name": rng.choice(given),
        "middle_name": rng.choice([*given[:20], ""]),
        "last_name": rng.choice(pools.last),
        "sex": sex,
        "maiden_name": rng.choice(pools.last) if sex == "F" and rng.random() < 0.4 else "",
        "phone": f"{area}-{rng.randrange(200, 999)}-{line}",
        "national_id": _ssn(rng),
        "address": f"{rng.randrange(2, 9900)} {rng.choice(pools.streets)}",
        "city": rng.choice(pools.towns),
        "zip": f"0{rng.randrange(1001, 9989)}",
        "driver_licence": f"S99{rng.randrange(100000, 999999)}",
        "patient_id": f"MR{number:02d}{rng.randrange(100000, 999999)}",
        "contact_name": whole_name(rng, pools, "en"),
    }


def _chinese_row(rng: random.Random, pools: Pools, number: int) -> dict[str, str]:
    sex = rng.choice("女男")
    given = pools.female if sex == "女" else pools.male
    born = f"{rng.randrange(1935, 2005)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    return {
        "name": rng.choice(pools.last) + rng.choice(given),
        "sex": sex,
        "phone": f"1{rng.choice('3578')}{rng.randrange(100000000, 999999999)}",
        "national_id": _citizen_number(rng, born),
        "health_card": f"E{rng.randrange(10000000, 99999999)}",
        "address": _chinese_address(rng, pools),
        "employer": rng.choice(pools.general["employer"]),
        "patient_id": f"ZY{number:02d}{rng.randrange(100000, 999999)}",
        "contact_name": whole_name(rng, pools, "zh"),
        "contact_phone": f"1{rng.choice('3578')}{rng.randrange(100000000, 999999999)}",
    }


def _citizen_number(rng: random.Random, born: str) -> str:
    region, last = rng.choice(["110105", "320106", "510107"]), rng.choice("0123456789X")
    return f"{region}{born}{rng.randrange(100, 999)}{last}"


def _chinese_address(rng: random.Random, pools: Pools) -> str:
    street = f"{rng.choice(pools.towns)}{rng.choice(pools.streets)}{rng.randrange(1, 400)}号"
    return f"{street}{rng.randrange(1, 30)}栋{rng.randrange(1, 5)}单元{rng.randrange(101, 2905)}室"


def _ssn(rng: random.Random) -> str:
    return f"{rng.randrange(100, 665)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}"
