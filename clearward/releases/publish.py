"""Stage, verify, promote: the only door into the store. Building a candidate belongs to
`candidate`, what makes evidence good to `evidence`.

Order of a publish, each step safe to repeat after a crash:
1. everything that can refuse, refuses, before the first byte is stored;
2. files go under ``<product>/<version>/<base>/``, named so that no other candidate has them;
3. every stored file is compared with what was signed;
4. the manifest is created, conditionally: from this moment the release exists;
5. ``latest.json`` is swapped, the state database and the log follow the store.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from clearward import audit
from clearward.errors import GateError, ReleaseError
from clearward.keyring import Keyring
from clearward.marking.contract import as_facts, from_facts
from clearward.products.spec import load_product
from clearward.releases import evidence, key_list, records
from clearward.releases.candidate import (
    Candidate,
    check_number,
    find_published,
    load_candidate,
)
from clearward.releases.issue import issue_candidate
from clearward.releases.manifest import Manifest, read_manifest
from clearward.releases.profile_check import require_profiles
from clearward.releases.shelf import (
    RETIRED_NAME,
    Release,
    as_release,
    base_prefix,
    file_key,
    is_retired,
    last_manifest,
    load_manifest,
    manifest_key,
    patient_hashes,
    show_release,
)
from clearward.releases.sign_off import signatures
from clearward.releases.signing import load_public_key
from clearward.releases.tables import TableFile, content_hash, read_tables
from clearward.releases.text_check import require_clean_text
from clearward.releases.version import parse_version
from clearward.settings import Settings
from clearward.storage import KeyChangedError, KeyExistsError, KeyMissingError, Storage
from clearward.storage.probe import check_immutable
from clearward.warehouse import hash_file

_SWAPS = 20


def publish(
    settings: Settings,
    keyring: Keyring,
    storage: Storage,
    *,
    product: str,
    month: str,
    approved_by: str | None = None,
) -> Release:
    """Publish the candidate of a product and month, or return the release that already holds it.

    Args:
        settings, keyring, storage: where candidates and reports are, who signs, where it goes.
        product, month: which candidate.
        approved_by: a person's name; records their approval of exactly this content.

    Raises:
        GateError: the release gate or a privacy gate is red, broken, missing, judged other files,
            or is amber without a signature, or a profile that the spec names is not held.
        ReleaseError: no candidate, no approval, a missed privacy bound, changed files or number, a
            document for machines that is incomplete or untrue.
        StorageError: the store refuses, or only pretends to keep what exists unchanged.
    """
    candidate = load_candidate(settings, product, month=month)
    finished = _already(settings, storage, candidate, actor=approved_by)
    if finished:
        return finished
    tables = _check_files(settings, candidate)
    evidence.check_gate(evidence.read_gate(settings, product, month=month), tables)
    privacy = evidence.read_privacy(settings, product, month=month)
    evidence.check_privacy(privacy, load_product(product), tables=tables)
    last = last_manifest(storage, product, public_key=load_public_key(keyring))
    if not _follows(candidate, last):
        finished = _already(settings, storage, candidate, actor=approved_by)
        return finished or _refuse_older(candidate)
    check_number(candidate, tables, last=last)
    try:
        signed = _check_risk(settings, storage, keyring, candidate=candidate, tables=tables)
    except GateError:  # of the history, when another publisher was first meanwhile
        finished = _already(settings, storage, candidate, actor=approved_by)
        if finished:
            return finished
        raise
    now = datetime.now(UTC)
    with TemporaryDirectory(dir=candidate.folder, prefix=".issued-") as folder:
        issued = issue_candidate(candidate, now.date(), folder=Path(folder))
        actor = _approver(settings, candidate, approved_by)
        check_immutable(storage)
        manifest = _stage(storage, keyring, issued, signed=signed, at=now)
    _verify(storage, manifest)
    return _finish(settings, storage, _promote(storage, keyring, manifest), actor=actor)


def _approver(settings: Settings, candidate: Candidate, approved_by: str | None) -> str:
    place = {"product": candidate.product, "month": candidate.month}
    if approved_by is not None:
        approve(settings, **place, approved_by=approved_by)
    content = candidate.content_sha256
    return records.check_approved(settings, product=candidate.product, content_sha256=content)


def approve(settings: Settings, *, product: str, month: str, approved_by: str) -> str:
    """Record a person's approval of the present candidate; returns the content hash approved."""
    candidate = load_candidate(settings, product, month=month)
    records.approve(
        settings,
        product=product,
        month=month,
        content_sha256=candidate.content_sha256,
        approved_by=approved_by,
    )
    return candidate.content_sha256


