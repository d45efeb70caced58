"""Signatures as DSSE 1.0 defines them, and the list of keys that made them."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ReleaseError
from clearward.keyring import init_keyring
from clearward.keyring.keys import Keyring
from clearward.releases import key_list
from clearward.releases.manifest import PREDICATE_TYPE, STATEMENT_TYPE, Manifest, read_manifest
from clearward.releases.signing import (
    PAYLOAD_TYPE,
    key_id,
    open_envelope,
    sign_with,
)
from clearward.releases.version import FIRST

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
PAYLOAD = b'{"hello": "world"}'


def envelope(*keys, **other):
    return json.loads(sign_with(PAYLOAD, *(keys or (KEY,)), **other))


def opened(document, key=KEY, **other):
    return open_envelope(json.dumps(document).encode(), key.public_key(), **other)


def test_what_is_signed_is_the_pre_authentication_encoding_of_the_protocol():
    kind = "http://example.com/HelloWorld"
    (signature,) = json.loads(sign_with(b"hello world", KEY, kind=kind))["signatures"]
    # the protocol's own example
    signed = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    KEY.public_key().verify(base64.b64decode(signature["sig"]), signed)


def test_lengths_in_it_are_of_bytes_not_of_characters():
    (signature,) = json.loads(sign_with("眼".encode(), KEY, kind="t"))["signatures"]
    KEY.public_key().verify(base64.b64decode(signature["sig"]), "DSSEv1 1 t 3 眼".encode())


def test_another_key_does_not_open_it():
    with pytest.raises(ReleaseError, match="signature does not hold"):
        opened(envelope(), OTHER)


def test_a_keyid_proves_nothing():
    document = envelope()
    document["signatures"][0]["keyid"] = key_id(OTHER.public_key())
    assert opened(document) == PAYLOAD
    with pytest.raises(ReleaseError):
        opened(document, OTHER)


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
def test_every_changed_byte_of_the_payload_is_found(place, change):
    document, changed = envelope(), bytearray(PAYLOAD)
    changed[place] ^= change
    document["payload"] = base64.b64encode(bytes(changed)).decode()
    with pytest.raises(ReleaseError, match="signature does not hold"):
        opened(document)


@given(st.integers(0, 63), st.integers(1, 255))
def test_every_changed_byte_of_the_signature_is_found(place, change):
    document = envelope()
    signature = bytearray(base64.b64decode(document["signatures"][0]["sig"]))
    signature[place] ^= change
    document["signatures"][0]["sig"] = base64.b64encode(bytes(signature)).decode()
    with pytest.raises(ReleaseError, match="signature does not hold"):
        opened(document)


def test_signatures_hold_in_any_order_and_beside_broken_ones():
    document = envelope(KEY, OTHER)
    broken = {"keyid": key_id(KEY.public_key()), "sig": base64.b64encode(b"x" * 64).decode()}
    document["signatures"] = [broken, *reversed(document["signatures"])]
    assert opened(document) == opened(document, OTHER) == PAYLOAD


@pytest.mark.parametrize("signatures", [[], [{"sig": ""}], [{"keyid": "x"}], {}, None, ["x"]])
def test_no_signature_is_no_signature(signatures):
    with pytest.raises(ReleaseError):
        opened({**envelope(), "signatures": signatures})


def test_a_signature_over_one_type_is_none_over_another():
    document = envelope(kind="application/x-other")
    with pytest.raises(ReleaseError, match="another type"):
        opened(document)
    with pytest.raises(ReleaseError, match="signature does not hold"):
        opened({**document, "payloadType": PAYLOAD_TYPE})
    assert opened(document, kind="application/x-other") == PAYLOAD


def test_base64_of_either_alphabet_is_read_and_nothing_else():
    payload = b"\xfb\xff\xfe"
    document = json.loads(sign_with(payload, KEY))
    assert "+" in document["payload"] or "/" in document["payload"]
    document["payload"] = base64.urlsafe_b64encode(payload).decode()
    assert opened(document) == payload
    for broken in ("****", "ab", "YQ==YQ==", "é", 7, None):
        with pytest.raises(ReleaseError, match="damaged"):
            opened({**document, "payload": broken})


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_refused_as_such(data):
    with pytest.raises(ReleaseError):
        open_envelope(data, KEY.public_key())


# --- the list of keys


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    keyring = init_keyring(tmp_path_factory.mktemp("keys") / "keyring.json")
    return replace_made(keyring, ("2026-01-01T00:00:00+00:00",))


def replace_made(keyring, made, keys=None, earlier=None):
    return Keyring(
        keyring.path,
        {**keyring._keys, **(keys or {})},
        {**keyring._earlier, **(earlier or {})},
        {**keyring.made, "signing": made},
    )


@pytest.fixture(scope="module")
def rotated(first):
    made = ("2026-01-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00")
    earlier = {"signing": (first._keys["signing"],)}
    return replace_made(first, made, {"signing": b"n" * 32}, earlier)


def public(keyring, generation):
    keys = key_list.private_keys(keyring)
    return keys[generation - 1].public_key()


def manifest(at):
    return Manifest(
        product="p", version=FIRST, month="2026-01", content_sha256="c", base="b",
        published_at=at, change="first", previous={}, files=(), facts={},
    )  # fmt: skip


def signed(keyring, generation, at):
    key = key_list.private_keys(keyring)[generation - 1]
    payload = open_envelope(manifest(at).signed(keyring), None)
    return sign_with(payload, key)


def test_who_knows_the_first_key_finds_the_second_by_it(rotated):
    keys = key_list.read_key_list(key_list.key_list(rotated), public(rotated, 1))
    assert [key.key_id for key in keys] == [key_id(public(rotated, n)) for n in (1, 2)]
    assert keys[0].until == keys[1].since == "2026-06-01T00:00:00+00:00"
    assert keys[1].until == ""


def test_a_manifest_holds_by_the_key_of_its_time(rotated):
    keys = key_list.read_key_list(key_list.key_list(rotated), public(rotated, 2))
    for generation, at in ((1, "2026-05-31T23:59:59Z"), (2, "2026-06-01T00:00:00Z")):
        found = key_list.read_manifest_in_time(signed(rotated, generation, at), keys)
        assert found.published_at == at


@pytest.mark.parametrize(
    ("generation", "at"),
    [(1, "2026-06-01T00:00:00Z"), (2, "2026-05-31T23:59:59Z"), (1, "2025-12-31T00:00:00Z")],
)
def test_a_key_signs_nothing_outside_its_time(rotated, generation, at):
    keys = key_list.read_key_list(key_list.key_list(rotated), public(rotated, 1))
    with pytest.raises(ReleaseError):
        key_list.read_manifest_in_time(signed(rotated, generation, at), keys)


def test_a_stranger_cannot_add_a_key_to_the_list(rotated):
    known = key_list.private_keys(rotated)[0]
    document = json.loads(open_envelope(key_list.key_list(rotated), None, kind=key_list.KIND))
    text = json.dumps(document).encode()
    stranger = sign_with(text, OTHER, kind=key_list.KIND)
    with pytest.raises(ReleaseError, match="signature does not hold"):
        key_list.read_key_list(stranger, known.public_key())
    # the retired key alone cannot speak for its successor
    alone = sign_with(text, known, kind=key_list.KIND)
    with pytest.raises(ReleaseError, match="signature does not hold"):
        key_list.read_key_list(alone, known.public_key())


def relisted(rotated, change):
    document = json.loads(open_envelope(key_list.key_list(rotated), None, kind=key_list.KIND))
    change(document["keys"])
    keys = key_list.private_keys(rotated)
    return sign_with(json.dumps(document).encode(), *keys, kind=key_list.KIND)


WRONG = {
    "a gap": lambda keys: keys[1].update(since="2026-07-01T00:00:00+00:00"),
    "an overlap": lambda keys: keys[0].update(until=""),
    "no key in use": lambda keys: keys[1].update(until="2027-01-01T00:00:00+00:00"),
    "the same key twice": lambda keys: keys.__setitem__(1, {**keys[0], "since": keys[0]["until"]}),
    "another's id": lambda keys: keys[1].update(key_id=keys[0]["key_id"]),
    "the known key left out": lambda keys: keys.pop(0),
    "no key": lambda keys: keys.clear(),
    "an unknown entry": lambda keys: keys[0].update(more="x"),
    "no PEM": lambda keys: keys[1].update(public="x"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_list_that_contradicts_itself_is_not_trusted(rotated, case):
    with pytest.raises(ReleaseError):
        key_list.read_key_list(relisted(rotated, WRONG[case]), public(rotated, 1))


def test_a_manifest_is_no_list_of_keys_and_a_list_no_manifest(rotated):
    with pytest.raises(ReleaseError, match="another type"):
        key_list.read_key_list(manifest("2026-07-01T00:00:00Z").signed(rotated), public(rotated, 2))
    with pytest.raises(ReleaseError, match="another type"):
        read_manifest(key_list.key_list(rotated), public(rotated, 2))


def test_the_statement_is_in_totos(first):
    statement = json.loads(open_envelope(manifest("2026-01-02T00:00:00Z").signed(first), None))
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == STATEMENT_TYPE == "https://in-toto.io/Statement/v1"
    assert ":" in PREDICATE_TYPE  # a URI


def test_the_list_of_the_same_keyring_is_the_same_bytes(first):
    listed = key_list.key_list(first)
    assert listed == key_list.key_list(first)
    (only,) = key_list.read_key_list(listed, public(first, 1))
    assert replace(only, public="") == key_list.ListedKey(
        key_id(public(first, 1)), "", "2026-01-01T00:00:00+00:00", ""
    )
