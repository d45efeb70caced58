"""Counts each edge case that samples/README.md states, from the shipped files alone.

A measure is a function of no argument under the name the README uses. It reads files, never the
maker's own intermediate tables, so that maker and README cannot agree on something untrue.
"""

from __future__ import annotations

import io
from functools import cache

import pandas as pd
from sample_files import (
    APRIL,
    EXTRACTS,
    MARCH,
    MAY,
    consents,
    his,
    observations,
    resources,
    table,
)

from samples.make.his_people import check_digits

OBSERVATION = ["PATIENT", "ENCOUNTER", "CODE", "DATE"]
LAB, EYE = ["检验单号", "项目代码"], ["检查号", "眼别"]


def _keys(frame: pd.DataFrame, columns: list[str]) -> set[tuple[str, ...]]:
    return set(frame[columns].itertuples(index=False, name=None))


def lakeside_late() -> int:
    known = _keys(observations(MARCH), OBSERVATION)
    old = observations(APRIL)[lambda f: f["DATE"] < "2024-04"]
    return len(_keys(old, OBSERVATION) - known)


def lakeside_corrected() -> int:
    march, april = (
        observations(m).drop_duplicates(OBSERVATION, keep=False) for m in (MARCH, APRIL)
    )
    both = march.merge(april, on=OBSERVATION)
    return int((both["VALUE_x"] != both["VALUE_y"]).sum())


def lakeside_deleted() -> int:
    return len(_keys(observations(MARCH), OBSERVATION) - _keys(observations(APRIL), OBSERVATION))


def lakeside_doubled() -> int:
    return int(observations(MARCH).duplicated().sum())


def lakeside_bad_dispenses() -> int:
    column = table("lakeside", MARCH, "medications.csv")["DISPENSES"]
    return int((~column.str.fullmatch(r"-?\d+")).sum())


def lakeside_bad_onsets() -> int:
    column = table("lakeside", MARCH, "conditions.csv")["START"]
    return int(pd.to_datetime(column, format="%Y-%m-%d", errors="coerce").isna().sum())


