"""What a product has spent on samples, and which samples there are. Lines are only ever added; a
sample is paid for before a row is read, so a crash can waste budget but never hide it.

How a budget turns into noise belongs to `accounting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clearward import audit
from clearward.errors import ProtectionError, StateError
from clearward.products.synthesis import Synthesis
from clearward.state.models import AuditEvent, PrivacySpend, SyntheticSample
from clearward.synthetic.accounting import epsilon_of, rho_of

MECHANISM = "AIM, discrete Gaussian"
UNIT = "patient"
_ACTION = "synthetic.spend"
_RACES = 10


@dataclass(frozen=True)
class Budget:
    """ρ that a product may spend on samples, ever, and what it has spent.

    Attributes:
        samples: number of samples paid for.
        spent, total: zCDP.
        delta: of the (ε, δ) it is told in.
    """

    samples: int
    spent: float
    total: float
    delta: float

    @property
    def left(self) -> float:
        """ρ not spent yet."""
        return max(0.0, self.total - self.spent)

    @property
    def epsilon_spent(self) -> float:
        """ε of all samples together, by zCDP composition."""
        return epsilon_of(self.spent, self.delta)


@dataclass(frozen=True)
class StoredSample:
    """A sample that was finished."""

    product: str
    ordinal: int
    month: str
    sha256: str


def read_budget(engine: Engine, synthesis: Synthesis) -> Budget:
    """The product's account; StateError when the ledger has lost lines that the log knows."""
    with Session(engine) as session:
        # the log first: whoever spends meanwhile writes here before there
        logged = session.scalar(
            select(func.count())
            .select_from(AuditEvent)
            .where(AuditEvent.action == _ACTION, AuditEvent.subject == synthesis.product)
        )
        spends = session.scalars(
            select(PrivacySpend)
            .where(PrivacySpend.product == synthesis.product)
            .order_by(PrivacySpend.ordinal)
        ).all()
    if [s.ordinal for s in spends] != list(range(1, len(spends) + 1)) or (logged or 0) > len(
        spends
    ):
        raise StateError(
            "The ledger of privacy budgets has lost lines.",
            seen=f"{len(spends)} for {synthesis.product}",
            expected=f"{max(logged or 0, spends[-1].ordinal if spends else 0)}",
            do="restore the state database; a lost line would let the budget be spent twice",
        )
    total = rho_of(synthesis.total_epsilon, synthesis.delta)
    return Budget(len(spends), sum(s.rho for s in spends), total, synthesis.delta)


def spend(engine: Engine, synthesis: Synthesis, *, month: str) -> PrivacySpend:
    """Take one sample's ρ from the product's budget; returns the line.

    Raises:
        ProtectionError: less is left than a sample costs.
        StateError: the ledger is damaged or other writers always come first.
    """
    rho = rho_of(synthesis.epsilon, synthesis.delta)
    for _ in range(_RACES):
        budget = read_budget(engine, synthesis)
        if rho > budget.left * (1 + 1e-9):
            raise _exhausted(synthesis, budget)
        line = PrivacySpend(
            product=synthesis.product,
            ordinal=budget.samples + 1,
            month=month,
            mechanism=MECHANISM,
            unit=UNIT,
            epsilon=synthesis.epsilon,
            delta=synthesis.delta,
            rho=rho,
            spent_at=audit.utc_text(datetime.now(UTC)),
        )
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                session.add(line)
        except IntegrityError:  # somebody else took this number: look again at what is left
            continue
        detail = {"ordinal": line.ordinal, "epsilon": line.epsilon, "delta": line.delta, "rho": rho}
        audit.append(engine, actor="synthetic", action=_ACTION, subject=line.product, detail=detail)
        return line
    raise StateError("The ledger is too busy.", do="try again")


def _exhausted(synthesis: Synthesis, budget: Budget) -> ProtectionError:
    return ProtectionError(
        f"The privacy budget of {synthesis.product} does not allow another sample.",
        seen=f"{budget.samples} samples, together ε {budget.epsilon_spent:.2f}",
        expected=f"at most ε {synthesis.total_epsilon:g} after one more of ε "
        f"{synthesis.epsilon:g}, at δ {synthesis.delta:g}",
        do="use the sample there is; raise total_epsilon in the product spec only with the data "
        "protection officer",
    )


def record_sample(engine: Engine, line: PrivacySpend, *, sha256: str) -> StoredSample:
    """Note that the sample a spend paid for is finished."""
    with Session(engine) as session, session.begin():
        session.add(
            SyntheticSample(
                product=line.product,
                ordinal=line.ordinal,
                month=line.month,
                sample_sha256=sha256,
                made_at=audit.utc_text(datetime.now(UTC)),
            )
        )
    return StoredSample(line.product, line.ordinal, line.month, sha256)


def samples_of(engine: Engine, product: str) -> list[StoredSample]:
    """Finished samples of a product, newest first."""
    with Session(engine) as session:
        found = session.scalars(
            select(SyntheticSample)
            .where(SyntheticSample.product == product)
            .order_by(SyntheticSample.ordinal.desc())
        ).all()
        return [StoredSample(s.product, s.ordinal, s.month, s.sample_sha256) for s in found]
