"""The shipped extracts are what their manifests and the README say."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from pathlib import Path

import pytest
import sample_files as seen
from sample_measures import measures

from samples.make.extract import MONTHS, unpacked
from samples.make.his_people import check_digits

HOSPITALS = {"lakeside": "synthea", "stmary": "fhir", "renmin": "his"}
FOLDERS = [seen.EXTRACTS / h / m for h in HOSPITALS for m in MONTHS]
LIMIT = 10_000_000
_LINE = re.compile(r"(?m)^\| `((?:lakeside|stmary|renmin|consents)-[a-z-]+)` \| (\d+) \|")


def _stated() -> dict[str, int]:
    text = (seen.SAMPLES / "README.md").read_text(encoding="utf-8")
    return {name: int(count) for name, count in _LINE.findall(text)}


def _records(folder: Path, name: str) -> int:
    content = unpacked(folder / name)
    plain = name.removesuffix(".gz")
    if plain.endswith(".ndjson"):
        return content.count(b"\n")
    if not plain.endswith(".csv"):
        return 1
    utf8 = "renmin" not in folder.parts or plain in ("consents.csv", "deletions.csv")
    text = content.decode("utf-8" if utf8 else "gb18030")
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""))) - 1


def test_there_are_three_hospitals_with_three_months() -> None:
    assert sorted(p.parent for p in seen.EXTRACTS.glob("*/*/manifest.json")) == sorted(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_manifest_matches_its_files(folder: Path) -> None:
    document = seen.manifest(folder)
    assert document["clearward_extract"] == 1
    assert (document["hospital"], document["month"]) == (folder.parent.name, folder.name)
    assert document["system"] == HOSPITALS[folder.parent.name]
    assert document["sequence"] == MONTHS.index(folder.name) + 1
    for entry in document["files"]:
        content = (folder / entry["name"]).read_bytes()
        assert entry["bytes"] == len(content), entry["name"]
        assert entry["sha256"] == hashlib.sha256(content).hexdigest(), entry["name"]
        assert entry["rows"] == _records(folder, entry["name"]), entry["name"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_manifest_names_every_file_of_its_folder(folder: Path) -> None:
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found - {"manifest.json"} == {f["name"] for f in seen.manifest(folder)["files"]}


def test_all_samples_together_are_small_enough_for_git() -> None:
    sizes = [p.stat().st_size for p in seen.SAMPLES.rglob("*") if p.is_file()]
    assert 1_000_000 < sum(sizes) < LIMIT


def test_the_readme_states_every_measured_case_and_no_other() -> None:
    assert set(_stated()) == set(measures())


@pytest.mark.parametrize("case", sorted(measures()))
def test_an_edge_case_is_in_the_files_as_often_as_the_readme_says(case: str) -> None:
    assert _stated()[case] > 0
    assert measures()[case]() == _stated()[case]


def test_citizen_numbers_check_and_agree_with_birth_and_sex() -> None:
    people = seen.his(seen.MARCH, "patients")
    people = people[people["身份证号"].str.fullmatch(r"\d{17}[\dX]")]
    good = people[check_digits(people["身份证号"].str[:17]) == people["身份证号"].str[17]]
    assert len(good) == 420 - 4 - 2
    assert (good["身份证号"].str[6:14] == good["出生日期"]).all()
    odd = good["身份证号"].str[16].astype(int) % 2 == 1
    assert (odd == (good["性别"] == "男")).all()


def test_a_known_citizen_number_has_the_published_check_digit() -> None:
    import pandas as pd

    # The example of GB 11643-1999, annex A.
    assert check_digits(pd.Series(["11010519491231002", "44052418800101001"])).tolist() == [
        "X",
        "4",
    ]
