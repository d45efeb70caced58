"""From a Parquet file to distinct combinations of quasi-identifiers, by its dictionary codes. Add a
way of reading combinations here; SQL over product tables lives in `tables`.

Only the dictionaries are looked at as text: a column's codes are exchanged for packed paths, and
one sort of 64-bit numbers finds the combinations, their counts and every row's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.hierarchies import UNKNOWN, Hierarchy
from clearward.protect.loss import Ints
from clearward.protect.paths import WORD_BITS, Field, Words, fields_of


@dataclass(frozen=True)
class Combinations:
    """Distinct combinations of a file.

    Attributes:
        fields: one per quasi-identifier.
        words: (w, n) packed paths, ascending.
        weights: (n,) rows per combination.
        rows: (rows,) combination of each row, in the file's order.
    """

    fields: tuple[Field, ...]
    words: Words
    weights: Ints
    rows: NDArray[np.int32]

    def codes(self) -> Ints:
        """(n, d) index of each value in its hierarchy's ``values``, as `Problem` takes them."""
        columns = []
        for field in self.fields:
            order = np.argsort(field.paths)
            prefix = field.prefix(self.words[field.word], np.zeros(len(self.weights), np.int64))
            columns.append(order[np.searchsorted(field.nodes[0], prefix)])
        return np.stack(columns, axis=1)


def read_combinations(path: Path, hierarchies: Sequence[Hierarchy]) -> Combinations:
    """Combinations of the columns that the hierarchies are named after; a null is ``U``.

    Raises ConfigError when the file has no row, lacks a column or holds a value that its hierarchy
    does not know.
    """
    fields = fields_of(hierarchies)
    columns = [hierarchy.column for hierarchy in hierarchies]
    schema, count = pq.read_schema(path), pq.read_metadata(path).num_rows
    missing = sorted(set(columns) - set(schema.names))
    if missing or not count:
        raise ConfigError(
            f"{path.name} holds no combinations to count.",
            seen=f"{count} rows, no column {', '.join(missing) or '-'}",
            expected="rows, and a column per quasi-identifier",
        )
    file = pq.ParquetFile(path, read_dictionary=columns)
    words = np.zeros((fields[-1].word + 1, count), dtype=np.uint64)
    first = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=columns)
        part = words[:, first : first + table.num_rows]
        for hierarchy, field in zip(hierarchies, fields, strict=True):
            _add_paths(part[field.word], table.column(hierarchy.column), hierarchy, field)
        first += table.num_rows
    return Combinations(fields, *_distinct(words, fields))


def _add_paths(words: Words, column: pa.ChunkedArray, hierarchy: Hierarchy, field: Field) -> None:
    known = {value: code for code, value in enumerate(hierarchy.values)}
    for start, chunk in _encoded(column):
        values = [str(value) for value in chunk.dictionary.to_pylist()]
        codes = [known.get(value, -1) for value in (*values, UNKNOWN)]
        indices = chunk.indices
        if chunk.null_count:
            indices = indices.fill_null(len(values))
        numbers = indices.to_numpy(zero_copy_only=False)
        paths = field.paths[codes]
        unknown = np.flatnonzero(np.array(codes) < 0)
        held = np.intersect1d(unknown, numbers) if len(unknown) else unknown
        if len(held):
            raise ConfigError(
                f"Column {hierarchy.column} holds values that its hierarchy does not know.",
                seen=f"{len(held)} values without a row",
                do="add them to the hierarchy",
            )
        words[start : start + len(chunk)] |= paths[numbers]


def _encoded(column: pa.ChunkedArray) -> Iterator[tuple[int, pa.DictionaryArray]]:
    start = 0
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            chunk = pc.dictionary_encode(chunk)  # noqa: PLW2901 - numbers have no dictionary pages
        yield start, chunk
        start += len(chunk)


def _distinct(words: Words, fields: Sequence[Field]) -> tuple[Words, Ints, NDArray[np.int32]]:
    used = int(fields[-1].offsets[-1])
    places = max(int(words.shape[1] - 1).bit_length(), 1)
    if len(words) == 1 and used + places <= WORD_BITS:
        # One sort of (path, row) is far cheaper than sorting paths and asking for the order.
        both = (words[0] << np.uint64(places)) | np.arange(words.shape[1], dtype=np.uint64)
        both.sort()
        order = (both & np.uint64(2**places - 1)).astype(np.int64)
        ordered = (both >> np.uint64(places))[None, :]
    else:
        order = np.lexsort(words[::-1])
        ordered = words[:, order]
    new = np.ones(words.shape[1], dtype=bool)
    new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    firsts = np.flatnonzero(new)
    rows = np.empty(words.shape[1], dtype=np.int32)
    rows[order] = np.cumsum(new, dtype=np.int32) - 1
    return ordered[:, firsts], np.diff(firsts, append=len(order)), rows
