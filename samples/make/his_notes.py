"""Writes the notes of `renmin`: sentences per section and specialty, filled column by column.

Every number comes from his_results.py; names, telephone and citizen numbers and addresses stand in
the text as they do in real notes. Frames in, Series of text out; no Python loop over rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import pandas as pd

from samples.make import draw, his_words

Text = pd.Series
_FULL_WIDTH = str.maketrans("0123456789./", "０１２３４５６７８９．／")
ENGLISH_EVERY, FULL_WIDTH_EVERY, BOTH_EYES_EVERY = 37, 41, 9


def note_rows(frame: pd.DataFrame, doctors: Mapping[str, list[str]]) -> pd.DataFrame:
    """One row per note: visit columns, `note_id`, `title`, `written`, `text`, `author`."""
    frame = frame.copy()
    frame["author"] = [doctors[g][d] for g, d in zip(frame["group"], frame["doctor"], strict=True)]
    stays = frame["kind"] == "住院"
    second = stays & (frame["los"] > 4)
    pieces = [
        _titled(frame[~stays], "门诊病历", "1", _clinic(frame[~stays]), frame["left"]),
        _titled(frame[stays], "入院记录", "1", _admission(frame[stays]), frame["at"]),
        _titled(frame[second], "日常病程记录", "2", _progress(frame[second]), _next_day(frame)),
        _titled(frame[stays], "出院记录", "3", _discharge(frame[stays]), frame["left"]),
    ]
    notes = pd.concat(pieces, ignore_index=True).sort_values("note_id", ignore_index=True)
    wide = (notes["visit_no"] % FULL_WIDTH_EVERY == 0) & (notes["title"] != "入院记录")
    notes.loc[wide, "text"] = notes.loc[wide, "text"].str.translate(_FULL_WIDTH)
    return notes


def _titled(frame: pd.DataFrame, title: str, suffix: str, text: Text, at: Text) -> pd.DataFrame:
    number = "N" + frame["visit_no"].astype(str) + suffix
    return frame.assign(note_id=number, title=title, text=text, written=at.loc[frame.index])


def _next_day(frame: pd.DataFrame) -> Text:
    return frame["at"] + pd.Timedelta(hours=22)


def _say(frame: pd.DataFrame, *parts: str | Text | np.ndarray) -> Text:
    """The parts joined; a string stands for every row."""
    series = [
        pd.Series(part, index=frame.index, dtype=object)
        if isinstance(part, str)
        else pd.Series(np.asarray(part, dtype=object), index=frame.index).map(str)
        for part in parts
    ]
    return reduce(lambda left, right: left + right, series)


def _one_of(frame: pd.DataFrame, slot: str, *versions: Text) -> Text:
    """One of several wordings per row."""
    n = draw.integers(slot, 0, len(versions) - 1, frame["i"].to_numpy(), frame["step"].to_numpy())
    return pd.Series(
        np.choose(n, [v.to_numpy(dtype=object) for v in versions]), index=frame.index, dtype=object
    )


def _when(frame: pd.DataFrame, condition: pd.Series, yes: str | Text, no: str | Text) -> Text:
    yes = yes if isinstance(yes, pd.Series) else _say(frame, yes)
    no = no if isinstance(no, pd.Series) else _say(frame, no)
    return yes.where(condition.to_numpy(dtype=bool), no)


def _by_group(frame: pd.DataFrame, builders: Mapping[str, object]) -> Text:
    """Each specialty writes its own sentence; the first visit is to the general clinic."""
    text = pd.Series("", index=frame.index, dtype=object)
    for group, build in builders.items():
        mine = frame[(frame["group"] == group) & (frame["step"] > 0)]
        if len(mine):
            text.loc[mine.index] = build(mine)  # type: ignore[operator]
    return text


def _clinic(frame: pd.DataFrame) -> Text:
    head = _say(
        frame, "姓名：", frame["name"], "  性别：", frame["sex"], "  年龄：", frame["age"], "岁\n"
    )
    contact = _say(frame, "联系电话：", frame["phone"], "\n")
    show = draw.uniform("show-phone", frame["i"].to_numpy(), frame["step"].to_numpy()) < 0.3
    special = _by_group(
        frame, {"eye": _eye_clinic, "neuro": _neuro_clinic, "cardio": _heart_clinic}
    )
    special = special.where(frame["step"] > 0, _general_clinic(frame))
    foot = _say(frame, "\n医师签名：", frame["author"])
    text = head + contact.where(show, "") + special + foot
    english = (frame["visit_no"] % ENGLISH_EVERY == 0) & (frame["step"] > 0)
    return text.where(~english, _english(frame))


def _general_clinic(frame: pd.DataFrame) -> Text:
    return _say(
        frame, "主诉：体检发现血糖或血压异常。\n既往史：", _history(frame), "\n体格检查：", _pressure(frame),
        "心肺听诊未见异常。\n处理：完善检验，低盐低脂饮食，定期复查。",
    )  # fmt: skip


def _history(frame: pd.DataFrame) -> Text:
    years = (frame["i"] % 17 + 2).astype(str)
    pressed = _say(frame, "高血压病史", years, "年，最高血压180/100mmHg；")
    sweet = _say(frame, "糖尿病史", (frame["i"] % 13 + 3).astype(str), "年；")
    kin = _when(frame, frame["i"] % 5 == 0, "父亲有脑梗死病史；", "")
    return (
        _when(frame, frame["hypertension"], pressed, "否认高血压病史；")
        + _when(frame, frame["diabetes"], sweet, "否认糖尿病病史；")
        + _when(frame, frame["fibrillation"], "心房颤动病史；", "无房颤病史；")
        + _when(frame, frame["smoker"], "吸烟30年；", "否认吸烟饮酒史；")
        + kin
        + "否认药物过敏史。"
    )


def _pressure(frame: pd.DataFrame) -> Text:
    one = _say(frame, "血压", frame["sbp"], "/", frame["dbp"], "mmHg，心率", frame["hr"], "次/分。")
    two = _say(frame, "BP ", frame["sbp"], "/", frame["dbp"], "mmHg，HR ", frame["hr"], "bpm。")
    return _one_of(frame, "bp-words", one, two)


def _acuity(frame: pd.DataFrame) -> Text:
    r, left, br, bl = frame["va_r"], frame["va_l"], frame["bcva_r"], frame["bcva_l"]
    return _one_of(
        frame,
        "va-words",
        _say(
            frame,
            "裸眼视力：右眼 ",
            r,
            "，左眼 ",
            left,
            "；矫正视力：右眼 ",
            br,
            "，左眼 ",
            bl,
            "。",
        ),
        _say(frame, "视力：OD ", r, "，OS ", left, "；矫正视力：OD ", br, "，OS ", bl, "。"),
        _say(frame, "右眼裸眼视力", r, "，矫正", br, "；左眼裸眼视力", left, "，矫正", bl, "。"),
        _say(frame, "最佳矫正视力：右", br, "，左", bl, "（裸眼右", r, "，左", left, "）。"),
    )


def _tension(frame: pd.DataFrame) -> Text:
    r, left = frame["iop_r"], frame["iop_l"]
    method = frame["iop_method"].map({"Goldmann": "Goldmann压平", "NCT": "NCT", "iCare": "iCare"})
    text = _one_of(
        frame,
        "iop-words",
        _say(frame, "眼压（", method, "）：右眼 ", r, "mmHg，左眼 ", left, "mmHg。"),
        _say(frame, "右、左眼眼压分别为", r, "、", left, "mmHg（", method, "）。"),
        _say(frame, "眼压：", r, "mmHg（右），", left, "mmHg（左），", method, "测量。"),
        _say(frame, "IOP ", method, " OD ", r, " mmHg，OS ", left, " mmHg。"),
    )
    both = (frame["iop_r"] == frame["iop_l"]).to_numpy()
    return text.where(~both, _say(frame, "双眼眼压均为", r, "mmHg（", method, "）。"))


def _eye_clinic(frame: pd.DataFrame) -> Text:
    side = frame["side"]
    diabetic = frame["arm"].isin(["DR", "BOTH"])
    complaint = _say(
        frame, "主诉：双眼视物模糊", (frame["i"] % 11 + 1).astype(str), "月，", side, "眼为著。\n"
    )
    present = _say(
        frame, "现病史：患者", frame["surname"], frame["female"].map({True: "女士", False: "先生"}),
        "诉视物模糊，否认眼痛、眼红，无闪光感。\n既往史：", _history(frame), "\n",
    )  # fmt: skip
    cups = _say(frame, "C/D：右", frame["cdr_r"], "，左", frame["cdr_l"], "。")
    return (
        complaint
        + present
        + "专科检查："
        + _acuity(frame)
        + _tension(frame)
        + cups
        + _when(
            frame, diabetic, _fundus(frame), "前房角开放，视网膜未见出血渗出，黄斑中心凹反光存。\n"
        )
        + _eye_plan(frame, diabetic)
    )


def _fundus(frame: pd.DataFrame) -> Text:
    words = [
        "双眼未见明显糖尿病视网膜病变。",
        "双眼眼底散在微血管瘤，轻度非增殖期糖尿病视网膜病变。",
        "双眼中度非增殖期糖尿病视网膜病变，见棉絮斑。",
        "双眼增殖期糖尿病视网膜病变，视盘可见新生血管。",
        "双眼增殖期糖尿病视网膜病变伴玻璃体积血。",
    ]
    edema = _when(
        frame, frame["severity"] > 0.7, "黄斑水肿，OCT示中心凹厚度", "未见黄斑水肿，OCT示中心凹厚度"
    )
    thickness = np.rint(230 + 260 * np.maximum(0, frame["severity"] - 0.55)).astype(int)
    stage = pd.Series(np.asarray(words, dtype=object)[frame["dr_stage"]], index=frame.index)
    return _say(frame, "眼底：", stage, edema, thickness, "μm。\n")


def _eye_plan(frame: pd.DataFrame, diabetic: pd.Series) -> Text:
    inject = _when(
        frame,
        (frame["severity"] > 0.7) & (frame["step"] % 3 == 2),
        _say(frame, "今日行", frame["side"], "眼玻璃体腔注射雷珠单抗0.5mg。"),
        "",
    )
    drug = _when(
        frame, diabetic, "严格控制血糖，", "继续拉坦前列素滴眼液每晚一次，目标眼压18mmHg，"
    )
    return _say(frame, "处理：", inject, drug, "3个月后复查。")


def _neuro_clinic(frame: pd.DataFrame) -> Text:
    stroke = _say(
        frame, "主诉：脑卒中后随诊。\n现病史：", frame["side"], "侧肢体肌力较前好转，无头痛呕吐，否认抽搐。\n既往史：",
        _history(frame), "\n查体：", _pressure(frame), "NIHSS评分", frame["nihss_out"], "分，mRS评分",
        frame["mrs"], "分。\n处理：阿司匹林100mg qd，阿托伐他汀20mg qn。",
    )  # fmt: skip
    seizure = _say(
        frame, "主诉：反复发作性意识丧失。\n现病史：近1月癫痫发作", frame["seizures"], "次，无发作后偏瘫。\n既往史：",
        _history(frame), "\n辅助检查：脑电图示颞区痫样放电。\n处理：左乙拉西坦0.5g bid。",
    )  # fmt: skip
    shaking = _say(
        frame, "主诉：肢体震颤伴动作迟缓。\n查体：", _pressure(frame), "四肢肌张力增高，Hoehn-Yahr分期",
        frame["hoehn_yahr"], "级。\n既往史：", _history(frame), "\n处理：多巴丝肼125mg tid。",
    )  # fmt: skip
    memory = _say(
        frame, "主诉：记忆力下降。\n家属", frame["surname"], "先生代诉，近事遗忘明显。\n认知评估：MMSE评分", frame["mmse"],
        "分，MoCA评分", frame["moca"], "分。\n既往史：", _history(frame), "\n处理：多奈哌齐5mg qn。",
    )  # fmt: skip
    text = stroke.where(frame["arm"] != "EPI", seizure)
    text = text.where(frame["arm"] != "PD", shaking)
    return text.where(frame["arm"] != "DEM", memory)


def _echo(frame: pd.DataFrame) -> Text:
    ef, size = frame["lvef"], frame["lvedd"]
    return _one_of(
        frame,
        "echo-words",
        _say(frame, "心脏超声：LVEF ", ef, "%（Simpson法），左室舒张末内径", size, "mm。"),
        _say(frame, "超声心动图示左室射血分数", ef, "%，LVEDD ", size, "mm。"),
        _say(frame, "UCG：EF ", ef, "%，左心室舒张末期内径", size, "mm。"),
    )


def _heart_status(frame: pd.DataFrame) -> Text:
    roman = frame["nyha"].map({1: "I", 2: "II", 3: "III", 4: "IV"})
    grade = _one_of(
        frame,
        "nyha-words",
        _say(frame, "心功能", roman, "级（NYHA）。"),
        _say(frame, "NYHA分级：", roman, "级。"),
    )
    rhythm = _when(frame, frame["fibrillation"], "心电图：心房颤动，QTc ", "心电图：窦性心律，QTc ")
    failing = frame["arm"] == "HF"
    return grade.where(failing, "") + _say(frame, rhythm, frame["qtc"], "ms。")


def _heart_clinic(frame: pd.DataFrame) -> Text:
    swollen = _when(
        frame, frame["nyha"] > 2, "活动后气促，双下肢水肿。", "无胸痛，无双下肢水肿，夜间可平卧。"
    )
    return _say(
        frame, "主诉：复诊。\n现病史：", swollen, "\n既往史：", _history(frame), "\n查体：", _pressure(frame),
        _heart_status(frame), "\n辅助检查：", _echo(frame), "\n处理：", _heart_drugs(frame),
    )  # fmt: skip


def _heart_drugs(frame: pd.DataFrame) -> Text:
    failing = _when(
        frame,
        frame["arm"] == "HF",
        "沙库巴曲缬沙坦50mg bid，美托洛尔缓释片47.5mg qd，螺内酯20mg qd，",
        "",
    )
    clot = _when(frame, frame["fibrillation"], "利伐沙班15mg qd，", "阿司匹林100mg qd，")
    return _say(frame, failing, clot, "阿托伐他汀20mg qn。")


def _identity(frame: pd.DataFrame) -> Text:
    return _say(
        frame, "姓名：", frame["name"], "  性别：", frame["sex"], "  年龄：", frame["age"], "岁\n身份证号：",
        frame["national_id"], "\n现住址：", frame["address"], "\n联系电话：", frame["phone"], "\n住院号：",
        frame["visit_id"], "\n",
    )  # fmt: skip


def _admission(frame: pd.DataFrame) -> Text:
    special = _by_group(frame, {"eye": _eye_clinic, "neuro": _neuro_in, "cardio": _heart_in})
    special = special.where(frame["step"] > 0, _general_clinic(frame))
    return _identity(frame) + special + _say(frame, "\n记录医师：", frame["author"])


def _neuro_in(frame: pd.DataFrame) -> Text:
    clots = _when(frame, frame["lysis"], "予阿替普酶静脉溶栓。", "超过时间窗，未予静脉溶栓。")
    evt = _when(frame, frame["evt"], "行急诊取栓术。", "")
    bleed = frame["arm"] == "ICH"
    brain = _when(
        frame,
        bleed,
        _say(frame, "头颅CT示", frame["side"], "侧基底节区脑出血。"),
        _say(frame, "头颅MRI示", frame["side"], "侧基底节急性梗死灶，未见出血。"),
    )
    stroke = _say(
        frame, "主诉：突发肢体无力、言语不清", frame["onset_hours"], "小时。\n现病史：患者", frame["name"],
        "于家中突发肢体无力，无意识丧失，否认头痛。\n既往史：", _history(frame), "\n查体：", _pressure(frame),
        "神清，GCS评分", frame["gcs"], "分，入院NIHSS评分", frame["nihss_in"], "分。\n辅助检查：", brain,
        "\n处理：", clots.where(~bleed, "控制血压。"), evt,
    )  # fmt: skip
    return stroke.where(frame["arm"].isin(["IS", "ICH", "TIA"]), _neuro_clinic(frame))


def _heart_in(frame: pd.DataFrame) -> Text:
    pain = frame["arm"] == "CAD"
    complaint = _when(frame, pain, "主诉：胸痛3小时。\n", "主诉：胸闷气促1周，加重2天。\n")
    return _say(
        frame, complaint, "现病史：患者", frame["name"], "于1周前出现活动后胸闷，无晕厥，否认咯血。\n既往史：", _history(frame),
        "\n查体：", _pressure(frame), "双肺底可闻及湿啰音。", _heart_status(frame), "\n辅助检查：", _echo(frame),
    )  # fmt: skip


def _progress(frame: pd.DataFrame) -> Text:
    special = _by_group(frame, {"eye": _tension, "neuro": _neuro_round, "cardio": _echo})
    return _say(
        frame, frame["author"], "主任医师查房记录\n患者今日一般情况可，", _pressure(frame), special,
        "继续目前治疗，密切观察病情变化。\n记录医师：", frame["author"],
    )  # fmt: skip


def _neuro_round(frame: pd.DataFrame) -> Text:
    between = (frame["nihss_in"] + frame["nihss_out"]) // 2
    stroke = frame["arm"].isin(["IS", "ICH", "TIA"])
    scored = _say(frame, "24小时NIHSS评分", between, "分。")
    return scored.where(stroke, "未再发作。")


def _discharge(frame: pd.DataFrame) -> Text:
    special = _by_group(frame, {"eye": _eye_out, "neuro": _neuro_out, "cardio": _heart_out})
    stay = _say(frame, "患者", frame["name"], "，住院", frame["los"], "天。\n")
    dead = _say(frame, "经抢救无效，患者临床死亡。")
    end = _when(frame, frame["died"], dead, "病情好转，准予出院，门诊随诊。")
    phone = _say(frame, "\n科室随访联系患者本人电话", frame["phone"], "。")
    return (
        stay + "诊疗经过：" + special + end + phone + _say(frame, "\n医师签名：", frame["author"])
    )


def _eye_out(frame: pd.DataFrame) -> Text:
    return "出院时" + _acuity(frame) + _tension(frame)


def _neuro_out(frame: pd.DataFrame) -> Text:
    stroke = _say(
        frame,
        "出院时NIHSS评分",
        frame["nihss_out"],
        "分，mRS评分",
        frame["mrs"],
        "分。吞咽功能正常，未发生肺部感染。",
    )
    return stroke.where(frame["arm"].isin(["IS", "ICH", "TIA"]), "住院期间未再发作。")


def _heart_out(frame: pd.DataFrame) -> Text:
    return "出院时" + _pressure(frame) + _heart_status(frame) + _echo(frame)


def _english(frame: pd.DataFrame) -> Text:
    """The international clinic writes in English, with the Chinese name in brackets."""
    eye = _say(
        frame, "Visual acuity OD ", frame["va_r"], ", OS ", frame["va_l"], ". IOP by ", frame["iop_method"],
        ": ", frame["iop_r"], " mmHg in the right eye and ", frame["iop_l"], " mmHg in the left eye. ",
    )  # fmt: skip
    brain = _say(
        frame, "NIHSS ", frame["nihss_out"], ", modified Rankin scale ", frame["mrs"], ". "
    )
    heart = _say(frame, "Echo: LVEF ", frame["lvef"], "%. NYHA class ", frame["nyha"], ". ")
    special = eye.where(frame["group"] == "eye", brain).where(frame["group"] != "cardio", heart)
    denies = _when(frame, frame["hypertension"], "Known hypertension. ", "Denies hypertension. ")
    return _say(
        frame, "Patient: ", frame["name"], ", ", frame["age"], " years old.\nHistory: ", denies,
        "No history of stroke in the family.\nExam: BP ", frame["sbp"], "/", frame["dbp"], " mmHg, HR ",
        frame["hr"], " bpm. ", special, "\nPlan: return in 3 months.\nSeen by Dr. ", frame["author"],
    )  # fmt: skip


def doctors() -> dict[str, list[str]]:
    """Four names per specialty, all different."""
    surnames, given = his_words.SURNAMES, his_words.DOCTOR_GIVEN
    return {
        group: [surnames[(7 * g + 5 * n) % 36] + given[(4 * g + n) % len(given)] for n in range(4)]
        for g, group in enumerate(("eye", "neuro", "cardio"))
    }
