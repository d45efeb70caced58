"""What the eye department of `renmin` writes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from samples.make.his_history import history
from samples.make.prose import Text, either, fill, one_of

_STAGES = [
    "双眼未见明显糖尿病视网膜病变。",
    "双眼眼底散在微血管瘤，轻度非增殖期糖尿病视网膜病变。",
    "双眼中度非增殖期糖尿病视网膜病变，见棉絮斑。",
    "双眼增殖期糖尿病视网膜病变，视盘可见新生血管。",
    "双眼增殖期糖尿病视网膜病变伴玻璃体积血。",
]
_METHODS = {"Goldmann": "Goldmann压平", "NCT": "NCT", "iCare": "iCare"}
EDEMA_ABOVE = 0.7


def clinic(frame: pd.DataFrame) -> Text:
    """A whole examination: complaint, history, acuity, pressure, fundus, plan."""
    diabetic = frame["arm"].isin(["DR", "BOTH"])
    months = (frame["i"] % 11 + 1).astype(str)
    title = frame["female"].map({True: "女士", False: "先生"})
    calm = "前房角开放，视网膜未见出血渗出，黄斑中心凹反光存。\n"
    return fill(
        frame,
        "主诉：双眼视物模糊{months}月，{side}眼为著。\n"
        "现病史：患者{surname}{title}诉视物模糊，否认眼痛、眼红，无闪光感。\n"
        "既往史：{history}\n专科检查：{acuity}{tension}C/D：右{cdr_r}，左{cdr_l}。{fundus}{plan}",
        months=months,
        title=title,
        history=history(frame),
        acuity=acuity(frame),
        tension=tension(frame),
        fundus=either(frame, diabetic, _fundus(frame), calm),
        plan=_plan(frame, diabetic),
    )


def acuity(frame: pd.DataFrame) -> Text:
    """Both eyes, uncorrected and corrected, in four orders of words."""
    return one_of(
        frame,
        "va-words",
        "裸眼视力：右眼 {va_r}，左眼 {va_l}；矫正视力：右眼 {bcva_r}，左眼 {bcva_l}。",
        "视力：OD {va_r}，OS {va_l}；矫正视力：OD {bcva_r}，OS {bcva_l}。",
        "右眼裸眼视力{va_r}，矫正{bcva_r}；左眼裸眼视力{va_l}，矫正{bcva_l}。",
        "最佳矫正视力：右{bcva_r}，左{bcva_l}（裸眼右{va_r}，左{va_l}）。",
    )


def tension(frame: pd.DataFrame) -> Text:
    """Both pressures: label first, label last, respectively, or one value for both eyes."""
    method = frame["iop_method"].map(_METHODS)
    text = one_of(
        frame,
        "iop-words",
        "眼压（{method}）：右眼 {iop_r}mmHg，左眼 {iop_l}mmHg。",
        "右、左眼眼压分别为{iop_r}、{iop_l}mmHg（{method}）。",
        "眼压：{iop_r}mmHg（右），{iop_l}mmHg（左），{method}测量。",
        "IOP {method} OD {iop_r} mmHg，OS {iop_l} mmHg。",
        method=method,
    )
    same = frame["iop_r"] == frame["iop_l"]
    return either(frame, same, fill(frame, "双眼眼压均为{iop_r}mmHg（{m}）。", m=method), text)


def discharge(frame: pd.DataFrame) -> Text:
    """The eyes on the day of discharge."""
    return "出院时" + acuity(frame) + tension(frame)


def _fundus(frame: pd.DataFrame) -> Text:
    stage = pd.Series(np.asarray(_STAGES, dtype=object)[frame["dr_stage"]], index=frame.index)
    swollen = frame["severity"] > EDEMA_ABOVE
    thickness = np.rint(230 + 260 * np.maximum(0, frame["severity"] - 0.55)).astype(int)
    return fill(
        frame,
        "眼底：{stage}{edema}，OCT示中心凹厚度{thickness}μm。\n",
        stage=stage,
        edema=either(frame, swollen, "黄斑水肿", "未见黄斑水肿"),
        thickness=thickness,
    )


def _plan(frame: pd.DataFrame, diabetic: pd.Series) -> Text:
    injected = diabetic & (frame["severity"] > EDEMA_ABOVE) & (frame["step"] % 3 == 2)
    drops = "继续拉坦前列素滴眼液每晚一次，目标眼压18mmHg，"
    return fill(
        frame,
        "处理：{inject}{drug}3个月后复查。",
        inject=either(frame, injected, "今日行{side}眼玻璃体腔注射雷珠单抗0.5mg。", ""),
        drug=either(frame, diabetic, "严格控制血糖，", drops),
    )
