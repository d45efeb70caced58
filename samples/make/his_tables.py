"""Turns visits and results into the tables `renmin` exports, under Chinese headers, all text.

Each table keeps `arrives`, the month that first exports the row. Mistakes are made in renmin.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from samples.make import draw, his_notes, his_people, his_results, his_visits, his_words
from samples.make.his_front_sheet import DAY, SECOND, arrival_month, front_sheet

Tables = dict[str, pd.DataFrame]
_GLAUCOMA = ["H40.100", "H40.103", "H40.200", "H40.202"]
_RETINOPATHY = [
    "E11.300x011+H36.0*",
    "E11.300x011+H36.0*",
    "E11.300x022+H36.0*",
    "E11.300x031+H36.0*",
    "E11.300x034+H36.0*",
]
_INFARCTS = ["I63.900", "I63.900x007", "I63.801", "I63.901", "I63.906"]
_NYHA = {2: "I50.900x007", 3: "I50.900x008", 4: "I50.900x010"}


@dataclass(frozen=True)
class Hospital:
    """Everything `renmin` knows at the end: people, measured visits and its tables."""

    patients: pd.DataFrame
    visits: pd.DataFrame
    tables: Tables


def hospital(count: int) -> Hospital:
    """The whole hospital for a number of patients; months are cut from it later."""
    patients = his_people.people(count)
    visits = his_results.measured(his_visits.visits(patients), patients)
    doctors = his_notes.doctors()
    visits["doctor_name"] = [
        doctors[g][d] for g, d in zip(visits["group"], visits["doctor"], strict=True)
    ]
    codes = diagnosis_rows(visits)
    tables = {
        "patients": _patients(patients, visits),
        "visits": _visits(visits),
        "diagnoses": _diagnoses(codes),
        "front_sheet": front_sheet(visits, codes, patients),
        "labs": _labs(his_results.lab_rows(visits)),
        "eye_exams": _eye_exams(visits),
        "notes": _notes(his_notes.note_rows(visits, doctors)),
        "staff": _staff(doctors),
    }
    return Hospital(patients, visits, tables)


def _patients(people: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    death = visits[visits["died"]].groupby("i")["left"].max()
    died = people["i"].map(death)
    return pd.DataFrame(
        {
            "患者ID": people["patient_id"],
            "姓名": people["name"],
            "性别": people["sex"],
            "出生日期": people["birth"].dt.strftime(DAY),
            "身份证号": people["national_id"],
            "健康卡号": people["health_card"],
            "联系电话": people["phone"],
            "现住址": people["address"],
            "省份": people["province"],
            "工作单位": people["employer"],
            "联系人姓名": people["contact_name"],
            "联系人电话": people["contact_phone"],
            "民族": draw.weighted(
                "ethnic", {"汉族": 0.95, "土家族": 0.03, "回族": 0.02}, people["i"]
            ),
            "死亡日期": died.dt.strftime(DAY).fillna(""),
            "arrives": arrival_month(people["i"].map(visits.groupby("i")["left"].min())),
            "died": died,
        }
    )


def _visits(visits: pd.DataFrame) -> pd.DataFrame:
    department = visits["group"].map(his_words.DEPARTMENTS)
    return pd.DataFrame(
        {
            "就诊号": visits["visit_id"],
            "患者ID": visits["patient_id"],
            "就诊类型": visits["kind"],
            "科室名称": department.where(visits["step"] > 0, his_words.DEPARTMENTS["general"]),
            "就诊时间": visits["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "离院时间": visits["left"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "接诊医生": visits["doctor_name"],
            "arrives": arrival_month(visits["left"]),
        }
    )


def diagnosis_rows(visits: pd.DataFrame) -> pd.DataFrame:
    """visit columns + `code`, `rank`: the specialty's codes first, comorbidity after."""
    later = visits["step"] > 0
    lists = [visits[later].assign(code=_principal(visits[later]))]
    lists.append(visits[later].assign(code=_second(visits[later])))
    for flag, code in (
        ("diabetes", "E11.900"),
        ("hypertension", "I10.x00x002"),
        ("lipids", "E78.500"),
        ("fibrillation", "I48.000"),
        ("coronary", "I25.103"),
    ):
        lists.append(visits[visits[flag].to_numpy(dtype=bool)].assign(code=code))
    healthy = visits[~later & ~visits[["diabetes", "hypertension", "lipids"]].any(axis=1)]
    lists.append(healthy.assign(code="E78.500"))
    rows = pd.concat(lists, ignore_index=True)
    rows = rows[rows["code"] != ""]
    rows["stem"] = rows["code"].str[:3]
    rows = rows.drop_duplicates(["visit_no", "stem"])
    rows["rank"] = rows.groupby("visit_no").cumcount() + 1
    return rows.sort_values(["visit_no", "rank"], ignore_index=True)


def _own(slot: str, options: list[str], visits: pd.DataFrame) -> npt.NDArray[np.object_]:
    return draw.choice(slot, options, visits["i"].to_numpy())


