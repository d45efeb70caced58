"""What the neurology department of `renmin` writes."""

from __future__ import annotations

import pandas as pd

from samples.make.his_history import history, pressure
from samples.make.prose import Text, either, fill

STROKES = ["IS", "ICH", "TIA"]
_CLINIC = {
    "stroke": "主诉：脑卒中后随诊。\n现病史：{side}侧肢体肌力较前好转，无头痛呕吐，否认抽搐。\n"
    "既往史：{history}\n查体：{pressure}NIHSS评分{nihss_out}分，mRS评分{mrs}分。\n"
    "处理：阿司匹林100mg qd，阿托伐他汀20mg qn。",
    "EPI": "主诉：反复发作性意识丧失。\n现病史：近1月癫痫发作{seizures}次，无发作后偏瘫。\n"
    "既往史：{history}\n辅助检查：脑电图示颞区痫样放电。\n处理：左乙拉西坦0.5g bid。",
    "PD": "主诉：肢体震颤伴动作迟缓。\n查体：{pressure}四肢肌张力增高，"
    "Hoehn-Yahr分期{hoehn_yahr}级。\n既往史：{history}\n处理：多巴丝肼125mg tid。",
    "DEM": "主诉：记忆力下降。\n家属{surname}先生代诉，近事遗忘明显。\n"
    "认知评估：MMSE评分{mmse}分，MoCA评分{moca}分。\n既往史：{history}\n处理：多奈哌齐5mg qn。",
}


def clinic(frame: pd.DataFrame) -> Text:
    """A follow-up in the words of the disease."""
    parts = {"history": history(frame), "pressure": pressure(frame)}
    text = fill(frame, _CLINIC["stroke"], **parts)
    for arm in ("EPI", "PD", "DEM"):
        text = text.where(frame["arm"] != arm, fill(frame, _CLINIC[arm], **parts))
    return text


def admission(frame: pd.DataFrame) -> Text:
    """The stroke admission: onset, scores, picture, lysis or why not."""
    bled = frame["arm"] == "ICH"
    picture = either(
        frame,
        bled,
        "头颅CT示{side}侧基底节区脑出血。",
        "头颅MRI示{side}侧基底节急性梗死灶，未见出血。",
    )
    lysed = either(frame, frame["lysis"], "予阿替普酶静脉溶栓。", "超过时间窗，未予静脉溶栓。")
    stroke = fill(
        frame,
        "主诉：突发肢体无力、言语不清{onset_hours}小时。\n"
        "现病史：患者{name}于家中突发肢体无力，无意识丧失，否认头痛。\n既往史：{history}\n"
        "查体：{pressure}神清，GCS评分{gcs}分，入院NIHSS评分{nihss_in}分。\n"
        "辅助检查：{picture}\n处理：{lysed}{evt}",
        history=history(frame),
        pressure=pressure(frame),
        picture=picture,
        lysed=lysed.where(~bled, "控制血压。"),
        evt=either(frame, frame["evt"], "行急诊取栓术。", ""),
    )
    return stroke.where(_is_stroke(frame), clinic(frame))


def round_note(frame: pd.DataFrame) -> Text:
    """The score after a day."""
    between = (frame["nihss_in"] + frame["nihss_out"]) // 2
    scored = fill(frame, "24小时NIHSS评分{between}分。", between=between)
    return scored.where(_is_stroke(frame), "未再发作。")


def discharge(frame: pd.DataFrame) -> Text:
    """The scores on the day of discharge."""
    alive = fill(frame, "出院时NIHSS评分{nihss_out}分，mRS评分{mrs}分。")
    scored = alive.where(~frame["died"], fill(frame, "mRS评分{mrs}分。"))
    text = scored + "吞咽功能正常，未发生肺部感染。"
    return text.where(_is_stroke(frame), "住院期间未再发作。")


def _is_stroke(frame: pd.DataFrame) -> pd.Series:
    return frame["arm"].isin(STROKES)
