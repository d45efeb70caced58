"""What was measured at each visit of `renmin`: eyes, brain scores, heart, laboratory.

measurement = latent severity + site habit + noise + digit preference. Text of notes is elsewhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from samples.make import draw, his_words

Floats = npt.NDArray[np.float64]

DECIMAL = np.array([0.02, 0.05, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5])
# logMAR of the decimal grid and of the five-point steps (5 - value): constants, no logarithm.
DECIMAL_LOGMAR = np.array(
    [1.70, 1.30, 1.00, 0.92, 0.82, 0.70, 0.60, 0.52, 0.40, 0.30, 0.22, 0.10, 0.0, -0.08, -0.18]
)
LOW_VISION = [(1.75, "指数/30cm"), (2.05, "手动/20cm"), (2.45, "光感"), (2.8, "无光感")]


def measured(visits: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """The visits with every measurement a note or a table may tell."""
    who = patients.set_index("i").loc[visits["i"]].reset_index(drop=True)
    frame = visits.reset_index(drop=True).copy()
    for name in ("name", "surname", "sex", "birth_year", "side", "doctor", "phone", "national_id"):
        frame[name] = who[name]
    for name in ("employer", "contact_name", "contact_phone"):
        frame[name] = who[name]
    for name in ("address", "diabetes", "hypertension", "lipids", "fibrillation", "coronary"):
        frame[name] = who[name]
    frame["patient_id"], frame["female"], frame["smoker"] = (
        who["patient_id"],
        who["female"],
        who["smoker"],
    )
    # Heart disease is found at the first specialist visit, not before: look-back must be clean.
    for name in ("fibrillation", "coronary"):
        frame[name] &= frame["step"] > 0
    years = (frame["day"] - frame["index_day"]).dt.days / 365.25
    frame["years"] = np.maximum(years, 0)
    frame["day_zh"] = frame["at"].dt.strftime("%Y年%m月%d日")
    next_visit = frame["left"] + pd.to_timedelta(30 + 14 * (frame["visit_no"] % 5), unit="D")
    frame["next_day"] = next_visit.dt.strftime("%Y-%m-%d")
    frame["age"] = frame["day"].dt.year - frame["birth_year"]
    return _heart(_brain(_eyes(frame)))


def _eyes(frame: pd.DataFrame) -> pd.DataFrame:
    i, step = frame["i"].to_numpy(), frame["step"].to_numpy()
    severity = frame["severity"].to_numpy()
    glaucoma = frame["arm"].isin(["GLC", "BOTH"]).to_numpy()
    method = draw.weighted("iop-method", {"Goldmann": 0.45, "NCT": 0.45, "iCare": 0.1}, i, step)
    frame["iop_method"] = method
    frame["va_five"] = draw.uniform("va-notation", i, step // 4) < 0.3
    for n, eye in enumerate(("r", "l")):
        own = 0.78 * draw.normal("eye-shared", i) + 0.62 * draw.normal("eye-own", i, n)
        logmar = -0.32 + 1.35 * severity + 0.5 * own + 0.06 * frame["years"].to_numpy()
        logmar = logmar + 0.05 * draw.normal("va-noise", i, step, n)
        corrected = logmar - 0.08 - 0.2 * draw.uniform("va-gain", i, n)
        frame[f"va_{eye}"] = _acuity(logmar, frame["va_five"].to_numpy())
        frame[f"bcva_{eye}"] = _acuity(corrected, frame["va_five"].to_numpy())
        latent = np.where(glaucoma, 19 + 9 * severity - 5 * (step > 2), 15.5)
        latent = latent + 1.8 * own + 1.6 * draw.normal("iop-noise", i, step, n)
        frame[f"iop_{eye}"] = _pressure(np.clip(latent, 7, 55), method)
        cup = np.where(glaucoma, 0.45 + 0.4 * severity, 0.35) + 0.05 * own
        frame[f"cdr_{eye}"] = _text(np.clip(cup, 0.1, 0.95), 1)
    stage = np.searchsorted([0.33, 0.5, 0.66, 0.85], severity + 0.03 * frame["years"].to_numpy())
    frame["dr_stage"] = stage
    return frame


def _acuity(logmar: Floats, five: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """Decimal or five-point text of the nearest step; words below the chart."""
    nearest = np.abs(logmar[:, None] - DECIMAL_LOGMAR[None, :]).argmin(axis=1)
    decimal = np.char.mod("%g", DECIMAL[nearest]).astype(object)
    decimal = np.where(decimal == "1", "1.0", decimal)
    text = np.where(five, _text(5 - np.clip(logmar, -0.3, 1.0), 1), decimal)
    for above, word in LOW_VISION:
        text = np.where(logmar > above, word, text)
    return np.asarray(text, dtype=object)


def _pressure(latent: Floats, method: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Applanation is read in even numbers most of the time; the air puff prints whole numbers."""
    even = 2 * np.rint(latent / 2)
    value = np.where(method == "Goldmann", even, np.rint(latent))
    return value.astype(int).astype(str).astype(object)


