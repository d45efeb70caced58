"""The front sheet of `renmin`: 病案首页, one wide row per stay. Others are in his_tables.py."""

from __future__ import annotations

import numpy as np
import pandas as pd

from samples.make import draw, his_words

DAY, SECOND = "%Y%m%d", "%Y%m%d%H%M%S"
DIAGNOSES, OPERATIONS = 15, 7


def arrival_month(times: pd.Series) -> pd.Series:
    """The month whose extract holds it; everything before March 2024 comes with March."""
    return times.dt.strftime("%Y-%m").where(times >= pd.Timestamp("2024-04-01"), "2024-03")


def front_sheet(visits: pd.DataFrame, codes: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Wide; coders close a sheet late, so a stay that ends after the 20th arrives a month later."""
    stays = visits[visits["kind"] == "住院"].copy()
    stays["no"] = stays.groupby("i").cumcount() + 1
    birth = patients.set_index("i")["birth"].loc[stays["i"]].dt.strftime(DAY).to_numpy()
    main = codes[codes["rank"] == 1].set_index("visit_no")["code"].reindex(stays["visit_no"])
    main = main.to_numpy(dtype=object)
    sheet = {
        "BAH": "B" + stays["patient_id"].str[2:],
        "ZYCS": stays["no"].astype(str),
        "HZID": stays["patient_id"],
        "JZH": stays["visit_id"],
        "XM": stays["name"],
        "XB": stays["female"].map({True: "2", False: "1"}),
        "CSRQ": birth,
        "SFZH": stays["national_id"],
        "DH": stays["phone"],
        "XZZ": stays["address"],
        "RYSJ": stays["at"].dt.strftime(SECOND),
        "CYSJ": stays["left"].dt.strftime(SECOND),
        "SJZYTS": stays["los"].astype(str),
        "CYKB": stays["group"].map(his_words.DEPARTMENTS),
        "LYFS": np.where(stays["died"], "5", "1"),
        "JBDM": main,
        "ZYZD": pd.Series(main, index=stays.index).map(his_words.NAMES),
        "RYBQ": "1",
    }
    wide = {**sheet, **_wide_diagnoses(stays, codes), **_wide_operations(stays)}
    wide["arrives"] = arrival_month(stays["left"] + pd.Timedelta(days=11))
    frame = pd.DataFrame(wide, index=stays.index).reset_index(drop=True)
    return frame.sort_values("JZH", ignore_index=True)


def _wide_diagnoses(stays: pd.DataFrame, codes: pd.DataFrame) -> dict[str, object]:
    columns: dict[str, object] = {}
    for n in range(1, DIAGNOSES + 1):
        of_rank = codes[codes["rank"] == n + 1].set_index("visit_no")["code"]
        code = of_rank.reindex(stays["visit_no"]).fillna("").to_numpy(dtype=object)
        present = draw.weighted("poa", {"1": 0.9, "2": 0.05, "4": 0.05}, stays["visit_no"], n)
        name = pd.Series(code, index=stays.index).map(his_words.NAMES).fillna("-")
        columns |= {
            f"QTZD{n}": name,
            f"JBDM{n}": np.where(code == "", "-", code),
            f"RYBQ{n}": np.where(code == "", "-", present),
        }
    return columns


def _wide_operations(stays: pd.DataFrame) -> dict[str, object]:
    done = _operation_rows(stays)
    columns: dict[str, object] = {}
    for n in range(1, OPERATIONS + 1):
        of_rank = done[done["position"] == n].set_index("visit_no")["code"]
        code = of_rank.reindex(stays["visit_no"]).fillna("").to_numpy(dtype=object)
        none = code == ""
        day = (stays["at"] + pd.Timedelta(hours=2 * n)).dt.strftime(DAY)
        name = pd.Series(code, index=stays.index).map(his_words.OPERATIONS).fillna("-")
        columns |= {
            f"SSJCZBM{n}": np.where(none, "-", code),
            f"SSJCZRQ{n}": np.where(none, "-", day),
            f"SSJCZMC{n}": name,
            f"SZ{n}": np.where(none, "-", stays["doctor_name"]),
        }
    return columns


def _operation_rows(stays: pd.DataFrame) -> pd.DataFrame:
    arm, first = stays["arm"], stays["step"] == 1
    stroke = arm.isin(["IS", "ICH", "TIA"])
    picture = draw.uniform("mri", stays["visit_no"].to_numpy()) < 0.75
    conditions = {
        "87.0301": stroke,
        "88.9101": stroke & picture,
        "99.1000": stays["lysis"],
        "39.7400x002": stays["evt"],
        "89.1900x001": arm == "EPI",
        "14.7903": arm.isin(["DR", "BOTH"]) & (stays["dr_stage"] >= 2),
        "14.2402": arm.isin(["DR", "BOTH"]) & (stays["dr_stage"] >= 3),
        "12.6404": arm == "GLC",
        "88.7201": arm.isin(["HF", "AF", "CAD"]),
        "88.5500": arm == "CAD",
        "36.0700": (arm == "CAD") & first,
        "37.3401": (arm == "AF") & (stays["severity"] < 0.5),
    }
    pieces = [stays[mask].assign(code=code) for code, mask in conditions.items()]
    rows = pd.concat(pieces, ignore_index=True)
    rows["position"] = rows.groupby("visit_no").cumcount() + 1
    return rows
