"""Puts the notes of `renmin` together: which visit has which notes, head, specialty part, foot.

Names, telephone and citizen numbers and addresses stand in the text as they do in real notes.
What a specialty writes is in his_eye.py, his_neuro.py and his_heart.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from samples.make import draw, his_eye, his_heart, his_neuro, his_words
from samples.make.his_history import history, pressure
from samples.make.prose import Text, either, fill

Writer = Callable[[pd.DataFrame], Text]

ENGLISH_EVERY, FULL_WIDTH_EVERY = 37, 41
_FULL_WIDTH = str.maketrans("0123456789./", "０１２３４５６７８９．／")
_HEAD = "姓名：{name}  性别：{sex}  年龄：{age}岁\n"
_IDENTITY = (
    "身份证号：{national_id}\n工作单位：{employer}\n现住址：{address}\n联系电话：{phone}\n"
    "联系人：{contact_name}，电话{contact_phone}\n住院号：{visit_id}\n入院日期：{day_zh}\n"
)


def note_rows(frame: pd.DataFrame, doctors: Mapping[str, list[str]]) -> pd.DataFrame:
    """One row per note: visit columns, `note_id`, `title`, `written`, `text`, `author`."""
    frame = frame.copy()
    frame["author"] = [doctors[g][d] for g, d in zip(frame["group"], frame["doctor"], strict=True)]
    stays = frame[frame["kind"] == "住院"]
    long = stays[stays["los"] > 4]
    seen = frame[frame["kind"] != "住院"]
    next_day = long["at"] + pd.Timedelta(hours=22)
    notes = pd.concat(
        [
            _titled(seen, "门诊病历", "1", text=_clinic(seen), at=seen["left"]),
            _titled(stays, "入院记录", "1", text=_admission(stays), at=stays["at"]),
            _titled(long, "日常病程记录", "2", text=_progress(long), at=next_day),
            _titled(stays, "出院记录", "3", text=_discharge(stays), at=stays["left"]),
        ]
    ).sort_values("note_id", ignore_index=True)
    wide = (notes["visit_no"] % FULL_WIDTH_EVERY == 0) & (notes["title"] != "入院记录")
    notes.loc[wide, "text"] = notes.loc[wide, "text"].str.translate(_FULL_WIDTH)
    return notes


def _titled(frame: pd.DataFrame, title: str, suffix: str, *, text: Text, at: Text) -> pd.DataFrame:
    number = "N" + frame["visit_no"].astype(str) + suffix
    return frame.assign(note_id=number, title=title, text=text, written=at)


def _by_group(frame: pd.DataFrame, writers: Mapping[str, Writer]) -> Text:
    """Each specialty writes its own part; the first visit is to the general clinic."""
    text = fill(frame, "")
    for group, write in writers.items():
        mine = frame[(frame["group"] == group) & (frame["step"] > 0)]
        if len(mine):
            text.loc[mine.index] = write(mine)
    return text


def _clinic(frame: pd.DataFrame) -> Text:
    show = draw.uniform("show-phone", frame["i"].to_numpy(), frame["step"].to_numpy()) < 0.3
    contact = fill(frame, "联系电话：{phone}\n").where(show, "")
    writers = {"eye": his_eye.clinic, "neuro": his_neuro.clinic, "cardio": his_heart.clinic}
    special = _by_group(frame, writers).where(frame["step"] > 0, _general(frame))
    text = fill(frame, _HEAD) + contact + special + _foot(frame)
    english = (frame["visit_no"] % ENGLISH_EVERY == 0) & (frame["step"] > 0)
    return text.where(~english, _english(frame))


def _foot(frame: pd.DataFrame) -> Text:
    """Every third visit is told the date to come back."""
    told = either(frame, frame["visit_no"] % 3 == 0, "\n预约复诊日期：{next_day}", "")
    return told + fill(frame, "\n医师签名：{author}")


def _general(frame: pd.DataFrame) -> Text:
    return fill(
        frame,
        "主诉：体检发现血糖或血压异常。\n既往史：{history}\n体格检查：{pressure}"
        "心肺听诊未见异常。\n处理：完善检验，低盐低脂饮食，定期复查。",
        history=history(frame),
        pressure=pressure(frame),
    )


def _admission(frame: pd.DataFrame) -> Text:
    writers = {"eye": his_eye.clinic, "neuro": his_neuro.admission, "cardio": his_heart.admission}
    special = _by_group(frame, writers).where(frame["step"] > 0, _general(frame))
    return fill(frame, _HEAD + _IDENTITY) + special + fill(frame, "\n记录医师：{author}")


def _progress(frame: pd.DataFrame) -> Text:
    writers = {"eye": his_eye.tension, "neuro": his_neuro.round_note, "cardio": his_heart.echo}
    return fill(
        frame,
        "{author}主任医师查房记录\n患者今日一般情况可，{pressure}{special}"
        "继续目前治疗，密切观察病情变化。\n记录医师：{author}",
        pressure=pressure(frame),
        special=_by_group(frame, writers),
    )


def _discharge(frame: pd.DataFrame) -> Text:
    writers = {
        "eye": his_eye.discharge,
        "neuro": his_neuro.discharge,
        "cardio": his_heart.discharge,
    }
    gone = "经抢救无效，患者临床死亡。"
    return fill(
        frame,
        "患者{name}，住院{los}天。\n诊疗经过：{special}{end}\n"
        "科室随访联系患者本人电话{phone}。\n医师签名：{author}",
        special=_by_group(frame, writers),
        end=either(frame, frame["died"], gone, "病情好转，准予出院，门诊随诊。"),
    )


def _english(frame: pd.DataFrame) -> Text:
    """The international clinic writes in English, names stay Chinese."""
    eye = fill(
        frame,
        "Visual acuity OD {va_r}, OS {va_l}. IOP by {iop_method}: {iop_r} mmHg in the right eye "
        "and {iop_l} mmHg in the left eye. ",
    )
    brain = fill(frame, "NIHSS {nihss_out}, modified Rankin scale {mrs}. ")
    stroke = frame["arm"].isin(["IS", "ICH", "TIA"])
    heart = fill(frame, "Echo: LVEF {lvef}%. No chest pain. ")
    known = either(frame, frame["hypertension"], "Known hypertension. ", "Denies hypertension. ")
    special = eye.where(frame["group"] == "eye", brain.where(stroke, "No new deficit. "))
    return fill(
        frame,
        "Patient: {name}, {age} years old.\nHistory: {known}No history of stroke in the family.\n"
        "Exam: BP {sbp}/{dbp} mmHg, HR {hr} bpm. {special}\nPlan: return in 3 months.\n"
        "Seen by Dr. {author}",
        known=known,
        special=special.where(frame["group"] != "cardio", heart),
    )


def doctors() -> dict[str, list[str]]:
    """Four names per specialty, all different."""
    surnames, given = his_words.SURNAMES, his_words.DOCTOR_GIVEN
    return {
        group: [surnames[(7 * g + 5 * n) % 36] + given[(4 * g + n) % len(given)] for n in range(4)]
        for g, group in enumerate(("eye", "neuro", "cardio"))
    }