def retire(
    settings: Settings, storage: Storage, *, product: str, version: str, actor: str, reason: str
) -> Release:
    """Withdraw a release from delivery. Its files stay: who has them must be able to verify."""
    load_manifest(storage, product, version)
    records.record_retired(settings, product, version, actor=actor)
    note = {"version": version, "reason": reason, "at": audit.utc_text(datetime.now(UTC))}
    with suppress(KeyExistsError):  # retired before: the first reason stands
        storage.create(f"{product}/{parse_version(version)}/{RETIRED_NAME}", _json(note))
    return show_release(storage, product, version)


def _check_files(settings: Settings, candidate: Candidate) -> tuple[TableFile, ...]:
    """The candidate's files are what it says they are, and still the protected tables."""
    changed = [
        entry.path
        for entry in candidate.files
        if not candidate.path(entry).is_file() or hash_file(candidate.path(entry)) != entry.sha256
    ]
    tables = read_tables(settings, load_product(candidate.product), month=candidate.month)
    if changed or content_hash(tables) != candidate.content_sha256:
        raise ReleaseError(
            f"The candidate of {candidate.product} {candidate.month} is stale.",
            seen=f"{len(changed)} changed files"
            if changed
            else "protected tables that changed since it was built",
            expected="the files it was built from",
            do="build the candidate again",
        )
    return tables


def _check_risk(
    settings: Settings,
    storage: Storage,
    keyring: Keyring,
    *,
    candidate: Candidate,
    tables: tuple[TableFile, ...],
) -> list[dict[str, str]]:
    """The privacy gates hold beside everything published before, and so do the product's profiles;
    returns who signed for amber."""
    name, content = candidate.product, candidate.content_sha256
    signed = signatures(settings, product=name, content_sha256=content)
    evidence.check_risk(
        evidence.read_risk(settings, name, month=candidate.month),
        load_product(name),
        tables=tables,
        earlier=patient_hashes(storage, name, public_key=load_public_key(keyring)),
        signed=list(signed),
    )
    told = candidate.facts.get("profiles")
    require_profiles(settings, load_product(name), month=candidate.month, published=told)
    require_clean_text(settings, load_product(name), month=candidate.month)
    return [signature.published() for _, signature in sorted(signed.items())]


def _already(
    settings: Settings, storage: Storage, candidate: Candidate, *, actor: str | None
) -> Release | None:
    """The release that holds this candidate, its after-work completed; None when there is none."""
    done = find_published(
        storage, candidate.product, content=candidate.content_sha256, month=candidate.month
    )
    return _finish(settings, storage, done, actor=actor or "clearward") if done else None


def _follows(candidate: Candidate, last: Manifest | None) -> bool:
    """A candidate's version and changes are counted from the newest release."""
    return (last.sha256 if last else "") == candidate.previous.get("manifest_sha256", "")


def _refuse_older(candidate: Candidate) -> NoReturn:
    raise ReleaseError(
        f"The candidate {candidate.product} {candidate.version} follows an older release.",
        seen=f"candidate after {candidate.previous.get('version', 'none')}",
        expected="a candidate after the newest release",
        do="build the candidate again",
    )


