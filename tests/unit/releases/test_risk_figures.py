"""Nothing that is published tells a count below k, not even by a ratio."""

import pytest

from clearward.releases.risk_documents import grade, risk_words
from clearward.releases.risk_figures import masked_share, publishable_risk

K, PATIENTS = 11, 200


def check(name, value, **more):
    return {"gate": "G1", "check": name, "subject": "", "value": value, "state": "red", **more}


@pytest.mark.parametrize("count", range(1, K))
def test_a_share_that_stands_for_few_patients_is_masked(count):
    assert masked_share(count / PATIENTS, K, PATIENTS) == f"<{K / PATIENTS:.3f}"


@pytest.mark.parametrize("count", [0, K, 50, PATIENTS])
def test_a_share_of_nobody_or_of_k_is_shown(count):
    assert masked_share(count / PATIENTS, K, PATIENTS) == pytest.approx(count / PATIENTS, abs=1e-4)


@pytest.mark.parametrize("name", ["k", "history_k", "rare_codes", "unknown_patients"])
def test_a_count_below_k_is_masked(name):
    told = publishable_risk({"checks": [check(name, 3)], "figures": {}}, K)
    assert told["checks"][0]["value"] == "<11"


def test_the_highest_chance_does_not_tell_the_smallest_class():
    told = publishable_risk({"checks": [check("max_prosecutor", 1 / 3)], "figures": {}}, K)
    assert told["checks"][0]["value"] == ">0.0909"


def utility(suppressed):
    return {
        "after": {"patients": PATIENTS, "k": 20, "uniques": 0},
        "utility": {"loss": 0.781, "two_way_tvd": 0.3, "suppressed": suppressed},
    }


@pytest.mark.parametrize(
    ("earlier", "suppressed", "is_told"),
    [([], 0.2, True), ([], 3 / PATIENTS, False), (["0" * 64], 0.2, False)],
    ids=["first release, many left out", "few left out", "beside an earlier version"],
)
def test_how_many_were_left_out_is_not_told_where_it_tells_who_withdrew(
    earlier, suppressed, is_told
):
    checks = [check("suppressed", suppressed), check("loss", 0.781)]
    told = publishable_risk(
        {"checks": checks, "figures": utility(suppressed), "earlier": earlier}, K
    )
    values = [c["value"] for c in told["checks"]]
    assert values == ([0.2, 0.78] if is_told else ["masked", 0.8])
    assert told["figures"]["utility"]["suppressed"] == values[0]
    assert told["figures"]["utility"]["loss"] == values[1]


def test_why_a_check_failed_stays_inside():
    told = publishable_risk({"checks": [check("k", None, why="seen: 3 patients")]}, K)
    assert "why" not in told["checks"][0]


@pytest.mark.parametrize(
    ("found", "gates", "expected"),
    [
        ("green", "green", 3),
        ("green", "amber", 3),
        ("green", "red", 2),
        ("green", "error", 2),
        ("red", "green", 1),
        ("error", "green", 1),
    ],
)
def test_the_grade_follows_identifiers_first_and_then_risk(found, gates, expected):
    names = ("identifier_columns", "identifier_values", "calendar_dates")
    checks = [{**check(name, 0), "state": found} for name in names]
    states = dict.fromkeys(("G1", "G2", "G3", "G4"), gates)
    assert grade({"checks": checks, "states": states}) == expected


def test_a_report_without_its_checks_has_the_worst_grade():
    assert grade({}) == 1


def test_both_languages_say_everything():
    words = risk_words()
    assert set(words["en"]) == set(words["zh"])
    assert all(text.strip() for language in words.values() for text in language.values())
