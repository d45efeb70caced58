"""Any table can be measured, without a product; what cannot be measured is refused."""

import json

import duckdb
import pytest
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.errors import ProtectionError
from clearward.risk.gates import Demand, Figure, State, judge, worst
from clearward.risk.labels import read_labels
from clearward.risk.table import measure_table
from clearward.risk.utility import measure_utility


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    rows = "\n".join(f"{i},{'F' if i % 2 else 'M'},{1950 + i % 3},{i % 2}" for i in range(60))
    path.write_text(f"id,sex,birth-year,ill\n{rows}\n", encoding="utf-8")
    return path


def test_a_csv_is_measured_like_parquet(settings, people, tmp_path):
    parquet = tmp_path / "people.parquet"
    duckdb.sql(f"COPY (FROM read_csv('{people}', all_varchar = true)) TO '{parquet}'")
    both = [
        measure_table(settings, path, ["sex", "birth-year"], sensitive=["ill"], unit="id")
        for path in (people, parquet)
    ]
    assert both[0] == both[1]
    assert (both[0].risk.k, both[0].diversity["ill"].distinct_l) == (10, 1)


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        (["nope"], {}),
        ([], {}),
        (["sex"], {"sensitive": ["sex"]}),
        (["sex"], {"unit": "sex"}),
        (["sex"], {"population": 5}),
    ],
    ids=["unknown column", "no column", "sensitive and known", "unit twice", "too few people"],
)
def test_what_cannot_be_measured_is_refused(settings, people, columns, more):
    with pytest.raises(ProtectionError):
        measure_table(settings, people, columns, **more)


def test_a_file_that_is_not_there_is_refused(settings, tmp_path):
    with pytest.raises(ProtectionError, match="no file"):
        measure_table(settings, tmp_path / "none.parquet", ["a"])


def test_the_command_line_measures_and_speaks_json(people):
    words = ["risk", "measure", str(people), "--quasi-identifiers", "sex,birth-year"]
    done = CliRunner().invoke(
        app,
        [
            *words,
            "--sensitive",
            "ill",
            "--population",
            "1_000",
            "--unit",
            "id",
            "--subsets",
            "--json",
        ],
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["risk"]["k"] == 10 and len(told["subsets"]) == 3
    assert CliRunner().invoke(app, words).exit_code == 0


LEAST = Demand("G1", "k", "", 11, is_least=True)
DIVERSE = Demand("G1", "distinct_l", "a.b", 2, is_least=True)
MOST = Demand("G4", "inference", "a.b", 0.1)
MANY = Demand("G4", "attacks", "", 2000, is_least=True)


@pytest.mark.parametrize(
    ("demand", "figure", "state"),
    [
        (LEAST, Figure(11), State.GREEN),
        (LEAST, Figure(10), State.RED),
        (LEAST, None, State.ERROR),
        (LEAST, Figure(11, applies=False), State.ERROR),
        (DIVERSE, Figure(1), State.RED),
        (DIVERSE, Figure(1, applies=False), State.NOT_APPLICABLE),
        (LEAST, Figure(float("nan")), State.ERROR),
        (MOST, Figure(0.05, 0.0, 0.10), State.GREEN),
        (MOST, Figure(0.05, 0.0, 0.11), State.AMBER),
        (MOST, Figure(0.11, 0.0, 0.12), State.RED),
        (MOST, Figure(0.11, 0.0, 0.05), State.RED),
        (MOST, Figure(0.05), State.ERROR),
        (MOST, Figure(0.05, 0.0, float("nan")), State.ERROR),
        (MANY, Figure(2000), State.GREEN),
        (MANY, Figure(150), State.AMBER),
        (MANY, Figure(0), State.RED),
        (Demand("G2", "max_prosecutor", "", 1 / 11), Figure(1 / 11), State.GREEN),
        (Demand("G2", "max_prosecutor", "", 1 / 11), Figure(1 / 10), State.RED),
    ],
)
def test_a_value_has_one_meaning_against_its_bound(demand, figure, state):
    assert judge(demand, figure) is state


def test_a_gate_is_as_good_as_its_worst_check():
    assert worst([State.GREEN, State.AMBER]) is State.AMBER
    assert worst([State.AMBER, State.RED, State.ERROR]) is State.ERROR
    assert worst([]) is State.ERROR


def test_labels_are_read_as_text_and_through_their_patients(connection):
    connection.execute("CREATE TABLE mart AS SELECT 1950 + i AS y FROM range(10) t(i)")
    connection.execute(
        "CREATE TABLE linked AS SELECT y AS mart_y, CASE WHEN y < 1955 THEN '1950-1954' "
        "WHEN y < 1958 THEN 'west' ELSE '*' END AS y FROM mart"
    )
    labels = read_labels(connection, "y", mart="mart", linked="linked")
    covered = dict(zip(labels.labels, labels.covers.sum(axis=1), strict=True))
    assert covered == {"1950-1954": 5, "west": 3, "*": 10}
    losses = dict(zip(labels.labels, labels.losses(), strict=True))
    assert losses == pytest.approx({"1950-1954": 4 / 9, "west": 2 / 9, "*": 1.0})


def test_nothing_generalised_nothing_lost_and_everything_all_lost(connection):
    connection.execute("CREATE TABLE mart AS SELECT i % 4 AS y, i % 2 AS s FROM range(40) t(i)")
    connection.execute("CREATE TABLE same AS SELECT y AS mart_y, y, s FROM mart")
    connection.execute("CREATE TABLE star AS SELECT y AS mart_y, '*' AS y, s FROM mart")
    same = measure_utility(connection, ["y"], ["s"], mart="mart", linked="same")
    star = measure_utility(connection, ["y"], ["s"], mart="mart", linked="star")
    assert (same.loss, same.two_way_tvd, same.suppressed) == (0, 0, 0)
    assert star.loss == 1 and star.two_way_tvd == pytest.approx(0.5)


def test_a_patient_left_out_has_lost_everything(connection):
    connection.execute("CREATE TABLE mart AS SELECT i % 4 AS y, i % 2 AS s FROM range(40) t(i)")
    connection.execute("CREATE TABLE half AS SELECT y AS mart_y, y, s FROM mart WHERE y < 2")
    half = measure_utility(connection, ["y"], ["s"], mart="mart", linked="half")
    assert (half.loss, half.suppressed) == (0.5, 0.5)
