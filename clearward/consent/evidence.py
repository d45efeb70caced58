"""The evidence pack of one patient: every event, the decision per purpose, and the rule behind it.

For the patient, an auditor or a court (PIPL article 69 puts the burden of proof on the handler).
It holds the patient's key, never a name; each event's key is a hash that anybody can compute again
from the fields shown, and the batch it was chained in is named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jinja2
import pyarrow as pa
from sqlalchemy import Engine, select

from clearward.consent.ledger import read_head, select_events, with_versions
from clearward.consent.model import DETAILS, EVENT_CONTENT, EVENT_SCHEMA, REASONS, RECORD, STATES
from clearward.consent.policies import RULES, read_state
from clearward.consent.purposes import PURPOSES, USES
from clearward.consent.registry import verify_ledger
from clearward.consent.vocabularies import dpv_terms
from clearward.errors import ConsentError
from clearward.state.models import ConsentBatch, ConsentEvent

# Which of the written rules explains a state.
RULE_OF = {
    "permitted": "latest",
    "withdrawn": "withdrawal",
    "denied": "refusal",
    "came_of_age": "guardian",
    "expired": "period",
    "guardian_missing": "minors",
    "age_unknown": "minors",
    "recipient_not_named": "recipients named",
    "other_recipient": "recipients",
    "other_category": "categories",
    "not_yet_valid": "period",
    "no_event": "default",
}
HOW_TO_VERIFY = (
    "event_key = SHA-256 of the values of `hashed_fields` joined by |, empty for null and true or "
    "false in lower case; where any of `hashed_details` is given, these follow, joined the same "
    "way, and so do those of `hashed_record`. pack_sha256 = SHA-256 of this document without it, "
    "as JSON with sorted keys and the separators , and : and no escapes."
)


def evidence_pack(
    engine: Engine,
    *,
    hospital: str,
    patient_key: str,
    as_of: str,
    born_on: str | None,
    died_on: str | None = None,
) -> dict[str, Any]:
    """Everything the ledger knows of one patient, as JSON values. The ledger is verified first.

    Raises:
        ConsentError: the ledger holds no event of that patient at that hospital.
        StateError: the ledger was tampered with; evidence from it would be worth nothing.
    """
    verified = verify_ledger(engine)
    known, batches = _events(engine, hospital, patient_key)
    # Versions of a record that speak of somebody else decide as well; they are not told.
    events = [event for event in known if event["patient_key"] in (patient_key, "")]
    if not events:
        raise ConsentError(
            f"The ledger holds no event of patient {patient_key} at {hospital}.",
            do="check hospital and key; no event means that nothing is permitted",
        )
    table = pa.Table.from_pylist(
        [{name: event[name] for name in EVENT_SCHEMA.names} for event in known],
        schema=EVENT_SCHEMA,
    )
    decisions = [
        _decision(
            use,
            read_state(table, patient_key, use=use, as_of=as_of, born_on=born_on, died_on=died_on),
        )
        for use in USES
    ]
    pack: dict[str, Any] = {
        "clearward_consent_evidence": 1,
        "hospital": hospital,
        "patient_key": patient_key,
        "as_of": as_of,
        "decisions": decisions,
        "events": events,
        "batches": batches,
        "ledger": {"batches": verified.batches, "head": read_head(engine).hash},
        "hashed_fields": list(EVENT_CONTENT),
        "hashed_details": list(DETAILS),
        "hashed_record": list(RECORD),
        "how_to_verify": HOW_TO_VERIFY,
    }
    return {**pack, "pack_sha256": pack_digest(pack)}


def pack_digest(pack: Mapping[str, Any]) -> str:
    """SHA-256 over a pack without its own hash."""
    bare = {name: value for name, value in pack.items() if name != "pack_sha256"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def pack_html(pack: Mapping[str, Any]) -> str:
    """The pack as one page that needs nothing else."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_PAGE).render(pack=pack, purposes=PURPOSES)


def _decision(use: str, state: str) -> dict[str, Any]:
    rule = RULE_OF[state]
    return {
        "purpose": use,
        "dpv": list(dpv_terms(use)),
        "is_permitted": state == "permitted",
        "state": state,
        "reason": STATES.get(state) or REASONS[state],
        "rule": rule,
        "rule_text": RULES[rule],
    }


def _events(
    engine: Engine, hospital: str, patient_key: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events of the patient, with every other version of the records they belong to."""
    names = [*EVENT_SCHEMA.names, "recorded_at", "batch"]
    query = (
        select_events(ConsentEvent.recorded_at, ConsentEvent.batch)
        .where(ConsentEvent.hospital_id == hospital)
        .where(with_versions(ConsentEvent.patient_key == patient_key))
        .order_by(ConsentEvent.decided_at, ConsentEvent.id)
    )
    with engine.connect() as connection:
        events = [dict(zip(names, row, strict=True)) for row in connection.execute(query)]
        wanted = sorted({event["batch"] for event in events})
        links = select(*ConsentBatch.__table__.columns).where(ConsentBatch.sequence.in_(wanted))
        rows = connection.execute(links.order_by(ConsentBatch.sequence)).mappings()
        return events, [dict(row) for row in rows]


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>Consent evidence {{ pack.patient_key }}</title>
<style>body{font:15px/1.5 system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.3rem .5rem;
text-align:left;vertical-align:top}code{overflow-wrap:anywhere;font-size:.85em}</style>
<h1>Consent evidence</h1>
<p>Patient <code>{{ pack.patient_key }}</code> of {{ pack.hospital }}, as of {{ pack.as_of }}.</p>
<h2>Decisions</h2><table><tr><th>Purpose<th>Permitted<th>Reason<th>Rule</tr>
{% for d in pack.decisions %}<tr><td>{{ d.purpose }}<td>{{ "yes" if d.is_permitted else "no" }}
<td>{{ d.reason }}<td>{{ d.rule_text }}</tr>{% endfor %}</table>
<h2>Events</h2><table><tr><th>Decided<th>Decision<th>Purpose<th>Data, recipients<th>Valid
<th>Text<th>Guardian<th>Record<th>Taken in<th>Hashes</tr>
{% for e in pack.events %}<tr><td>{{ e.decided_at }}<td>{{ e.decision }}
<td>{{ e.purpose }}: {{ purposes[e.purpose].description }}
<td>{{ e.categories or "not named" }}; {{ e.recipients or "any" }}
<td>{{ e.valid_from }} to {{ e.valid_until or "no end" }}
<td>{{ e.text_version or "none" }} {{ e.language }}<br><code>{{ e.text_sha256 }}</code>
<td>{{ (e.guardian_relation or "not stated") if e.guardian else "none" }}
<br><code>{{ e.guardian_evidence_sha256 }}</code>
<td>{% if e.record_key %}<code>{{ e.record_key }}</code>
<br>{{ e.record_version or "no number" }} {{ e.record_updated_at }}{% else %}none{% endif %}
<td>{{ e.month }}, {{ e.recorded_at }}, batch {{ e.batch }}
<td>event <code>{{ e.event_key }}</code><br>evidence <code>{{ e.evidence_sha256 }}</code></tr>
{% endfor %}</table>
<h2>Proof</h2><p>{{ pack.how_to_verify }}</p>
<p>Head of the ledger <code>{{ pack.ledger.head }}</code>, pack
<code>{{ pack.pack_sha256 }}</code></p></html>
"""
