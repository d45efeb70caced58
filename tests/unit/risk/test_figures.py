"""Every figure against the definition, computed the slow way or by somebody else."""

import csv
import math
import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from clearward.errors import ProtectionError
from clearward.products.bounds import Sequence
from clearward.risk.cells import count_cells
from clearward.risk.codes import measure_codes
from clearward.risk.population import (
    counted_journalist,
    estimated_journalist,
    pitman_uniques,
    zayatz_uniques,
)
from clearward.risk.prosecutor import risk_of_sizes
from clearward.risk.sensitive import measure_diversity, recursive_c
from clearward.risk.sequences import measure_sequences
from clearward.risk.subsets import measure_subsets

ADULT = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "privacy" / "adult"
USA = 317_238_626
"""The population that ARX 3.9 took: its figures follow from no other."""

rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=40
)


def table(connection, values, names=("a", "b", "s")):
    columns = ", ".join(f"{name} INTEGER" for name in names)
    connection.execute(f"CREATE OR REPLACE TABLE t ({columns})")
    connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", values)
    return "t"


def oracle():
    path = ADULT / "arx_raw_risk.csv"
    return list(csv.DictReader(path.open())) if path.is_file() else []


@pytest.mark.parametrize("row", oracle(), ids=lambda row: row["qi_set"])
def test_adult_has_the_risk_that_arx_found(row, connection):
    source = f"read_csv('{ADULT / 'adult.csv'}', delim = ';', all_varchar = true)"
    cells = count_cells(connection, source, row["qis"].split("|"))
    sizes, counts = cells.sizes()
    risk = risk_of_sizes(sizes, counts)
    assert (risk.patients, risk.classes, risk.k) == (
        int(row["records"]),
        int(row["classes"]),
        int(row["min_class"]),
    )
    found = {
        "prosecutor_highest": risk.max_prosecutor,
        "prosecutor_success_rate": risk.avg_prosecutor,
        "records_at_risk_0.2": risk.at_risk,
        "sample_unique_fraction": risk.uniques / risk.patients,
        "pop_unique_pitman": pitman_uniques(sizes, counts, population=USA),
        "pop_unique_zayatz": zayatz_uniques(sizes, counts, population=USA),
    }
    for name, value in found.items():
        assert value == pytest.approx(float(row[name]), abs=1e-6), name


def slow_classes(values):
    classes = {}
    for a, b, s in values:
        classes.setdefault((a, b), Counter())[s] += 1
    return classes


def slow_ordered(held, overall, order):
    size, total, gap, far = sum(held.values()), sum(overall.values()), 0.0, 0.0
    for value in order:
        gap += held[value] / size - overall[value] / total
        far += abs(gap)
    return far / (len(order) - 1) if len(order) > 1 else 0.0


@limits(max_examples=60, deadline=None)
@given(rows)
def test_l_and_t_are_what_their_definitions_say(values):
    with duckdb.connect() as connection:
        cells = count_cells(connection, table(connection, values), ["a", "b"], ["s"])
        found = measure_diversity(cells, "s")
        slow_c = recursive_c(cells, "s", 2)
    classes, overall = slow_classes(values), Counter(s for *_, s in values)
    order = sorted(overall)
    entropies = [
        -sum(n / sum(c.values()) * math.log(n / sum(c.values())) for n in c.values())
        for c in classes.values()
    ]
    equal = [
        sum(abs(c[v] / sum(c.values()) - overall[v] / len(values)) for v in order) / 2
        for c in classes.values()
    ]
    assert found.distinct_l == min(len(c) for c in classes.values())
    assert found.entropy_l == pytest.approx(math.exp(min(entropies)))
    assert found.t_equal == pytest.approx(max(equal), abs=1e-9)
    assert found.t_ordered == pytest.approx(
        max(slow_ordered(c, overall, order) for c in classes.values()), abs=1e-9
    )
    ratios = [
        max(c.values()) / (sum(c.values()) - max(c.values()) or math.nan) for c in classes.values()
    ]
    worst = math.inf if any(math.isnan(r) for r in ratios) else max(ratios)
    assert found.recursive_c == pytest.approx(worst) == pytest.approx(slow_c)


@limits(max_examples=40, deadline=None)
@given(rows)
def test_distinction_and_separation_count_every_subset(values):
    with duckdb.connect() as connection:
        count_cells(connection, table(connection, values), ["a", "b", "s"])
        found = {s.columns: s for s in measure_subsets(connection, ["a", "b", "s"])}
    assert len(found) == 7
    for columns, subset in found.items():
        places = [("a", "b", "s").index(c) for c in columns]
        seen = [tuple(v[p] for p in places) for v in values]
        pairs = list(combinations(seen, 2))
        assert subset.distinction == pytest.approx(len(set(seen)) / len(seen))
        apart = sum(x != y for x, y in pairs) / len(pairs) if pairs else 0.0
        assert subset.separation == pytest.approx(apart)


def test_a_null_is_a_value_like_any_other(connection):
    source = table(connection, [(1, None, 1), (1, None, 2), (1, 1, 1)])
    sizes, counts = count_cells(connection, source, ["a", "b"], ["s"]).sizes()
    assert (sizes.tolist(), counts.tolist()) == ([1, 2], [1, 1])


