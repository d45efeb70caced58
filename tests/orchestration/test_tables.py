"""Tables in the UI add up to the row."""

from clearward.quality.report import Check, GateReport, State
from clearward.sources.report import FileCount, IngestReport, TableCount
from orchestration.tables import checks_by_table, file_counts


def test_every_file_shows_where_its_rows_went():
    counts = {"inserted": 6, "updated": 1, "unchanged": 2, "quarantined": {"type_parse": 1}}
    file = FileCount(file_id="f" * 12, name="labs.csv", rows_in=10, **counts)
    table = TableCount(table="his__labs", sent=True, files=(file,))
    report = IngestReport("h", "his", "2024-05", "full", 1, "e" * 64, "f" * 64, (table,))
    last = file_counts(report).value.split("\n")[-1]
    assert last == "| labs.csv | his__labs | 10 | 9 | 1 | type_parse 1 |"


def test_a_gate_shows_what_keeps_it_shut_table_by_table():
    good = Check("t", "key_is_present", "kind", State.PASS, rows=9, failed=0)
    bad = Check("t", "code_is_known", "kind", State.FAIL, rows=9, failed=4)
    text = checks_by_table(GateReport("raw", (good, bad), ())).value
    assert text.split("\n")[-1] == "| t | 9 | 2 | code_is_known (4 rows) |"