def _brain(frame: pd.DataFrame) -> pd.DataFrame:
    i, step, severity = (
        frame["i"].to_numpy(),
        frame["step"].to_numpy(),
        frame["severity"].to_numpy(),
    )
    nihss = np.clip(np.rint(1 + 20 * severity**1.6 + 2 * draw.normal("nihss", i, step)), 0, 38)
    better = np.clip(np.rint(nihss * (0.35 + 0.3 * draw.uniform("nihss-out", i, step))), 0, 38)
    mrs = np.clip(np.rint(better / 4 + 0.5 * draw.normal("mrs", i, step)), 0, 5)
    mrs = np.where(frame["died"], 6, mrs)
    frame["nihss_in"], frame["nihss_out"] = nihss.astype(int), better.astype(int)
    frame["mrs"] = mrs.astype(int)
    frame["gcs"] = np.clip(15 - np.floor(nihss / 5), 3, 15).astype(int)
    frame["onset_hours"] = np.round(1 + 20 * draw.uniform("onset", i, step), 1)
    frame["lysis"] = (frame["onset_hours"] < 4.5) & (frame["arm"] == "IS") & (step == 1)
    frame["evt"] = (nihss >= 12) & (draw.uniform("evt", i, step) < 0.5) & (frame["arm"] == "IS")
    frame["evt"] &= step == 1
    frame["seizures"] = np.floor(8 * severity * draw.uniform("seizures", i, step)).astype(int)
    yahr = np.clip(np.rint((1 + 3.2 * severity + 0.2 * frame["years"]) * 2) / 2, 1, 5)
    frame["hoehn_yahr"] = _text(yahr.to_numpy(), 1)
    loss = 26 - 14 * severity - 1.2 * frame["years"] + 1.2 * draw.normal("mmse", i, step)
    frame["mmse"] = np.clip(np.rint(loss), 3, 30).astype(int)
    frame["moca"] = np.clip(frame["mmse"] - 4, 0, 30).astype(int)
    return frame


