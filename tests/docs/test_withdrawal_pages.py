"""The pages about withdrawals and deliveries say what the tables in the code say."""

import re
from pathlib import Path

from clearward.licensing.recall_states import TRANSITIONS, ListAction
from clearward.products.withdrawal import BATCHES, Withdrawal
from clearward.state.models import Delivery

ROOT = Path(__file__).parents[2]
HOW_TO = (ROOT / "docs/how-to/handle-a-withdrawal.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference/deliveries.md").read_text(encoding="utf-8")


def test_the_table_of_states_is_the_codes():
    rows = ["| state | " + " | ".join(ListAction) + " |"]
    rows += [
        f"| {state} | " + " | ".join(moves.get(action, "–") for action in ListAction) + " |"
        for state, moves in TRANSITIONS.items()
    ]
    for row in rows:
        assert row in HOW_TO


def test_every_rule_of_a_products_spec_is_explained():
    for name in (*Withdrawal.__dataclass_fields__, *BATCHES):
        assert f"`{name}`" in HOW_TO


def test_every_column_of_the_ledger_is_explained():
    named = set(re.findall(r"`(\w+)`", REFERENCE))
    assert {column.name for column in Delivery.__table__.columns} <= named
