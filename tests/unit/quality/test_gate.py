"""A gate passes good data, stops bad data, knows when it is broken, and repeats no value."""

from __future__ import annotations

import re
import subprocess
import sys
from time import sleep

import pytest

from clearward.errors import ConfigError, GateBrokenError, GateError
from clearward.quality.report import State, check_green, load_report

SECRET = "Zebulon-4711"
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}
IN_SET = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "y", "value_set": ["a"]},
}
RANGE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": 9}}


def rows(condition: str) -> dict:
    query = f"SELECT 1 AS broken FROM {{batch}} WHERE {condition}"
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}


def states(report) -> dict[str, str]:
    return {check.check: check.state.value for check in report.checks}


def test_good_data_are_green_for_exactly_their_files(gate, suite, parquet):
    path = parquet("t", "SELECT i AS x, 'a' AS y FROM range(5) t(i)")
    report = gate({"t": suite("t", NOT_NULL, IN_SET, RANGE, rows("x < 0"))}, {"t": [path]})
    assert report.is_green
    assert {check.rows for check in report.checks} == {5}
    check_green(report, [path])


def test_each_broken_check_is_counted(gate, suite, parquet):
    path = parquet("t", "SELECT * FROM (VALUES (1, 'a'), (NULL, 'b'), (12, 'b')) v(x, y)")
    report = gate({"t": suite("t", NOT_NULL, IN_SET, RANGE, rows("y = 'b'"))}, {"t": [path]})
    assert [(check.state, check.failed) for check in report.checks] == [
        (State.FAIL, 1),
        (State.FAIL, 2),
        (State.FAIL, 1),
        (State.FAIL, 2),
    ]
    with pytest.raises(GateError, match="4 of 4 checks"):
        check_green(report, [path])


def test_mostly_forgives_its_share_and_no_more(gate, suite, parquet):
    path = parquet("t", "SELECT CASE WHEN i > 0 THEN i END AS x FROM range(10) t(i)")
    nine = {**NOT_NULL, "kwargs": {"column": "x", "mostly": 0.9}, "meta": {"check": "nine"}}
    more = {**NOT_NULL, "kwargs": {"column": "x", "mostly": 0.91}, "meta": {"check": "more"}}
    report = gate({"t": suite("t", nine, more)}, {"t": [path]})
    assert states(report) == {"nine": "pass", "more": "fail"}
    assert {check.failed for check in report.checks} == {1}


def test_a_check_that_raises_breaks_the_gate_instead_of_blaming_the_data(gate, suite, parquet):
    path = parquet("t", f"SELECT 1 AS x, '{SECRET}' AS y")
    missing = {**NOT_NULL, "kwargs": {"column": "nobody"}, "meta": {"check": "missing"}}
    cast = {**rows("CAST(y AS INTEGER) > 3"), "meta": {"check": "cast"}}
    good = {**NOT_NULL, "meta": {"check": "good"}}
    report = gate({"t": suite("t", missing, cast, good)}, {"t": [path]})
    assert states(report) == {"missing": "error", "cast": "error", "good": "pass"}
    assert not report.is_green
    with pytest.raises(GateBrokenError, match="could not judge"):
        check_green(report, [path])


def test_no_value_reaches_a_report_or_data_docs(gate, suite, parquet, tmp_path, capfd):
    path = parquet("t", f"SELECT 4711471 AS x, '{SECRET}' AS y")
    broken = suite("t", IN_SET, RANGE, rows("y <> 'a'"), rows("CAST(y AS INTEGER) > 3"))
    report = gate({"t": broken}, {"t": [path]})
    assert len(report.red) == 4
    pages = [file for file in (tmp_path / "report").rglob("*") if file.is_file()]
    assert any(file.suffix == ".html" for file in pages)
    texts = [file.read_bytes() for file in pages] + [s.encode() for s in capfd.readouterr()]
    assert not any(SECRET.encode() in text or b"4711471" in text for text in texts)