def _heart(frame: pd.DataFrame) -> pd.DataFrame:
    i, step, severity = (
        frame["i"].to_numpy(),
        frame["step"].to_numpy(),
        frame["severity"].to_numpy(),
    )
    failing = (frame["arm"] == "HF").to_numpy()
    base = np.where(failing, 72 - 52 * severity, 64 - 8 * severity)
    gain = np.where(failing & (step > 2), 4, 0)
    lvef = np.clip(np.rint(base + gain + 2.5 * draw.normal("lvef", i, step)), 15, 72)
    frame["lvef"] = lvef.astype(int)
    frame["lvedd"] = np.rint(46 + np.maximum(0, 60 - lvef) * 0.55).astype(int)
    grade = np.clip(np.rint(1 + 3 * severity - 0.3 * (step > 2)), 1, 4).astype(int)
    frame["nyha"] = np.where(failing, np.maximum(grade, 2), 1)
    systolic = 118 + 22 * frame["hypertension"] + 14 * draw.normal("sbp", i, step)
    frame["sbp"] = _tens(systolic, "sbp-digit", i, step)
    frame["dbp"] = _tens(np.minimum(systolic * 0.6 + 4, systolic - 25), "dbp-digit", i, step)
    rate = np.where(frame["fibrillation"], 92, 74) + 9 * draw.normal("hr", i, step)
    frame["hr"] = np.clip(np.rint(rate), 42, 160).astype(int)
    frame["qtc"] = np.clip(np.rint(420 + 16 * draw.normal("qtc", i, step)), 350, 540).astype(int)
    return frame


def _tens(values: Floats, slot: str, *ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Blood pressures end in 0 four times in ten: the hand rounds."""
    rounded = np.where(draw.uniform(slot, *ids) < 0.4, 10 * np.rint(values / 10), np.rint(values))
    return np.asarray(rounded, dtype=np.int64)


def _text(values: Floats, decimals: int) -> npt.NDArray[np.object_]:
    return np.char.mod(f"%.{decimals}f", values).astype(object)


def lab_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per visit and item of the group's panel; not every visit draws blood."""
    drawn = draw.uniform("blood", frame["i"].to_numpy(), frame["step"].to_numpy()) < 0.62
    drawn |= (frame["kind"] == "住院").to_numpy() | (frame["step"] == 1).to_numpy()
    some = frame[drawn]
    rows = [some[some["group"] == g].assign(item=c) for g, p in his_words.PANELS.items() for c in p]
    labs = pd.concat(rows, ignore_index=True)
    labs["value"] = _lab_value(labs)
    lag = draw.integers("lag", 25, 400, labs["i"].to_numpy(), labs["step"].to_numpy())
    labs["reported"] = labs["at"] + pd.to_timedelta(lag, unit="min")
    labs["report_id"] = "L" + labs["visit_no"].astype(str)
    return labs.sort_values(["visit_no", "item"], ignore_index=True)


def _lab_value(labs: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Text as the analyser prints it; beyond its range it prints < or > and the bound."""
    i, step = labs["i"].to_numpy(), labs["step"].to_numpy()
    s = labs["severity"].to_numpy()
    heart = np.maximum(0, 62 - labs["lvef"].to_numpy())
    acute = labs["arm"].eq("CAD").to_numpy() & (step == 1)
    latent = {
        "4548-4": np.where(labs["diabetes"], 6.6 + 3.4 * s, 5.5),
        "33762-6": 40 + 9 * heart**2 * (0.4 + 1.6 * draw.uniform("bnp", i, step)) * (1 + 3 * s**4),
        "89579-7": np.where(acute, 90 + 4000 * s**2, 2 + 14 * s),
        "14682-9": 62 + 70 * s**2,
        "2823-3": 4.15 + 0.0 * s,
        "22748-8": np.where(labs["lipids"], 3.5, 2.5),
        "6301-6": np.where(labs["fibrillation"], 1.9, 1.02),
        "9318-7": 6 + 240 * s**3,
    }
    spread = {"33762-6": 0.25, "89579-7": 0.35, "2823-3": 0.08, "6301-6": 0.1, "9318-7": 0.4}
    text = np.full(len(labs), "", dtype=object)
    for code, (_, _, decimals, low, high) in his_words.LABS.items():
        mine = (labs["item"] == code).to_numpy()
        noise = draw.normal(f"lab-{code}", i[mine], step[mine])
        value = latent[code][mine] * (1 + spread.get(code, 0.09) * noise)
        printed = _text(np.clip(value, low, high), decimals)
        printed = np.where(value < low, f"<{low:g}", np.where(value > high, f">{high:g}", printed))
        text[mine] = printed
    return text
