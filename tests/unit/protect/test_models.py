"""Every model, inside both searches, against its definition written down value by value."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.hierarchies import category, table_hierarchy
from clearward.protect.histograms import Histogram
from clearward.protect.models import (
    BetaLikeness,
    DeltaDisclosure,
    DeltaPresence,
    DistinctL,
    EntropyL,
    KMap,
    RecursiveL,
    TCloseness,
)
from clearward.protect.problem import Problem
from clearward.protect.recode import recode
from clearward.protect.solver import solve

LETTER = table_hierarchy(
    "letter", [("a", "ab", "*"), ("b", "ab", "*"), ("c", "cd", "*"), ("d", "cd", "*")]
)
SEX = category("sex", ["F", "M"])
VALUES = ("0", "1", "2", "3")
ILLNESS = table_hierarchy(
    "illness", [("0", "x", "*"), ("1", "x", "*"), ("2", "y", "*"), ("3", "y", "*")]
)
MODELS = [
    DistinctL("illness", 2),
    DistinctL("illness", 3),
    EntropyL("illness", 1.8),
    RecursiveL("illness", 2.0, 2),
    RecursiveL("illness", 1.0, 3),
    TCloseness("illness", 0.3),
    TCloseness("illness", 0.2, "ordered"),
    TCloseness("illness", 0.2, "hierarchical"),
    BetaLikeness("illness", 1.0),
    BetaLikeness("illness", 1.0, is_enhanced=True),
    DeltaDisclosure("illness", 1.2),
    KMap(5),
    DeltaPresence(0.2, 0.7),
]


def stated(rows, *, models=(), k=2, max_suppressed=1.0, extra=1, **bounds) -> Problem:
    """Rows of (letter, sex, illness); the population has ``extra`` more people per combination."""
    counted = Counter(row[:2] for row in rows)
    combinations = sorted(counted)
    pairs = Counter((combinations.index(row[:2]), VALUES.index(row[2])) for row in rows)
    entries = np.array([(*pair, n) for pair, n in sorted(pairs.items())], dtype=np.int64)
    codes = [[LETTER.values.index(a), SEX.values.index(b)] for a, b in combinations]
    weights = np.array([counted[c] for c in combinations], dtype=np.int64)
    return Problem(
        (LETTER, SEX),
        np.array(codes, dtype=np.int64),
        weights,
        k,
        max_suppressed,
        models=tuple(models),
        sensitive=(Histogram("illness", VALUES, *entries.T, ILLNESS),),
        population=weights + extra,
        **bounds,
    )


def keeps(model, values: list[str], everyone: list[str], population: int) -> bool:
    """Whether a class with these sensitive values keeps a model, from the papers' definitions."""
    n = len(values)
    p = {v: values.count(v) / n for v in VALUES}
    q = {v: everyone.count(v) / len(everyone) for v in VALUES}
    counts = sorted((values.count(v) for v in set(values)), reverse=True)
    match model:
        case DistinctL():
            return len(set(values)) >= model.l
        case EntropyL():
            return -sum(x * log(x) for x in p.values() if x) >= log(model.l) - 1e-9
        case RecursiveL():
            return counts[0] < model.c * sum(counts[model.l - 1 :]) - 1e-9
        case TCloseness(distance="equal"):
            return sum(abs(p[v] - q[v]) for v in VALUES) / 2 <= model.t + 1e-9
        case TCloseness(distance="ordered"):
            line = [v for v in VALUES if q[v]]
            sums = [sum(p[v] - q[v] for v in line[: i + 1]) for i in range(len(line))]
            return sum(map(abs, sums)) / max(len(line) - 1, 1) <= model.t + 1e-9
        case TCloseness():
            # Mass moves inside a pair at cost 1/2, between the pairs at cost 1.
            left = [p["0"] - q["0"], p["1"] - q["1"]]
            right = [p["2"] - q["2"], p["3"] - q["3"]]
            across = abs(sum(left))
            moved = sum(max(x, 0) for x in left + right)
            return (moved - across) / 2 + across <= model.t + 1e-9
        case BetaLikeness():
            return all(
                (p[v] - q[v]) / q[v]
                <= (min(model.beta, -log(q[v])) if model.is_enhanced else model.beta) + 1e-9
                for v in VALUES
                if p[v]
            )
        case DeltaDisclosure():
            return all(
                p[v] > 0 and abs(log(p[v] / q[v])) < model.delta - 1e-9 for v in VALUES if q[v]
            )
        case KMap():
            return population >= model.k
        case DeltaPresence():
            return model.low - 1e-9 <= n / population <= model.high + 1e-9
    raise AssertionError(model)


