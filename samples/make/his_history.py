"""Sentences every specialty of `renmin` writes: history with its negations, and blood pressure."""

from __future__ import annotations

import pandas as pd

from samples.make.prose import Text, either, fill, one_of


def history(frame: pd.DataFrame) -> Text:
    """What the patient has had and denies; every fifth has an ill father, which is not theirs."""
    years = {"high": (frame["i"] % 17 + 2).astype(str), "sweet": (frame["i"] % 13 + 3).astype(str)}
    pressed = fill(frame, "高血压病史{high}年，最高血压180/100mmHg；", **years)
    return (
        either(frame, frame["hypertension"], pressed, "否认高血压病史；")
        + either(
            frame, frame["diabetes"], fill(frame, "糖尿病史{sweet}年；", **years), "否认糖尿病史；"
        )
        + either(frame, frame["fibrillation"], "心房颤动病史；", "无房颤病史；")
        + either(frame, frame["smoker"], "吸烟30年；", "否认吸烟饮酒史；")
        + either(frame, frame["i"] % 5 == 0, "父亲有脑梗死病史；", "")
        + "否认药物过敏史。"
    )


def pressure(frame: pd.DataFrame) -> Text:
    """Blood pressure and heart rate in one of two wordings."""
    return one_of(
        frame,
        "bp-words",
        "血压{sbp}/{dbp}mmHg，心率{hr}次/分。",
        "BP {sbp}/{dbp}mmHg，HR {hr}bpm。",
    )
