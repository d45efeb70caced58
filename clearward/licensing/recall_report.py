"""Who received what, what is confirmed, what is overdue; and, for one patient, how far a withdrawal
has come. Reading only.

Numbers of patients below k are shown as ``<k`` to the publisher too: a report is mailed around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from clearward.keyring import Keyring, pseudonym
from clearward.licensing import ledger, recall_lists
from clearward.licensing.attestation import find_attestation
from clearward.licensing.copy_keys import product_keys
from clearward.licensing.ledger import Receipt
from clearward.licensing.recall_lists import RecallNote
from clearward.licensing.recall_store import marks
from clearward.products.counts import is_small
from clearward.products.spec import load_product, product_names
from clearward.state.models import RecallEntry

Row = dict[str, str | int | bool]
NOTHING = "nothing to delete"
WAITING = "waits for more patients or the deadline"


@dataclass(frozen=True)
class RecallReport:
    """Two tables: recalled versions by licence that received them, and recall lists."""

    deliveries: tuple[Row, ...]
    lists: tuple[Row, ...]

    @property
    def is_clear(self) -> bool:
        """True when no licensee owes a confirmation."""
        return all(row["state"] == "confirmed" for row in self.lists)


def recall_report(database: Engine) -> RecallReport:
    """Everything about recalls, for the publisher."""
    stages = _stages(database)
    deliveries = tuple(
        _delivery(receipt, refused, stages)
        for product, version, _, refused in marks(database)
        for receipt in ledger.received_by(database, product, version)
    )
    return RecallReport(deliveries, tuple(_list(database, n) for n in recall_lists.lists(database)))


def _delivery(receipt: Receipt, refused: str, stages: dict[tuple[str, str, str], str]) -> Row:
    place = (receipt.licensee, receipt.product, receipt.version)
    return {
        "product": receipt.product,
        "version": receipt.version,
        "refused_from": refused,
        "licensee": receipt.licensee,
        "licence": receipt.licence_id,
        "copy": receipt.copy.value,
        "has_data": receipt.has_data,
        "first_at": receipt.first_at,
        "last_at": receipt.last_at,
        "recall": stages.get(place, NOTHING),
    }


def _stages(database: Engine) -> dict[tuple[str, str, str], str]:
    """Licensee, product, version -> the state of what it has to delete that is least far."""
    order = ("overdue", WAITING, "pending", "sent", "confirmed")
    states = {note.id: note.state.value for note in recall_lists.lists(database)}
    entry = RecallEntry
    query = select(entry.licensee, entry.product, entry.version, entry.list_id).distinct()
    found: dict[tuple[str, str, str], str] = {}
    with database.connect() as connection:
        for licensee, product, version, list_id in connection.execute(query):
            state = states[list_id] if list_id else WAITING
            place = (licensee, product, version)
            found[place] = min(state, found.get(place, "confirmed"), key=order.index)
    return found


def _list(database: Engine, note: RecallNote) -> Row:
    k = load_product(note.product).protection.k
    attested = find_attestation(database, note.id)
    return {
        "id": note.id,
        "licensee": note.licensee,
        "product": note.product,
        "versions": ", ".join(_versions(database, note.id)),
        "patients": _masked(_patients(database, note.id), k),
        "state": note.state.value,
        "made_at": note.made_at,
        "due_at": note.due_at,
        "sent_at": note.sent_at or "",
        "confirmed_at": note.confirmed_at or "",
        "attested_by": attested[0] if attested else "",
        "forced_by_deadline": note.is_forced,
    }


def _masked(number: int, k: int) -> str:
    return f"<{k}" if is_small(number, k) else str(number)


def _patients(database: Engine, list_id: str) -> int:
    query = select(func.count(RecallEntry.product_key.distinct()))
    with database.connect() as connection:
        return int(connection.scalar(query.where(RecallEntry.list_id == list_id)) or 0)


def _versions(database: Engine, list_id: str) -> Sequence[str]:
    query = select(RecallEntry.version).where(RecallEntry.list_id == list_id).distinct()
    with database.connect() as connection:
        return sorted(connection.scalars(query))


@dataclass(frozen=True)
class SubjectRecall:
    """How far one patient's withdrawal has come at one licensee of one product.

    Attributes:
        licensee_no: 1, 2, … in this answer: the patient is told how many, not who, unless the
            publisher's own rules say so.
        versions: how many versions that licensee held with the patient in them.
        state: of the list the patient is on; ``waiting`` before there is one.
    """

    product: str
    licensee_no: int
    versions: int
    state: str
    listed_at: str
    sent_at: str
    confirmed_at: str


def subject_recalls(
    database: Engine, keyring: Keyring, patient_key: str
) -> tuple[SubjectRecall, ...]:
    """Counts and dates for a patient's own file: no pseudonym, no name of a buyer."""
    found: list[SubjectRecall] = []
    for product in product_names():
        keys = [pseudonym(key, patient_key) for key in product_keys(keyring, product)]
        found += _of_product(database, product, keys)
    return tuple(found)


def _of_product(database: Engine, product: str, keys: Sequence[str]) -> list[SubjectRecall]:
    entry = RecallEntry
    query = (
        select(entry.licensee, entry.list_id, func.count(entry.version.distinct()))
        .where(entry.product == product, entry.product_key.in_(keys))
        .group_by(entry.licensee, entry.list_id)
        .order_by(entry.licensee, entry.list_id)
    )
    with database.connect() as connection:
        rows = connection.execute(query).all()
    numbers = {licensee: n for n, licensee in enumerate(dict.fromkeys(r[0] for r in rows), 1)}
    return [
        _subject(database, product, numbers[licensee], list_id=list_id, held=held)
        for licensee, list_id, held in rows
    ]


def _subject(
    database: Engine, product: str, number: int, *, list_id: str | None, held: int
) -> SubjectRecall:
    if list_id is None:
        return SubjectRecall(product, number, held, "waiting", "", "", "")
    note = recall_lists.find_list(database, list_id)
    dates = (note.made_at, note.sent_at or "", note.confirmed_at or "")
    return SubjectRecall(product, number, held, note.state.value, *dates)
