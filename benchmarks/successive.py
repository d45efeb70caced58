"""Twelve monthly releases of one product, attacked side by side: what each policy tells and costs.

    python -m benchmarks.successive [--data FOLDER] [--k 5] [--months 12]

The data is UCI Adult (``privacy/adult`` of CLEARWARD_DATA): 30,162 people, ids added here, seven
quasi-identifiers, `occupation` as the sensitive value. Every month some leave and some join. The
attacker holds every release. Peers are the two policies that need no rule: each month anonymised on
its own, and classes that stay while whoever leaves is simply gone.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from clearward.products.bounds import Protection, Sensitive, Successive
from clearward.products.spec import load_product
from clearward.protect import sticky
from clearward.protect.choice import NOBODY, choose
from clearward.protect.hierarchies import Hierarchy, csv_hierarchy
from clearward.protect.loss import Ints
from clearward.protect.people import People, problem_of
from clearward.protect.recode import recode
from clearward.protect.seen import Past

COLUMNS = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass")
SENSITIVE = "occupation"
START, LEAVE, SEED = 24_000, 300, 20_240_501
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """Everybody, and the months they take part in: ``first`` <= month < ``last``."""

    hierarchies: tuple[Hierarchy, ...]
    codes: Ints
    value: Ints
    first: Ints
    last: Ints

    def living(self, month: int) -> Bools:
        alive: Bools = (self.first <= month) & (month < self.last)
        return alive


@dataclass
class Month:
    """One release: (n,) label number, -1 when absent, and its loss (NM)."""

    label: Ints
    loss: float


def read_world(data: Path, months: int) -> World:
    """Adult in a fixed random order; a part joins month by month, others leave."""
    hierarchies = tuple(csv_hierarchy(c, data / f"adult_hierarchy_{c}.csv") for c in COLUMNS)
    source = f"read_csv('{data / 'adult.csv'}', delim = ';', header = true, all_varchar = true)"
    rows = duckdb.sql(f"SELECT * FROM {source}").fetchnumpy()
    random = np.random.default_rng(SEED)
    order = random.permutation(len(rows["age"]))
    codes = [
        np.searchsorted(np.array(h.values), rows[h.column].astype(str)[order]) for h in hierarchies
    ]
    value = np.unique(rows[SENSITIVE].astype(str), return_inverse=True)[1][order]
    place = np.arange(len(order))
    step = max((len(order) - START) // max(months - 1, 1), 1)
    first = np.where(place < START, 0, 1 + (place - START) // step)
    last = np.full(len(order), months + 1)
    for month in range(1, months):
        there = np.flatnonzero((first < month) & (last > months))
        last[random.choice(there, LEAVE, replace=False)] = month
    return World(hierarchies, np.stack(codes, axis=1), value, first, last)


def people_of(world: World, rows: Ints, month: int) -> People:
    """The eligible as protection takes them."""
    keys = np.char.zfill(rows.astype(str), 6)
    order = np.random.default_rng(SEED + month).permutation(len(rows))
    sensitive = world.value[rows].reshape(-1, 1)
    return People(keys, world.hierarchies, world.codes[rows], sensitive, order)


def bounds_of(k: int, room: int) -> Protection:
    """Local recoding with ``room`` times k patients in a new class."""
    return replace(
        load_product("cardiology").protection,
        k=k,
        max_suppressed=1.0,
        recoding="local",
        sensitive=(Sensitive("patient", SENSITIVE, 1, 1.0, is_ordered=False),),
        successive=Successive(room * k, k, 1.0),
    )


def _numbers(labels: sticky.Labels, book: dict[tuple[str, ...], int]) -> Ints:
    found = sticky.classes_of(labels)
    first = np.unique(found, return_index=True)[1]
    numbers = [book.setdefault(tuple(str(c[i]) for c in labels), len(book)) for i in first]
    return np.array(numbers, dtype=np.int64)[found]


def run_independent(world: World, months: int, bounds: Protection) -> list[Month]:
    """Every month anonymised on its own."""
    book: dict[tuple[str, ...], int] = {}
    out = []
    for month in range(months):
        rows = np.flatnonzero(world.living(month))
        problem, combination = problem_of(people_of(world, rows, month), bounds)
        found = recode(problem, recoding="local")
        label = np.full(len(world.value), -1, dtype=np.int64)
        label[rows] = _numbers(tuple(np.asarray(c)[combination] for c in found.labels), book)
        out.append(Month(label, found.loss))
    return out


def run_choice(world: World, months: int, bounds: Protection, *, with_rule: bool) -> list[Month]:
    """Classes that stay; with the history rule, or with everybody of a class of k published."""
    book: dict[tuple[str, ...], int] = {}
    texts: list[NDArray[np.str_]] = []
    out: list[Month] = []
    for month in range(months):
        rows = np.flatnonzero(world.living(month))
        people = people_of(world, rows, month)
        choice = choose(people, _past(world, out, texts), bounds)
        numbers = _numbers(choice.labels, book)
        sizes = np.bincount(numbers)
        present = choice.present if with_rule else sizes[numbers] >= bounds.k
        label = np.full(len(world.value), -1, dtype=np.int64)
        label[rows[present]] = numbers[present]
        names = np.array(list(book), dtype=str)
        texts = [names[:, i] for i in range(names.shape[1])]
        out.append(Month(label, choice.loss))
    return out


def _past(world: World, out: list[Month], texts: list[NDArray[np.str_]]) -> Past:
    if not out:
        return NOBODY
    last = np.full(len(world.value), -1, dtype=np.int64)
    for month in out:
        last = np.where(month.label >= 0, month.label, last)
    seen = np.flatnonzero(last >= 0)
    labels = tuple(column[last[seen]] for column in texts)
    keys = np.char.zfill(seen.astype(str), 6)
    return Past(keys, _stories(out)[seen], labels, world.value[seen].reshape(-1, 1))


def _stories(out: list[Month]) -> Ints:
    """(n,) number of each story, dense from 0 among those ever published; -1 for the others."""
    table = np.stack([month.label for month in out], axis=1)
    ever = (table >= 0).any(axis=1)
    stories = np.full(len(table), -1, dtype=np.int64)
    stories[ever] = np.unique(table[ever], axis=0, return_inverse=True)[1].reshape(-1)
    return stories


def _sets(group: Ints, value: Ints) -> Ints:
    """(n,) bit mask of the values in each one's group; 0 for group -1."""
    masks = np.zeros(int(group.max(initial=-1)) + 1, dtype=np.int64)
    inside = group >= 0
    np.bitwise_or.at(masks, group[inside], 1 << value[inside])
    return np.where(inside, masks[np.maximum(group, 0)], 0)


