"""What a holder of one version is told to have the next one, and what they are not told."""

import hashlib

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clearward.errors import ReleaseError
from clearward.releases.feed import write_feed
from clearward.settings import load_settings

OLD = "(VALUES ('a', 1, 'x'), ('b', 2, NULL), ('c', 3, 'z')) t(id, n, word)"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return Desk(tmp_path_factory.mktemp("feed"))


class Desk:
    """Writes two versions of a table and reads the feed between them."""

    def __init__(self, folder):
        self.folder, self.made = folder, 0
        self.settings = load_settings({"CLEARWARD_HOME": str(folder / "home")})

    def table(self, sql):
        self.made += 1
        path = self.folder / f"{self.made}.parquet"
        duckdb.execute(f"COPY (FROM {sql}) TO '{path}' (FORMAT parquet)")
        return path

    def feed(self, old, new, *, key=("id",), commit_version=2, **limits):
        self.made += 1
        out = self.folder / f"{self.made}.feed"
        sides = [[self.table(sql)] if sql else [] for sql in (old, new)]
        settings = load_settings({"CLEARWARD_HOME": str(self.folder / "home"), **limits})
        return write_feed(
            *sides, key=key, out=out, commit_version=commit_version, settings=settings
        )

    def rows(self, *args, **kwargs):
        return read(self.feed(*args, **kwargs))


def read(path):
    return duckdb.execute(f"FROM read_parquet('{path}')").fetchall()


def columns(path):
    described = duckdb.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
    return {name: kind for name, kind, *_ in described}


def test_each_kind_of_change_is_told_in_the_order_of_the_key(desk):
    new = "(VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('d', 4, 'w')) t(id, n, word)"
    assert desk.rows(OLD, new) == [
        ("b", None, None, "update_preimage", 2),
        ("b", 2, "y", "update_postimage", 2),
        ("c", None, None, "delete", 2),
        ("d", 4, "w", "insert", 2),
    ]


def test_no_value_that_the_new_version_has_not_leaves_with_the_feed(desk):
    new = "(VALUES ('a', 1, 'corrected'), ('b', 2, NULL)) t(id, n, word)"
    feed = desk.feed(OLD, new)
    assert b"'x'" not in feed.read_bytes() and b"z" not in {w for *_, w, _, _ in read(feed)}
    told = {value for row in read(feed) for value in row[1:3]}
    assert told == {None, 1, "corrected"}  # not 3, x or z


def test_the_statistics_of_the_file_do_not_tell_them_either(desk):
    old = "(VALUES ('a', 'SECRET-OLD'), ('b', 'SECRET-GONE')) t(id, word)"
    feed = desk.feed(old, "(VALUES ('a', 'new')) t(id, word)")
    assert b"SECRET" not in feed.read_bytes()


def test_versions_that_are_the_same_have_an_empty_feed_with_columns(desk):
    feed = desk.feed(OLD, OLD)
    assert read(feed) == []
    assert [*columns(feed)] == ["id", "n", "word", "_change_type", "_commit_version"]


def test_a_new_load_month_alone_updates_no_row_and_travels_with_one_that_is_updated(desk):
    old = "(VALUES ('a', 1, '2024-01'), ('b', 2, '2024-01')) t(id, n, month)"
    new = "(VALUES ('a', 1, '2024-02'), ('b', 3, '2024-02')) t(id, n, month)"
    assert [row[:3] for row in desk.rows(old, new)] == [("b", None, None), ("b", 3, "2024-02")]


def test_an_added_column_updates_the_rows_where_it_is_filled(desk):
    new = "(SELECT *, if(id = 'b', 9, NULL) AS more FROM " + OLD + ")"
    assert [row[0] for row in desk.rows(OLD, new)] == ["b", "b"]
    assert desk.rows(OLD, new)[1] == ("b", 2, None, 9, "update_postimage", 2)


def test_a_dropped_column_is_gone_from_the_feed_and_updates_no_row(desk):
    feed = desk.feed(OLD, f"(SELECT id, word FROM {OLD})")
    assert read(feed) == []
    assert "n" not in columns(feed)


@pytest.mark.parametrize(
    ("kind", "updated"),
    [("BIGINT", []), ("DOUBLE", []), ("VARCHAR", []), ("SMALLINT", []), ("BOOLEAN", ["a", "b"])],
)
def test_a_change_of_type_alone_updates_only_what_does_not_survive_it(desk, kind, updated):
    old = "(VALUES ('a', 1), ('b', 2)) t(id, n)"
    feed = desk.feed(old, f"(SELECT id, CAST(n AS {kind}) AS n FROM {old})")
    assert [row[0] for row in read(feed)][1::2] == updated
    assert columns(feed)["n"] == kind


