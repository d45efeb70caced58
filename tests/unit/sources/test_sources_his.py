"""A Chinese export: GB18030, either header dialect, null tokens, full width, wide sheets."""

from __future__ import annotations

import pytest

from clearward.errors import ExtractError

from .conftest import write_run

RARE = "𠮷田䶮"


def person(ident: str, **more: object) -> dict[str, object]:
    return {
        "患者ID": ident,
        "姓名": RARE,
        "性别": "女",
        "出生日期": "1960/02/03",
        "身份证号": "/",
        "联系电话": "无",
        **more,
    }


def visit(ident: str, who: str) -> dict[str, object]:
    return {"就诊号": ident, "患者ID": who, "就诊时间": "2024-04-01 08:00:00", "就诊类型": "门诊"}


def diagnosis(ident: str, who: str, **more: object) -> dict[str, object]:
    return {
        "就诊号": ident,
        "患者ID": who,
        "诊断序号": "1",
        "诊断编码": "E11.300x031+H28.0*",
        "诊断名称": "糖尿病性视网膜病变",
        "诊断时间": "20240401",
        **more,
    }


def sheet(number: str, who: str, **more: object) -> dict[str, object]:
    empty = {f"{name}{n}": "-" for n in range(1, 4) for name in ("JBDM", "QTZD", "RYBQ")}
    return {"BAH": number, "ZYCS": "1", "HZID": who, "RYSJ": "2024-04-01 08:00", **empty, **more}


def small_export() -> dict[str, list]:
    return {
        "患者基本信息.csv": [person("00012"), person("00013")],
        "就诊记录.csv": [visit("v1", "00012"), visit("v2", "00013")],
        "诊断记录.csv": [diagnosis("v1", "00012"), diagnosis("v2", "00013")],
    }


def send(shop, run, *, encoding: str = "gb18030", **how):
    return shop.ingest(shop.pack(write_run(shop.folder(), run, encoding=encoding), **how))


def test_rare_characters_survive_gb18030(his):
    send(his, small_export())
    assert his.state("patients", "patient_id, name") == [("00012", RARE), ("00013", RARE)]


def test_a_utf8_file_sent_as_gb18030_is_refused(his):
    with pytest.raises(ExtractError, match=r"is in UTF-8|not in its system's encoding"):
        send(his, small_export(), encoding="utf-8")


def test_a_utf8_file_whose_bytes_are_also_gb18030_is_refused(his):
    run = small_export()
    for row in run["诊断记录.csv"]:
        row["诊断名称"] = "白内"  # six bytes: three valid double-byte characters
    folder = write_run(his.folder(), run, encoding="gb18030")
    pinyin = {
        "诊断序号": "ZDXH",
        "诊断编码": "ZDBM",
        "诊断名称": "ZDMC",
        "诊断时间": "ZDSJ",
        "就诊号": "JZH",
        "患者ID": "HZID",
    }
    rows = [{pinyin[k]: v for k, v in row.items()} for row in run["诊断记录.csv"]]
    write_run(folder, {"诊断记录.csv": rows}, encoding="utf-8")
    (folder / "诊断记录.csv").read_bytes().decode("gb18030")
    with pytest.raises(ExtractError, match="is in UTF-8"):
        his.ingest(his.pack(folder))


def test_chinese_and_pinyin_headers_and_tabs_give_the_same_rows(his):
    send(his, small_export(), month="2024-05", sequence=1)
    run = small_export()
    pinyin = {
        "患者ID": "HZID",
        "姓名": "xm",
        "性别": "XB",
        "出生日期": "CSRQ",
        "身份证号": "SFZH",
        "联系电话": "ＤＨ",
    }
    run["患者基本信息.csv"] = [
        {pinyin[k]: v for k, v in row.items()} for row in run["患者基本信息.csv"]
    ]
    folder = write_run(his.folder(), run, encoding="gb18030")
    path = folder / "患者基本信息.csv"
    path.write_bytes(path.read_bytes().replace(b",", b"\t").replace(b"\n", b"\r\n"))
    path.rename(folder / "HZXX.csv")
    report = his.ingest(his.pack(folder, month="2024-06", sequence=2))
    assert report.metadata()["unchanged"] == 6 and report.dropped_columns == ()


def test_null_tokens_midnights_and_full_width_digits_are_read(his):
    run = small_export()
    run["患者基本信息.csv"][0].update({"患者ID": "０００１２ ", "出生日期": "1960-02-03 00:00:00"})
    run["诊断记录.csv"][0].update({"诊断序号": "１", "诊断编码": "Ｅ１１．９"})
    send(his, run)
    columns = "patient_id, CAST(birth_date AS VARCHAR), national_id, phone"
    assert his.state("patients", columns)[0] == ("00012", "1960-02-03", None, None)
    assert ("E11.9", 1) in his.state("diagnoses", "code, rank")


def test_a_front_sheet_becomes_one_row_per_filled_slot(his):
    run = small_export()
    run["病案首页.csv"] = [
        sheet("A1", "00012", JBDM1="H36.0", QTZD1="视网膜病变", JBDM3="I10", RYBQ3="1"),
        sheet("A2", "00013"),
    ]
    report = send(his, run)
    assert report.table("front_sheet").rows_in == 2
    counts = report.table("front_sheet_diagnoses")
    assert (counts.rows_in, counts.kept, counts.quarantined) == (2, 2, {})
    assert his.state("front_sheet_diagnoses", "position, code, description, source_row") == [
        (1, "H36.0", "视网膜病变", 2),
        (3, "I10", None, 2),
    ]
    assert report.table("front_sheet_operations").rows_in == 0


def test_a_bad_slot_is_quarantined_alone(his):
    run = small_export()
    operation = {"SSJCZBM1": "13.4", "SSJCZRQ1": "2024-04-02", "SSJCZBM2": "14.2", "SSJCZRQ2": "无"}
    run["病案首页.csv"] = [sheet("A1", "00012", **operation)]
    counts = send(his, run).table("front_sheet_operations")
    assert (counts.kept, counts.quarantined) == (1, {"required_null": 1})
    path = his.part("quarantine", "front_sheet_operations")
    assert his.query(f"SELECT source_row, part, reason FROM '{path}'") == [(2, 2, "operated_on")]