def _principal(visits: pd.DataFrame) -> npt.NDArray[np.object_]:
    arm, stay = visits["arm"], (visits["kind"] == "住院").to_numpy()
    first = (visits["step"] == 1).to_numpy()
    stroke = np.where(first | stay, _own("infarct", _INFARCTS, visits), "I69.300")
    bleed = np.where(first, _own("bleed", ["I61.004", "I61.101"], visits), "I69.300")
    attack = np.where(first & stay, _own("attack", ["I21.401", "I20.000"], visits), "I25.103")
    retina = np.asarray(_RETINOPATHY, dtype=object)[visits["dr_stage"]]
    by_arm = {
        "DR": retina,
        "BOTH": retina,
        "GLC": _own("glaucoma", _GLAUCOMA, visits),
        "IS": stroke,
        "ICH": bleed,
        "TIA": np.full(len(visits), "G45.900", dtype=object),
        "EPI": _own("epilepsy", ["G40.200x002", "G40.100x001"], visits),
        "PD": np.where(visits["severity"] > 0.6, "G20.x04", "G20.x00"),
        "DEM": np.full(len(visits), "G30.901+F00.9*", dtype=object),
        "HF": visits["nyha"].map(_NYHA).fillna("I50.908").to_numpy(dtype=object),
        "AF": _own("fibrillation", ["I48.000", "I48.100", "I48.100x002"], visits),
        "CAD": attack,
    }
    return np.select([arm == name for name in by_arm], list(by_arm.values()), default="")


def _second(visits: pd.DataFrame) -> npt.NDArray[np.object_]:
    arm = visits["arm"]
    old = (arm == "CAD") & (visits["step"] > 1) & (visits["i"] % 2 == 0)
    edema = (arm == "DR") & (visits["severity"] > 0.7) & (visits["step"] % 2 == 0)
    choices = {
        "H40.100": arm == "BOTH",
        "I25.200": old,
        "H25.900": (arm == "GLC") & (visits["age"] > 70),
        "N18.900": edema | ((arm == "HF") & (visits["severity"] > 0.8)),
    }
    return np.select(list(choices.values()), list(choices), default="")


def _diagnoses(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "就诊号": rows["visit_id"],
            "患者ID": rows["patient_id"],
            "诊断序号": rows["rank"].astype(str),
            "诊断编码": rows["code"],
            "诊断名称": rows["code"].map(his_words.NAMES),
            "编码体系": "医保2.0",
            "诊断时间": rows["left"].dt.strftime(SECOND),
            "arrives": arrival_month(rows["left"]),
        }
    )


def _labs(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "检验单号": rows["report_id"],
            "就诊号": rows["visit_id"],
            "患者ID": rows["patient_id"],
            "项目代码": rows["item"],
            "项目名称": rows["item"].map(lambda code: his_words.LABS[code][0]),
            "结果": rows["value"],
            "单位": rows["item"].map(lambda code: his_words.LABS[code][1]),
            "报告时间": rows["reported"].dt.strftime("%Y/%m/%d %H:%M:%S"),
            "arrives": arrival_month(rows["reported"]),
        }
    )


def _eye_exams(visits: pd.DataFrame) -> pd.DataFrame:
    seen = visits[(visits["group"] == "eye") & (visits["step"] > 0)]
    pieces = []
    for eye, label, code in (("r", "右", "OD"), ("l", "左", "OS")):
        latin = (seen["doctor"] == 3).to_numpy()
        pieces.append(
            pd.DataFrame(
                {
                    "检查号": "E" + seen["visit_no"].astype(str),
                    "就诊号": seen["visit_id"],
                    "患者ID": seen["patient_id"],
                    "眼别": np.where(latin, code, label),
                    "裸眼视力": seen[f"va_{eye}"],
                    "矫正视力": seen[f"bcva_{eye}"],
                    "小孔视力": "/",
                    "眼压": seen[f"iop_{eye}"],
                    "眼压方法": seen["iop_method"],
                    "杯盘比": seen[f"cdr_{eye}"],
                    "检查时间": (seen["at"] + pd.Timedelta(minutes=12)).dt.strftime(
                        "%Y-%m-%d %H:%M"
                    ),
                    "检查医生": seen["doctor_name"],
                    "arrives": arrival_month(seen["left"]),
                }
            )
        )
    return pd.concat(pieces).sort_values(["检查号", "眼别"], ignore_index=True)


def _notes(notes: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "文书号": notes["note_id"],
            "就诊号": notes["visit_id"],
            "患者ID": notes["patient_id"],
            "文书类型": notes["title"],
            "书写时间": notes["written"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "文书内容": notes["text"],
            "书写医生": notes["author"],
            "arrives": arrival_month(notes["left"]),
        }
    )


def _staff(doctors: dict[str, list[str]]) -> pd.DataFrame:
    rows = [
        (f"D{100 * g + n}", name, his_words.DEPARTMENTS[group])
        for g, (group, names) in enumerate(doctors.items(), start=1)
        for n, name in enumerate(names)
    ]
    return pd.DataFrame(rows, columns=["工号", "姓名", "科室名称"]).assign(arrives="2024-03")