def test_a_number_that_lost_its_fraction_is_an_update(desk):
    old = "(VALUES ('a', 3.0::DOUBLE), ('b', 3.4::DOUBLE)) t(id, n)"
    rows = desk.rows(old, f"(SELECT id, CAST(n AS INTEGER) AS n FROM {old})")
    assert rows[1] == ("b", 3, "update_postimage", 2)
    assert len(rows) == 2


def test_a_new_table_is_inserts_and_a_dropped_one_is_keys_to_delete(desk):
    assert {row[-2] for row in desk.rows(None, OLD)} == {"insert"}
    assert desk.rows(OLD, None)[0] == ("a", None, None, "delete", 2)


def test_delta_sharing_clients_get_a_file_without_the_version(desk):
    feed = desk.feed(OLD, None, commit_version=None)
    assert [*columns(feed)] == ["id", "n", "word", "_change_type"]


def test_several_files_are_one_version(desk):
    parts = [desk.table("(VALUES ('a', 1)) t(id, n)"), desk.table("(VALUES ('b', 2)) t(id, n)")]
    out = desk.folder / "parts.feed"
    new = [desk.table("(VALUES ('b', 2)) t(id, n)")]
    write_feed(parts, new, key=["id"], out=out, commit_version=1, settings=desk.settings)
    assert read(out) == [("a", None, "delete", 1)]


@pytest.mark.parametrize(
    ("new", "key", "words"),
    [
        ("(VALUES (1, 2)) t(id, n)", ("id",), "Another key"),
        ("(VALUES ('a', 2)) t(name, n)", ("id",), "Another key"),
        ("(VALUES ('a', 2), ('a', 3)) t(id, n)", ("id",), "does not name one row"),
        ("(VALUES ('a', 2, 'x')) t(id, n, _change_type)", ("id",), "name of the change feed"),
        (OLD, (), "cannot be compared"),
    ],
)
def test_what_cannot_be_told_as_changes_is_refused_and_nothing_is_written(desk, new, key, words):
    out = desk.folder / "refused.feed"
    sides = [[desk.table(OLD)], [desk.table(new)]]
    with pytest.raises(ReleaseError, match=words):
        write_feed(*sides, key=key, out=out, commit_version=1, settings=desk.settings)
    assert not out.exists()


def test_two_rows_under_one_key_on_both_sides_are_refused(desk):
    twice = "(VALUES ('a', {}), ('a', {})) t(id, n)"
    with pytest.raises(ReleaseError, match="does not name one row"):
        desk.feed(twice.format(1, 2), twice.format(3, 4))


def test_a_missing_and_a_damaged_file_are_refused(desk):
    good, bad = desk.table(OLD), desk.folder / "bad.parquet"
    bad.write_bytes(b"PAR1 no parquet PAR1")
    for old in (desk.folder / "none", bad):
        with pytest.raises(ReleaseError):
            write_feed(
                [old],
                [good],
                key=["id"],
                out=desk.folder / "x",
                commit_version=1,
                settings=desk.settings,
            )


def test_the_same_versions_give_the_same_bytes_however_many_threads_there_are(desk):
    rows = "(SELECT hash(i)::VARCHAR AS id, i % {} AS n FROM range(150000) r(i))"
    digests = {
        hashlib.sha256(
            desk.feed(rows.format(7), rows.format(5), CLEARWARD_THREADS=threads).read_bytes()
        ).hexdigest()
        for threads in ("1", "4")
    }
    assert len(digests) == 1


ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 2) | st.none()),
    st.tuples(st.integers(0, 2) | st.none(), st.sampled_from(["", "x", None])),
    max_size=6,
)


def as_sql(rows):
    def text(value):
        return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)

    lines = [f"({', '.join(map(text, (*key, *value)))})" for key, value in rows.items()]
    typed = "a::VARCHAR AS a, b::INTEGER AS b, n::INTEGER AS n, word::VARCHAR AS word"
    empty = "(SELECT NULL, NULL, NULL, NULL LIMIT 0)"
    body = f"(VALUES {', '.join(lines)})" if lines else empty
    return f"(SELECT {typed} FROM {body} t(a, b, n, word))"


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(old=ROWS, new=ROWS)
def test_the_old_version_with_the_feed_applied_is_the_new_version(desk, old, new):
    held = dict(old)
    for a, b, n, word, change, _ in desk.rows(as_sql(old), as_sql(new), key=("a", "b")):
        if change == "delete":
            del held[a, b]
        elif change == "insert":
            assert (a, b) not in held
            held[a, b] = (n, word)
        elif change == "update_preimage":
            assert (n, word) == (None, None) and (a, b) in held
        else:
            assert held[a, b] != (n, word)
            held[a, b] = (n, word)
    assert held == new
