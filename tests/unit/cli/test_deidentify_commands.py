"""``clearward deidentify``: profiles rule by rule, and months under an older list of diseases."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import clearward
from clearward.cli.deidentify import app
from clearward.errors import ConfigError
from tests.unit.releases import factory


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path))
    made, _ = factory.make_settings(tmp_path)
    return made


def run(*arguments):
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result


def profile(*more):
    result = run("profile", factory.PRODUCT, "--month", factory.MONTH, "--json", *more)
    assert result.exit_code == 0
    return {(row["profile"], row["rule"]): row for row in json.loads(result.output)}


def test_the_products_own_profiles_are_judged_rule_by_rule(settings):
    factory.write_product(settings)
    rows = profile()
    assert {name for name, _ in rows} == {"expert", "gbt_37964"}
    assert {row["verdict"] for row in rows.values()} == {"held"}
    assert "0.0333" in rows["expert", "risk-max"]["reason"]


def test_another_profile_can_be_asked_for(settings):
    factory.write_product(settings)
    rows = profile("--name", "ehds_spe")
    assert rows["ehds_spe", "environment"]["verdict"] == "not held"


def test_a_violation_and_its_reason_are_shown(settings):
    factory.write_product(settings, patients=8)
    row = profile()["gbt_37964", "class"]
    assert row["verdict"] == "not held" and row["reason"] == "k = 4, at least 5"


def test_a_month_that_was_not_run_is_refused(settings):
    with pytest.raises(ConfigError, match="no protected table"):
        run("profile", factory.PRODUCT, "--month", factory.MONTH)


def test_stale_names_months_under_another_list_and_says_so_by_its_exit_code(settings):
    factory.write_product(settings)
    assert run("stale").exit_code == 0
    path = settings.reports / "door" / "stmary" / f"{factory.MONTH}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"special_list": "0" * 12}))
    result = run("stale", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == [{"hospital": "stmary", "month": factory.MONTH}]


def test_every_list_that_is_read_beside_the_code_is_packed_with_it():
    package = Path(clearward.__file__).parent
    project = tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["clearward"]
    lists = {
        path.relative_to(package)
        for folder in ("deidentify", "notes", "sources", "products")
        for path in (package / folder).rglob("*")
        if path.suffix in (".toml", ".txt", ".gz")
    }
    assert {path.suffix for path in lists} == {".toml", ".txt", ".gz"}
    assert [path for path in lists if f"**/*{path.suffix}" not in patterns] == []
