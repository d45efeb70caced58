import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.service.ranges import ByteRange, UnsatisfiableError, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=2-4", ByteRange(2, 3)),
        ("bytes=8-", ByteRange(8, 2)),
        ("bytes=8-100", ByteRange(8, 2)),
        ("bytes=-3", ByteRange(7, 3)),
        ("bytes=-100", ByteRange(0, 10)),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
    ],
)
def test_ranges_of_ten_bytes(header, expected):
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=-1", 0)])
def test_ranges_outside_are_unsatisfiable(header, size):
    with pytest.raises(UnsatisfiableError):
        parse_range(header, size)


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}"), st.integers(0, 1000))
def test_a_range_is_always_inside_the_file(header, size):
    try:
        found = parse_range(header, size)
    except UnsatisfiableError:
        return
    assert found is None or (found.length > 0 and 0 <= found.start <= size - found.length)
