"""Local recoding: classes that are each generalised only as far as they must be. Add a way of
cutting here; what a class must keep to lives in `models`, how paths are packed in `paths`.

Top-down specialisation over distinct combinations (Mondrian, LeFevre et al. 2006, along hierarchies
instead of number lines). All classes of a round are cut at once: each takes the quasi-identifier
whose cut saves the most information loss (NM), gives every child of its common label that can
stand alone a class of its own, and leaves the others together under the common label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearward.protect.histograms import count_by, stable_order
from clearward.protect.loss import Floats, Ints
from clearward.protect.paths import Field, Words

Bools = NDArray[np.bool_]
# Says for (members ordered by class, first member of each class) which classes keep every bound.
Allows = Callable[[Ints, Ints], Bools]


@dataclass(frozen=True)
class Partition:
    """Classes of combinations.

    Attributes:
        classes: (n,) class of each combination, dense from 0.
        levels: (classes, d) level of the label that all of a class share.
        cuts: cuts made.
        refused: cuts that a privacy model refused.
    """

    classes: Ints
    levels: Ints
    cuts: int
    refused: int


@dataclass(frozen=True)
class Given:
    """What is cut, and the bounds.

    Attributes:
        words: (w, n) packed paths of distinct combinations.
        weights: (n,) units per combination.
        fields: one per quasi-identifier.
        k: least units in a class.
        allows: further bounds of a class; unions of allowed classes must be allowed.
        apart: (n,) combinations of different numbers, dense from 0, never share a class; by
            default all may.
        shut: (numbers,) which of these are not cut.
    """

    words: Words
    weights: Ints
    fields: Sequence[Field]
    k: int
    allows: Allows | None = None
    apart: Ints | None = None
    shut: Bools | None = None


@dataclass(frozen=True)
class _Front:
    """Classes that may still be cut.

    Attributes:
        members: (n,) combinations, ordered by class.
        starts: (classes,) where each class starts.
        barred: (classes, d) quasi-identifiers along which a model refused to cut.
    """

    members: Ints
    starts: Ints
    barred: Bools

    @property
    def lengths(self) -> Ints:
        """(classes,) combinations per class."""
        return np.diff(self.starts, append=len(self.members))

    def only(self, keep: Bools) -> _Front:
        """The front without the other classes."""
        if keep.all():
            return self
        lengths = self.lengths
        starts = np.cumsum(lengths[keep]) - lengths[keep]
        return _Front(self.members[np.repeat(keep, lengths)], starts, self.barred[keep])


def specialise(given: Given) -> Partition:
    """Cut all combinations, one class at first, until no cut keeps the bounds."""
    classes = np.full(len(given.weights), -1, dtype=np.int64)
    done: list[Ints] = []
    found = cuts = refused = 0
    front = _whole(given)
    while len(front.members):
        levels = _common_levels(given, front)
        chosen = _choose(given, front, levels)
        ends = chosen < 0
        closed = front.only(ends)
        numbers = found + np.arange(len(closed.starts))
        classes[closed.members] = np.repeat(numbers, closed.lengths)
        found += len(numbers)
        done.append(levels[ends])
        front, refusals = _cut(given, front.only(~ends), levels[~ends], chosen[~ends])
        cuts += int((~ends).sum()) - refusals
        refused += refusals
    return Partition(classes, np.concatenate(done), cuts, refused)


def _whole(given: Given) -> _Front:
    """Everybody in one class, or one for each of those that must stay apart."""
    count, columns = len(given.weights), len(given.fields)
    if given.apart is None:
        return _Front(np.arange(count), np.zeros(1, np.int64), np.zeros((1, columns), dtype=bool))
    members = np.argsort(given.apart, kind="stable")
    starts = np.flatnonzero(np.diff(given.apart[members], prepend=-1))
    shut = np.zeros(len(starts), dtype=bool) if given.shut is None else given.shut
    return _Front(members, starts, np.repeat(shut[:, None], columns, axis=1))


def _common_levels(given: Given, front: _Front) -> Ints:
    levels = np.empty((len(front.starts), len(given.fields)), dtype=np.int64)
    for word, paths in enumerate(given.words):
        own = paths[front.members]
        first = np.repeat(own[front.starts], front.lengths)
        differing = np.bitwise_or.reduceat(own ^ first, front.starts)
        for column, field in enumerate(given.fields):
            if field.word == word:
                levels[:, column] = field.common_level(differing)
    return levels


def _choose(given: Given, front: _Front, levels: Ints) -> Ints:
    """(classes,) quasi-identifier to cut along, -1 where no cut saves anything."""
    sizes = np.add.reduceat(given.weights[front.members], front.starts)
    may = (levels > 0) & ~front.barred & (sizes >= 2 * given.k)[:, None]
    best = np.zeros(len(sizes))
    chosen = np.full(len(sizes), -1, dtype=np.int64)
    for column in range(len(given.fields)):
        some = may[:, column]
        if some.any():
            part = front.only(some)
            gains = np.zeros(len(sizes))
            gains[some] = _gain(given, part, column, levels[some, column])
            better = gains > best
            best[better], chosen[better] = gains[better], column
    return chosen


@dataclass(frozen=True)
class _Children:
    """The children that occur below the common labels, ordered by class and child number.

    Attributes:
        keys: (children,) class and number in one, ascending.
        owner: (children,) class each is part of.
        counts: (children,) its units.
        saved: (children,) NM it saves as a class of its own, in units times loss.
        starts: (classes,) first child of each class.
    """

    keys: Ints
    owner: Ints
    counts: Ints
    saved: Floats
    starts: Ints

    def of(self, keys: Ints) -> Ints:
        """(n,) child that each member belongs to."""
        cells = int(self.keys[-1]) + 1
        if cells > 8 * len(keys):
            return np.searchsorted(self.keys, keys)
        place = np.empty(cells, dtype=np.int64)
        place[self.keys] = np.arange(len(self.keys))
        return place[keys]

    def over(self, values: NDArray[np.generic], how: np.ufunc) -> NDArray[Any]:
        """(classes,) values of a class's children brought together."""
        reduced: NDArray[Any] = how.reduceat(values, self.starts)
        return reduced