def test_columns_may_be_called_like_our_own(connection):
    source = table(connection, [(1, 1, 1), (1, 1, 2)], ("id", "size", "n"))
    cells = count_cells(connection, source, ["id", "size"], ["n"])
    assert measure_diversity(cells, "n").distinct_l == 2


def test_an_empty_table_is_refused(connection):
    table(connection, [(1, 1, 1)])
    with pytest.raises(ProtectionError, match="empty"):
        count_cells(connection, "(SELECT * FROM t WHERE false)", ["a"])


@pytest.mark.parametrize(
    ("sizes", "counts", "expected"),
    [([5], [10], 0.0), ([1], [50], 1.0)],
    ids=["no unique, none in the population", "all unique, all in the population"],
)
def test_population_uniqueness_at_its_ends(sizes, counts, expected):
    assert pitman_uniques(np.array(sizes), np.array(counts), population=1000) == expected


@limits(max_examples=100, deadline=None)
@given(st.dictionaries(st.integers(1, 60), st.integers(1, 500), min_size=1, max_size=8))
def test_population_uniqueness_is_a_share_and_falls_with_the_population(histogram):
    sizes = np.array(sorted(histogram))
    counts = np.array([histogram[s] for s in sizes])
    units = int((sizes * counts).sum())
    near, far = (pitman_uniques(sizes, counts, population=units * n) for n in (2, 1000))
    assert 0 <= far <= near <= 1
    assert 0 <= zayatz_uniques(sizes, counts, population=units * 10) <= 1


def test_a_population_smaller_than_the_release_is_refused():
    with pytest.raises(ProtectionError, match="smaller"):
        pitman_uniques(np.array([1]), np.array([50]), population=49)


def test_journalist_risk_uses_the_population_where_there_is_one(connection):
    count_cells(connection, table(connection, [(1, 1, 0), (1, 1, 0), (2, 1, 0)]), ["a", "b"])
    connection.execute("CREATE TABLE people AS SELECT 1 AS a, 1 AS b FROM range(10)")
    found = counted_journalist(connection, "people", ["a", "b"])
    assert found.highest == 1.0  # the population does not hold (2, 1): it is alone
    assert found.unmatched == 1
    assert found.average == pytest.approx((2 / 10 + 1) / 3)


def test_estimated_journalist_risk_lies_between_population_and_prosecutor():
    found = estimated_journalist(np.array([1, 2, 5]), np.array([1, 1, 1]), population=800)
    assert 8 / 800 < found.highest < 1
    whole = estimated_journalist(np.array([4]), np.array([2]), population=8)
    assert whole.highest == pytest.approx(1 / 4)


CODES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 9), (4, 1), (4, 2)]


def test_rare_codes_and_pairs_are_counted_once(connection):
    source = table(connection, [(p, c, 0) for p, c in CODES], ("p", "c", "x"))
    found = measure_codes(connection, source, "c", unit="p", k=3, m=2)
    assert (found.codes, found.rare, found.combinations) == (3, 1, 0)
    assert found.patients == 1
    found = measure_codes(connection, source, "c", unit="p", k=4, m=2)
    assert (found.rare, found.combinations) == (2, 0)


@limits(max_examples=40, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 8), st.integers(0, 5)), min_size=1),
    st.integers(2, 4),
    st.integers(2, 3),
)
def test_combinations_are_those_that_few_share_and_whose_codes_many_have(held, k, m):
    sets = {}
    for patient, code in held:
        sets.setdefault(patient, set()).add(code)
    single = Counter(c for codes in sets.values() for c in codes)
    common = {c for c, n in single.items() if n >= k}
    together = Counter(
        several
        for codes in sets.values()
        for length in range(2, m + 1)
        for several in combinations(sorted(codes & common), length)
    )
    with duckdb.connect() as connection:
        source = table(connection, [(p, c, 0) for p, c in held], ("p", "c", "x"))
        found = measure_codes(connection, source, "c", unit="p", k=k, m=m)
    assert found.rare == len(single) - len(common)
    assert found.combinations == sum(n < k for n in together.values())


SEQUENCE = Sequence("visit", "day", "kind", 2, (31, 183), 3)


def test_a_course_that_nobody_shares_is_unique_and_no_visit_is_none(connection):
    connection.execute("CREATE TABLE people AS SELECT i AS patient_key, 1 AS q FROM range(5) t(i)")
    connection.execute("CREATE TABLE visit (patient_key INTEGER, day INTEGER, kind VARCHAR)")
    connection.execute(
        "INSERT INTO visit VALUES (0, 0, 'a'), (0, 40, 'b'), (1, 3, 'a'), (1, 90, 'b'), "
        "(2, 0, 'a'), (2, 400, 'b'), (3, 5, 'c'), (3, 6, 'c'), (3, 7, 'c'), (3, 8, 'c')"
    )
    found = measure_sequences(
        connection, "visit", SEQUENCE, patients="people", quasi_identifiers=["q"]
    )
    assert found.unique == pytest.approx(2 / 5)  # 40 and 87 days are one band; patient 4 has none
    assert found.unique_to_the_day == pytest.approx(4 / 5)  # who knows the days tells them all
    assert (found.patients, found.most) == (4, 4)
