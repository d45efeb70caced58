import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import LicenceError
from clearward.licensing.model import (
    LICENCE_IS_OVER,
    AgreementState,
    Licence,
    Mode,
    Reason,
    Status,
)
from clearward.licensing.policies import check_receive, may_receive
from clearward.products.spec import load_product, product_names
from clearward.releases.version import in_range, parse_version

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = "commercial_licensing"
FORBIDDEN = sorted({p for n in product_names() for p in load_product(n).forbidden_purposes})

DE = frozenset({"DE"})

moments = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2032, 1, 1), timezones=st.just(UTC)
)
purposes = st.one_of(st.just(GOOD), st.sampled_from(FORBIDDEN), st.text(max_size=12))
products = st.one_of(st.sampled_from(product_names()), st.text(max_size=12))
numbers = st.integers(0, 3)
versions = st.one_of(st.builds("{}.{}.{}".format, numbers, numbers, numbers), st.text(max_size=8))
ranges = st.one_of(
    st.just("*"),
    st.builds("{}.x".format, numbers),
    st.builds(">={}.0.0,<{}.0.0".format, numbers, numbers),
    versions,
)
licences = st.builds(
    Licence,
    id=st.just("lic_1"),
    buyer=st.just("buyer"),
    product=products,
    purpose=purposes,
    version_range=ranges,
    terms_sha256=st.just("0" * 64),
    valid_from=moments,
    valid_until=moments,
    status=st.sampled_from(Status),
    agreement_status=st.sampled_from(AgreementState),
    organisation_status=st.sampled_from(Status),
    country=st.sampled_from(["", "DE", "US"]),
    countries=st.frozensets(st.sampled_from(["DE", "FR", "US"])),
    max_downloads=st.none() | st.integers(0, 3),
    mode=st.sampled_from(Mode),
    duo=st.sampled_from([(), ("DUO:0000021",), ("DUO:0000046",), ("DUO:9",)]),
)
# Few values, so that a grant is often found and a narrowing has something to take away
likely = st.builds(
    Licence,
    id=st.just("lic_1"),
    buyer=st.just("buyer"),
    product=st.sampled_from(["cardiology", "neurology"]),
    purpose=st.just(GOOD),
    version_range=st.sampled_from(["*", "1.x", "1.2.x", "1.2.0", ">=1.0.0,<2.0.0"]),
    terms_sha256=st.just("0" * 64),
    valid_from=st.just(NOW - timedelta(days=1)),
    valid_until=st.sampled_from([NOW, NOW + timedelta(days=1)]),
    country=st.sampled_from(["", "DE", "US"]),
    countries=st.sampled_from([frozenset(), frozenset({"DE"}), frozenset({"DE", "US"})]),
    max_downloads=st.none() | st.integers(1, 3),
    mode=st.sampled_from(Mode),
    duo=st.sampled_from([(), ("DUO:0000021",)]),
)
asked_for = st.fixed_dictionaries(
    {
        "product": st.sampled_from(["cardiology", "neurology"]),
        "version": st.sampled_from(["1.0.0", "1.2.0", "2.0.0"]),
        "purpose": st.just(GOOD),
        "now": st.sampled_from([NOW, NOW - timedelta(microseconds=1)]),
        "country": st.sampled_from([None, "", "DE", "US"]),
        "way": st.sampled_from(Mode),
        "downloads": st.integers(0, 3),
    }
)


def at_most(value, limit):
    return limit if value is None else min(value, limit)


NARROWINGS = {
    "status": lambda li: {"status": Status.REVOKED},
    "agreement": lambda li: {"agreement_status": AgreementState.REVOKED},
    "unsigned": lambda li: {"agreement_status": AgreementState.OFFERED},
    "organisation": lambda li: {"organisation_status": Status.REVOKED},
    "begins later": lambda li: {"valid_from": li.valid_from + timedelta(days=1)},
    "ends earlier": lambda li: {"valid_until": li.valid_until - timedelta(seconds=1)},
    "versions": lambda li: {"version_range": "1.2.0"} if within(li) else {},
    "countries": lambda li: {"countries": li.countries & {"DE"} or frozenset({"DE"})},
    "downloads": lambda li: {"max_downloads": at_most(li.max_downloads, 1)},
    "mode": lambda li: {"mode": Mode.ENCLAVE},
    "duo": lambda li: {"duo": (*li.duo, "DUO:0000046")},
}


def within(held):
    return in_range(parse_version("1.2.0"), held.version_range)


def licence(**changes):
    values = {
        "id": "lic_1",
        "buyer": "buyer",
        "product": "cardiology",
        "purpose": GOOD,
        "version_range": "1.x",
        "terms_sha256": "0" * 64,
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=1),
        "status": Status.ACTIVE,
        **changes,
    }
    return Licence(**values)


def decide(given_licence, **changes):
    asked = {"product": "cardiology", "version": "1.2.0", "purpose": GOOD, "now": NOW, **changes}
    return may_receive(given_licence, **asked)


def test_what_a_licence_names_is_granted():
    assert decide(licence()).allowed
    check_receive(licence(), product="cardiology", version="1.2.0", purpose=GOOD, now=NOW)


