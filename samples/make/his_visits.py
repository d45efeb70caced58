"""When the people of `renmin` came: visits and stays from 2019 to May 2024. No result is here.

Each patient comes once for something else, is diagnosed months later (`step` 1) and is then seen
at gaps that shrink with severity, so that look-back and repeat-visit rules can hold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from samples.make import draw

STEPS = 26
_START = np.datetime64("2019-01-02")
_END = np.datetime64("2024-05-31")
_DEATH_BASE = 0.05


def visits(patients: pd.DataFrame) -> pd.DataFrame:
    """One row per visit: `i`, `step`, `day`, `time`, `kind`, `los`, `index_day`, `died`."""
    i, step = (a.ravel() for a in np.meshgrid(patients["i"], np.arange(STEPS), indexing="ij"))
    who = patients.set_index("i").loc[i]
    severity = who["severity"].to_numpy()
    first = draw.integers("first-day", 0, 900, i)
    index = first + draw.integers("lookback", 190, 430, i)
    gap = 32 + (150 - 70 * severity) * draw.uniform("gap", i, step) * 1.6
    gap = np.where(step < 2, 0, np.floor(gap))
    offset = np.where(step == 0, first, index + np.cumsum(gap.reshape(-1, STEPS), axis=1).ravel())
    frame = pd.DataFrame({"i": i, "step": step, "day": _START + offset.astype("timedelta64[D]")})
    frame["day"] = _working_day(frame["day"])
    frame["index_day"] = _working_day(pd.Series(_START + index.astype("timedelta64[D]")))
    frame["group"], frame["arm"] = who["group"].to_numpy(), who["arm"].to_numpy()
    frame["severity"] = severity
    frame = _kind(frame)
    return _until_death(frame).reset_index(drop=True)


def _working_day(days: pd.Series) -> pd.Series:
    """Sundays and the week of Spring Festival are moved on."""
    moved = days.where(days.dt.day_of_week != 6, days + pd.Timedelta(days=1))
    holiday = pd.to_datetime(["2020-01-24", "2021-02-11", "2022-01-31", "2023-01-21", "2024-02-09"])
    for start in holiday:
        inside = (moved >= start) & (moved < start + pd.Timedelta(days=7))
        moved = moved.where(~inside, moved + pd.Timedelta(days=9))
    return moved


def _kind(frame: pd.DataFrame) -> pd.DataFrame:
    """Outpatient, emergency or inpatient; a stroke's first visit is always a stay."""
    i, step = frame["i"].to_numpy(), frame["step"].to_numpy()
    base = frame["group"].map({"eye": 0.07, "neuro": 0.07, "cardio": 0.17}).to_numpy()
    first = frame["arm"].map({"IS": 1.0, "ICH": 1.0, "TIA": 1.0, "HF": 0.7, "CAD": 0.6}).fillna(0.2)
    chance = np.where(step == 1, first, np.where(step == 0, 0.0, base * (0.5 + frame["severity"])))
    roll = draw.uniform("stay", i, step)
    emergency = (step > 1) & (draw.uniform("emergency", i, step) < 0.04)
    frame["kind"] = np.where(roll < chance, "住院", np.where(emergency, "急诊", "门诊"))
    stay = 3 + np.floor(12 * frame["severity"] * draw.uniform("los", i, step)).astype(int)
    frame["los"] = np.where(frame["kind"] == "住院", stay, 0)
    minute = draw.integers("minute", 8 * 60, 17 * 60 - 1, i, step)
    frame["at"] = frame["day"].astype("datetime64[s]") + pd.to_timedelta(minute, unit="min")
    length = np.where(frame["los"] > 0, frame["los"] * 1440, 35)
    frame["left"] = frame["at"] + pd.to_timedelta(length, unit="min")
    return frame


def _until_death(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep visits of the living that ended before June 2024; the last stay of some is their end."""
    frame = frame[frame["left"] < pd.Timestamp("2024-06-01")].copy()
    chance = _DEATH_BASE * frame["severity"].to_numpy() * 2
    fatal = (frame["kind"] == "住院") & (
        draw.uniform("fatal", frame["i"].to_numpy(), frame["step"].to_numpy()) < chance
    )
    fatal &= frame["group"] != "eye"
    frame["died"] = fatal
    ended = frame[fatal].groupby("i")["step"].min()
    last = frame["i"].map(ended).fillna(STEPS)
    frame = frame[frame["step"] <= last].copy()
    frame["visit_no"] = frame["i"] * 100 + frame["step"] + 2_400_000
    frame["visit_id"] = "V" + frame["visit_no"].astype(str)
    return frame