def _keys(given: Given, front: _Front, column: int, levels: Ints) -> Ints:
    """(n,) class and number of the child that each member belongs to, in one number."""
    field = given.fields[column]
    lengths = front.lengths
    lowest = field.offsets[levels - 1].astype(np.uint64)
    width = (field.offsets[levels] - field.offsets[levels - 1]).astype(np.uint64)
    mask = (np.uint64(1) << width) - np.uint64(1)
    own = given.words[field.word][front.members]
    number = (own >> np.repeat(lowest, lengths)) & np.repeat(mask, lengths)
    keys: Ints = number.astype(np.int64)
    keys += np.repeat(np.arange(len(lengths)) * field.fan, lengths)
    return keys


def _children(given: Given, front: _Front, column: int, levels: Ints, keys: Ints) -> _Children:
    field = given.fields[column]
    weights = given.weights[front.members]
    found, counts = count_by(keys, weights, len(front.starts) * field.fan)
    owner = found // field.fan
    saved = counts * _drops(given, front, column, levels, (owner, found - owner * field.fan))
    return _Children(found, owner, counts, saved, np.flatnonzero(np.diff(owner, prepend=-1)))


def _drops(
    given: Given, front: _Front, column: int, levels: Ints, children: tuple[Ints, Ints]
) -> Floats:
    """(children,) by how much a child's label costs less than the one of its class."""
    owner, number = children
    field = given.fields[column]
    node = field.prefix(given.words[field.word][front.members[front.starts]], levels)
    width = field.offsets[levels] - field.offsets[levels - 1]
    child = (node[owner] << width[owner]) | number
    drop = np.zeros(len(owner))
    for level in range(1, field.height + 1):
        below = levels[owner] == level
        if below.any():
            drop[below] = field.loss(node[owner[below]], level) - field.loss(
                child[below], level - 1
            )
    return drop


