"""What a buyer runs, files and reads."""

import shutil
import subprocess
import sys
from importlib.util import find_spec

import duckdb
import pytest

from clearward.releases.documents import DOCUMENTS, PAGES
from tests.unit.releases.conftest import House


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("library", ["pandas", "polars", "pyspark"])
def test_a_python_quick_start_runs_where_its_library_is(built, library):
    names = {"pandas": "load_pandas.py", "polars": "load_polars.py", "pyspark": "load_spark.py"}
    compile((built / names[library]).read_text("utf-8"), names[library], "exec")
    if find_spec(library):
        assert "240" in run(sys.executable, names[library], folder=built)


def test_the_duckdb_quick_start_runs(built, monkeypatch):
    monkeypatch.chdir(built)
    with duckdb.connect() as connection:
        result = connection.execute((built / "load_duckdb.sql").read_text("utf-8"))
        assert result.fetchall() == [(240,)]


def test_the_download_script_fetches_links_and_checks_every_hash(built, tmp_path):
    assert "as it was published" in run("sh", "download.sh", folder=built)
    copy = tmp_path / "release"
    shutil.copytree(built, copy)
    (copy / "index.html").write_text("changed")
    done = subprocess.run(["sh", "download.sh"], cwd=copy, capture_output=True, check=False)
    assert done.returncode != 0


def test_the_r_quick_start_names_every_table(built):
    text = (built / "load_r.R").read_text("utf-8")
    for folder in (built / "data").iterdir():
        assert f'open_dataset("data/{folder.name}")' in text
    if shutil.which("Rscript"):
        run("Rscript", "load_r.R", folder=built)


def test_the_attestation_says_what_the_reports_say(read):
    told, privacy = read("privacy_attestation.json"), read("privacy.json")
    assert told["k"] == {"asked": privacy["k_asked"], "reached": privacy["k_reached"]}
    assert told["patients"]["published"] == privacy["patients_kept"] == 240
    assert told["patients"]["left_out"] == privacy["patients_suppressed"] == "<k"
    assert told["gates"] == read("risk.json")["states"]


def test_the_licence_names_every_purpose_and_every_forbidden_one(built):
    text = (built / "LICENCE.md").read_text("utf-8")
    for words in ("Commercial use under licence", "Insurance underwriting", "Re-identification"):
        assert words in text


def test_every_page_speaks_both_languages_and_wide_things_scroll(built):
    for name in PAGES:
        text = (built / name).read_text("utf-8")
        assert 'lang="zh"' in text
        assert text.count("<table") == text.count('<div class="scroll"'), name
        for start in text.split("<svg")[1:]:
            assert "aria-label=" in start[:400] or "aria-hidden" in start[:400] or "plot" in text


def test_the_same_inputs_give_the_same_bytes_but_for_the_name_of_the_key(tmp_path):
    made = []
    for name in ("one", "two"):
        house = House(tmp_path / name)
        house.write()
        folder = house.build().folder / "files"
        files = [p for p in folder.rglob("*") if p.suffix in (".html", ".csv", ".svg", ".md")]
        made.append({p.relative_to(folder).as_posix(): p.read_bytes() for p in files})
    first, second = made
    assert set(first) == set(second)
    assert {name for name in first if first[name] != second[name]} <= {"README.md", "index.html"}


def test_a_month_whose_source_is_gone_says_so(house):
    house.write()
    folder = house.build().folder / "files"
    for name in ("mapping_coverage.html", "arrival_curve.html"):
        assert "Not measured" in (folder / name).read_text("utf-8")
    assert "not measured" in (folder / "representativeness.csv").read_text("utf-8")


def test_every_document_is_a_page_a_text_or_a_file():
    assert len(DOCUMENTS) == len({id(each) for each in DOCUMENTS})
    assert all(each.pages or each.texts or each.files for each in DOCUMENTS)
