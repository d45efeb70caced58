"""The history rule: no releases side by side may tell fewer than k patients apart. Add here what
decides who is published beside what was published before; labels are chosen by `sticky`, earlier
versions are read by `seen`.

A patient's story is their label, or absence, in every version. The rule keeps every group of equal
stories at k or more, this release included:
- of a group in which some must be absent (withdrawn, moved out of their class), at least k are
  absent: the others are decoys, chosen by a secret order and so that the absent resemble the group;
  Their commonest value is the group's, so that guessing it gains nothing over guessing before;
- of a group at least k are published, or none;
- patients never published appear k or more at a time in a class, or wait.
A group is also held back when a part of it would have one sensitive value where the whole has more,
and so have the classes it was and is in: that value would be pinned by two releases and by neither
alone.

Who is absent is never undone for one patient: a group splits once and its parts are new groups.
Xiao and Tao (SIGMOD 2007, m-invariance) call for counterfeits; here real patients stand in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearward.products.bounds import Sensitive
from clearward.protect.loss import Floats, Ints

Bools = NDArray[np.bool_]
_PINNED = 10.0
"""Weight of a pinned value against the distances, of which each column's is at most 2."""


@dataclass(frozen=True)
class Eligible:
    """Everybody who may be published now, one entry per patient.

    Attributes:
        seen: (n,) place in `seen.Past`, -1 for those never published.
        fits: (n,) whether their values still lie under the labels last seen.
        sensitive: (n, s) sensitive values as numbers, ordered where the spec says so.
        order: (n,) a secret order, a permutation.
    """

    seen: Ints
    fits: Bools
    sensitive: Ints
    order: Ints


@dataclass(frozen=True)
class Rule:
    """The bounds: see `products.bounds`."""

    k: int
    least_joiners: int
    sensitive: tuple[Sensitive, ...]


@dataclass(frozen=True)
class Stories:
    """Groups of equal stories and the sensitive values last seen; see `seen.Past`."""

    group: Ints
    sensitive: Ints


def choose_present(
    people: Eligible, stories: Stories, label: Ints, *, rule: Rule, among: Bools | None = None
) -> Bools:
    """(n,) who is published now.

    Args:
        people, stories: see there.
        label: (n,) class each patient would be in; the same for all of one group who fit.
        rule: the bounds.
        among: (n,) of those never published, who may be now; everybody by default.
    """
    known = people.seen >= 0
    staying = np.zeros(len(label), dtype=bool)
    staying[known] = _stayers(people, stories, rule.k)[known]
    joining = ~known if among is None else ~known & among
    joining &= _count(label, joining)[label] >= rule.least_joiners
    while True:
        refused = _refused(people, label, staying, joining, rule=rule)
        changed = _newly_pinned(people, stories, label, staying, joining)
        if not refused.any() and not changed.any():
            present: Bools = staying | joining
            return present
        staying &= ~changed
        hit = refused[label]
        # those who wait are the cheaper part of a class to hold back
        if (joining & hit).any():
            joining &= ~hit
        else:
            staying &= ~hit


def _count(label: Ints, among: Bools) -> Ints:
    return np.bincount(label[among], minlength=int(label.max(initial=-1)) + 1)


def _stayers(people: Eligible, stories: Stories, k: int) -> Bools:
    """(n,) who of those once published is published again."""
    if not len(stories.group):
        return np.zeros(len(people.seen), dtype=bool)
    sizes = np.bincount(stories.group)
    able = (people.seen >= 0) & people.fits
    group = np.where(able, stories.group[people.seen], -1)
    eligible = np.bincount(group[able], minlength=len(sizes))
    staying: Bools = able & (eligible == sizes)[group]
    torn = (eligible > 0) & (eligible < sizes)
    members = np.flatnonzero(able & torn[group])
    members = members[np.lexsort((people.order[members], group[members]))]
    gone = _gone_by_group(people.seen[able], stories.group)
    for rows in np.split(members, np.flatnonzero(np.diff(group[members])) + 1):
        if len(rows):
            number = group[rows[0]]
            first, last = np.searchsorted(stories.group[gone], [number, number + 1])
            split = _Split(
                stories.sensitive[gone[first:last]], stories.sensitive[people.seen[rows]], k
            )
            staying[rows] = split.published()
    return staying