def _gain(given: Given, front: _Front, column: int, levels: Ints) -> Floats:
    """(classes,) NM that the cut along a column saves, in units times loss."""
    children = _children(given, front, column, levels, _keys(given, front, column, levels))
    alone = _alone(children, given.k)
    gains: Floats = children.over(np.where(alone, children.saved, 0.0), np.add)
    return gains


def _alone(children: _Children, k: int) -> Bools:
    """(children,) which become classes of their own, so that what is left over counts 0 or k."""
    alone = children.counts >= k
    rest = children.over(np.where(alone, 0, children.counts), np.add)
    # The child that costs least to give up stays with a rest too small to stand alone.
    return alone & ~_least(children, alone, (rest > 0) & (rest < k))


def _least(children: _Children, among: Bools, classes: Bools) -> Bools:
    """(children,) the one child per given class that saves least, of those in ``among``."""
    saved = np.where(among, children.saved, np.inf)
    least = children.over(saved, np.minimum)
    hit = among & classes[children.owner] & (saved == least[children.owner])
    places = np.flatnonzero(hit)
    first = places[np.flatnonzero(np.diff(children.owner[places], prepend=-1))]
    only = np.zeros(len(hit), dtype=bool)
    only[first] = True
    return only


def _cut(given: Given, front: _Front, levels: Ints, chosen: Ints) -> tuple[_Front, int]:
    """The front after one cut per class, and how many cuts a model refused."""
    pieces, refused = [], 0
    for column in range(len(given.fields)):
        some = chosen == column
        if some.any():
            piece, failed = _cut_along(given, front.only(some), column, levels[some, column])
            pieces.append(piece)
            refused += failed
    return _join(pieces, len(given.fields)), refused


def _join(pieces: Sequence[_Front], columns: int) -> _Front:
    if not pieces:
        empty = np.zeros(0, dtype=np.int64)
        return _Front(empty, empty, np.zeros((0, columns), dtype=bool))
    sizes = np.cumsum([0, *(len(piece.members) for piece in pieces)])
    return _Front(
        np.concatenate([piece.members for piece in pieces]),
        np.concatenate([p.starts + size for p, size in zip(pieces, sizes, strict=False)]),
        np.concatenate([piece.barred for piece in pieces]),
    )


def _cut_along(given: Given, front: _Front, column: int, levels: Ints) -> tuple[_Front, int]:
    """The front after the cuts along one column, and how many of them a model refused."""
    keys = _keys(given, front, column, levels)
    children = _children(given, front, column, levels, keys)
    child = children.of(keys)
    alone = _alone(children, given.k)
    while True:
        targets = np.where(alone, np.arange(len(alone)), len(alone) + children.owner)
        by_target = stable_order(targets[child], len(alone) + len(front.starts))
        ordered = targets[child][by_target]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        if given.allows is None:
            break
        failed = np.zeros(len(alone) + len(front.starts), dtype=bool)
        failed[ordered[starts]] = ~given.allows(front.members[by_target], starts)
        fewer = _without(children, alone, failed[targets])
        if (fewer == alone).all():
            break
        alone = fewer
    owner = children.owner[child[by_target][starts]]
    whole = ~children.over(alone, np.logical_or)
    barred = np.zeros((len(starts), front.barred.shape[1]), dtype=bool)
    barred[whole[owner]] = front.barred[owner[whole[owner]]]
    barred[whole[owner], column] = True
    return _Front(front.members[by_target], starts, barred), int(whole.sum())


def _without(children: _Children, alone: Bools, failed: Bools) -> Bools:
    """Children that still stand alone after those a model refused have joined the rest."""
    kept = alone & ~failed
    refused_rest = children.over(failed & ~alone, np.logical_or)
    return kept & ~_least(children, kept, refused_rest)