def groups(rows, labels) -> dict[tuple, list[tuple]]:
    found: dict[tuple, list[tuple]] = {}
    for row, label in zip(rows, labels, strict=True):
        found.setdefault(label, []).append(row)
    return found


def allowed(problem: Problem, members: list[tuple], everyone: list[str], extra: int) -> bool:
    population = len(members) + extra * len({row[:2] for row in members})
    return len(members) >= problem.k and all(
        keeps(model, [row[2] for row in members], everyone, population) for model in problem.models
    )


def brute_force(problem: Problem, rows, extra: int) -> float | None:
    everyone = [row[2] for row in rows]
    best = None
    for node in product(range(3), range(2)):
        labels = [
            (LETTER.rows[LETTER.values.index(a)][node[0]], SEX.rows[SEX.values.index(b)][node[1]])
            for a, b, _ in rows
        ]
        classes = groups(rows, labels).values()
        good = [c for c in classes if allowed(problem, c, everyone, extra)]
        kept = sum(map(len, good))
        if not kept or len(rows) - kept > problem.max_suppressed * len(rows) + 1e-9:
            continue
        lost = 1 - kept / len(rows)
        if problem.quality == "aecs":
            loss = len(rows) / (len(good) + (kept < len(rows)))
        elif problem.quality == "discernibility":
            loss = sum(len(c) ** 2 for c in good) + (len(rows) - kept) * len(rows)
        else:
            cell = ((0, 1 / 3, 1)[node[0]], (0, 1)[node[1]])
            loss = sum(kept / len(rows) * c + lost for c in cell) / 2
        best = loss if best is None else min(best, loss)
    return best


ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("FM"), st.sampled_from(VALUES)),
    min_size=6,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    model=st.sampled_from(MODELS),
    k=st.integers(1, 4),
    max_suppressed=st.sampled_from([0.0, 0.2, 1.0]),
    quality=st.sampled_from(["loss", "aecs", "discernibility"]),
    extra=st.integers(0, 3),
)
def test_the_global_optimum_under_a_model_is_the_one_brute_force_finds(
    rows, model, k, max_suppressed, quality, extra
):
    problem = stated(
        rows, models=[model], k=k, max_suppressed=max_suppressed, quality=quality, extra=extra
    )
    expected = brute_force(problem, rows, extra)
    if expected is None:
        with pytest.raises(ProtectionError):
            solve(problem)
    else:
        assert solve(problem).loss == pytest.approx(expected, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    rows=ROWS,
    models=st.lists(st.sampled_from(MODELS), max_size=2),
    k=st.integers(1, 4),
    extra=st.integers(0, 3),
    recoding=st.sampled_from(["global", "local"]),
)
def test_every_published_class_keeps_every_bound(rows, models, k, extra, recoding):
    problem = stated(rows, models=models, k=k, extra=extra)
    try:
        found = recode(problem, recoding=recoding)
    except ProtectionError:
        everyone = [row[2] for row in rows]
        assert recoding == "global" or not allowed(problem, rows, everyone, extra)
        return
    combinations = sorted({row[:2] for row in rows})
    place = [combinations.index(row[:2]) for row in rows]
    kept = [row for row, c in zip(rows, place, strict=True) if found.kept[c]]
    labels = [tuple(column[c] for column in found.labels) for c in place if found.kept[c]]
    classes = groups(kept, labels)
    for members in classes.values():
        assert allowed(problem, members, [row[2] for row in rows], extra)
    assert len(classes) == found.class_count
    assert len(rows) - len(kept) == found.suppressed


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, k=st.integers(1, 5), models=st.lists(st.sampled_from(MODELS[:6]), max_size=1))
def test_local_labels_stand_for_the_value_and_the_loss_is_theirs(rows, k, models):
    problem = stated(rows, k=k, models=models)
    try:
        found = recode(problem, recoding="local")
    except ProtectionError:
        return
    total = 0.0
    for c, codes in enumerate(problem.codes):
        for column, hierarchy in enumerate(problem.hierarchies):
            label = found.labels[column][c]
            assert label in hierarchy.rows[codes[column]]
            level = hierarchy.rows[codes[column]].index(label)
            leaves = hierarchy.labels(level).count(label)
            total += problem.weights[c] * (leaves - 1) / (len(hierarchy.values) - 1) / 2
    assert found.loss == pytest.approx(total / problem.units)


