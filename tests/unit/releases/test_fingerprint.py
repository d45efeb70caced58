"""One fingerprint for one content, whatever the order, the engine and whose copy it is."""

import hashlib

import duckdb
import pandas as pd
import pytest

from clearward.errors import ReleaseError
from clearward.releases.fingerprint import NULL, fingerprint
from clearward.releases.shelf import load_manifest

ROWS = """SELECT printf('k%03d', i) AS row_key, i % 5 AS n, (i * 0.1)::DOUBLE AS x,
    CASE WHEN i % 3 = 0 THEN NULL WHEN i % 2 = 0 THEN '左眼' ELSE 'a b' END AS word,
    i % 2 = 0 AS is_even FROM range(50) t(i)"""


def taken(tmp_path, sql, name="t"):
    path = tmp_path / f"{name}.parquet"
    connection = duckdb.connect()
    connection.execute(f"COPY ({sql}) TO '{path}'")
    columns = {n: k for n, k, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()}
    return fingerprint(connection, [path], columns=columns), path


def in_pandas(path):
    """The rule as a buyer may write it."""
    frame = pd.read_parquet(path)
    sums = [0, 0]
    for row in frame[sorted(c for c in frame if not c.endswith("_key"))].itertuples(index=False):
        texts = []
        for value in row:
            if value is None or value != value:
                texts.append(NULL)
            elif isinstance(value, bool):
                texts.append(str(value).lower())
            else:
                texts.append(f"{0.0 + value:.9e}" if isinstance(value, float) else str(value))
        digest = hashlib.md5("\x1f".join(texts).encode()).hexdigest()
        sums = [sums[0] + int(digest[:8], 16), sums[1] + int(digest[8:16], 16)]
    return f"{len(frame)}-{sums[0]}-{sums[1]}"


def test_another_order_of_rows_and_columns_and_other_keys_are_the_same_content(tmp_path):
    whole, _ = taken(tmp_path, ROWS)
    moved = f"""SELECT is_even, word, x, n, md5(row_key) AS row_key FROM ({ROWS})
        ORDER BY hash(row_key)"""
    assert taken(tmp_path, moved, "moved")[0] == whole


@pytest.mark.parametrize(
    "change",
    ["n + 1 AS n", "x + 1e-7 AS x", "coalesce(word, '') AS word", "NOT is_even AS is_even"],
)
def test_one_changed_cell_is_another_content(tmp_path, change):
    name = change.rpartition(" ")[2]
    expression = change.rpartition(" AS ")[0]
    cell = f"CASE WHEN row_key = 'k009' THEN {expression} ELSE {name} END AS {name}"
    changed = f"SELECT * REPLACE ({cell}) FROM ({ROWS})"
    assert taken(tmp_path, changed, "changed")[0] != taken(tmp_path, ROWS)[0]


def test_a_row_twice_or_not_at_all_is_another_content(tmp_path):
    whole, _ = taken(tmp_path, ROWS)
    twice = f"({ROWS}) UNION ALL (SELECT * FROM ({ROWS}) LIMIT 2)"
    assert taken(tmp_path, twice, "twice")[0] != whole
    assert taken(tmp_path, f"SELECT * FROM ({ROWS}) WHERE row_key > 'k001'", "less")[0] != whole


def test_another_engine_takes_the_same_fingerprint(tmp_path):
    told, path = taken(tmp_path, ROWS)
    assert in_pandas(path) == told


def test_a_release_tells_the_fingerprint_of_every_table(house):
    house.release()
    told = load_manifest(house.storage, "cardiology", "1.0.0").facts["fingerprints"]
    assert len(told) > 8 and all(text.count("-") == 2 for text in told.values())


def test_a_damaged_file_has_no_fingerprint(tmp_path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1PAR1")
    with pytest.raises(ReleaseError, match="fingerprint"):
        fingerprint(duckdb.connect(), [path], columns={"a": "INTEGER"})
