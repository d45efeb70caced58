"""When a count of people may be told, and how beside other counts of them. Which counts are told
belongs to each document.
"""

from __future__ import annotations


def is_small(count: int | None, k: int) -> bool:
    """True for 1 to k-1."""
    return count is not None and 0 < count < k


def rounded(count: int, k: int) -> int:
    """Up to the next multiple of k: what is said of patients who are not in a release.

    Two such figures tell their difference only to k, so that neither who left between two
    releases nor who is in one table and not in another can be counted.
    """
    return -(-count // k) * k
