"""Values as paths from the root of their hierarchy, packed into few 64-bit words. Add here what is
read off a packed path; deciding where to cut is not done here.

A path is one field of bits per quasi-identifier: the number of the child taken at every level, the
root's child highest, the leaf lowest. Two paths share their label at a level when they agree above
that level's bits, so the lowest common label of a whole class is one OR over their differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.hierarchies import ANY, Hierarchy
from clearward.protect.loss import Floats, Ints

Words = NDArray[np.uint64]
Texts = NDArray[np.str_]
WORD_BITS = 64


@dataclass(frozen=True)
class Field:
    """Where one quasi-identifier's path lies and what its prefixes stand for.

    Attributes:
        word: number of the 64-bit word.
        offsets: (height + 1,) lowest bit of the level's child number; the last is the field's end.
        fans: (height,) largest number of children of one node of the next level.
        paths: (values,) the path of each value, shifted into place.
        nodes: per level, the prefixes that occur, ascending.
        losses, labels: per level, NM (0-1) and label of each of these nodes.
    """

    word: int
    offsets: Ints
    fans: Ints
    paths: Words
    nodes: tuple[Ints, ...]
    losses: tuple[Floats, ...]
    labels: tuple[Texts, ...]

    @property
    def fan(self) -> int:
        """Largest number of children of one node."""
        return int(self.fans.max(initial=1))

    @property
    def height(self) -> int:
        """Number of the level at which all values are one."""
        return len(self.offsets) - 1

    def prefix(self, words: Words, level: Ints) -> Ints:
        """(n,) number of the node that each path (its word) passes at its level."""
        lowest = self.offsets[level].astype(np.uint64)
        width = (self.offsets[-1] - self.offsets[level]).astype(np.uint64)
        return ((words >> lowest) & _ones(width)).astype(np.int64)

    def loss(self, prefix: Ints, level: int) -> Floats:
        """(n,) NM of the nodes with these prefixes at one level."""
        return self.losses[level][self._place(prefix, level)]

    def label(self, prefix: Ints, level: int) -> Texts:
        """(n,) label of the nodes with these prefixes at one level."""
        return self.labels[level][self._place(prefix, level)]

    def _place(self, prefix: Ints, level: int) -> Ints:
        nodes = self.nodes[level]
        if int(nodes[-1]) == len(nodes) - 1:
            return prefix
        return np.searchsorted(nodes, prefix)

    def common_level(self, differing: Words) -> Ints:
        """(n,) lowest level with one label for all, given the bits in which paths differ."""
        width = (self.offsets[-1] - self.offsets[0]).astype(np.uint64)
        bits = (differing >> np.uint64(self.offsets[0])) & _ones(width)
        levels = np.zeros(len(bits), dtype=np.int64)
        for offset in self.offsets[:-1] - self.offsets[0]:
            levels += (bits >> np.uint64(offset)) != 0
        return levels


def _ones(width: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # NumPy shifts everything out at 64, so a field as wide as its word gets the mask of all ones.
    return (np.uint64(1) << np.atleast_1d(width)) - np.uint64(1)


def fields_of(hierarchies: Sequence[Hierarchy]) -> tuple[Field, ...]:
    """A field per hierarchy, filling words in order; ConfigError when one exceeds a word."""
    fields = []
    word = used = 0
    for hierarchy in hierarchies:
        levels = _levels(hierarchy)
        ranks = [_ranks(child, parent) for child, parent in pairwise(levels)]
        fans = np.array([int(rank.max()) + 1 for rank in ranks], dtype=np.int64)
        bits = np.array([int(fan - 1).bit_length() for fan in fans], dtype=np.int64)
        size = int(bits.sum())
        if size > WORD_BITS:
            raise ConfigError(
                f"The hierarchy of {hierarchy.column} is too large to be packed.",
                seen=f"{size} bits for {len(hierarchy.values)} values on {len(levels)} levels",
                expected=f"at most {WORD_BITS}",
                do="leave out levels that group nothing",
            )
        if used + size > WORD_BITS:
            word, used = word + 1, 0
        offsets = used + np.concatenate(([0], np.cumsum(bits)))
        fields.append(_field(word, offsets, fans, levels, ranks))
        used += size
    return tuple(fields)


def pack(fields: Sequence[Field], codes: Ints) -> Words:
    """(words, n) packed paths of the (n, d) value codes."""
    packed = np.zeros((max((f.word for f in fields), default=0) + 1, len(codes)), dtype=np.uint64)
    for column, field in enumerate(fields):
        packed[field.word] |= field.paths[codes[:, column]]
    return packed


def _levels(hierarchy: Hierarchy) -> list[Texts]:
    levels = [np.array(hierarchy.labels(level)) for level in range(hierarchy.height + 1)]
    if len(set(hierarchy.labels(hierarchy.height))) > 1:
        levels.append(np.full(len(hierarchy.values), ANY))
    return levels


def _ranks(child: Texts, parent: Texts) -> Ints:
    """(values,) number of each value's child label among the children of its parent label."""
    children, of_value = np.unique(child, return_inverse=True)
    parents = np.unique(parent, return_inverse=True)[1]
    parent_of = np.zeros(len(children), dtype=np.int64)
    parent_of[of_value] = parents
    order = np.argsort(parent_of, kind="stable")
    ordered = parent_of[order]
    firsts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(children), dtype=np.int64)
    rank[order] = np.arange(len(children)) - firsts
    return rank[of_value]


def _field(
    word: int, offsets: Ints, fans: Ints, levels: Sequence[Texts], ranks: Sequence[Ints]
) -> Field:
    paths = np.zeros(len(levels[0]), dtype=np.uint64)
    for offset, rank in zip(offsets, ranks, strict=False):
        if rank.any():
            paths |= rank.astype(np.uint64) << np.uint64(offset)
    bare = Field(word, offsets, fans, paths, (), (), ())
    nodes, losses, labels = [], [], []
    for level, names in enumerate(levels):
        prefix = bare.prefix(paths, np.full(len(paths), level))
        found, first = np.unique(prefix, return_index=True)
        leaves = np.bincount(np.searchsorted(found, prefix))
        nodes.append(found)
        labels.append(names[first])
        losses.append((leaves - 1) / max(len(names) - 1, 1))
    return Field(word, offsets, fans, paths, tuple(nodes), tuple(losses), tuple(labels))
