"""The pages about licences say what the tables in the code say."""

import re
from pathlib import Path

import pytest

from clearward.licensing import agreements, requests
from clearward.licensing.model import Reason

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/licences.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("module", "actions"),
    [(requests, requests.RequestAction), (agreements, agreements.AgreementAction)],
)
def test_the_tables_of_states_are_the_codes(module, actions):
    for state, moves in module.TRANSITIONS.items():
        row = f"| {state} | " + " | ".join(moves.get(action, "–") for action in actions) + " |"
        assert row in REFERENCE


def test_every_refusal_is_explained():
    named = set(re.findall(r"`(\w+)`", REFERENCE))
    not_about_licences = {Reason.GRANTED, Reason.NO_RELEASE, Reason.BAD_TOKEN, Reason.BAD_LINK}
    assert set(Reason) - not_about_licences <= named


def test_the_bounds_of_the_queue_are_the_codes():
    assert f"At most {requests.MOST_PENDING_PER_ADDRESS} requests" in REFERENCE
    assert f"{requests.MOST_PENDING:,} in all" in REFERENCE
