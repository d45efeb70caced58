"""What the heart department of `renmin` writes."""

from __future__ import annotations

import pandas as pd

from samples.make.his_history import history, pressure
from samples.make.prose import Text, either, fill, one_of

_ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV"}
_FAILING = "沙库巴曲缬沙坦50mg bid，美托洛尔缓释片47.5mg qd，螺内酯20mg qd，"


def clinic(frame: pd.DataFrame) -> Text:
    """A follow-up: complaint, history, examination, echo, drugs."""
    heavy = (frame["arm"] == "HF") & (frame["nyha"] > 2)
    return fill(
        frame,
        "主诉：复诊。\n现病史：{now}\n既往史：{history}\n查体：{pressure}{status}\n"
        "辅助检查：{echo}\n处理：{drugs}",
        now=either(frame, heavy, "活动后气促，双下肢水肿。", "无胸痛，无双下肢水肿，夜间可平卧。"),
        history=history(frame),
        pressure=pressure(frame),
        status=_status(frame),
        echo=echo(frame),
        drugs=_drugs(frame),
    )


def admission(frame: pd.DataFrame) -> Text:
    """The admission for chest pain or breathlessness."""
    pain = frame["arm"] == "CAD"
    return fill(
        frame,
        "主诉：{complaint}\n现病史：患者{name}于1周前出现活动后胸闷，无晕厥，否认咯血。\n"
        "既往史：{history}\n查体：{pressure}双肺底可闻及湿啰音。{status}\n辅助检查：{echo}",
        complaint=either(frame, pain, "胸痛3小时。", "胸闷气促1周，加重2天。"),
        history=history(frame),
        pressure=pressure(frame),
        status=_status(frame),
        echo=echo(frame),
    )


def discharge(frame: pd.DataFrame) -> Text:
    """Pressure, status and echo on the day of discharge."""
    return "出院时" + pressure(frame) + _status(frame) + echo(frame)


def echo(frame: pd.DataFrame) -> Text:
    """Ejection fraction and chamber size in three wordings."""
    return one_of(
        frame,
        "echo-words",
        "心脏超声：LVEF {lvef}%（Simpson法），左室舒张末内径{lvedd}mm。",
        "超声心动图示左室射血分数{lvef}%，LVEDD {lvedd}mm。",
        "UCG：EF {lvef}%，左心室舒张末期内径{lvedd}mm。",
    )


def _status(frame: pd.DataFrame) -> Text:
    """NYHA grade where the heart fails; rhythm and QTc for everyone."""
    grade = one_of(
        frame,
        "nyha-words",
        "心功能{roman}级（NYHA）。",
        "NYHA分级：{roman}级。",
        roman=frame["nyha"].map(_ROMAN),
    )
    rhythm = either(frame, frame["fibrillation"], "心房颤动", "窦性心律")
    failing = frame["arm"] == "HF"
    return grade.where(failing, "") + fill(frame, "心电图：{r}，QTc {qtc}ms。", r=rhythm)


def _drugs(frame: pd.DataFrame) -> Text:
    clot = either(frame, frame["fibrillation"], "利伐沙班15mg qd，", "阿司匹林100mg qd，")
    return either(frame, frame["arm"] == "HF", _FAILING, "") + clot + "阿托伐他汀20mg qn。"
