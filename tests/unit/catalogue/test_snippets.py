"""First lines of code: those that need no service are run on a release as it is downloaded."""

import subprocess
import sys
from dataclasses import replace

import duckdb
import pytest

from clearward.catalogue import shelving
from clearward.catalogue.citation import bibtex, cite
from clearward.catalogue.snippets import SHARE, snippets
from clearward.catalogue.words import words
from clearward.releases.shelf import file_key
from clearward.sharing.tables import SHARE as SHARED


@pytest.fixture(scope="module")
def edition(shop):
    listings = shelving._listings(shop.settings, shop.keyring, shop.storage)
    return next(each for each in listings if each.editions).editions[-1]


@pytest.fixture(scope="module")
def folder(shop, edition, tmp_path_factory):
    place = tmp_path_factory.mktemp("download")
    for entry in edition.manifest.files:
        target = place / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(shop.storage.get_bytes(file_key(edition.manifest, entry)))
    return place


def test_the_share_is_called_as_the_service_calls_it():
    assert SHARE == SHARED


def test_duckdb_reads_the_patients(edition, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(duckdb.sql(snippets(edition, service_url="")["duckdb"]).fetchall()) == 10


def test_pandas_reads_the_patients(edition, folder):
    code = snippets(edition, service_url="")["pandas"] + "\nassert len(patients) == 60"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def test_the_sums_hold(edition, folder):
    line = snippets(edition, service_url="")["wget"].splitlines()[-1]
    subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)


def test_the_service_is_named_where_it_is_known(edition):
    assert (
        "https://data.example/v1/" in snippets(edition, service_url="https://data.example")["wget"]
    )


def test_a_citation_names_the_very_bytes_and_bibtex_survives_any_title(edition):
    sha256 = edition.manifest.sha256
    assert sha256 in cite(edition, words("en")) and sha256 in cite(edition, words("zh"))
    title = {"en": "100 % {risk} & $cost_of #1", "zh": "x"}
    odd = replace(edition, product=replace(edition.product, title=title))
    entry = bibtex(odd, words("en"), url="")
    assert r"100 \% \{risk\} \& \$cost\_of \#1" in entry
    assert entry.count("{") - entry.count("\\{") == entry.count("}") - entry.count("\\}")