@pytest.mark.parametrize("publish", ["ranges", "sets"])
def test_ranges_and_sets_lose_no_more_than_nodes_and_name_each_value(publish):
    rows = [(a, b, "0") for a in "aabbccdd" for b in "FM"]
    problem = stated(rows, k=3)
    nodes, found = (
        recode(problem, recoding="local"),
        recode(problem, recoding="local", publish=publish),
    )
    assert found.loss <= nodes.loss
    assert found.class_count == nodes.class_count
    for c, codes in enumerate(problem.codes):
        value = LETTER.values[codes[0]]
        label = str(found.labels[0][c])
        if publish == "sets":
            assert value in label.strip("{}").split("|")
        else:
            assert label.split("..", maxsplit=1)[0] <= value <= label.rsplit("..", maxsplit=1)[-1]


def test_people_of_the_population_who_are_not_in_the_data_count_for_k_map():
    problem = replace(
        stated([("a", "F", "0")] * 2 + [("c", "M", "0")] * 2, extra=0),
        codes=np.array([[0, 0], [1, 0], [2, 1], [3, 1]]),
        weights=np.array([2, 0, 2, 0]),
        population=np.array([2, 3, 2, 3]),
        sensitive=(),
        models=(KMap(5),),
    )
    assert recode(problem, recoding="global").levels == (1, 0)
    found = recode(problem, recoding="local")
    assert list(found.labels[0][[0, 2]]) == ["ab", "cd"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"models": (KMap(5),), "population": None}, "population"),
        ({"models": (DistinctL("race", 2),)}, "race"),
        ({"models": (TCloseness("illness", 1.5),)}, "t makes no sense"),
        ({"models": (TCloseness("illness", 0.2, "cosine"),)}, "distance"),
        ({"weights": np.array([3, -1])}, "negative"),
        ({"codes": np.array([[0, 0], [9, 0]])}, "unknown value"),
        ({"population": np.array([1, 1])}, "population smaller"),
        ({"max_suppressed": 1.5}, "outside 0-1"),
        ({"k": 0}, "below 1"),
    ],
)
@pytest.mark.parametrize("recoding", ["global", "local"])
def test_a_problem_that_is_not_whole_is_refused(change, match, recoding):
    problem = replace(stated([("a", "F", "0")] * 3 + [("b", "F", "1")] * 3), **change)
    with pytest.raises(ConfigError, match=match):
        recode(problem, recoding=recoding)


def test_sensitive_counts_that_leave_a_patient_out_are_refused():
    problem = stated([("a", "F", "0")] * 3 + [("b", "F", "1")] * 3)
    short = replace(problem.sensitive[0], counts=problem.sensitive[0].counts - 1)
    with pytest.raises(ConfigError, match=r"4 values, 6 patients"):
        recode(replace(problem, sensitive=(short,)), recoding="local")


def test_a_bound_that_everybody_together_breaks_is_refused_with_no_value_named():
    problem = stated([("a", "F", "3")] * 6, models=[DistinctL("illness", 2)])
    for recoding in ("global", "local"):
        with pytest.raises(ProtectionError, match="No generalisation"):
            recode(problem, recoding=recoding)


def test_a_name_of_recoding_that_nobody_defined_is_refused():
    with pytest.raises(ConfigError, match="Unknown recoding"):
        recode(stated([("a", "F", "0")] * 6), recoding="regional")