def _single(mask: Ints) -> Bools:
    one: Bools = (mask > 0) & (mask & (mask - 1) == 0)
    return one


def pinned(world: World, out: list[Month]) -> float:
    """Share of the last release whose value all releases pin down, and none alone."""
    common = np.full(len(world.value), -1, dtype=np.int64)
    alone = np.zeros(len(world.value), dtype=bool)
    for month in out:
        mask = _sets(month.label, world.value)
        common = np.where(mask > 0, common & mask, common)
        alone |= _single(mask)
    told = _single(common) | _single(_sets(_stories(out), world.value))
    now = out[-1].label >= 0
    return float((told & ~alone)[now].mean())


def leavers(world: World, out: list[Month]) -> tuple[float, float]:
    """Success on those who left: of the commonest value among the vanished, and of guessing."""
    hits = guesses = total = 0
    for month in range(1, len(out)):
        left = np.flatnonzero((world.last == month) & (out[month - 1].label >= 0))
        vanished = (out[month - 1].label >= 0) & (out[month].label < 0)
        group = np.where(vanished, _stories(out[: month + 1]), -1)
        hits += int((_modes(group, world.value)[left] == world.value[left]).sum())
        known = _modes(out[month - 1].label, world.value)
        guesses += int((known[left] == world.value[left]).sum())
        total += len(left)
    return hits / max(total, 1), guesses / max(total, 1)


def _modes(group: Ints, value: Ints) -> Ints:
    table = np.zeros((int(group.max(initial=-1)) + 1, int(value.max()) + 1), dtype=np.int64)
    inside = group >= 0
    np.add.at(table, (group[inside], value[inside]), 1)
    return np.where(inside, table.argmax(axis=1)[np.maximum(group, 0)], -1)


def main() -> int:
    """Run every policy on the same months and print what each tells and costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("CLEARWARD_DATA", "../shared/data")) / "privacy" / "adult"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--months", type=int, default=12)
    options = parser.parse_args()
    world = read_world(options.data, options.months)
    table = Table(
        title=f"{options.months} releases of Adult, k = {options.k}, {LEAVE} leave each month, "
        f"{platform.machine()}, {os.cpu_count()} cores",
        title_justify="left",
    )
    for name in (
        "policy", "pinned", "leaver attack", "guess", "ratio", "smallest story", "rows left out",
        "loss (NM)", "s",
    ):  # fmt: skip
        table.add_column(name)
    for name, policy in _policies(options.k).items():
        start = perf_counter()
        out = policy(world, options.months)
        table.add_row(name, *_figures(world, out), f"{perf_counter() - start:.1f}")
    Console(width=150).print(table)
    return 0


def _policies(k: int) -> dict[str, Callable[[World, int], list[Month]]]:
    def sticky_of(room: int, *, with_rule: bool) -> Callable[[World, int], list[Month]]:
        return lambda world, months: run_choice(
            world, months, bounds_of(k, room), with_rule=with_rule
        )

    return {
        "independent re-run": lambda world, months: run_independent(world, months, bounds_of(k, 1)),
        "sticky": sticky_of(1, with_rule=False),
        f"sticky, new classes of {10 * k}": sticky_of(10, with_rule=False),
        f"sticky + history rule, classes of {k}": sticky_of(1, with_rule=True),
        f"sticky + history rule, classes of {10 * k}": sticky_of(10, with_rule=True),
        f"sticky + history rule, classes of {50 * k}": sticky_of(50, with_rule=True),
    }


def _figures(world: World, out: list[Month]) -> list[str]:
    attack, guess = leavers(world, out)
    stories = _stories(out)
    smallest = int(np.bincount(stories[stories >= 0]).min())
    alive = world.living(len(out) - 1)
    missing = float((out[-1].label[alive] < 0).mean())
    return [
        f"{pinned(world, out):.2%}",
        f"{attack:.1%}",
        f"{guess:.1%}",
        f"{attack / guess:.2f}" if guess else "-",
        str(smallest),
        f"{missing:.1%}",
        f"{out[-1].loss:.4f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