def lakeside_bad_starts() -> int:
    column = table("lakeside", APRIL, "procedures.csv")["START"]
    return int((~column.str.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")).sum())


def lakeside_missing_headers() -> int:
    pairs = [
        tuple(set(table("lakeside", m, f"{name}.csv").columns) for m in (MARCH, APRIL))
        for name in ("patients", "conditions", "procedures")
    ]
    return sum(len((new - old) - {"LOYALTY_TIER"}) for old, new in pairs)


def lakeside_unknown_columns() -> int:
    return sum("LOYALTY" in c for c in table("lakeside", APRIL, "patients.csv").columns)


def lakeside_moved() -> int:
    april, may = (table("lakeside", m, "patients.csv") for m in (APRIL, MAY))
    both = april.merge(may, on="Id")
    return int((both["ADDRESS_x"] != both["ADDRESS_y"]).sum())


def lakeside_unlisted_files() -> int:
    return sum((EXTRACTS / "lakeside" / m / "payers.csv").is_file() for m in (MARCH, APRIL))


def lakeside_notes() -> int:
    return len(list((EXTRACTS / "lakeside" / MARCH / "notes").iterdir()))


def _observed(month: str) -> dict[str, dict]:
    return {r["id"]: r for r in resources(month, "Observation")}


def stmary_late() -> int:
    march = _observed(MARCH)
    return sum(
        r["effectiveDateTime"] < "2024-04" for k, r in _observed(APRIL).items() if k not in march
    )


def stmary_corrected() -> int:
    march, april = _observed(MARCH), _observed(APRIL)
    shared = march.keys() & april.keys()
    return sum(march[k]["valueQuantity"] != april[k]["valueQuantity"] for k in shared)


def stmary_deleted() -> int:
    (bundle,) = resources(APRIL, "deleted")
    urls = [entry["request"]["url"].split("/")[1] for entry in bundle["entry"]]
    return sum(key in _observed(MARCH) for key in urls)


def stmary_unreadable() -> int:
    return sum(
        not r["effectiveDateTime"].startswith("20")
        for r in _observed(APRIL).values()
        if r["effectiveDateTime"] > "A"
    )


def stmary_errors() -> int:
    return len(resources(APRIL, "error"))


def stmary_panels() -> int:
    return sum(len(r.get("component", [])) == 2 for r in _observed(MARCH).values())


def stmary_documents() -> int:
    return len(resources(MARCH, "DocumentReference"))


def renmin_late_labs() -> int:
    return int((his(APRIL, "labs")["报告时间"] < "2024/03/25").sum() - renmin_corrected_labs())


def _changed(name: str, keys: list[str], column: str) -> int:
    both = his(MARCH, name).drop_duplicates(keys).merge(his(APRIL, name), on=keys)
    return int((both[f"{column}_x"] != both[f"{column}_y"]).sum())


def renmin_corrected_labs() -> int:
    return _changed("labs", LAB, "结果")


def renmin_corrected_eyes() -> int:
    both = his(MARCH, "eye_exams").merge(his(APRIL, "eye_exams"), on=EYE)
    return int((both["杯盘比_x"] != both["杯盘比_y"]).sum())


def renmin_amended_notes() -> int:
    return _changed("notes", ["文书号"], "文书内容")


def renmin_moved() -> int:
    return _changed("patients", ["患者ID"], "现住址")


def _deleted(month: str) -> int:
    march = {
        "labs": _keys(his(MARCH, "labs"), LAB),
        "eye_exams": _keys(his(MARCH, "eye_exams"), EYE),
    }
    text = (EXTRACTS / "renmin" / month / "deletions.csv").read_text(encoding="utf-8")
    rows = pd.read_csv(io.StringIO(text), dtype=str)
    return sum(tuple(key.split("|")) in march[name] for name, key in rows.itertuples(index=False))


def renmin_deleted_april() -> int:
    return _deleted(APRIL)


def renmin_deleted_may() -> int:
    return _deleted(MAY)


def renmin_doubled_labs() -> int:
    return int(his(MARCH, "labs").duplicated().sum())


def renmin_doubled_diagnoses() -> int:
    return int(his(MARCH, "diagnoses").duplicated().sum())


def renmin_bad_ranks() -> int:
    return int((~his(MARCH, "diagnoses")["诊断序号"].str.fullmatch(r"\d+")).sum())


def renmin_bad_report_times() -> int:
    times = his(MARCH, "labs")["报告时间"]
    return int(pd.to_datetime(times, format="%Y/%m/%d %H:%M:%S", errors="coerce").isna().sum())


def renmin_bad_diagnosis_times() -> int:
    return int((his(APRIL, "diagnoses")["诊断时间"] == "0000-00-00").sum())


def _full_width(column: pd.Series) -> int:
    return int(column.str.contains("[０-９]").sum())


def renmin_wide_labs() -> int:
    return sum(_full_width(his(m, "labs")["结果"]) for m in (MARCH, APRIL, MAY))


def renmin_wide_acuity() -> int:
    return sum(_full_width(his(m, "eye_exams")["裸眼视力"]) for m in (MARCH, APRIL, MAY))


def renmin_wide_phones() -> int:
    return _full_width(his(MARCH, "patients")["联系电话"])


def renmin_float_ids() -> int:
    return int(his(MARCH, "patients")["身份证号"].str.endswith("E+17").sum())


def renmin_wrong_ids() -> int:
    numbers = his(MARCH, "patients")["身份证号"][lambda s: s.str.len() == 18]
    return int((check_digits(numbers.str[:17]) != numbers.str[17]).sum())


def renmin_comparators() -> int:
    return int(his(MARCH, "labs")["结果"].str.contains("[<>]").sum())


def renmin_qualitative_acuity() -> int:
    words = "指数|手动|光感"
    return int(his(MARCH, "eye_exams")["裸眼视力"].str.contains(words).sum())


def renmin_five_point() -> int:
    return int(his(MARCH, "eye_exams")["裸眼视力"].str.fullmatch(r"[45]\.\d").sum())


def renmin_pinyin_files() -> int:
    return sum((EXTRACTS / "renmin" / APRIL / name).is_file() for name in ("HZXX.csv", "JYJG.csv"))


def renmin_unknown_columns() -> int:
    return sum(c == "YBJSFS" for c in his(MAY, "front_sheet").columns)


def renmin_late_sheets() -> int:
    return int((his(APRIL, "front_sheet")["CYSJ"] < "20240401").sum())


def renmin_rare_names() -> int:
    return int(his(MARCH, "patients")["姓名"].str.contains("[䶮𠮷]").sum())


def renmin_null_tokens() -> int:
    columns = ["工作单位", "联系人姓名", "健康卡号"]
    return int(his(MARCH, "patients")[columns].isin(["无", "-", "/", "NULL"]).sum().sum())


def renmin_english_notes() -> int:
    return int(his(MARCH, "notes")["文书内容"].str.startswith("Patient: ").sum())


def renmin_wide_notes() -> int:
    return int(his(MARCH, "notes")["文书内容"].str.contains("[０-９]").sum())


def _licensing(hospital: str, month: str) -> pd.DataFrame:
    return consents(hospital, month).query("purpose == 'commercial_licensing'")


def _decided(decision: str, month: str) -> int:
    frames = [_licensing(h, month) for h in ("lakeside", "renmin", "stmary")]
    return sum(int((f["decision"] == decision).sum()) for f in frames)


def consents_denied() -> int:
    return _decided("deny", MARCH)


def consents_withdrawn_april() -> int:
    return _decided("withdraw", APRIL)


def consents_withdrawn_may() -> int:
    return _decided("withdraw", MAY)


def consents_permitted_may() -> int:
    return sum(
        len(set(_licensing(h, MAY).query("decision == 'permit'")["patient_id"]) - known)
        for h in ("lakeside", "renmin", "stmary")
        for known in [set(_licensing(h, MARCH)["patient_id"])]
    )


ALL = [(h, m) for h in ("lakeside", "renmin", "stmary") for m in (MARCH, APRIL, MAY)]


@cache
def _consents() -> pd.DataFrame:
    """Every line once, whichever extracts repeat it."""
    frames = [consents(h, m).assign(hospital=h) for h, m in ALL]
    return pd.concat(frames, ignore_index=True).drop_duplicates()


def _lines(query: str) -> int:
    return len(_consents().query(query))


def consents_expiring() -> int:
    return _lines("valid_until != '' and purpose == 'commercial_licensing'")


def consents_by_parents() -> int:
    return _lines("guardian_relation == 'parent' and purpose == 'commercial_licensing'")


def consents_by_representatives() -> int:
    return _lines("guardian_relation == 'adult_representative' and guardian_evidence_sha256 != ''")


def consents_refused_by_kin() -> int:
    return _lines("guardian_relation == 'next_of_kin' and decision == 'deny'")


def consents_early_texts() -> int:
    early = _consents()["text_version"].str.startswith("early-licensing")
    return int(early.sum())


def consents_narrowed_records() -> int:
    records = _consents().query("record_id != ''").groupby("record_id")
    first, last = (records["purpose"].agg(set), records["record_version"].max())
    later = _consents().query("record_version == '2'").groupby("record_id")["purpose"].agg(set)
    assert (last == "2").all()
    return sum(later[name] < first[name] for name in later.index)


def consents_without_notes() -> int:
    return _lines("categories == 'imaging structured'")


def consents_with_genes() -> int:
    return _lines("categories.str.contains('genetic')")


def consents_notes_only() -> int:
    return _lines("categories == 'notes'")


def consents_one_company() -> int:
    return _lines("recipients.str.contains(':')")


def consents_unnamed_recipients() -> int:
    return _lines("jurisdiction == 'cn' and decision == 'permit' and recipients == ''")


def consents_not_begun() -> int:
    return _lines("valid_from >= '2025'")


def consents_opted_out() -> int:
    return _lines("purpose == 'secondary_use' and decision == 'deny'")


def _of_one_second(first: str, second: str) -> int:
    keys = ["hospital", "patient_id", "purpose", "recipients", "decided_at"]
    one, other = (_consents().query(f"decision == '{word}'") for word in (first, second))
    return len(one.merge(other, on=keys)[keys].drop_duplicates())


def consents_of_one_second() -> int:
    return _of_one_second("permit", "deny")


def consents_overlapping() -> int:
    alone = _consents().query("decision == 'permit' and record_id == ''")
    same = ["hospital", "patient_id", "purpose"]
    at_once = alone.groupby([*same, "decided_at"])["valid_until"].nunique()
    return int((at_once > 1).sum())


def consents_renewed() -> int:
    gone, permit = (_consents().query(f"decision == '{w}'") for w in ("withdraw", "permit"))
    both = permit.merge(gone, on=["hospital", "patient_id", "purpose"])
    return int((both["decided_at_x"] > both["decided_at_y"]).sum())


def consents_by_a_child_alone() -> int:
    born = his(MARCH, "patients").set_index("患者ID")["出生日期"].str[:4]
    by_self = "guardian == 'false' and decision == 'permit' and hospital == 'renmin'"
    alone = _consents().query(f"{by_self} and purpose == 'commercial_licensing'")
    age = alone["decided_at"].str[:4].astype(int) - alone["patient_id"].map(born).astype(float)
    return int((age < 14).sum())


def consents_of_nobody_known() -> int:
    known = set(his(MARCH, "patients")["患者ID"])
    lines = _consents().query("hospital == 'renmin' and purpose == 'commercial_licensing'")
    return int((~lines["patient_id"].isin(known)).sum())


def measures() -> dict[str, object]:
    """Every measure by the name the README uses for it."""
    hospitals = ("lakeside_", "stmary_", "renmin_", "consents_")
    return {n.replace("_", "-"): f for n, f in globals().items() if n.startswith(hospitals)}
