"""FHIR Consent (R4 and R5) as lines of a consent file. What a code means belongs to `fhir_codes`.

R4 has a base rule, `provision.type` or `policyRule`, and nested provisions as its exceptions; R5
has `decision` at the root and `provision` as exceptions to it. Both become several lines of one
second, and the ledger's rule of precision makes the exceptions count.

Every version of a resource becomes lines of its own, or one line that says nothing; which version
counts is for `records` to tell, when the question is asked.

Two principles. A permit narrower than we can keep is no permit: a restriction to codes, security
labels, single records, data periods, other actions or unknown classes drops it. A refusal
narrower than we can keep is taken as wide as it could be.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from clearward.consent import fhir_codes as codes
from clearward.consent.lines import LINE_SCHEMA, NUMBERED_SCHEMA, SAYING
from clearward.consent.model import SILENCE
from clearward.consent.purposes import EVERYTHING
from clearward.errors import ConsentError

Resource = Mapping[str, Any]
_NO_FHIR = "not a Consent as FHIR R4 or R5 writes it"


def read_fhir(path: Path) -> pa.Table:
    """Lines of an NDJSON file of Consents: `lines.NUMBERED_SCHEMA`, a saying per resource.

    Raises:
        ConsentError: a line is no Consent, or names no patient, date or status.
    """
    rows: list[dict[str, Any]] = []
    parts = [NUMBERED_SCHEMA.empty_table()]
    for number, text in texts(path):
        resource = _resource(path, number, text)
        more = {"line_number": number, SAYING: number}
        rows += [{**line, **more} for line in _lines(path, number, resource)]
        if len(rows) > 50_000:
            parts.append(pa.Table.from_pylist(rows, schema=NUMBERED_SCHEMA))
            rows = []
    return pa.concat_tables([*parts, pa.Table.from_pylist(rows, schema=NUMBERED_SCHEMA)])


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their number from 1; ConsentError when the file is torn."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConsentError(
            f"{path.name} is not whole UTF-8 NDJSON.",
            seen=type(error).__name__,
            do="export the file again",
        ) from None


def _resource(path: Path, number: int, text: str) -> Resource:
    try:
        resource = json.loads(text)
    except ValueError:
        raise _refused(path, number, _NO_FHIR) from None
    if not isinstance(resource, dict) or resource.get("resourceType") != "Consent":
        raise _refused(path, number, "no Consent")
    if not isinstance(resource.get("meta") or {}, dict):
        raise _refused(path, number, _NO_FHIR)
    return resource


def _lines(path: Path, number: int, resource: Resource) -> list[dict[str, str]]:
    try:
        return _resource_lines(resource)
    except _MissingError as missing:
        raise _refused(path, number, str(missing)) from None
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _refused(path, number, _NO_FHIR) from None


class _MissingError(Exception):
    pass


def _refused(path: Path, number: int, seen: str) -> ConsentError:
    return ConsentError(
        f"{path.name} is refused.",
        seen=f"resource {number}: {seen}",
        expected="one Consent a line, with status, patient and date",
        do="mend the export and send it again; nothing of it was taken",
    )


def _resource_lines(resource: Resource) -> list[dict[str, str]]:
    head = _head(resource)
    lines = list(_rule_lines(resource, head))
    if head["record_id"] and not lines:
        return [{**head, "decision": SILENCE, "purpose": EVERYTHING}]
    return lines


def _rule_lines(resource: Resource, head: Mapping[str, str]) -> Iterator[dict[str, str]]:
    status = str(resource.get("status"))
    if status not in codes.STATUSES:
        raise _MissingError("no known status")
    rules = [line for line in _rules(resource) if line["purpose"]]
    if any(resource.get(name) for name in codes.MODIFIERS):
        rules = [line for line in rules if line["decision"] != "permit"]
    outcome = codes.STATUSES[status]
    permits = [line for line in rules if line["decision"] == "permit"]
    if outcome["permit"] == "withdraw" and not permits:
        # Ended without saying what it had allowed: then all of it.
        yield {**head, "decision": "withdraw", "purpose": EVERYTHING}
    for line in rules:
        decision = outcome[line["decision"]]
        if decision == "permit" and not head["text_version"]:
            continue
        if decision:
            period = {} if decision == "permit" else {"valid_from": "", "valid_until": ""}
            yield {**head, **line, "decision": decision, **period}


def _head(resource: Resource) -> dict[str, str]:
    """What all lines of one resource share."""
    subject = resource.get("patient") or resource.get("subject") or {}
    patient = codes.reference_id(subject.get("reference", ""), "Patient")
    if not patient:
        raise _MissingError("no patient that is named by id")
    dates = (
        resource.get("dateTime"),
        resource.get("date"),
        (resource.get("meta") or {}).get("lastUpdated"),
    )
    at = next((str(date) for date in dates if date), "")
    if not at:
        raise _MissingError("no date")
    version, text_sha256, evidence = _proofs(resource)
    guardian = any(
        codes.is_other_person(who.get("reference", ""), resource.get("contained") or [])
        for who in [*(resource.get("performer") or []), *(resource.get("grantor") or [])]
    )
    return {
        **dict.fromkeys(LINE_SCHEMA.names, ""),
        "patient_id": patient,
        "decided_at": codes.one_moment(at),
        "text_version": version,
        "text_sha256": text_sha256,
        "evidence_sha256": evidence,
        "language": str(resource.get("language", "")),
        "guardian": "true" if guardian else "false",
        **codes.version_of(resource),
    }


def _proofs(resource: Resource) -> tuple[str, str, str]:
    """Version and hash of the text signed, and hash of the evidence.

    The text is known by the policy's identifier; its hash is that of the identifier, unless the
    resource carries the signed document itself. Evidence is that document, or the resource as JSON
    with sorted keys and without spaces, so that writing it anew does not make it another one.
    """
    version = codes.policy_of(resource)
    canonical = json.dumps(resource, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    record = hashlib.sha256(canonical.encode()).hexdigest()
    sources = resource.get("sourceAttachment") or []
    for source in sources if isinstance(sources, list) else [sources]:
        if source.get("data"):
            try:
                content = base64.b64decode(source["data"], validate=True)
            except binascii.Error:
                raise _MissingError("a source that is not base64") from None
            document = hashlib.sha256(content).hexdigest()
            return version or document, document, document
    return version, hashlib.sha256(version.encode()).hexdigest() if version else "", record


def _rules(resource: Resource) -> Iterator[dict[str, str]]:
    """Base rule and exceptions as lines without their head."""
    provision = resource.get("provision")
    if "decision" in resource or isinstance(provision, list):  # R5
        decision = str(resource.get("decision", ""))
        base = {"period": resource.get("period") or {}}
        listed = provision or []
        yield from _rule(base, decision, codes.scope_purposes(resource))
        nested = "permit" if decision == "deny" else "deny"
        for exception in listed:
            yield from _tree(exception, nested, [], base["period"], has_types=False)
        return
    root = provision or {}
    decision = str(root.get("type", "")) or codes.policy_decision(resource)
    yield from _tree(root, decision, codes.scope_purposes(resource), {}, has_types=True)


def _tree(
    provision: Resource,
    decision: str,
    purposes: list[Any],
    period: Resource,
    *,
    has_types: bool,
) -> Iterator[dict[str, str]]:
    """A provision and, with what it does not say itself inherited, its exceptions."""
    nested = provision.get("provision") or []
    own = {**provision, "period": provision.get("period") or period}
    said = provision.get("purpose") or purposes
    yield from _rule(own, decision, said)
    for exception in nested:
        opposite = "deny" if decision == "permit" else "permit"
        other = str(exception.get("type", "")) if has_types else opposite
        yield from _tree(exception, other, said, own["period"], has_types=has_types)


def _rule(provision: Resource, decision: str, purposes: list[Any]) -> Iterator[dict[str, str]]:
    if not decision:
        return
    if decision not in {"permit", "deny"}:
        raise _MissingError("a rule that neither permits nor denies")
    reach = codes.reach_of(provision, decision)
    if reach is None:
        return
    period = provision.get("period") or {}
    for purpose in codes.purposes_of(purposes, decision):
        yield {
            "decision": decision,
            "purpose": purpose,
            "categories": reach.categories,
            "recipients": reach.recipients,
            "valid_from": codes.cautious_date(str(period.get("start", ""))),
            "valid_until": codes.cautious_end(str(period.get("end", ""))),
        }
