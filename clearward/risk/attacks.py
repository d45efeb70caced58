"""What attackers gain from a release: inference, linkability, singling out. Add an attack
here; whether its success is acceptable is judged in `gates`.

Every attack has a control: the same attack on somebody like the person who is not in the release.
The difference is what taking part costs them; what the rest of the data says about people like
them is knowledge, not a breach (Giomi et al. 2023 hold people out for it; here nobody is). Each
patient is one target, however many attacks are made on them: intervals count targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np
import numpy.typing as npt

from clearward.errors import ProtectionError
from clearward.risk.cells import Cells, Integers
from clearward.risk.intervals import Interval, paired_difference, wilson
from clearward.risk.sources import numbers, quoted

Floats = npt.NDArray[np.float64]
SEED = 20_240_501
MOST_SETS = 40
"""Sets of known columns an attack is tried with; more repeat what these say."""
LARGE, FEW_SETS = 500_000, 8
"""From so many patients on, every set alone makes more attacks than any interval needs."""


@dataclass(frozen=True)
class Attack:
    """Success of one attack and of its control.

    Attributes:
        name: ``inference``, ``linkability`` or ``singling_out``.
        subject: the sensitive column guessed; empty for the others.
        attacks, targets: attacks made, and on how many different patients.
        attack, control: share of success with its 95 % interval (Wilson).
        advantage: attack minus control with its paired 95 % interval (Newcombe).
    """

    name: str
    subject: str
    attacks: int
    targets: int
    attack: Interval
    control: Interval
    advantage: Interval


def _attack(
    name: str, subject: str, attacks: int, *, weights: Floats, success: Floats, control: Floats
) -> Attack:
    """From chances of success per group of targets, ``weights`` targets in each; all (g,)."""
    targets = round(float(weights.sum()))
    # Two chances on one target overlap at most as far as the smaller of them
    both = float((weights * np.minimum(success, control)).sum())
    one, two = float((weights * success).sum()), float((weights * control).sum())
    neither = max(targets - one - two + both, 0.0)
    return Attack(
        name,
        subject,
        attacks,
        targets,
        wilson(one, targets),
        wilson(two, targets),
        paired_difference(both, one - both, two - both, neither),
    )


def infer(cells: Cells, column: str) -> Attack:
    """Guess a sensitive value from the quasi-identifiers: the commonest value of the class.

    Ties go to the value commoner in the whole release. All patients are attacked once.

    The control is the success less its optimism (Efron 2004, covariance penalty): by how much the
    commonest value of a class of this size fits its own members better than others of their kind.
    Leaving one record out would answer all or nothing for a whole class whose two commonest values
    are as frequent, where the guess tells hardly anything. Who is alone in a class is guessed from
    the whole release in the control.
    """
    classes, ranks, counts = cells.histogram(column)
    overall = np.bincount(ranks, weights=counts)
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    lengths = np.diff(np.append(starts, len(classes)))
    standing = np.argsort(np.argsort(-overall, kind="stable"), kind="stable")[ranks]
    order = np.lexsort((standing, -counts, classes))
    first, second = order[starts], order[np.minimum(starts + 1, len(order) - 1)]
    sizes = np.add.reduceat(counts, starts)
    rivals = np.where(lengths > 1, counts[second], 0)
    held = 1 - optimism(counts[first], rivals, sizes) * sizes / counts[first]
    is_usual = ranks[first] == int(np.argmax(overall))
    success, control = np.zeros(len(classes)), np.zeros(len(classes))
    success[first] = 1.0
    control[first] = np.where(sizes > 1, held, is_usual)
    weights = counts.astype(np.float64)
    targets = int(counts.sum())
    return _attack("inference", column, targets, weights=weights, success=success, control=control)


def optimism(most: Integers, rivals: Integers, sizes: Integers) -> Floats:
    """(classes,) share by which the commonest value fits a class better than others of its kind.

    ``most`` and ``rivals`` are the counts of the two commonest values. In the normal limit of
    their difference d, with standard error s, it is s φ(d / s): 0.4 / √n where two values share
    the class equally, next to nothing where one clearly leads.
    """
    lead = (most - rivals) / sizes
    error = np.sqrt(np.maximum((most + rivals) / sizes - lead**2, 0) / sizes)
    apart = np.divide(lead, error, out=np.full(len(sizes), np.inf), where=error > 0)
    return np.asarray(error * np.exp(-(apart**2) / 2) / np.sqrt(2 * np.pi))


def link(
    records: Sequence[Integers], names: Sequence[str], *, attacks: int, seed: int = SEED
) -> Attack:
    """Tell that two files hold the same person: one knows these columns, the other those.

    The attacker takes one record of the release that fits the first file's columns and one that
    fits the second's, and links when they are the same record. Its chance is exact, for every
    patient and for several splits of the columns.

    Args:
        records: codes of every column (n,), quasi-identifiers and sensitive columns alike.
        names: their names, for messages.
        attacks: attacks wanted; where the patients are too few for it, more splits are tried, up
            to `MOST_SETS`.
        seed: chooses the splits.
    """
    if len(records) < 2:
        raise ProtectionError(
            "Linkability needs two columns.", seen=f"{len(records)}", do="name more columns"
        )
    size = len(records[0])
    splits = _splits(len(names), -(-attacks // max(size, 1)), seed)
    attack, control = np.zeros(size), np.zeros(size)
    for left, right in splits:
        a, b = _count_alike([records[i] for i in left]), _count_alike([records[i] for i in right])
        both = _count_alike(list(records))
        attack += both / (a * b)
        rest = (a - 1.0) * (b - 1.0)
        control += np.divide(both - 1.0, rest, out=np.zeros(size), where=rest > 0)
    attack, control = attack / len(splits), np.minimum(control / len(splits), 1.0)
    return _attack(
        "linkability",
        "",
        size * len(splits),
        weights=np.ones(size),
        success=attack,
        control=control,
    )


def _splits(width: int, wanted: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Random halves of the columns, at least one split and at most `MOST_SETS`."""
    draw = np.random.default_rng(seed)
    found: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
    for _ in range(20 * MOST_SETS):
        order = draw.permutation(width)
        left, right = sorted(order[: width // 2]), sorted(order[width // 2 :])
        found.setdefault(tuple(int(i) for i in left), ([*map(int, left)], [*map(int, right)]))
        if len(found) >= min(max(wanted, 1), MOST_SETS):
            break
    return list(found.values())


def _count_alike(columns: Sequence[Integers]) -> Floats:
    """How many rows share each row's values; (n,)."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        key = np.unique(key * (int(column.max()) + 1) + column, return_inverse=True)[1]
    return np.bincount(key)[key].astype(np.float64)


def single_out(
    release: Mapping[str, Integers], mart: Mapping[str, Integers], *, known: int = 3
) -> Attack:
    """Point at one person with a predicate learned from the release.

    A predicate says that ``known`` columns have the values of one released record. It succeeds when
    exactly one record of the release and exactly one patient of the mart fulfil it. Control: the
    same predicate with its own patient taken out of both points at exactly one other person, as
    any predicate of that weight may (Cohen, Nissim 2020).

    Args:
        release: codes of every column of the release (n,).
        mart: codes of the same columns of every mart patient (p,), in the release's own labels.
        known: columns the attacker knows; all sets of so many are tried, up to `MOST_SETS`.
    """
    names = sorted(release)
    size = len(release[names[0]])
    sets = list(combinations(names, min(known, len(names))))
    draw = np.random.default_rng(SEED)
    draw.shuffle(sets)
    sets = sets[: MOST_SETS if size < LARGE else FEW_SETS]
    success, control = np.zeros(size), np.zeros(size)
    for chosen in sets:
        inside, outside = _count_in_both(
            [release[name] for name in chosen], [mart[name] for name in chosen]
        )
        success += (inside == 1) & (outside <= 1)
        control += (inside == 2) & (outside <= 2)
    return _attack(
        "singling_out",
        "",
        size * len(sets),
        weights=np.ones(size),
        success=success / len(sets),
        control=control / len(sets),
    )


def _count_in_both(
    release: Sequence[Integers], mart: Sequence[Integers]
) -> tuple[Integers, Integers]:
    """For every released row: rows of the release and of the mart with the same values; (n,)."""
    size = len(release[0])
    key = np.zeros(size + len(mart[0]), np.int64)
    for inside, outside in zip(release, mart, strict=True):
        column = np.concatenate([inside, outside]) + 1
        key = np.unique(key * (int(column.max()) + 1) + column, return_inverse=True)[1]
    width = int(key.max()) + 1
    return (
        np.bincount(key[:size], minlength=width)[key[:size]],
        np.bincount(key[size:], minlength=width)[key[:size]],
    )


def code_columns(
    connection: duckdb.DuckDBPyConnection, source: str, names: Sequence[str]
) -> dict[str, Integers]:
    """Every column of a table expression as codes (n,), rows in one order for all of them."""
    ranks = ", ".join(
        f"dense_rank() OVER (ORDER BY {quoted(name)} NULLS LAST) - 1 AS c{i}"
        for i, name in enumerate(names)
    )
    found = numbers(connection, f"SELECT {ranks} FROM {source}")
    return {name: found[f"c{i}"] for i, name in enumerate(names)}


def code_together(
    connection: duckdb.DuckDBPyConnection, release: str, mart: str, names: Sequence[str]
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    """The same columns of two table expressions in one code per column: (n,) and (p,) each."""
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in names)
    both = f"(SELECT 0 AS side, {texts} FROM {release} UNION ALL SELECT 1, {texts} FROM {mart})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE risk_both AS SELECT * FROM {both}")
    codes = code_columns(connection, "risk_both", ["side", *names])
    is_mart = codes.pop("side") == 1
    return (
        {name: column[~is_mart] for name, column in codes.items()},
        {name: column[is_mart] for name, column in codes.items()},
    )
