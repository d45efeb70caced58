"""Files that turned up: whose marks are read from them, and whose are not."""

import gzip

import pytest

from clearward.marking import embed, leak, reading, tardos
from tests.unit.marking.table import BIASES, KEY, PLACES, VALUE, connect, lab_sql, mark, word, write

pytestmark = pytest.mark.long
ROWS = 40_000
GUILTY = 3
LEVEL = 1e-6 / 600


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, connection = tmp_path_factory.mktemp("lab"), connect()
    source = write(connection, lab_sql(ROWS), folder / "lab.parquet")
    for n in range(GUILTY):
        mark(connection, source, folder / f"{n}.parquet", number=n)
    joined = " JOIN ".join(
        f"(SELECT lab_cv_key, value AS v{n} FROM '{folder}/{n}.parquet')" + " USING (lab_cv_key)"
        for n in range(GUILTY)
    )
    connection.execute(f"CREATE TABLE every AS SELECT * FROM '{source}' JOIN {joined}")
    return connection, source, folder


def read(lab, query, *, name="leak.csv", form="HEADER"):
    connection, _, folder = lab
    connection.execute(f"COPY ({query}) TO '{folder / name}' ({form})")
    return read_file(lab, folder / name)


def read_file(lab, path):
    connection, source, _ = lab
    found = leak.open_leak(connection, path)
    kinds = {r[0]: r[1] for r in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()}
    published = leak.published_sql(source)
    paired = leak.align_by_content(connection, found, published, columns=kinds, marked=[VALUE])
    embed.install_code(connection, PLACES)
    what = reading.read_marks(connection, [VALUE], BIASES, key=KEY, published=f"'{source}'")
    return paired, what


def accused(what, words=range(40)):
    limit = tardos.needed(what, LEVEL)
    return {n for n in words if abs(tardos.score(what, word(n))) >= limit}


MIXED = {
    "interleaved": "CASE hash(lab_cv_key || 'a') % 3 WHEN 0 THEN v0 WHEN 1 THEN v1 ELSE v2 END",
    "averaged": "(v0 + v1 + v2) / 3",
    "averaged and rounded": "round((v0 + v1 + v2) / 3, 2)",
    "least": "least(v0, v1, v2)",
    "greatest": "greatest(v0, v1, v2)",
    "majority": "list_sort([v0, v1, v2])[2]",
}


@pytest.mark.parametrize("how", MIXED)
def test_three_colluders_are_all_named_without_keys_from_a_third_of_the_rows(lab, how):
    _, what = read(
        lab,
        f"SELECT {MIXED[how]} AS value, code, day, hospital_id FROM every"
        " WHERE hash(lab_cv_key) % 3 = 0",
    )
    assert accused(what) == {0, 1, 2}


def test_one_licensee_is_named_from_one_row_in_twenty_in_any_order_and_columns(lab):
    paired, what = read(
        lab, "SELECT day, v1 AS VALUE, code FROM every WHERE hash(lab_cv_key) % 20 = 0 ORDER BY day"
    )
    assert paired.used == ("day", "code", "value")
    assert accused(what) == {1}


def test_digits_that_are_turned_over_name_the_licensee_by_a_negative_score(lab):
    turned = "round(xor(round(v0 * 100)::INT, 1) / 100.0, 2)"
    _, what = read(lab, f"SELECT {turned} AS value, code, day, hospital_id FROM every")
    assert accused(what) == {0}
    back = "round(2 * value + if(((round(value * 100)::INT - 1) & 1) = 0, 0.01, -0.01) - v0, 2)"
    _, what = read(lab, f"SELECT {back} AS value, code, day, hospital_id FROM every")
    assert tardos.score(what, word(0)) < -10
    assert accused(what) == {0}


def test_noise_on_half_of_the_digits_weakens_marks_and_accuses_nobody_else(lab):
    noise = "v2 + 0.01 * (hash(lab_cv_key || 'n') % 3 - 1.0)"
    _, what = read(lab, f"SELECT {noise} AS value, code, day, hospital_id FROM every")
    assert accused(what) == {2}


def test_rounding_to_clinical_precision_destroys_marks_and_it_is_seen(lab):
    _, what = read(lab, "SELECT round(v0, 1) AS value, code, day, hospital_id FROM every")
    assert accused(what) == set()
    assert reading.is_rounded(lab[0], [VALUE]) and not reading.is_unmarked(lab[0], [VALUE])


def test_new_random_digits_name_nobody(lab):
    digits = "floor(v0 * 10) / 10 + (hash(lab_cv_key || 'r') % 10) / 100.0"
    _, what = read(lab, f"SELECT {digits} AS value, code, day, hospital_id FROM every")
    assert accused(what) == set()


def test_the_release_itself_names_nobody_and_it_is_seen(lab):
    _, what = read(lab, "SELECT value, code, day, hospital_id FROM every")
    assert accused(what) == set() and what.cells > 4_000
    assert reading.is_unmarked(lab[0], [VALUE]) and not reading.is_rounded(lab[0], [VALUE])


def test_another_table_names_nobody(lab):
    _, what = read(lab, f"SELECT * EXCLUDE lab_cv_key FROM ({lab_sql(3_000, start=10**6)})")
    assert accused(what) == set()


def test_a_column_that_was_altered_does_not_keep_rows_from_being_found(lab):
    paired, what = read(
        lab, "SELECT v0 AS value, code, day + 100000 AS day, hospital_id, patient_key FROM every"
    )
    assert "day" not in paired.used
    paired, what = read(lab, "SELECT v0 AS value, md5(code) AS code, day, hospital_id FROM every")
    assert "code" not in paired.used
    assert accused(what) in ({0}, set())


@pytest.mark.parametrize("form", ["FORMAT parquet", "HEADER, DELIMITER ';'", "HEADER, QUOTE '\"'"])
def test_any_form_of_file_is_read_by_what_it_holds_not_by_its_name(lab, form):
    query = "SELECT v1 AS value, code, day, hospital_id FROM every LIMIT 20000"
    _, what = read(lab, query, name="leak.dat", form=form)
    assert accused(what) == {1}


def test_a_gzipped_csv_is_read(lab):
    lab[0].execute(f"COPY (SELECT v1 AS value, code, day FROM every) TO '{lab[2]}/l.csv' (HEADER)")
    packed = lab[2] / "l.gz"
    packed.write_bytes(gzip.compress((lab[2] / "l.csv").read_bytes()))
    assert accused(read_file(lab, packed)[1]) == {1}
