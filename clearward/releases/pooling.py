"""Counts that anybody may see: cells of one distribution, pooled and rounded. What is counted
belongs to `overview`.

No cell is left blank among others, because a blank follows by subtraction from the total and from
the cells around it. A cell of fewer than k people is joined with others until the joint cell has k,
so every cell shown stands for k people or more, and the shown cells make up everybody. Counts are
then rounded to a multiple of k: two versions of a release side by side, or a chart beside an exact
total, differ by nothing or by k, never by the few people who joined or left in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearward.products.counts import is_small

OTHER = "__other__"


@dataclass(frozen=True)
class Cell:
    """One cell of a distribution.

    Attributes:
        label: what it stands for; of a joint cell in an order, its first part.
        last: of a joint cell in an order, its last part; else the label.
        people: distinct people behind it; never published.
        count: what is shown: people, or their visits.
        label_zh: the label in Chinese, where it is a word.
    """

    label: str
    last: str
    people: int
    count: int
    label_zh: str = ""

    def told(self) -> dict[str, str | int]:
        """As published."""
        return {
            "label": self.label,
            "last": self.last,
            "label_zh": self.label_zh,
            "count": self.count,
        }


def pool_in_order(cells: Sequence[Cell], k: int, *, overlap: bool = False) -> list[Cell]:
    """Join neighbours until each joint cell has k people; a rest joins the cell before it.

    Empty when all cells together have fewer than k. ``overlap``: one person may be in several
    cells, as with visits; then a joint cell is sure of the people of its largest part only.
    """
    joined: list[Cell] = []
    for cell in cells:
        if joined and joined[-1].people < k:
            joined[-1] = _join(joined[-1], cell, overlap=overlap)
        else:
            joined.append(cell)
    if len(joined) > 1 and joined[-1].people < k:
        joined[-2:] = [_join(joined[-2], joined[-1], overlap=overlap)]
    return [_rounded(cell, k) for cell in joined if cell.people >= k]


def pool_rest(cells: Sequence[Cell], k: int) -> list[Cell]:
    """Put all cells of fewer than k people together as `OTHER`, with the smallest safe one beside
    them where they are fewer than k together. Largest first, `OTHER` last; cells share nobody.
    """
    ordered = sorted(cells, key=lambda cell: (-cell.people, cell.label))
    safe = [cell for cell in ordered if cell.people >= k]
    small = [cell for cell in ordered if is_small(cell.people, k)]
    while small and safe and sum(cell.people for cell in small) < k:
        small.append(safe.pop())
    people = sum(cell.people for cell in small)
    if people >= k:
        count = sum(cell.count for cell in small)
        safe.append(Cell(OTHER, OTHER, people, count))
    return [_rounded(cell, k) for cell in safe]


def only_common(cells: Sequence[Cell], k: int, *, most: int) -> list[Cell]:
    """The largest cells of k people or more, where cells overlap, as diagnoses do: what is not
    listed does not follow from what is.
    """
    ordered = sorted(cells, key=lambda cell: (-cell.people, cell.label))
    return [_rounded(cell, k) for cell in ordered if cell.people >= k][:most]


def round_to(count: int, k: int) -> int:
    """The nearest multiple of k, k at least; 0 stays."""
    return max(k, (count + k // 2) // k * k) if count else 0


def _rounded(cell: Cell, k: int) -> Cell:
    return replace(cell, count=round_to(cell.count, k))


def _join(first: Cell, second: Cell, *, overlap: bool) -> Cell:
    people = (first.people, second.people)
    return Cell(
        label=first.label,
        last=second.last,
        people=max(people) if overlap else sum(people),
        count=first.count + second.count,
    )
