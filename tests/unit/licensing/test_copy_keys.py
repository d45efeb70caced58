"""Secrets over generations of the product key, with a keyring that can rotate."""

import hashlib
import hmac

import pytest

from clearward.errors import ConfigError
from clearward.keyring import Keyring, pseudonym
from clearward.licensing import recall_lists
from clearward.licensing.copy_keys import (
    licensee_keys,
    name_copy,
    product_keys,
    secret_of_copy,
)
from clearward.licensing.recall_lists import read_recall
from clearward.products.spec import load_product
from clearward.releases.signing import load_public_key
from tests.unit.releases import factory

PRODUCT = factory.PRODUCT
K = load_product(PRODUCT).protection.k


class Rotated(Keyring):
    """A keyring with an earlier generation of its product key: what rotation leaves behind."""

    def generation(self, purpose):
        return 2 if purpose == "product" else 1

    def key(self, purpose, *scope, generation=None):
        if purpose != "product" or generation == 1:
            return super().key(purpose, *scope)
        found = b"n" * 32
        for part in scope:
            found = hmac.new(found, part.encode(), hashlib.sha256).digest()
        return found


def rotate(keyring):
    return Rotated(keyring.path, keyring._keys)


def test_every_generation_counts_newest_first(people):
    rotated = rotate(people.keyring)
    keys = product_keys(rotated, PRODUCT)
    assert keys == (rotated.key("product", PRODUCT), people.keyring.key("product", PRODUCT))
    assert product_keys(people.keyring, PRODUCT) == (people.keyring.key("product", PRODUCT),)


def test_a_copys_secret_is_found_in_its_generation_and_in_no_other_keyring(people):
    old = licensee_keys(people.keyring, PRODUCT, "acme").pseudonyms
    asked = {"copy_id": name_copy(old, "a" * 64), "canonical_sha256": "a" * 64}
    assert secret_of_copy(rotate(people.keyring), PRODUCT, "acme", **asked) == old
    with pytest.raises(ConfigError, match="no key that made copy"):
        secret_of_copy(people.keyring, PRODUCT, "another name", **asked)


@pytest.fixture
def handed_out(people):
    """A copy is out, then the product key is rotated, then K patients withdraw."""
    people.download(people.licence())
    for number in range(K):
        people.withdraw(number)
    return people


def test_after_a_rotation_a_recall_still_names_patients_as_the_old_copy_does(handed_out):
    people, signer = handed_out, load_public_key(handed_out.keyring)
    secret = people.keyring.key("product", PRODUCT, "licensee|acme research")
    names = {pseudonym(secret, people.published_key(n)) for n in range(K)}
    people.keyring = rotate(people.keyring)
    run = people.process()
    assert (run.versions_marked, run.lists_made) == (1, 1)
    [note] = recall_lists.lists(people.engine)
    asked = read_recall(people.recall_list("acme research", note.id), signer)
    assert set(asked["recalled"][0]["patient_keys"]) == names


def test_a_lost_generation_stops_with_a_reason_and_marks_all_the_same(handed_out, monkeypatch):
    people = handed_out
    held = people.keyring.key("product", PRODUCT)
    monkeypatch.setattr("clearward.licensing.withdrawals.product_keys", lambda *_: (held,))
    monkeypatch.setattr("clearward.licensing.copy_keys._scope", lambda licensee: "another")
    with pytest.raises(ConfigError, match="restore the keyring"):
        people.process()
    assert recall_lists.lists(people.engine) == ()
    monkeypatch.undo()
    assert people.process().lists_made == 1
