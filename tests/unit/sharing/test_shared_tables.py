import hashlib
import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from clearward.errors import ReleaseError
from clearward.releases.manifest import FileEntry
from clearward.sharing.footers import Footers
from clearward.sharing.messages import parse_capabilities
from clearward.sharing.schema import delta_type, is_delta_ready, reader_features, schema_string
from clearward.sharing.versions import Numbered, as_of, parse_timestamp, since
from clearward.storage.local import LocalStorage

TABLE = """SELECT i::INTEGER AS n, i % 2 = 0 AS flag, CASE WHEN i > 5 THEN 'v' || i END AS text,
    CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i END AS odd, NULL::INTEGER AS nothing,
    DATE '2024-01-01' + i::INTEGER AS day, [i] AS list, repeat('x', 200) || i AS long
    FROM range(10) t(i)"""


@pytest.fixture
def read(tmp_path):
    def _read(query):
        path = tmp_path / "t.parquet"
        duckdb.sql(f"COPY ({query}) TO '{path}'")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = FileEntry("t.parquet", digest, path.stat().st_size)
        return Footers().read(LocalStorage(tmp_path), "t.parquet", entry)

    return _read


def test_a_footer_tells_what_the_file_knows_and_nothing_that_misleads(read):
    footer = read(TABLE)
    assert footer.rows == 10
    assert footer.columns == ("n", "flag", "text", "odd", "nothing", "day", "list", "long")
    assert (footer.least["n"], footer.greatest["n"]) == (0, 9)
    assert (footer.least["day"], footer.greatest["day"]) == ("2024-01-01", "2024-01-10")
    assert (footer.empty["text"], footer.empty["nothing"], footer.empty["n"]) == (6, 10, 0)
    assert not {"flag", "nothing", "list", "long"} & set(footer.least)
    assert json.dumps(footer.least)


def test_an_empty_table_has_columns_and_no_bounds(read):
    footer = read(f"SELECT * FROM ({TABLE}) WHERE false")
    assert (footer.rows, footer.least, footer.greatest) == (0, {}, {})
    assert footer.columns[0] == "n"


def test_a_wide_table_s_footer_is_read_though_it_is_long(read):
    columns = ", ".join(f"i AS a_rather_long_column_name_number_{n}" for n in range(1500))
    assert len(read(f"SELECT {columns} FROM range(3) t(i)").columns) == 1500


def test_no_parquet_no_footer(tmp_path):
    (tmp_path / "t").write_bytes(b"x" * 100)
    with pytest.raises(ReleaseError, match="cannot be shared"):
        Footers().read(LocalStorage(tmp_path), "t", FileEntry("t", "0" * 64, 100))


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("INTEGER", "integer"),
        ("BIGINT", "long"),
        ("DECIMAL(18,3)", "decimal(18,3)"),
        ("ENUM('a', 'b')", "string"),
        ("VARCHAR[]", {"type": "array", "elementType": "string", "containsNull": True}),
        ("TIMESTAMP WITH TIME ZONE", "timestamp"),
    ],
)
def test_types_have_delta_s_names(duckdb_type, expected):
    assert delta_type(duckdb_type) == expected


def test_a_type_without_a_name_is_refused():
    with pytest.raises(ReleaseError, match="no name for"):
        delta_type("STRUCT(a INTEGER)")


def test_columns_come_in_the_order_of_the_file():
    text = schema_string({"a": "INTEGER", "b": "TIMESTAMP"}, ["b", "a"], is_delta=True)
    fields = json.loads(text)["fields"]
    assert [(f["name"], f["type"]) for f in fields] == [("b", "timestamp_ntz"), ("a", "integer")]
    assert reader_features({"b": "TIMESTAMP"}) == ("timestampNtz",)
    assert is_delta_ready({"a": "INTEGER"}) and not is_delta_ready({"a": "UBIGINT"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-03T04:05:06Z", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2024-02-03T04:05:06+02:00", datetime(2024, 2, 3, 2, 5, 6, tzinfo=UTC)),
        ("2024-2-3 4:05:06.5", datetime(2024, 2, 3, 4, 5, 6, 500_000, tzinfo=UTC)),
        ("2024-02-03", datetime(2024, 2, 3, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_the_protocol_writes_them(text, expected):
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize("text", ["", "now", "2024-13-01", "2024-02-30 00:00:00", "1700000000000"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        parse_timestamp(text)


def test_versions_as_of_and_since_a_moment():
    start = datetime(2024, 1, 1, tzinfo=UTC)
    found = [Numbered(n, f"1.{n}.0", start + timedelta(days=n)) for n in range(3)]
    assert [v.number for v in as_of(found, start + timedelta(days=1))] == [0, 1]
    assert [v.number for v in since(found, start + timedelta(days=1))] == [1, 2]
    assert as_of(found, start - timedelta(seconds=1)) == []


def test_capabilities_are_read_whatever_their_case_and_order():
    read = parse_capabilities("ReaderFeatures=A,b; responseFormat=Delta,parquet")
    assert (read.formats, read.reader_features) == (("delta", "parquet"), {"a", "b"})
    assert parse_capabilities("").formats == ("parquet",)
