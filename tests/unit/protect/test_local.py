"""Local recoding and the reading of combinations: packing, odd hierarchies, files."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.combinations import read_combinations
from clearward.protect.hierarchies import category, exact, intervals, redaction, table_hierarchy
from clearward.protect.local import Given, specialise
from clearward.protect.paths import fields_of, pack
from clearward.protect.problem import Problem
from clearward.protect.recode import recode

LETTER = table_hierarchy("letter", [("a", "ab", "*"), ("b", "ab", "*"), ("c", "cd", "*")])
ZIP = redaction("zip", [f"{n:05}" for n in range(0, 99999, 37)])
AGE = intervals("age", [str(n) for n in range(18, 90)], widths=(5, 10, 20))
SEX = category("sex", ["F", "M"])


def drawn(hierarchies, count: int, seed: int = 1):
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, len(h.values), count) for h in hierarchies], axis=1)
    return np.unique(codes, axis=0, return_counts=True)


@pytest.mark.parametrize("copies", [1, 4])
def test_many_quasi_identifiers_over_several_words_give_classes_of_k(copies):
    hierarchies = (ZIP, AGE, SEX, LETTER) * copies
    codes, weights = drawn(hierarchies, 3000)
    assert (max(f.word for f in fields_of(hierarchies)) > 0) == (copies > 1)
    found = recode(Problem(hierarchies, codes, weights, 7, 0.0), recoding="local")
    assert np.bincount(found.classes, weights=weights).min() >= 7
    assert found.class_count > 100
    for column, hierarchy in enumerate(hierarchies):
        for row in range(0, len(codes), 50):
            assert found.labels[column][row] in hierarchy.rows[codes[row, column]]


def test_values_that_no_level_brings_together_never_share_a_class():
    bare = exact("letter", ["a", "b", "c"])
    codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]])
    weights = np.array([5, 5, 3, 3, 1])
    for recoding, sexes in (("local", ["F", "M", "*", "*", "*"]), ("global", ["*"] * 5)):
        found = recode(Problem((bare, SEX), codes, weights, 4, 0.1), recoding=recoding)
        assert list(found.labels[0]) == ["a", "a", "b", "b", "*"]
        assert list(found.labels[1]) == sexes
        assert list(found.kept) == [True] * 4 + [False]
        assert found.suppressed == 1


def test_local_recoding_leaves_out_no_more_than_is_allowed():
    bare = exact("letter", ["a", "b"])
    problem = Problem((bare,), np.array([[0], [1]]), np.array([9, 1]), 2, 0.05)
    with pytest.raises(ProtectionError, match="1 of 10 patients"):
        recode(problem, recoding="local")


def test_a_column_with_one_value_only_is_published_as_it_is():
    single = table_hierarchy("country", [("CN",)])
    codes = np.array([[0, 0], [0, 1]])
    found = recode(Problem((single, SEX), codes, np.array([3, 3]), 3, 0.0), recoding="local")
    assert list(found.labels[0]) == ["CN", "CN"]
    assert list(found.labels[1]) == ["F", "M"]


def test_no_class_that_could_still_be_cut_along_its_hierarchy_is_left_whole():
    codes, weights = drawn((AGE, SEX), 4000)
    fields = fields_of((AGE, SEX))
    words = pack(fields, codes)
    cut = specialise(Given(words, weights, fields, 5))
    for number in range(len(cut.levels)):
        members = np.flatnonzero(cut.classes == number)
        for column, hierarchy in enumerate((AGE, SEX)):
            level = cut.levels[number, column]
            if not level:
                continue
            below = np.array(hierarchy.labels(int(level) - 1))[codes[members, column]]
            sizes = Counter()
            for label, weight in zip(below, weights[members], strict=True):
                sizes[label] += int(weight)
            rest = sum(n for n in sizes.values() if n < 5)
            big = len([n for n in sizes.values() if n >= 5])
            assert big == 0 or (big == 1 and 0 < rest < 5)


def test_a_hierarchy_too_large_to_be_packed_is_refused():
    with pytest.raises(ConfigError, match="large"):
        rows = [
            [str(v), *(str(v >> s) + "x" * (s + 1) for s in range(1, 70)), "*"]
            for v in (1 << s for s in range(70))
        ]
        fields_of([table_hierarchy("id", rows)])


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_file_is_counted_as_its_rows_say(tmp_path, dictionary):
    rng = np.random.default_rng(2)
    letters = rng.choice(["a", "b", "c"], 500)
    ages = [None if n == 3 else int(n) for n in rng.integers(3, 9, 500)]
    path = tmp_path / "patient.parquet"
    table = pa.table({"letter": letters, "age": ages, "other": rng.random(500)})
    pq.write_table(table, path, row_group_size=90, use_dictionary=dictionary)
    age = intervals("age", [*(str(n) for n in range(4, 9)), "U"], widths=(5,))
    read = read_combinations(path, (LETTER, age))
    texts = list(zip(letters, ["U" if n is None else str(n) for n in ages], strict=True))
    codes = read.codes()
    named = [(LETTER.values[a], age.values[b]) for a, b in codes]
    assert dict(zip(named, read.weights.tolist(), strict=True)) == Counter(texts)
    assert [named[row] for row in read.rows] == texts


def test_combinations_over_several_words_are_counted_too(tmp_path):
    hierarchies = [
        table_hierarchy(f"zip_{i}", ((v, *rest) for v, *rest in ZIP.rows)) for i in range(5)
    ]
    rng = np.random.default_rng(4)
    columns = {h.column: rng.choice(ZIP.values[:3], 200) for h in hierarchies}
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table(columns), path)
    read = read_combinations(path, hierarchies)
    texts = list(zip(*columns.values(), strict=True))
    named = [tuple(ZIP.values[c] for c in row) for row in read.codes()]
    assert dict(zip(named, read.weights.tolist(), strict=True)) == Counter(texts)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"letter": ["a", "z"]}, "1 values without a row"),
        ({"other": ["a"]}, "no column letter"),
        ({"letter": pa.array([], pa.string())}, "0 rows"),
        ({"letter": ["a", None]}, "values without a row"),
    ],
)
def test_a_file_that_cannot_be_counted_is_refused_and_no_value_is_told(tmp_path, columns, match):
    path = tmp_path / "patient.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(ConfigError, match=match):
        read_combinations(path, [LETTER])
