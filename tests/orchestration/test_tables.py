"""Tables in the UI add up to the row."""

from clearward.sources.report import FileCount, IngestReport, TableCount
from orchestration.tables import file_counts


def test_every_file_shows_where_its_rows_went():
    counts = {"inserted": 6, "updated": 1, "unchanged": 2, "quarantined": {"type_parse": 1}}
    file = FileCount(file_id="f" * 12, name="labs.csv", rows_in=10, **counts)
    table = TableCount(table="his__labs", sent=True, files=(file,))
    report = IngestReport("h", "his", "2024-05", "full", 1, "e" * 64, "f" * 64, (table,))
    last = file_counts(report).value.split("\n")[-1]
    assert last == "| labs.csv | his__labs | 10 | 9 | 1 | type_parse 1 |"