def _gone_by_group(able: Ints, group: Ints) -> Ints:
    """Places in the past of everybody who cannot be published, ordered by group."""
    absent = np.ones(len(group), dtype=bool)
    absent[able] = False
    gone = np.flatnonzero(absent)
    return gone[np.argsort(group[gone], kind="stable")]


class _Split:
    """One group in which some are gone: who of the others hides them."""

    def __init__(self, gone: Ints, others: Ints, k: int) -> None:
        """``gone`` and ``others``: sensitive values, a row per patient; others in secret order."""
        self.k = k
        self.kinds, self.kind = np.unique(others, axis=0, return_inverse=True)
        self.kind = self.kind.reshape(-1)
        self.left = np.bincount(self.kind, minlength=len(self.kinds))
        everybody = np.concatenate([gone, others])
        self.cells = [np.unique(column) for column in everybody.T]
        self.marks = self._marked(self.kinds)
        self.total = self._marked(everybody).sum(axis=0)
        self.hidden = self._marked(gone).sum(axis=0)
        self.size, self.n_hidden = len(everybody), len(gone)
        self.starts = np.cumsum([0, *(len(cells) for cells in self.cells)])[:-1]
        ends = [*self.starts[1:], len(self.total)]
        self.usual = np.array(
            [a + int(np.argmax(self.total[a:b])) for a, b in zip(self.starts, ends, strict=True)],
            dtype=np.int64,
        )
        widths = [len(cells) for cells in self.cells]
        self.rarer = self.total < np.repeat(self.total[self.usual], widths)
        self.rivals = np.array([n > 1 for n in widths], dtype=bool)

    def _marked(self, values: Ints) -> Ints:
        """A 1 for every value a patient has, columns side by side."""
        marks = [
            (column[:, None] == cells).astype(np.int64)
            for column, cells in zip(values.T, self.cells, strict=True)
        ]
        return np.concatenate(marks, axis=1) if marks else np.zeros((len(values), 0), np.int64)

    def _pinned(self, counts: Ints) -> Ints:
        """Columns with one value among ``counts`` (…, values) and more in the whole group."""
        if not len(self.starts):
            return np.zeros(counts.shape[:-1], dtype=np.int64)
        several = np.add.reduceat(self.total > 0, self.starts) > 1
        here = np.add.reduceat(counts > 0, self.starts, axis=-1)
        return np.asarray(((here < 2) & several).sum(axis=-1), dtype=np.int64)

    def _swayed(self, counts: Ints) -> Ints:
        """Columns whose commonest value among ``counts`` (…, values) is not the whole group's.

        Guessing it for one who left would succeed more often than guessing from the group.
        """
        if not len(self.starts):
            return np.zeros(counts.shape[:-1], dtype=np.int64)
        most = np.maximum.reduceat(np.where(self.rarer, counts, 0), self.starts, axis=-1)
        usual = np.where(self.rivals, counts[..., self.usual], np.inf)
        return np.asarray((most >= usual).sum(axis=-1), dtype=np.int64)

    def published(self) -> Bools:
        """(others,) who is published: all but the decoys, or nobody."""
        decoys = np.zeros(len(self.kinds), dtype=np.int64)
        while self.n_hidden < self.k or self._pinned(self.hidden) or self._swayed(self.hidden):
            if self.size - self.n_hidden <= self.k:
                return np.zeros(len(self.kind), dtype=bool)
            chosen = self._next()
            decoys[chosen] += 1
            self.left[chosen] -= 1
            self.hidden = self.hidden + self.marks[chosen]
            self.n_hidden += 1
        if self.size - self.n_hidden < self.k:
            return np.zeros(len(self.kind), dtype=bool)
        return _place_in_kind(self.kind) >= decoys[self.kind]

    def _next(self) -> int:
        """The kind of patient that makes the absent most like the whole group."""
        hidden = self.hidden + self.marks
        distance: Floats = np.abs(hidden / (self.n_hidden + 1) - self.total / self.size).sum(axis=1)
        # The absent must not be pinned; the others may be where all of their class are alike.
        distance = distance + 2 * _PINNED * self._pinned(hidden)
        distance = distance + _PINNED * self._pinned(self.total - hidden)
        distance = distance + _PINNED / 2 * self._swayed(hidden)
        return int(np.argmin(np.where(self.left > 0, distance, np.inf)))


