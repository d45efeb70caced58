"""Hospital `renmin`: GB18030 exports of a Chinese hospital, full, then two deltas.

Here a month is cut from the whole hospital and the deliberate mistakes are made; their numbers are
the constants below and README.md lists where each can be seen. The data come from his_tables.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from samples.make import draw, his_words
from samples.make.consents import Life, Mix, consent_lines, consent_roles
from samples.make.extract import CUT, MONTHS, Part, csv_part, write_extract
from samples.make.his_front_sheet import DAY
from samples.make.his_tables import Tables, hospital

HOSPITAL = "renmin"
PATIENTS = 420
MIX = Mix(
    admission_only=9,
    research_only=9,
    denied=12,
    expiring=5,
    silent=6,
    withdraw_april=4,
    withdraw_may=4,
    permit_may=5,
    came_of_age=1,
    representative=3,
    narrowed=1,
    renewed=1,
    without_notes=2,
    with_genes=1,
    notes_only=1,
    one_company=1,
    unnamed=1,
    not_begun=1,
    same_second=1,
    opted_out=1,
    shortened=1,
    child_alone=1,
    kin_refused=1,
)
# Permitted, and no extract ever brought this patient: nobody knows how old they are.
STRANGER = "RM999999"
LATE_LABS = 40
CORRECTED_LABS, CORRECTED_EYES, AMENDED_NOTES, MOVED_PATIENTS = 6, 3, 2, 3
DELETED_LABS, DELETED_EYES, DELETED_MAY = 5, 2, 2
DOUBLED_LABS, DOUBLED_DIAGNOSES = 10, 5
BAD_RANKS, BAD_TIMES, BAD_APRIL = 3, 2, 1
WIDE_LABS, WIDE_ACUITY, WIDE_PHONES = 25, 12, 8
FLOAT_IDS, WRONG_IDS = 4, 2

KEYS = {
    "patients": ["患者ID"],
    "visits": ["就诊号"],
    "diagnoses": ["就诊号", "诊断序号", "诊断编码"],
    "front_sheet": ["BAH", "ZYCS"],
    "labs": ["检验单号", "项目代码"],
    "eye_exams": ["检查号", "眼别"],
    "notes": ["文书号"],
    "staff": ["工号"],
}
REQUIRED = {"patients", "visits", "diagnoses"}
# Files that come with pinyin names and headers from April on: a system was replaced.
PINYIN_FROM_APRIL = {"patients", "labs"}
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")


def make_renmin(root: Path, months: tuple[str, ...] = MONTHS, *, patients: int = PATIENTS) -> None:
    """Write the asked months of the hospital under ``root/renmin``."""
    tables = _habits(hospital(patients).tables)
    lives = _lives(tables["patients"])
    roles = {**consent_roles(HOSPITAL, lives, MIX), STRANGER: "permits"}
    tables, before = _mistakes(tables)
    for month in months:
        content = _month(tables, before, month)
        parts = [
            _part(name, frame, month)
            for name, frame in content.items()
            if len(frame) or name in REQUIRED
        ]
        parts += [_deletions(tables, month)] if month != MONTHS[0] else []
        whole = month == MONTHS[0]
        said = consent_lines(HOSPITAL, month, roles, lives, language="zh", whole=whole, law="cn")
        parts.append(csv_part("consents.csv", said))
        write_extract(
            root / HOSPITAL / month,
            parts,
            hospital=HOSPITAL,
            system="his",
            month=month,
            kind="full" if month == MONTHS[0] else "delta",
            sequence=MONTHS.index(month) + 1,
        )


def _lives(people: pd.DataFrame) -> dict[str, Life]:
    died = people["died"].dt.strftime("%Y-%m-%d").fillna("")
    born = pd.to_datetime(people["出生日期"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return {key: Life(*dates) for key, *dates in zip(people["患者ID"], born, died, strict=True)}


def _chosen(frame: pd.DataFrame, name: str, slot: str, allowed: pd.Series, count: int) -> pd.Series:
    keys = draw.row_keys(frame.loc[allowed, KEYS[name]])
    mask = pd.Series(False, index=frame.index)
    mask[keys.index] = draw.pick(f"renmin-{slot}", keys, count)
    return mask


def _habits(tables: Tables) -> Tables:
    """What is always so in this hospital: null words, full-width digits, spoilt citizen numbers."""
    people, labs, eyes = tables["patients"], tables["labs"], tables["eye_exams"]
    n = np.arange(len(people))
    nothing = {"": 0.82, "无": 0.08, "-": 0.05, "/": 0.03, "NULL": 0.02}
    for column in ("工作单位", "联系人姓名", "健康卡号"):
        token = pd.Series(draw.weighted(f"null-{column}", nothing, n), index=people.index)
        people[column] = people[column].where(token == "", token)
    everyone = pd.Series(True, index=people.index)
    wide = _chosen(people, "patients", "wide-phone", everyone, WIDE_PHONES)
    people.loc[wide, "联系电话"] = people.loc[wide, "联系电话"].str.translate(_FULL_WIDTH)
    spoilt = _chosen(people, "patients", "spoilt-id", everyone, FLOAT_IDS + WRONG_IDS)
    numbers = people.loc[spoilt, "身份证号"]
    floats = numbers.str[0] + "." + numbers.str[1:6] + "E+17"
    swapped = numbers.str[:6] + numbers.str[7] + numbers.str[6] + numbers.str[8:]
    people.loc[spoilt, "身份证号"] = floats.where(np.arange(len(numbers)) < FLOAT_IDS, swapped)
    mask = _chosen(labs, "labs", "wide-lab", labs["结果"].str[0] != "<", WIDE_LABS)
    labs.loc[mask, "结果"] = labs.loc[mask, "结果"].str.translate(_FULL_WIDTH)
    mask = _chosen(eyes, "eye_exams", "wide-va", eyes["裸眼视力"].str.contains("."), WIDE_ACUITY)
    eyes.loc[mask, "裸眼视力"] = eyes.loc[mask, "裸眼视力"].str.translate(_FULL_WIDTH)
    return tables


def _mistakes(tables: Tables) -> tuple[Tables, Tables]:
    """Mark late, corrected and deleted rows; `before` holds what March said of corrected ones."""
    labs, eyes, notes = tables["labs"], tables["eye_exams"], tables["notes"]
    march = labs["arrives"] == MONTHS[0]
    recent = march & (labs["报告时间"] >= "2024/01") & (labs["报告时间"] < "2024/03/25")
    late = _chosen(labs, "labs", "late", recent, LATE_LABS)
    labs.loc[late, "arrives"] = "2024-04"
    plain = march & ~late & labs["结果"].str.fullmatch(r"[0-9.]+")
    labs["fate"] = _fates(
        labs, "labs", plain, {"corrected": CORRECTED_LABS, "deleted": DELETED_LABS}
    )
    may = _chosen(labs, "labs", "deleted-may", plain & (labs["fate"] == ""), DELETED_MAY)
    labs.loc[may, "fate"] = "deleted-may"
    seen = eyes["arrives"] == MONTHS[0]
    wanted = {"corrected": CORRECTED_EYES, "deleted": DELETED_EYES}
    eyes["fate"] = _fates(eyes, "eye_exams", seen, wanted)
    written = (notes["arrives"] == MONTHS[0]) & (notes["文书类型"] == "出院记录")
    notes["fate"] = _fates(notes, "notes", written, {"corrected": AMENDED_NOTES})
    everyone = pd.Series(True, index=tables["patients"].index)
    tables["patients"]["fate"] = _fates(
        tables["patients"], "patients", everyone, {"corrected": MOVED_PATIENTS}
    )
    return tables, _as_first_said(tables)


def _fates(frame: pd.DataFrame, name: str, allowed: pd.Series, wanted: dict[str, int]) -> pd.Series:
    fate = pd.Series("", index=frame.index, dtype=object)
    for word, count in wanted.items():
        fate[_chosen(frame, name, word, allowed & (fate == ""), count)] = word
    return fate


def _as_first_said(tables: Tables) -> Tables:
    """The rows April corrects, as March had them (and, for notes, the corrected text in place)."""
    said = {
        name: tables[name][tables[name]["fate"] == "corrected"].copy()
        for name in ("labs", "eye_exams", "notes", "patients")
    }
    said["labs"]["结果"] = "1" + said["labs"]["结果"]
    said["eye_exams"]["眼压"] = said["eye_exams"]["眼压"].str[::-1]
    said["eye_exams"]["杯盘比"] = "/"
    said["patients"]["现住址"] = "湖北省武汉市武昌区中山路1号"
    notes = tables["notes"]
    amended = notes["fate"] == "corrected"
    notes.loc[amended, "文书内容"] += "\n补充记录：出院带药已向家属交代。"
    return said


def _month(tables: Tables, before: Tables, month: str) -> Tables:
    content = {name: frame[frame["arrives"] == month].copy() for name, frame in tables.items()}
    content["patients"] = _patients(tables["patients"], month)
    if month == "2024-03":
        for name, frame in before.items():
            content[name].loc[frame.index] = frame.reindex(columns=content[name].columns)
        return _first_month(content)
    if month == "2024-04":
        for name in ("labs", "eye_exams", "notes"):
            corrected = tables[name]["fate"] == "corrected"
            content[name] = pd.concat([content[name], tables[name][corrected]])
        diagnoses = content["diagnoses"]
        bad = _chosen(diagnoses, "diagnoses", "bad-april", diagnoses["诊断序号"] != "1", BAD_APRIL)
        diagnoses.loc[bad, "诊断时间"] = "0000-00-00"
    return content


def _patients(people: pd.DataFrame, month: str) -> pd.DataFrame:
    """March: everyone. Later: those who died in the month, and in April those who moved."""
    known = people["died"] < pd.Timestamp(CUT[month])
    death = people["died"].dt.strftime(DAY).where(known, "")
    sent = people.assign(死亡日期=death)
    if month == MONTHS[0]:
        return sent
    news = known & (people["died"] >= pd.Timestamp(f"{month}-01"))
    if month == "2024-04":
        news |= people["fate"] == "corrected"
    return sent[news]


def _first_month(content: Tables) -> Tables:
    diagnoses, labs = content["diagnoses"], content["labs"]
    second = diagnoses["诊断序号"] != "1"
    bad = _chosen(diagnoses, "diagnoses", "bad-rank", second, BAD_RANKS)
    diagnoses.loc[bad, "诊断序号"] = "次要"
    plain = labs["fate"] == ""
    bad = _chosen(labs, "labs", "bad-time", plain, BAD_TIMES)
    labs.loc[bad, "报告时间"] = "2023/13/45 08:00:00"
    twice = _chosen(labs, "labs", "doubled", plain & ~bad, DOUBLED_LABS)
    content["labs"] = pd.concat([labs, labs[twice]])
    first = ~second
    twice = _chosen(diagnoses, "diagnoses", "doubled", first, DOUBLED_DIAGNOSES)
    content["diagnoses"] = pd.concat([diagnoses, diagnoses[twice]])
    return content


def _part(name: str, frame: pd.DataFrame, month: str) -> Part:
    """Rows in key order; columns in an order of the month's own; pinyin where a system changed."""
    shown = frame.drop(columns=["arrives", "fate", "died"], errors="ignore")
    shown = shown.sort_values(KEYS[name], kind="stable")
    chinese, pinyin = his_words.FILES[name]
    turn = MONTHS.index(month) * 3 % len(shown.columns)
    shown = shown[[*shown.columns[turn:], *shown.columns[:turn]]]
    if month != MONTHS[0] and name in PINYIN_FROM_APRIL:
        shown, chinese = shown.rename(columns=his_words.PINYIN), pinyin
    if month == "2024-05" and name == "front_sheet":
        shown = shown.assign(YBJSFS="1")
    return csv_part(chinese, shown, encoding="gb18030", eol="\r\n")


def _deletions(tables: Tables, month: str) -> Part:
    fate = "deleted" if month == "2024-04" else "deleted-may"
    rows = [
        (name, "|".join(key))
        for name in ("labs", "eye_exams")
        for key in tables[name]
        .loc[tables[name]["fate"] == fate, KEYS[name]]
        .itertuples(index=False)
    ]
    return csv_part("deletions.csv", pd.DataFrame(sorted(rows), columns=["table", "key"]))
