"""Every number of a document, read back from the Parquet files of a built release."""

from math import sqrt

import pytest

from clearward.products.counts import rounded

K = 11
MASKED = "masked"


def one(data, sql):
    return data.execute(sql).fetchone()


def test_every_column_and_filling_of_the_dictionary_is_the_data_s(read, data):
    rows = read("dictionary.csv")
    assert len({(r["table"], r["column"]) for r in rows}) == len(rows)
    shown = 0
    for row in rows:
        sql = f'SELECT count(*), count("{row["column"]}"), typeof(any_value("{row["column"]}")) '
        n, filled, kind = one(data, f"{sql} FROM {row['table']}")
        assert row["type"] == kind or not filled
        if row["filled_percent"] != MASKED:
            assert int(row["filled_percent"]) == round(100 * filled / n)
            shown += 1
        else:
            assert 0 < filled < K or 0 < n - filled < K
    assert shown > len(rows) - 4


def test_every_code_has_a_line_and_every_shown_number_is_the_data_s_to_k(read, data):
    lines = [r for r in read("codebook.csv") if r["table"] == "cardiology__diagnosis"]
    for column in ("code", "code_stem"):
        found = dict(
            data.execute(
                f"SELECT {column}, count(*) FROM cardiology__diagnosis "
                f"WHERE {column} IS NOT NULL GROUP BY 1"
            ).fetchall()
        )
        told = {r["code"]: r["rows"] for r in lines if r["column"] == column}
        assert set(told) == set(found)
        assert all(n == MASKED or int(n) == rounded(found[code], 11) for code, n in told.items())
    shown = {r["code"]: r["rows"] for r in lines}
    assert shown["R99.900"] == shown["R99.9"] == MASKED
    assert shown["I50.900"] != MASKED
    labels = {r["code"]: (r["version"], r["label_en"], r["label_zh"]) for r in lines}
    assert labels["I50.900"] == ("2.0", "Heart failure", "心力衰竭")
    assert labels["84114007"][0] == ""  # the data do not say which edition


def test_every_shown_number_of_empty_cells_is_the_data_s(read, data):
    lines = read("missingness.csv")
    checked = 0
    for line in lines:
        name, column = line["table"], line["column"]
        where = "true"
        if line["hospital_id"] != "ALL":
            where = f"t.hospital_id = '{line['hospital_id']}'"
            where += f" AND p.index_year = '{line['index_year']}'"
        n, filled = one(
            data,
            f'SELECT count(*), count(t."{column}") FROM {name} t '
            f"JOIN cardiology__patient p USING (patient_key) WHERE {where}",
        )
        assert line["rows"] in (MASKED, str(n))
        if line["missing"] != MASKED:
            assert int(line["missing"]) == n - filled
            assert int(line["missing_percent"]) == round(100 * (n - filled) / n)
            checked += 1
    assert checked > 100
    groups = {(r["hospital_id"], r["index_year"]) for r in lines}
    assert len(groups) == 7


def test_the_release_s_side_of_representativeness_is_the_data_s(read, data):
    for line in read("representativeness.csv"):
        column = line["characteristic"]
        n = one(
            data, f"SELECT count(*) FROM cardiology__patient WHERE {column} = '{line['value']}'"
        )[0]
        assert int(line["patients"]) == n
        assert int(line["percent"]) == round(100 * n / 240)


def test_the_source_s_side_is_rounded_to_k_and_gives_the_difference(read):
    lines = {r["value"]: r for r in read("representativeness.csv")}
    assert [int(lines[v]["source_patients"]) for v in ("F", "M")] == [154, 308]  # of 150 and 300
    assert [int(lines[v]["source_patients"]) for v in ("east", "north")] == [440, 22]  # 430, 20
    own, other = 1.0, 440 / 462
    spread = sqrt((own * (1 - own) + other * (1 - other)) / 2)
    assert float(lines["east"]["smd"]) == pytest.approx((own - other) / spread, abs=0.005)


def test_attrition_is_the_data_s_in_every_form(read, data, built):
    found = data.execute(
        "SELECT n_in, n_excluded, n_out FROM cardiology__attrition ORDER BY step_no"
    ).fetchall()
    as_csv = [tuple(int(r[n]) for n in ("n_in", "n_excluded", "n_out")) for r in
              read("cohort_attrition.csv")]  # fmt: skip
    assert found == as_csv
    drawn = (built / "cohort_attrition.svg").read_text("utf-8")
    for n_in, left_out, n_out in found:
        assert f">{left_out} left out<" in drawn
        assert f">{n_out} patients<" in drawn
        assert f">{n_in} patients" in drawn
    assert drawn.strip() in (built / "cohort_attrition.html").read_text("utf-8")
    assert found[-1][-1] == one(data, "SELECT count(*) FROM cardiology__patient")[0]


def test_the_data_card_counts_what_is_there(built, data):
    text = (built / "index.html").read_text("utf-8")
    tables = [name for (name,) in data.execute("SHOW TABLES").fetchall()]
    people = [name for name in tables if not name.endswith("__attrition")]
    rows = sum(one(data, f"SELECT count(*) FROM {name}")[0] for name in people)
    assert f"<dd>{rows:,}</dd>" in text
    assert "<dd>240</dd>" in text
    assert f"{len(tables)} tables" in text
    assert "<dd>3<small> of 1</small></dd>" in text


def test_mapping_counts_are_the_core_s_rounded_and_no_rare_code_is_named(read, built):
    [line] = read("mapping_coverage.csv")
    assert (line["mapped_rows"], line["unmapped_rows"]) == ("902", "66")  # of 900 and 65
    [code] = read("unmapped_codes.csv")
    assert (code["code"], code["rows"]) == ("L40.000", "66")  # of 60; OWN-7 has 5 patients
    assert not any("OWN-7" in path.read_text("utf-8") for path in built.glob("*.*"))


def test_arrivals_are_counted_by_month_rounded_and_hidden_under_k_patients(read):
    lines = [tuple(r.values()) for r in read("arrival_curve.csv")]
    assert lines == [
        ("2024-03", "2024-05", "2", MASKED, MASKED),
        ("2024-04", "2024-04", "0", "110", "110"),
        ("2024-04", "2024-05", "1", "33", "132"),
        ("2024-05", "2024-05", "0", "99", "99"),
    ]
    # April grew from 110 to 132 in a month: May is expected to grow as it did
    assert [tuple(r.values()) for r in read("arrival_expected.csv")] == [
        ("2024-04", "132", "132", "0"),
        ("2024-05", "99", "121", "22"),
    ]