def _place_in_kind(kind: Ints) -> Ints:
    """(n,) how many of the same kind come before."""
    order = np.argsort(kind, kind="stable")
    sizes = np.bincount(kind)
    places = np.arange(len(kind)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    result = np.empty(len(kind), dtype=np.int64)
    result[order] = places
    return result


def _refused(people: Eligible, label: Ints, staying: Bools, joining: Bools, *, rule: Rule) -> Bools:
    """(labels,) classes that miss a bound as they stand."""
    present = staying | joining
    size = _count(label, present)
    refused: Bools = (size > 0) & (size < rule.k)
    for i, bound in enumerate(rule.sensitive):
        codes = people.sensitive[:, i]
        table = histogram(label, codes, among=present)
        distinct = (table > 0).sum(axis=1)
        refused |= (size > 0) & (distinct < bound.distinct_l)
        refused |= (size > 0) & (distances(table, is_ordered=bound.is_ordered) > bound.t + 1e-12)
        joined = (histogram(label, codes, among=joining) > 0).sum(axis=1)
        refused |= (joined == 1) & (distinct > 1)
    return refused


def _newly_pinned(
    people: Eligible, stories: Stories, label: Ints, staying: Bools, joining: Bools
) -> Bools:
    """(n,) stayers whose group now has one value where all of it had more, and their class has."""
    pinned = np.zeros(len(label), dtype=bool)
    rows = np.flatnonzero(staying)
    if not len(rows):
        return pinned
    group = stories.group[people.seen[rows]]
    everybody = np.ones(len(rows), dtype=bool)
    for i, codes in enumerate(people.sensitive.T):
        now = (histogram(group, codes[rows], among=everybody) > 0).sum(axis=1)
        before = stories.sensitive[:, i] - stories.sensitive[:, i].min()
        whole = np.ones(len(before), dtype=bool)
        had = (histogram(stories.group, before, among=whole) > 0).sum(axis=1)
        shown = (histogram(label, codes, among=staying | joining) > 0).sum(axis=1)
        pinned[rows] |= (now == 1)[group] & (had > 1)[group] & (shown > 1)[label[rows]]
    return pinned


def histogram(label: Ints, codes: Ints, *, among: Bools) -> Ints:
    """(labels, values) patients per class and sensitive value."""
    labels, values = int(label.max(initial=-1)) + 1, int(codes.max(initial=-1)) + 1
    packed = label[among] * values + codes[among]
    return np.bincount(packed, minlength=labels * values).reshape(labels, values)


def distances(table: Ints, *, is_ordered: bool) -> Floats:
    """(labels,) earth mover's distance of each class to all (Li et al. 2007): ordered, or equal."""
    table = table[:, table.sum(axis=0) > 0]
    whole = table.sum(axis=0) / max(int(table.sum()), 1)
    sizes = np.maximum(table.sum(axis=1, keepdims=True), 1)
    gaps = table / sizes - whole
    if is_ordered:
        moved = np.abs(np.cumsum(gaps, axis=1)).sum(axis=1)
        return np.asarray(moved / max(table.shape[1] - 1, 1), dtype=np.float64)
    return np.asarray(np.abs(gaps).sum(axis=1) / 2, dtype=np.float64)
