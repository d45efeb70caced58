"""``clearward synthetic``: teaches, shows budgets, refuses with its own exit code."""

import json
import os
import subprocess
import sys

import pytest

from tests.unit.synthetic import factory


@pytest.fixture
def run(tmp_path):
    factory.make_settings(tmp_path)

    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "clearward", "synthetic", *arguments],
            env={**os.environ, "CLEARWARD_HOME": str(tmp_path), "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_help_teaches_what_a_sample_costs(run):
    told = run("--help").stdout
    assert "budget" in told and "--fresh" in told and "total_epsilon" in told


def test_budgets_of_all_products_are_shown_before_anything_is_spent(run):
    rows = json.loads(run("show", "--json").stdout)
    assert {row["product"] for row in rows} == {"cardiology", "neurology", "ophthalmology"}
    assert all(row["samples_paid"] == 0 and row["epsilon_spent"] == 0 for row in rows)


def test_an_unprotected_product_is_refused_with_its_exit_code(run):
    done = run("make", "cardiology", "--month", "2024-05")
    assert done.returncode == 6
    assert "not protected" in done.stderr


def test_a_product_that_does_not_exist_is_refused(run):
    assert run("show", "dermatology").returncode == 2


def test_a_database_that_was_never_set_up_is_told_in_words(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "clearward", "synthetic", "show"],
        env={**os.environ, "CLEARWARD_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 13
    assert "clearward init" in done.stderr and "Traceback" not in done.stderr
