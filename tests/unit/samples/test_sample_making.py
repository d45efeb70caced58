"""Making the samples again gives what is shipped, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sample_files as seen

from samples.make import broken, draw
from samples.make.extract import unpacked
from samples.make.lakeside import make_lakeside
from samples.make.renmin import make_renmin
from samples.make.stmary import make_stmary
from samples.make.synthea import data_folder

needs_synthea = pytest.mark.skipif(
    not data_folder().is_dir(), reason="needs the Synthea patients of CLEARWARD_DATA"
)


def _stored(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def _written(folder: Path) -> dict[str, bytes]:
    """Contents before compression: another zlib may pack the same rows into other bytes."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    return {p.relative_to(folder).as_posix(): unpacked(p) for p in files}


def _assert_shipped(made: Path, shipped: Path) -> None:
    first, second = _written(made), _written(shipped)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize("month", ["2024-03", "2024-04"])
def test_renmin_is_made_again_as_shipped(tmp_path: Path, month: str) -> None:
    make_renmin(tmp_path, (month,))
    _assert_shipped(tmp_path / "renmin" / month, seen.EXTRACTS / "renmin" / month)


def test_renmin_twice_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_renmin(tmp_path / name, ("2024-03",), patients=150)
    one, two = _stored(tmp_path / "one"), _stored(tmp_path / "two")
    assert any(name.endswith(".gz") for name in one)
    assert one == two


@needs_synthea
def test_lakeside_is_made_again_as_shipped(tmp_path: Path) -> None:
    make_lakeside(tmp_path, data_folder(), ("2024-05",))
    _assert_shipped(tmp_path / "lakeside/2024-05", seen.EXTRACTS / "lakeside/2024-05")


@needs_synthea
@pytest.mark.slow
def test_stmary_is_made_again_as_shipped(tmp_path: Path) -> None:
    make_stmary(tmp_path, data_folder(), ("2024-04",))
    _assert_shipped(tmp_path / "stmary/2024-04", seen.EXTRACTS / "stmary/2024-04")


def test_broken_extracts_are_made_again_as_shipped(tmp_path: Path) -> None:
    broken.make_broken(tmp_path)
    assert _stored(tmp_path) == _stored(seen.SAMPLES / "broken")
    assert len(broken.CASES) == 9


def test_a_broken_extract_differs_from_the_control_in_one_file(tmp_path: Path) -> None:
    broken.make_broken(tmp_path)
    control = _stored(tmp_path / "control")
    for name in set(broken.CASES) - {"control", "miscounted"}:
        case = _stored(tmp_path / name)
        shared = {k for k in control if case.get(k) == control[k]}
        changed = set(control) - shared - {"manifest.json", "README.md"}
        assert len(changed) == 1, name


def test_a_row_is_drawn_alike_alone_and_among_others() -> None:
    many = draw.uniform("slot", np.arange(1000))
    assert draw.uniform("slot", np.array([417]))[0] == many[417]
    assert draw.uniform("other slot", np.array([417]))[0] != many[417]


def test_draws_are_spread_as_promised() -> None:
    n = np.arange(20_000)
    assert abs(draw.uniform("u", n).mean() - 0.5) < 0.01
    assert abs(draw.normal("n", n).mean()) < 0.03
    assert abs(draw.normal("n", n).std() - 1) < 0.03
    assert set(draw.integers("i", 3, 5, n)) == {3, 4, 5}
    assert abs((draw.weighted("w", {"a": 0.9, "b": 0.1}, n) == "a").mean() - 0.9) < 0.01


def test_a_pick_is_exact_and_refuses_too_few_rows() -> None:
    assert draw.pick("p", [str(n) for n in range(50)], 7).sum() == 7
    with pytest.raises(ValueError, match="only 2 rows"):
        draw.pick("p", ["a", "b"], 3)
