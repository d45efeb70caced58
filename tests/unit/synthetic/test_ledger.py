"""The ledger of privacy budgets: what is spent stays spent, whoever asks and however often."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import ProtectionError, StateError
from clearward.products.synthesis import load_synthesis
from clearward.state.base import Base, state_engine
from clearward.state.models import PrivacySpend
from clearward.synthetic.accounting import rho_of
from clearward.synthetic.ledger import read_budget, spend

SYNTHESIS = replace(load_synthesis("cardiology"), epsilon=1.0, total_epsilon=2.0)
MONTH = "2024-05"


@pytest.fixture
def database(tmp_path):
    engine = state_engine(f"sqlite:///{tmp_path / 'state.db'}")
    Base.metadata.create_all(engine)
    return engine


def spend_all(database):
    spent = 0
    with pytest.raises(ProtectionError):
        while True:
            spend(database, SYNTHESIS, month=MONTH)
            spent += 1
    return spent


def test_a_budget_is_spent_to_its_end_and_no_further(database):
    spent = spend_all(database)
    budget = read_budget(database, SYNTHESIS)
    assert budget.samples == spent >= 2
    assert budget.spent <= rho_of(2.0, SYNTHESIS.delta) * (1 + 1e-9)
    assert budget.left < rho_of(1.0, SYNTHESIS.delta)
    assert budget.epsilon_spent <= 2.0 + 1e-6


def test_two_who_ask_at_once_do_not_get_more_than_there_is(database):
    def ask(_):
        try:
            return spend(database, SYNTHESIS, month=MONTH).ordinal
        except ProtectionError:
            return None

    with ThreadPoolExecutor(4) as pool:
        got = [ordinal for ordinal in pool.map(ask, range(12)) if ordinal]
    assert sorted(got) == list(range(1, len(got) + 1))
    assert read_budget(database, SYNTHESIS).epsilon_spent <= 2.0 + 1e-6


def test_products_have_budgets_of_their_own(database):
    spend_all(database)
    other = load_synthesis("neurology")
    assert read_budget(database, other).samples == 0
    assert spend(database, other, month=MONTH).ordinal == 1


def test_every_spend_is_in_the_log_of_decisions(database):
    spend(database, SYNTHESIS, month=MONTH)
    assert audit.verify(database) == 1


@pytest.mark.parametrize("ordinal", [1, 2])
def test_a_line_that_somebody_deleted_is_missed(database, ordinal):
    spend(database, SYNTHESIS, month=MONTH)
    spend(database, SYNTHESIS, month=MONTH)
    with Session(database) as session, session.begin():
        session.execute(delete(PrivacySpend).where(PrivacySpend.ordinal == ordinal))
    with pytest.raises(StateError, match="lost lines"):
        spend(database, SYNTHESIS, month=MONTH)


def test_a_smaller_total_in_the_spec_counts_what_was_spent_before(database):
    spend(database, SYNTHESIS, month=MONTH)
    with pytest.raises(ProtectionError):
        spend(database, replace(SYNTHESIS, total_epsilon=1.2), month=MONTH)
