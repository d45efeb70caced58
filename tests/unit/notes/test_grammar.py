from __future__ import annotations

import pytest

from clearward.notes import read_note, read_text


def values(text: str, attribute: str) -> list[tuple[object, str]]:
    found = [f for f in read_note(text) if f.attribute == attribute]
    return [(f.value_text if f.value_num is None else f.value_num, f.laterality) for f in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OD: 20/20 OS: 20/25 VA", [(0.0, "OD"), (0.1, "OS")]),
        ("right 20/100, left 20/200 vision, pinholing to 20/30 and 20/40",
         [(0.7, "OD"), (1.0, "OS"), (0.18, "OD"), (0.3, "OS")]),
        ("VA 6/18 in the right eye, improving to 6/9, and 6/60 in the left eye",
         [(0.48, "OD"), (0.18, "OD"), (1.0, "OS")]),
        ("Right Left VA 20/50 20/60 PH NI 20/40", [(0.4, "OD"), (0.48, "OS"), (0.3, "OS")]),
        ("RE: vision poor. BCVA 35 letters, cup 0.3; LE: BCVA 80 letters",
         [(1.0, "OD"), (0.1, "OS")]),
        ("右眼玻璃体腔注药后，视力0.5", [(0.3, "OD")]),
        ("OD 20/40. OS 20/50. VA stable: 20/40", [(0.3, "OD"), (0.4, "OS"), (0.3, "")]),
        ("Va OD 20/4O, OS 2O/20", [(0.3, "OD"), (0.0, "OS")]),
        ("视力：ＯＤ０．５", [(0.3, "OD")]),
    ],
)  # fmt: skip
def test_every_acuity_finds_its_eye(text: str, expected: list) -> None:
    assert values(text, "visual_acuity") == expected


def test_a_side_is_given_up_where_two_are_spoken_of() -> None:
    (bare,) = [f for f in read_note("OD and OS dilated. IOP 16") if f.value_num == 16]
    assert (bare.laterality, bare.confidence < 0.7) == ("", True)


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("视力模糊，血糖5.1mmol/L", "visual_acuity"),
        ("LVEF 55%, FS 33%, PASP 35", "lvef"),
        ("HR 88 RR 22 SpO2 97%", "heart_rate"),
        ("fentanyl 24 hr patch", "heart_rate"),
        ("IOP 16 OU on 3 drops", "intraocular_pressure"),
        ("VA 20/20 OU, WBC 0.5", "visual_acuity"),
        ("RCA stent placed in 2018", "stents"),
        ("repetitive hand motion at work", "visual_acuity"),
        ("Wellbutrin SR", "rhythm"),
    ],
)
def test_what_stands_near_a_cue_and_is_not_its_value_is_left(text: str, attribute: str) -> None:
    wrong = {5.1, 33, 35, 22, 24, 3, 0.3, 1, "SR"}
    read = {value for value, _ in values(text, attribute)}
    assert read & wrong == set() and len(read) <= 1


def test_the_time_and_the_number_said_aside_stay_with_their_value() -> None:
    found = read_note("GAT 11AM: OD 16, OS 17. GAT 4PM: OD 19, OS 20")
    assert [(f.value_num, f.value_text) for f in found] == [
        (16, "T1100"), (17, "T1100"), (19, "T1600"), (20, "T1600"),
    ]  # fmt: skip
    (shot,) = [f for f in read_note("右眼雷珠单抗第3针") if f.attribute == "anti_vegf"]
    assert (shot.value_num, shot.value_text) == (3, "ranibizumab")


def test_conventional_and_high_sensitivity_troponin_are_never_pooled() -> None:
    found = read_note("troponin I 0.04 ng/mL. hs-TnT 0.045 ng/mL. 肌钙蛋白T 52 ng/L. troponin 0.4")
    assert [(f.attribute, f.value_num, f.unit_ucum) for f in found] == [
        ("troponin_i", 0.04, "ng/mL"),
        ("hs_troponin_t", 45.0, "ng/L"),
        ("hs_troponin_t", 52.0, "ng/L"),
        ("troponin_unspecified", 0.4, "ng/mL"),
    ]


def test_items_and_totals_of_a_scale_are_findings_of_their_own() -> None:
    text = "NIHSS 7 (1a 0, facial palsy 2, left arm 3). GCS E3V4M5=12"
    found = [f for f in read_note(text) if f.attribute.startswith(("nihss", "gcs"))]
    assert [(f.attribute, f.value_num, f.method, f.concept_code) for f in found] == [
        ("nihss_total", 7, "", "72089-6"),
        ("nihss_item", 0, "1a", "70184-7"),
        ("nihss_item", 2, "4", "70189-6"),
        ("nihss_item", 3, "5a", "70190-4"),
        ("gcs_eye", 3, "", "9267-6"),
        ("gcs_verbal", 4, "", "9270-0"),
        ("gcs_motor", 5, "", "9268-4"),
        ("gcs_total", 12, "", "9269-2"),
    ]


@pytest.mark.parametrize(
    ("text", "attribute", "reason"),
    [
        ("BP 80/120", "blood_pressure", "diastolic_above_systolic"),
        ("GCS 3T", "gcs_total", "not_convertible"),
        ("NIHSS facial palsy 7", "nihss_total", "out_of_range"),
        ("视力右眼3.2", "visual_acuity", "not_convertible"),
        ("QTc 950 ms", "qtc", "out_of_range"),
        ("LVEF 2%", "lvef", None),
        ("CST 95 um OD", "central_thickness", None),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_reason(
    text: str, attribute: str, reason: str | None
) -> None:
    reading = read_text(text)
    assert not [f for f in reading.findings if f.attribute == attribute]
    assert [r.reason for r in reading.rejects if r.attribute == attribute][:1] == (
        [reason] if reason else []
    )