@pytest.mark.parametrize(
    ("held", "asked", "reason"),
    [
        ({"status": Status.REVOKED}, {}, Reason.REVOKED),
        ({"valid_from": NOW + timedelta(seconds=1)}, {}, Reason.NOT_YET_VALID),
        ({"valid_until": NOW}, {}, Reason.EXPIRED),
        ({}, {"product": "neurology"}, Reason.OTHER_PRODUCT),
        ({}, {"product": "dentistry"}, Reason.UNKNOWN_PRODUCT),
        ({}, {"version": "2.0.0"}, Reason.OTHER_VERSION),
        ({}, {"version": "1.2"}, Reason.OTHER_VERSION),
        ({"version_range": "rubbish"}, {}, Reason.OTHER_VERSION),
        ({}, {"purpose": "curiosity"}, Reason.FORBIDDEN_PURPOSE),
        (
            {"purpose": "reidentification"},
            {"purpose": "reidentification"},
            Reason.FORBIDDEN_PURPOSE,
        ),
        ({"purpose": "other"}, {}, Reason.OTHER_PURPOSE),
        ({"duo": ("DUO:0000046",)}, {}, Reason.OTHER_PURPOSE),
        ({"duo": ("DUO:9999999",)}, {}, Reason.OTHER_PURPOSE),
        ({"agreement_status": AgreementState.OFFERED}, {}, Reason.AGREEMENT_NOT_SIGNED),
        ({"agreement_status": AgreementState.REVOKED}, {}, Reason.AGREEMENT_REVOKED),
        ({"organisation_status": Status.REVOKED}, {}, Reason.ORGANISATION_REVOKED),
        ({"mode": Mode.ENCLAVE}, {}, Reason.ENCLAVE_ONLY),
        ({"max_downloads": 2}, {"downloads": 2}, Reason.DOWNLOADS_USED_UP),
        ({"countries": DE}, {}, Reason.UNKNOWN_COUNTRY),
        ({"countries": DE}, {"country": "US"}, Reason.OTHER_COUNTRY),
        ({"countries": DE, "country": "DE"}, {"country": ""}, Reason.UNKNOWN_COUNTRY),
        ({"countries": DE, "country": "US"}, {"country": "DE"}, Reason.OTHER_COUNTRY),
        ({}, {"version": "1." + "0" * 40 + ".0"}, Reason.OTHER_VERSION),
    ],
)
def test_what_it_does_not_name_is_refused_with_the_reason(held, asked, reason):
    decision = decide(licence(**held), **asked)
    assert (decision.allowed, decision.reason) == (False, reason)
    values = {"product": "cardiology", "version": "1.2.0", "purpose": GOOD, "now": NOW, **asked}
    with pytest.raises(LicenceError, match=reason.value.replace("_", " ")):
        check_receive(licence(**held), **values)


@given(licences, products, versions, st.sampled_from(FORBIDDEN), moments)
def test_forbidden_purposes_are_granted_by_nobody(held, product, version, purpose, now):
    assert not may_receive(held, product=product, version=version, purpose=purpose, now=now).allowed


@given(licences, products, versions, purposes, moments)
def test_a_grant_means_that_every_condition_holds(held, product, version, purpose, now):
    decision = may_receive(held, product=product, version=version, purpose=purpose, now=now)
    assert decision.allowed == (decision.reason is Reason.GRANTED)
    if decision.allowed:
        assert held.is_standing
        assert held.mode is Mode.DOWNLOAD
        assert held.max_downloads != 0
        assert not held.countries or held.country in held.countries
        assert held.valid_from <= now < held.valid_until
        assert (held.product, held.purpose) == (product, purpose)
        assert purpose in load_product(product).purposes
        assert version.count(".") == 2


@pytest.mark.parametrize("term", NARROWINGS)
@given(likely, asked_for)
def test_a_narrower_term_never_allows_more(term, held, asked):
    narrow = replace(held, **NARROWINGS[term](held))
    if may_receive(narrow, **asked).allowed:
        assert may_receive(held, **asked).allowed


@given(likely, asked_for)
def test_a_later_download_is_never_allowed_where_an_earlier_one_is_not(held, asked):
    one_more = {**asked, "downloads": asked["downloads"] + 1}
    if may_receive(held, **one_more).allowed:
        assert may_receive(held, **asked).allowed


@given(likely, asked_for)
def test_knowing_more_about_a_place_never_opens_another_one(held, asked):
    decision = may_receive(held, **asked)
    if decision.allowed and held.countries:
        known = {held.country, asked["country"]} - {"", None}
        assert known and known <= held.countries


@given(licences, asked_for, st.sampled_from(FORBIDDEN))
def test_no_row_whatever_it_says_grants_a_forbidden_purpose(held, asked, purpose):
    wide = replace(held, purpose=purpose, countries=frozenset(), max_downloads=None, duo=())
    assert not may_receive(wide, **{**asked, "purpose": purpose}).allowed


@given(licences, asked_for)
def test_what_a_bearer_is_told_about_their_licence_tells_nothing_of_what_exists(held, asked):
    """Such a reason is the same for every version of every product."""
    told = may_receive(held, **asked).reason
    if told in LICENCE_IS_OVER - {Reason.FORBIDDEN_PURPOSE}:
        other = {**asked, "product": "neurology", "version": "9.9.9"}
        assert may_receive(held, **other).reason is told


@given(licences, products, versions, purposes, moments)
def test_the_same_question_has_the_same_answer(held, product, version, purpose, now):
    asked = {"product": product, "version": version, "purpose": purpose, "now": now}
    assert may_receive(held, **asked) == may_receive(held, **asked)


@given(versions, moments)
def test_a_grant_is_reachable(version, now):
    held = licence(version_range="*", valid_from=now, valid_until=now + timedelta(seconds=1))
    decision = may_receive(held, product="cardiology", version=version, purpose=GOOD, now=now)
    number = r"(0|[1-9][0-9]{0,8})"
    assert decision.allowed == bool(re.fullmatch(rf"{number}\.{number}\.{number}", version))
