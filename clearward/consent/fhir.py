"""FHIR Consent (R4 and R5) as lines of a consent file. What a code means belongs to `fhir_codes`.

R4 has a base rule, `provision.type` or `policyRule`, and nested provisions as its exceptions; R5
has `decision` at the root and `provision` as exceptions to it. Both become several lines of one
second, and the ledger's rule of precision makes the exceptions count.

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
import pyarrow.compute as pc

from clearward.consent import fhir_codes as codes
from clearward.consent.lines import LINE_SCHEMA
from clearward.consent.purposes import EVERYTHING
from clearward.errors import ConsentError

Resource = Mapping[str, Any]
_NO_FHIR = "not a Consent as FHIR R4 or R5 writes it"
_SCHEMA = LINE_SCHEMA.append(pa.field("line_number", pa.int64()))


def read_fhir(path: Path) -> pa.Table:
    """Lines of an NDJSON file of Consents: `lines.LINE_SCHEMA` and ``line_number``.

    Of several versions of one resource (`id`) in the file the last one counts, by
    `meta.versionId`. Against versions of earlier files the rules of the ledger decide.

    Raises:
        ConsentError: a line is no Consent, names no patient, date or status, or is one of two
            versions of a resource of which nobody can tell which is the later.
    """
    rows: list[dict[str, Any]] = []
    parts = [_SCHEMA.empty_table()]
    last: dict[str, tuple[int, int]] = {}
    replaced: list[int] = []
    for number, text in _texts(path):
        resource = _resource(path, number, text)
        replaced += _replaced(path, number, resource, last)
        rows += [{**line, "line_number": number} for line in _lines(path, number, text, resource)]
        if len(rows) > 50_000:
            parts.append(pa.Table.from_pylist(rows, schema=_SCHEMA))
            rows = []
    table = pa.concat_tables([*parts, pa.Table.from_pylist(rows, schema=_SCHEMA)])
    stale = pc.is_in(table["line_number"], value_set=pa.array(replaced, pa.int64()))
    return table.filter(pc.invert(stale))


def _replaced(
    path: Path, number: int, resource: Resource, last: dict[str, tuple[int, int]]
) -> list[int]:
    """Lines that the versions met so far (id -> version, line) leave without force."""
    name = str(resource.get("id") or "")
    if not name:
        return []
    told = str((resource.get("meta") or {}).get("versionId", ""))
    version = int(told) if told.isascii() and told.isdigit() else -1
    if name not in last:
        last[name] = (version, number)
        return []
    other, line = last[name]
    if version < 0 or other < 0 or version == other:
        raise _refused(path, number, f"the id of resource {line} again, without a later versionId")
    last[name] = max((version, number), (other, line))
    return [line if version > other else number]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
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


def _lines(path: Path, number: int, text: str, resource: Resource) -> list[dict[str, str]]:
    try:
        return list(_resource_lines(resource, text))
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


def _resource_lines(resource: Resource, text: str) -> Iterator[dict[str, str]]:
    status = str(resource.get("status"))
    if status not in codes.STATUSES:
        raise _MissingError("no known status")
    head = _head(resource, text)
    rules = [line for line in _rules(resource) if line["purpose"]]
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


def _head(resource: Resource, text: str) -> dict[str, str]:
    """What all lines of one resource share."""
    subject = resource.get("patient") or resource.get("subject") or {}
    patient = codes.reference_id(subject.get("reference", ""))
    if not patient:
        raise _MissingError("no patient")
    dates = (
        resource.get("dateTime"),
        resource.get("date"),
        (resource.get("meta") or {}).get("lastUpdated"),
    )
    at = next((str(date) for date in dates if date), "")
    if not at:
        raise _MissingError("no date")
    version, text_sha256, evidence = _proofs(resource, text)
    guardian = any(
        codes.is_other_person(who.get("reference", ""))
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
    }


def _proofs(resource: Resource, text: str) -> tuple[str, str, str]:
    """Version and hash of the text signed, and hash of the evidence.

    The text is known by the policy's identifier; its hash is that of the identifier, unless the
    resource carries the signed document itself. Evidence is that document, or the record as sent.
    """
    version = codes.policy_of(resource)
    record = hashlib.sha256(text.strip().encode()).hexdigest()
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
