"""Versions side by side: leavers, joiners and movers, seen by whoever holds them all."""

import duckdb
import pytest

from clearward.errors import ProtectionError
from clearward.risk.history import Earlier, replay

PEOPLE = "SELECT printf('p%03d', i) AS patient_key, 'A' AS q, i % 2 = 0 AS ill FROM range(60) t(i)"


@pytest.fixture
def version(tmp_path):
    """Write one version's patient file from a SELECT over ``people``."""

    def write(name, select="SELECT * FROM people"):
        path = tmp_path / f"{name}.parquet"
        duckdb.sql(f"COPY (WITH people AS ({PEOPLE}) {select}) TO '{path}' (FORMAT parquet)")
        return path

    return write


def look(connection, now, *earlier, t=0.3):
    source = f"(SELECT *, ill AS \"patient.ill\" FROM read_parquet('{now}'))"
    return replay(
        connection,
        source,
        [Earlier(path) for path in earlier],
        quasi_identifiers=["q"],
        sensitive={"patient.ill": t},
    )


def test_the_same_people_in_the_same_classes_tell_nothing_new(connection, version):
    found = look(connection, version("now"), version("then"))
    assert (found.k, found.groups, found.leavers, found.joiners) == (60, 1, 0, 0)
    assert found.pinned == found.leaver_advantage == 0


@pytest.mark.parametrize("gone", [1, 5, 11])
def test_history_k_is_the_number_that_left_together(connection, version, gone):
    now = version("now", f"SELECT * FROM people WHERE patient_key >= 'p{gone:03d}'")
    found = look(connection, now, version("then"))
    assert (found.k, found.leavers) == (gone, gone)


def test_history_k_is_the_number_that_joined_together(connection, version):
    then = version("then", "SELECT * FROM people WHERE patient_key >= 'p007'")
    found = look(connection, version("now"), then)
    assert (found.k, found.joiners) == (7, 7)


def test_a_patient_who_alone_moves_to_another_class_is_alone(connection, version):
    now = version(
        "now",
        "SELECT * REPLACE (CASE WHEN patient_key < 'p030' OR patient_key = 'p040' THEN 'B' ELSE q "
        "END AS q) FROM people",
    )
    middle = version(
        "middle",
        "SELECT * REPLACE (CASE WHEN patient_key < 'p030' THEN 'B' ELSE q END AS q) FROM people",
    )
    assert look(connection, now, version("then"), middle).k == 1


def test_three_versions_show_what_no_two_of_them_do(connection, version):
    odd = version("odd", "SELECT * FROM people WHERE patient_key < 'p020'")
    even = version("even", "SELECT * FROM people WHERE patient_key < 'p030'")
    now = version("now", "SELECT * FROM people WHERE patient_key >= 'p015'")
    assert look(connection, now, odd).k == 5
    assert look(connection, now, even).k == 15
    assert look(connection, now, odd, even).k == 5


def test_one_ill_leaver_is_found_out(connection, version):
    now = version("now", "SELECT * FROM people WHERE patient_key <> 'p002'")
    found = look(connection, now, version("then"))
    assert found.leaver_success == 1.0
    only_well = version("then2", "SELECT * REPLACE (patient_key = 'p002' AS ill) FROM people")
    found = look(connection, now, only_well)
    assert (found.leaver_success, found.leaver_guess) == (1.0, 0.0)
    assert found.leaver_advantage == 1.0


def test_leavers_who_are_like_everybody_gain_nothing(connection, version):
    now = version("now", "SELECT * FROM people WHERE patient_key >= 'p020'")
    assert look(connection, now, version("then")).leaver_advantage == 0.0


def test_a_value_that_two_versions_pin_down_is_counted(connection, version):
    # The twelve ill ones of class B were in class A before, all of them ill: now it shows
    now = version(
        "now",
        "SELECT * REPLACE (CASE WHEN patient_key < 'p024' AND ill OR patient_key >= 'p048' "
        "THEN 'B' ELSE q END AS q) FROM people",
    )
    then = version(
        "then",
        "SELECT * REPLACE (CASE WHEN patient_key >= 'p048' THEN 'B' ELSE q END AS q) FROM people",
    )
    found = look(connection, now, then)
    assert found.pinned == pytest.approx(12 / 60)
    assert found.homogeneous >= found.pinned
    assert look(connection, now, then, t=0.6).pinned == 0  # a spec that allows such classes


def test_a_sensitive_table_of_an_earlier_version_is_attacked_too(connection, version, tmp_path):
    table = version("cohort", "SELECT patient_key, patient_key = 'p002' AS arm FROM people")
    now = version("now", "SELECT * FROM people WHERE patient_key <> 'p002'")
    source = f"(SELECT *, false AS \"cohort.arm\" FROM read_parquet('{now}'))"
    found = replay(
        connection,
        source,
        [Earlier(version("then"), {"cohort": table})],
        quasi_identifiers=["q"],
        sensitive={"cohort.arm": 0.3},
    )
    assert found.leaver_advantage == 1.0


def test_a_column_an_earlier_version_did_not_have_told_nothing(connection, version):
    then = version("then", "SELECT patient_key, q FROM people")
    assert look(connection, version("now"), then).k == 60


@pytest.mark.parametrize(
    "select",
    [
        "SELECT * FROM people WHERE false",
        "SELECT * FROM people UNION ALL SELECT * FROM people",
        "SELECT q FROM people",
        "SELECT patient_key, q AS other FROM people",
    ],
    ids=["empty", "patients twice", "no pseudonym", "no quasi-identifier by its name"],
)
def test_an_earlier_version_that_cannot_be_laid_beside_is_refused(connection, version, select):
    with pytest.raises(ProtectionError):
        look(connection, version("now"), version("then", select))