def _stage(
    storage: Storage,
    keyring: Keyring,
    candidate: Candidate,
    *,
    signed: list[dict[str, str]],
    at: datetime,
) -> Manifest:
    manifest = Manifest(
        product=candidate.product,
        version=parse_version(candidate.version),
        month=candidate.month,
        content_sha256=candidate.content_sha256,
        base=candidate.base,
        published_at=audit.utc_text(at),
        change=candidate.change.value,
        previous=candidate.previous,
        files=candidate.files,
        facts={
            **{name: candidate.facts[name] for name in _PUBLISHED_FACTS},
            **as_facts(from_facts(candidate.facts)),
            "sign_offs": signed,
        },
    )
    key_list.publish_keys(storage, keyring)
    for entry in candidate.files:
        storage.put_file(file_key(manifest, entry), candidate.path(entry), sha256=entry.sha256)
    return manifest


_PUBLISHED_FACTS = (
    *("k", "contract", "changes", "causes", "terms", "breaks", "additions", "fingerprints"),
    *("gate", "privacy", "risk", "profiles", "lineage"),
)


def _verify(storage: Storage, manifest: Manifest) -> None:
    """What lies in the store is what will be signed: no file missing, changed or beside."""
    wanted = {file_key(manifest, entry): entry for entry in manifest.files}
    found = set(storage.list(base_prefix(manifest)))
    wrong = [key for key, entry in wanted.items() if key not in found]
    for key, entry in wanted.items():
        if key in found:
            head = storage.head(key)
            if (head.size, head.sha256) != (entry.bytes, entry.sha256):
                wrong.append(key)
    beside = sorted(found - set(wanted))
    if wrong or beside:
        raise ReleaseError(
            f"The staged files of {manifest.product} {manifest.version} are not as they were sent.",
            seen=f"{len(wrong)} missing or changed, {len(beside)} unknown",
            expected=f"{len(wanted)} files",
            do="see who else writes to the store, then publish again",
        )


def _promote(storage: Storage, keyring: Keyring, manifest: Manifest) -> Manifest:
    """Create the manifest; where another publisher was first, its release stands."""
    key = manifest_key(manifest.product, manifest.version)
    envelope = manifest.signed(keyring)
    try:
        storage.create(key, envelope)
    except KeyExistsError as error:
        other = load_manifest(storage, manifest.product, manifest.version)
        if other.content_sha256 != manifest.content_sha256:
            raise ReleaseError(
                f"{manifest.product} {manifest.version} was published by someone else meanwhile.",
                seen=f"content {other.content_sha256[:12]}…",
                expected=f"content {manifest.content_sha256[:12]}…",
                do="build the candidate again; it gets the next version",
            ) from error
        return other
    return read_manifest(envelope, load_public_key(keyring))


def _finish(settings: Settings, storage: Storage, manifest: Manifest, *, actor: str) -> Release:
    _point_latest(storage, manifest)
    retired = is_retired(storage, manifest.product, manifest.version)
    release = as_release(manifest, is_retired=retired)
    if not retired:
        records.record_published(settings, release, actor=actor)
    return release


def _point_latest(storage: Storage, manifest: Manifest) -> None:
    """Move ``latest.json`` forward, never back, whoever else moves it at the same time."""
    key = f"{manifest.product}/latest.json"
    target = _json(
        {
            "product": manifest.product,
            "version": str(manifest.version),
            "manifest": manifest_key(manifest.product, manifest.version),
            "manifest_sha256": manifest.sha256,
        }
    )
    for _ in range(_SWAPS):
        try:
            etag = storage.head(key).etag
            seen = json.loads(storage.get_bytes(key))["version"]
            if parse_version(seen) >= manifest.version:
                return
            storage.replace_if(key, target, etag=etag)
            return
        except KeyMissingError:
            try:
                storage.create(key, target)
                return
            except KeyExistsError:
                continue
        except KeyChangedError:
            continue
    raise ReleaseError(
        f"latest.json of {manifest.product} could not be moved.",
        seen=f"{_SWAPS} changes by others",
        do="publish again: the release itself is published",
    )


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