def test_data_docs_fetch_and_run_nothing(gate, suite, parquet, tmp_path):
    path = parquet("t", "SELECT 1 AS x")
    gate({"t": suite("t", NOT_NULL, rows("x > 5"))}, {"t": [path]})
    site = tmp_path / "report" / "data_docs"
    pages = list(site.rglob("*.html"))
    assert len(pages) == 2  # every check; Great Expectations' own page
    index = (site / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', index)
    assert {link for link in links if not link.startswith("#")} == {"great_expectations.html"}
    assert "2 of 2" in index
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<table" in text
        assert not re.search(r"<script|<(link|img|iframe)[^>]*https?://", text)


def test_data_docs_show_every_check_with_its_rule_and_counts_the_broken_first(
    gate, suite, parquet, tmp_path
):
    path = parquet("t", "SELECT * FROM range(7) t(x)")
    gate({"t": suite("t", NOT_NULL, rows("x > 3 AND x < 6"))}, {"t": [path]})
    page = (tmp_path / "report" / "data_docs" / "index.html").read_text(encoding="utf-8")
    broken, held = page.index("check_1"), page.index("check_0")
    assert broken < held
    assert "FROM {batch} WHERE x &gt; 3 AND x &lt; 6" in page
    assert '<td class="number">7</td><td class="number">2</td>' in page


def test_the_same_counts_give_the_same_pages(gate, suite, parquet, tmp_path):
    path, folder = parquet("t", "SELECT 1 AS x"), tmp_path / "report" / "data_docs"
    made = []
    for _ in range(2):
        sleep(1.1)  # the library's clocks show whole seconds
        gate({"t": suite("t", NOT_NULL)}, {"t": [path]})
        made.append({page.name: page.read_bytes() for page in folder.iterdir()})
    assert made[0] == made[1]


def test_a_gate_leaves_no_scratch_folder_behind(
    gate, suite, parquet, settings, monkeypatch, tmp_path
):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    gate({"t": suite("t", NOT_NULL)}, {"t": [parquet("t", "SELECT 1 AS x")]})
    assert list((tmp_path / "scratch").iterdir()) == []
    assert list((settings.home / "spill").iterdir()) == []


def test_an_empty_table_is_vacuous_and_fails_where_rows_are_required(gate, suite, parquet):
    path = parquet("t", "SELECT 1 AS x WHERE false")
    optional = gate({"t": suite("t", NOT_NULL)}, {"t": [path]})
    assert states(optional) == {"check_0": "vacuous"}
    assert optional.is_green
    required = gate({"t": suite("t", NOT_NULL, must_have_rows=True)}, {"t": [path]})
    assert states(required) == {"has_rows": "fail", "check_0": "vacuous"}
    assert not required.is_green


def test_a_required_table_without_a_file_fails(gate, suite, parquet):
    other = parquet("o", "SELECT 1 AS x")
    suites = {"t": suite("t", NOT_NULL, must_have_rows=True), "o": suite("o", NOT_NULL)}
    report = gate(suites, {"t": [], "o": [other]})
    assert [c.table for c in report.red] == ["t"]


def test_a_month_without_changes_passes_when_history_has_rows(gate, suite, parquet):
    now = parquet("now", "SELECT 'k' AS row_key, '2024-02' AS month, 'D' AS op, NULL::INT AS x")
    old = parquet(
        "old",
        "SELECT * FROM (VALUES ('k', '2024-01', 'I', 1), ('m', '2024-01', 'I', 2))"
        " v(row_key, month, op, x)",
    )
    path = suite("t", NOT_NULL, must_have_rows=True, where="op <> 'D'")
    with_history = gate({"t": path}, {"t": [now]}, history={"t": [old, now]})
    assert states(with_history) == {"has_rows": "pass", "check_0": "vacuous"}
    assert [c.rows for c in with_history.checks if c.check == "has_rows"] == [1]
    assert with_history.is_green
    assert not gate({"t": path}, {"t": [now]}).is_green


def test_one_table_may_be_judged_against_another(gate, suite, parquet):
    people = parquet("p", "SELECT i AS k FROM range(3) t(i)")
    facts = parquet("f", "SELECT i AS k FROM range(4) t(i)")
    orphan = rows("k NOT IN (SELECT k FROM people)")
    suites = {"facts": suite("facts", orphan), "people": suite("people", rows("k < 0"))}
    report = gate(suites, {"facts": [facts], "people": [people]})
    assert [(c.table, c.failed) for c in report.red] == [("facts", 1)]


def test_a_changed_added_or_missing_file_is_not_what_was_judged(gate, suite, parquet):
    path = parquet("t", "SELECT 1 AS x")
    report = gate({"t": suite("t", NOT_NULL)}, {"t": [path]})
    other = parquet("other", "SELECT 2 AS x")
    for files in ([other], [path, other], []):
        with pytest.raises(GateError, match="other files"):
            check_green(report, files)


def test_a_report_reads_back_and_the_same_data_give_the_same_report(gate, suite, parquet, tmp_path):
    path = parquet("t", "SELECT 1 AS x")
    report = gate({"t": suite("t", NOT_NULL)}, {"t": [path]})
    text = (tmp_path / "report" / "gate.json").read_text()
    assert load_report(tmp_path / "report") == report
    gate({"t": suite("t", NOT_NULL)}, {"t": [path]})
    assert (tmp_path / "report" / "gate.json").read_text() == text


def test_a_missing_or_damaged_report_is_a_gate_error(tmp_path):
    with pytest.raises(GateError, match="no gate report"):
        load_report(tmp_path)
    (tmp_path / "gate.json").write_text('{"gate": 1}')
    with pytest.raises(GateError, match="damaged"):
        load_report(tmp_path)


def test_a_table_no_suite_judges_is_refused(gate, suite, parquet):
    path = parquet("t", "SELECT 1 AS x")
    with pytest.raises(ConfigError, match="no suite for u"):
        gate({"t": suite("t", NOT_NULL)}, {"t": [path], "u": [path]})


def test_a_kind_of_expectation_that_reports_values_is_refused(gate, suite, parquet):
    path = parquet("t", "SELECT 1 AS x")
    leaky = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "x", "max_value": 3}}
    with pytest.raises(ConfigError, match="unsafe kinds: expect_column_max"):
        gate({"t": suite("t", leaky)}, {"t": [path]})


def test_light_modules_do_not_import_great_expectations():
    code = (
        "import sys, clearward.quality.gate, clearward.quality.report;"
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_data_docs_that_will_be_public_tell_no_count_below_k(gate, suite, parquet, tmp_path):
    path = parquet("t", "SELECT if(i < 7, NULL, i) AS x FROM range(40) t(i)")
    lenient = {**NOT_NULL, "kwargs": {**NOT_NULL["kwargs"], "mostly": 0.5}}
    report = gate({"t": suite("t", lenient)}, {"t": [path]}, k=11)
    assert [check.failed for check in report.checks if check.failed] == [7]
    shown = (tmp_path / "report" / "data_docs" / "index.html").read_text()
    assert "&lt;11" in shown and ">7<" not in shown
