"""A licence as an ODRL 2.2 Agreement (W3C Recommendation, 2018) in JSON-LD, for connectors and for
the record: its bytes are kept by hash, so that a changed licence no longer fits them. What may be
received is decided by `policies`, never by reading this document.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from clearward import audit
from clearward.consent.vocabularies import dpv_terms
from clearward.licensing.chain import read_licence
from clearward.licensing.duo import licence_terms
from clearward.licensing.model import Licence, Mode
from clearward.products.spec import load_product
from clearward.state.buyer_models import PolicyDocument
from clearward.state.models import Licence as LicenceRow

CONTEXT = {
    "@vocab": "http://www.w3.org/ns/odrl/2/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "cw": "urn:clearward:",
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "uid": "@id",
    "type": "@type",
}
_DUO = "http://purl.obolibrary.org/obo/DUO_"


def policy_document(licence: Licence) -> bytes:
    """The document, canonical: the same licence gives the same bytes. Its standing (revoked or
    not), which changes, is not part of it.
    """
    document = {
        "@context": CONTEXT,
        "uid": f"urn:clearward:licence:{licence.id}",
        "type": "Agreement",
        "profile": {"uid": "urn:clearward:profile:1"},
        "assigner": {"uid": "urn:clearward:publisher"},
        "assignee": {"uid": f"urn:clearward:organisation:{licence.organisation_id}"},
        "dct:source": {
            "uid": f"urn:clearward:agreement:{licence.agreement_id}",
            "cw:sha256": licence.terms_sha256,
        },
        "cw:dataUse": [
            {"uid": code.replace("DUO:", _DUO), "dct:title": words}
            for code, words in licence_terms(licence).items()
        ],
        "cw:terms": terms_text(licence),
        "permission": [_permission(licence)],
        "prohibition": _prohibitions(licence),
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def terms_text(licence: Licence) -> str:
    """Every term as it is kept, in one form: what the document is held against later, when words
    and vocabularies may have changed.
    """
    terms = {
        "agreement": licence.agreement_id,
        "organisation": licence.organisation_id,
        "licensee": licence.licensee,
        "text_sha256": licence.terms_sha256,
        "product": licence.product,
        "purpose": licence.purpose,
        "versions": licence.version_range,
        "valid_from": audit.utc_text(licence.valid_from),
        "valid_until": audit.utc_text(licence.valid_until),
        "copy": licence.copy.value,
        "mode": licence.mode.value,
        "countries": sorted(licence.countries),
        "max_downloads": licence.max_downloads,
        "duo": licence.duo,
        "key_sha256": hashlib.sha256(licence.key_pem.encode()).hexdigest(),
    }
    return json.dumps(terms, sort_keys=True, ensure_ascii=False)


def fits(licence: Licence, document: str, sha256: str) -> bool:
    """True when the document has that hash and says what the licence says today."""
    if hashlib.sha256(document.encode()).hexdigest() != sha256:
        return False
    return bool(json.loads(document)["cw:terms"] == terms_text(licence))


def find_document(engine: Engine, sha256: str) -> str:
    """The document kept under a hash; empty where there is none."""
    query = select(PolicyDocument.body).where(PolicyDocument.sha256 == sha256)
    with engine.connect() as connection:
        return connection.scalar(query) or ""


def keep_policies(engine: Engine, *, now: datetime, actor: str = "clearward") -> int:
    """Keep the policy document of every licence that has none, being from before there were any;
    returns of how many. The log then vouches for their terms as they are now.
    """
    table = LicenceRow
    with audit.logged(engine) as connection:
        without = select(table.id).where(table.policy_sha256 == "").order_by(table.id)
        found = connection.scalars(without).all()
        for name in found:
            keep_policy(connection, name, action="licence.policy", now=now, actor=actor)
    return len(found)


def keep_policy(
    connection: Connection, licence_id: str, *, action: str, now: datetime, actor: str
) -> Licence:
    """Keep the document that says what a licence's row says, and its hash in row and log."""
    made = read_licence(connection, licence_id)
    assert made is not None  # noqa: S101 - its row was just read or written
    document = policy_document(made)
    digest = hashlib.sha256(document).hexdigest()
    table = LicenceRow
    connection.execute(update(table).where(table.id == made.id).values(policy_sha256=digest))
    connection.execute(
        insert(PolicyDocument).values(
            sha256=digest, body=document.decode(), made_at=audit.utc_text(now)
        )
    )
    audit.write(
        connection,
        actor=actor,
        action=action,
        subject=made.id,
        detail={"policy_sha256": digest, "agreement": made.agreement_id},
        at=now,
    )
    return replace(made, policy_sha256=digest)


def _permission(licence: Licence) -> dict[str, Any]:
    return {
        "target": {"uid": f"urn:clearward:product:{licence.product}"},
        "action": {"uid": "odrl:use" if licence.mode is Mode.DOWNLOAD else "cw:useInEnclave"},
        "constraint": [
            _constraint("purpose", "isAnyOf", [{"uid": t} for t in dpv_terms(licence.purpose)]),
            _constraint("dateTime", "gteq", _moment(audit.utc_text(licence.valid_from))),
            _constraint("dateTime", "lt", _moment(audit.utc_text(licence.valid_until))),
            _constraint("version", "isPartOf", licence.version_range),
            _constraint("deliveryChannel", "eq", f"cw:{licence.copy.value}"),
            *_limits(licence),
        ],
    }


def _limits(licence: Licence) -> list[dict[str, Any]]:
    limits = []
    if licence.countries:
        limits.append(_constraint("spatial", "isAnyOf", sorted(licence.countries)))
    if licence.max_downloads is not None:
        limits.append(_constraint("count", "lteq", licence.max_downloads))
    return limits


def _prohibitions(licence: Licence) -> list[dict[str, Any]]:
    forbidden = sorted(load_product(licence.product).forbidden_purposes)
    target = {"uid": f"urn:clearward:product:{licence.product}"}
    return [
        {"target": target, "action": {"uid": "odrl:distribute"}},
        {
            "target": target,
            "action": {"uid": "odrl:use"},
            "constraint": [
                _constraint("purpose", "isAnyOf", [{"uid": f"cw:{name}"} for name in forbidden])
            ],
        },
    ]


def _constraint(operand: str, operator: str, value: Any) -> dict[str, Any]:
    return {
        "leftOperand": {"uid": f"odrl:{operand}"},
        "operator": {"uid": f"odrl:{operator}"},
        "rightOperand": value,
    }


def _moment(text: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": text}
