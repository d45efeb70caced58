import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import ReleaseError
from clearward.releases.version import (
    Change,
    Version,
    in_range,
    next_version,
    overlap,
    parse_version,
)

numbers = st.integers(0, 99)
versions = st.builds(Version, numbers, numbers, numbers)


@given(versions)
def test_a_version_reads_back(version):
    assert parse_version(str(version)) == version


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-rc1", "v1.2.3", "1٣.1.2"]
)
def test_anything_else_is_no_version(text):
    with pytest.raises(ReleaseError):
        parse_version(text)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change.SCHEMA_BREAK, "2.0.0"),
        (Change.NEW_MONTH, "1.5.0"),
        (Change.SCHEMA_ADDITION, "1.5.0"),
        (Change.CORRECTION, "1.4.8"),
        (Change.NOTHING, "1.4.7"),
    ],
)
def test_the_number_follows_from_the_change(change, expected):
    assert str(next_version(Version(1, 4, 7), change)) == expected


@given(versions, st.sampled_from([c for c in Change if c not in (Change.NOTHING, Change.FIRST)]))
def test_every_change_moves_forward(version, change):
    assert next_version(version, change) > version


def test_ten_comes_after_nine():
    assert Version(1, 10, 0) > Version(1, 9, 9)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("*", ["0.0.0", "9.9.9"], []),
        ("1.x", ["1.0.0", "1.99.99"], ["0.9.9", "2.0.0"]),
        ("1.2.x", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.9"]),
        ("1.2.3", ["1.2.3"], ["1.2.4"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        (">=1.0.0,<2.0.0", ["1.0.0", "1.9.0"], ["2.0.0", "0.1.0"]),
        (">1.0.0, <=2.0.0", ["1.0.1", "2.0.0"], ["1.0.0", "2.0.1"]),
    ],
)
def test_ranges(text, inside, outside):
    assert all(in_range(parse_version(v), text) for v in inside)
    assert not any(in_range(parse_version(v), text) for v in outside)


@pytest.mark.parametrize("text", ["", "latest", "1", "1.2", "~1.2.0", ">=1.x", "1.2.3,", "x", ".x"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ReleaseError):
        in_range(Version(1, 0, 0), text)


RANGES = [
    "*",
    "1.x",
    "1.2.x",
    "1.2.3",
    ">1.2.3",
    "<=1.2.3",
    ">=1.2.4,<2.0.0",
    ">1.2.3,<1.2.4",
    "<0.0.1",
]


@pytest.mark.parametrize("one", RANGES)
@pytest.mark.parametrize("other", RANGES)
def test_two_ranges_overlap_where_some_version_is_in_both(one, other):
    every = [Version(a, b, c) for a in range(3) for b in range(4) for c in range(6)]
    found = any(in_range(v, one) and in_range(v, other) for v in every)
    assert overlap(one, other) == overlap(other, one) == found
