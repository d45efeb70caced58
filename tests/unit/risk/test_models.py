"""Every privacy model measured a second time, by code that shares nothing with the engine's: both
agree on any classes, and an output of the engine in which one bound is broken is found."""

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ProtectionError
from clearward.protect import models
from clearward.protect.hierarchies import csv_hierarchy
from clearward.protect.histograms import Classes, Histogram
from clearward.risk.cells import count_cells
from clearward.risk.hierarchical import hierarchical_distance
from clearward.risk.population import counted_presence
from clearward.risk.sensitive import measure_diversity, recursive_c

VALUES = tuple("abcdef")
TREE = "a;ab;abc;*\nb;ab;abc;*\nc;c;abc;*\nd;de;def;*\ne;de;def;*\nf;f;def;*\n"
# One count per class and value; every class has a patient and every value occurs.
TABLES = st.lists(
    st.lists(st.integers(0, 6), min_size=6, max_size=6).filter(any), min_size=2, max_size=4
).filter(lambda table: np.array(table).sum(axis=0).all())
MODELS = {
    "distinct_l": (lambda d, _: d.distinct_l, lambda x: models.DistinctL("s", x), -1, 1),
    "entropy_l": (lambda d, _: d.entropy_l, lambda x: models.EntropyL("s", x), -1e-6, 1),
    "t_equal": (lambda d, _: d.t_equal, lambda x: models.TCloseness("s", x), 1e-6, 0),
    "t_ordered": (
        lambda d, _: d.t_ordered,
        lambda x: models.TCloseness("s", x, "ordered"),
        1e-6,
        0,
    ),
    "t_hierarchical": (
        lambda _, t: t,
        lambda x: models.TCloseness("s", x, "hierarchical"),
        1e-6,
        0,
    ),
    "delta": (lambda d, _: d.delta, lambda x: models.DeltaDisclosure("s", x), 1e-6, 1e-5),
    "beta": (lambda d, _: d.beta, lambda x: models.BetaLikeness("s", x), 1e-6, 1e-5),
    "enhanced_beta": (
        lambda d, _: d.enhanced_beta,
        lambda x: models.BetaLikeness("s", x, is_enhanced=True),
        1e-6,
        1e-5,
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("tree") / "s.csv"
    path.write_text(TREE)
    return path


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as made:
        yield made


def engine_view(table, tree):
    """Classes as the engine judges them."""
    counts = np.array(table)
    rows, codes = np.nonzero(counts)
    histogram = Histogram("s", VALUES, rows, codes, counts[rows, codes], csv_hierarchy("s", tree))
    sizes = counts.sum(axis=1)
    values = {"s": histogram.of_classes(None, np.arange(len(sizes)), len(sizes))}
    return Classes(sizes, None, values)


def verified(connection, table, tree):
    """The same as the verifier measures it on a published file."""
    rows = [
        f"({place}, '{value}')"
        for place, counts in enumerate(table)
        for value, n in zip(VALUES, counts, strict=True)
        for _ in range(n)
    ]
    connection.execute(f"CREATE OR REPLACE TABLE t AS FROM (VALUES {', '.join(rows)}) t(q, s)")
    cells = count_cells(connection, "t", ["q"], ["s"])
    return cells, measure_diversity(cells, "s"), hierarchical_distance(cells, "s", tree)


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_engine_and_verifier_agree_on_every_model(connection, tree, table):
    classes = engine_view(table, tree)
    cells, diversity, hierarchical = verified(connection, table, tree)
    for name, (figure, model, step, least) in MODELS.items():
        found = figure(diversity, hierarchical)
        if not np.isfinite(found):
            assert not model(50.0).allows(classes).all(), name
            continue
        kept = found + step if step > 0 and step < 1 else found
        assert model(max(kept, least)).allows(classes).all(), name
        broken = found - step if step > 0 else found + abs(step)
        if broken >= least and abs(broken) < 50:
            assert not model(broken).allows(classes).all(), name
    c = recursive_c(cells, "s", 2)
    if np.isfinite(c):
        assert models.RecursiveL("s", c + 1e-6, 2).allows(classes).all()
        assert not models.RecursiveL("s", c - 1e-6, 2).allows(classes).all()


EVEN = [[4, 4, 4, 4, 4, 4]] * 3
PLANTED = {
    "distinct_l": [6, 6, 6, 6, 0, 0],
    "entropy_l": [19, 1, 1, 1, 1, 1],
    "t_equal": [12, 4, 4, 4, 0, 0],
    "t_ordered": [12, 8, 4, 0, 0, 0],
    "t_hierarchical": [8, 8, 8, 0, 0, 0],
    "delta": [4, 4, 4, 7, 4, 1],
    "beta": [9, 3, 3, 3, 3, 3],
    "enhanced_beta": [16, 2, 2, 2, 1, 1],
}


@pytest.mark.parametrize("name", PLANTED)
def test_one_class_that_breaks_a_model_is_found(connection, tree, name):
    figure = MODELS[name][0]
    _, *clean = verified(connection, EVEN, tree)
    _, *spoilt = verified(connection, [*EVEN, PLANTED[name]], tree)
    before, after = figure(*clean), figure(*spoilt)
    assert after < before - 0.9 if name.endswith("_l") else after > before + 0.2


def test_a_class_that_is_present_too_surely_is_found(connection):
    connection.execute("CREATE OR REPLACE TABLE people AS SELECT i % 4 AS q FROM range(40) t(i)")
    connection.execute("CREATE OR REPLACE TABLE t AS SELECT i % 4 AS q FROM range(20) t(i)")
    count_cells(connection, "t", ["q"])
    presence = counted_presence(connection, "people", ["q"])
    assert (presence.low, presence.high) == (0.5, 0.5)
    connection.execute("INSERT INTO t SELECT 3 FROM range(5)")  # everybody of one class
    count_cells(connection, "t", ["q"])
    assert counted_presence(connection, "people", ["q"]).high == 1


def test_a_value_that_the_hierarchy_lacks_is_refused(connection, tree):
    connection.execute("CREATE OR REPLACE TABLE t AS SELECT 1 AS q, 'z' AS s")
    with pytest.raises(ProtectionError, match="1 values that it lacks"):
        hierarchical_distance(count_cells(connection, "t", ["q"], ["s"]), "s", tree)
