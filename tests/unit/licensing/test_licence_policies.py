import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearward.errors import LicenceError
from clearward.licensing.model import Licence, Reason, Status
from clearward.licensing.policies import check_receive, may_receive
from clearward.products.spec import load_product, product_names

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = "commercial_licensing"
FORBIDDEN = sorted({p for n in product_names() for p in load_product(n).forbidden_purposes})

EVIL = {"purpose": "reidentification"}

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
)


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
        assert held.status is Status.ACTIVE
        assert held.valid_from <= now < held.valid_until
        assert (held.product, held.purpose) == (product, purpose)
        assert purpose in load_product(product).purposes
        assert version.count(".") == 2


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
