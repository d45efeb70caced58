"""Keys: made once, unreadable to others, the same in Python and in DuckDB."""

import base64
import json

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from clearward.errors import ConfigError
from clearward.keyring import (
    PURPOSES,
    claim_warehouse,
    init_keyring,
    install_hmac,
    install_product_pseudonym,
    licensee_scope,
    load_keyring,
    product_pseudonym,
    pseudonym,
    rotate,
)
from clearward.keyring.pseudonyms import crosswalk_sql
from clearward.keyring.rotation import MEANING
from clearward.licensing.copy_keys import licensee_keys


def test_init_makes_every_key_once_and_changes_none(tmp_path):
    first = init_keyring(tmp_path / "keyring.json")
    second = init_keyring(tmp_path / "keyring.json")
    assert len({first.key(purpose) for purpose in PURPOSES}) == len(PURPOSES)
    assert all(first.key(purpose) == second.key(purpose) for purpose in PURPOSES)


def test_the_file_is_for_its_owner_only(tmp_path):
    path = init_keyring(tmp_path / "keyring.json").path
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        load_keyring(path)


def test_no_key_is_in_the_file_in_any_readable_form(tmp_path):
    keyring = init_keyring(tmp_path / "home" / "keyring.json")
    text = keyring.path.read_bytes()
    for purpose in PURPOSES:
        key = keyring.key(purpose)
        assert key not in text and base64.b64encode(key) not in text
    identity = tmp_path / "home.identity"
    assert identity.stat().st_mode & 0o777 == 0o600


def test_a_plain_keyring_is_refused_until_init_seals_it_and_its_keys_stay(tmp_path):
    path = tmp_path / "home" / "keyring.json"
    path.parent.mkdir()
    path.touch(mode=0o600)
    keys = {name: base64.b64encode(bytes([n]) * 32).decode() for n, name in enumerate(PURPOSES)}
    path.write_text(json.dumps({"version": 1, "keys": keys}))
    with pytest.raises(ConfigError, match="not encrypted"):
        load_keyring(path)
    keyring = init_keyring(path)
    assert [keyring.key(name) for name in PURPOSES] == [bytes([n]) * 32 for n in range(6)]
    assert not any(key in path.read_text() for key in keys.values())


def test_without_its_identity_the_keyring_stays_shut(tmp_path):
    path = init_keyring(tmp_path / "home" / "keyring.json").path
    (tmp_path / "home.identity").unlink()
    with pytest.raises(ConfigError, match="locked"):
        load_keyring(path)


def test_an_identity_that_others_can_read_is_refused(tmp_path):
    path = init_keyring(tmp_path / "home" / "keyring.json").path
    (tmp_path / "home.identity").chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        load_keyring(path)


SECRET = "a long enough passphrase"


def test_a_passphrase_from_the_environment_or_a_program_opens_it(tmp_path, monkeypatch):
    path = tmp_path / "keyring.json"
    monkeypatch.setenv("OPEN_SESAME", SECRET)
    made = init_keyring(path, "env:OPEN_SESAME")
    assert load_keyring(path, f"command:echo '{SECRET}'").id == made.id
    monkeypatch.setenv("OPEN_SESAME", "another passphrase entirely")
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        load_keyring(path, "env:OPEN_SESAME")
    assert "another" not in str(caught.value).split("Seen")[0]


@pytest.mark.parametrize("unlock", ["hunter2", "env:", "https://x", "file:"])
def test_a_secret_put_where_its_source_belongs_is_refused_and_not_shown(tmp_path, unlock):
    with pytest.raises(ConfigError, match="names no source") as caught:
        init_keyring(tmp_path / "keyring.json", unlock)
    assert "Expected: file:" in str(caught.value)


def test_a_short_passphrase_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEN_SESAME", "short")
    with pytest.raises(ConfigError, match="too short"):
        init_keyring(tmp_path / "keyring.json", "env:OPEN_SESAME")


@pytest.fixture
def kms(monkeypatch):
    """A real HTTP server that speaks the KMS API, and a key on it."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    endpoint = f"http://{host}:{port}"
    client = boto3.client("kms", endpoint_url=endpoint, region_name="us-east-1")
    key = client.create_key()["KeyMetadata"]["KeyId"]
    yield client, key, endpoint
    server.stop()


def test_a_kms_opens_what_it_sealed_and_nothing_else(tmp_path, kms):
    client, key, endpoint = kms
    url = f"aws-kms://{key}?endpoint={endpoint}&region=us-east-1"
    path = tmp_path / "keyring.json"
    made = init_keyring(path, url)
    assert load_keyring(path, url).key("row") == made.key("row")
    other = client.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ConfigError, match="did not open"):
        load_keyring(path, f"aws-kms://{other}?endpoint={endpoint}&region=us-east-1")
    document = json.loads(path.read_text())
    sealed = bytearray(base64.b64decode(document["sealed"]))
    sealed[20] ^= 1
    path.write_text(json.dumps(document | {"sealed": base64.b64encode(sealed).decode()}))
    with pytest.raises(ConfigError, match="changed after"):
        load_keyring(path, url)
    with pytest.raises(ConfigError, match="did not open"):
        load_keyring(path, f"aws-kms://{key}?endpoint=http://127.0.0.1:9&region=us-east-1")


def test_a_rotated_key_is_new_and_the_old_one_is_kept(tmp_path):
    path = tmp_path / "keyring.json"
    before = init_keyring(path)
    after = rotate(path, "product")
    assert after.generation("product") == 2 and load_keyring(path).generation("product") == 2
    assert after.key("product") != before.key("product")
    assert after.key("product", generation=1) == before.key("product")
    assert after.key("row") == before.key("row") and after.id == before.id
    with pytest.raises(ConfigError, match="no such generation"):
        after.key("product", generation=3)


@pytest.mark.parametrize("purpose", ["row", "dates"])
def test_a_key_that_stored_rows_were_made_with_is_not_rotated(tmp_path, purpose):
    path = tmp_path / "keyring.json"
    before = init_keyring(path)
    with pytest.raises(ConfigError, match="not rotated in place") as caught:
        rotate(path, purpose)
    assert "ingest" in str(caught.value)
    assert load_keyring(path).key(purpose) == before.key(purpose)


def test_every_purpose_says_what_its_rotation_means():
    assert set(MEANING) == set(PURPOSES)


def test_no_two_scopes_share_a_pseudonym_and_sql_agrees_with_python(tmp_path):
    keyring = init_keyring(tmp_path / "keyring.json")
    rows = [f"{n:020x}" for n in range(300)]
    seen = []
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE r AS SELECT unnest(?) AS k", [rows])
        for product in ("cardiology", "neurology"):
            install_product_pseudonym(connection, keyring, product=product)
            query = "SELECT k, product_pseudonym(k) FROM r"
            found = dict(connection.execute(query).fetchall())
            assert found == {k: product_pseudonym(keyring, k, product=product) for k in rows}
            seen += found.values()
            for licensee in ("acme", "globex"):
                secret = licensee_keys(keyring, product, licensee).pseudonyms
                install_hmac(connection, "rekey", secret)
                query = "SELECT k, rekey(product_pseudonym(k)) FROM r"
                copied = dict(connection.execute(query).fetchall())
                assert copied == {k: pseudonym(secret, found[k]) for k in rows}
                seen += copied.values()
    assert len(set(seen)) == len(seen) == 6 * len(rows)
    assert not set(seen) & set(rows)


def test_a_licensee_without_a_name_has_no_copies():
    with pytest.raises(ConfigError, match="licensee"):
        licensee_scope("")


@pytest.mark.parametrize("licensee", ["", "acme"])
def test_a_crosswalk_leads_from_one_generation_to_the_next(tmp_path, licensee):
    path = tmp_path / "keyring.json"
    before = init_keyring(path)
    after = rotate(path, "product")
    with duckdb.connect() as connection:
        query = crosswalk_sql(
            connection,
            after,
            product="cardiology",
            generations=(1, 2),
            row_keys="SELECT 'abc' AS row_key",
            licensee=licensee,
        )
        found = connection.execute(query).fetchall()
    assert found == [tuple(_name(keyring, "abc", licensee) for keyring in (before, after))]


def _name(keyring, row_key, licensee):
    """What a release, or a licensee's copy of it, calls a row."""
    published = product_pseudonym(keyring, row_key, product="cardiology")
    if not licensee:
        return published
    return pseudonym(licensee_keys(keyring, "cardiology", licensee).pseudonyms, published)


def test_a_warehouse_knows_its_keyring_and_refuses_another(tmp_path):
    mine, other = (init_keyring(tmp_path / name / "keyring.json") for name in "ab")
    claim_warehouse(tmp_path / "warehouse", mine)
    claim_warehouse(tmp_path / "warehouse", mine)
    with pytest.raises(ConfigError, match="another keyring") as caught:
        claim_warehouse(tmp_path / "warehouse", other)
    assert mine.id in str(caught.value) and other.id in str(caught.value)


def test_a_damaged_file_is_refused_without_showing_it(tmp_path):
    path = tmp_path / "keyring.json"
    path.touch(mode=0o600)
    path.write_text('{"keys": {"row": "c2VjcmV0')
    with pytest.raises(ConfigError, match="damaged") as caught:
        load_keyring(path)
    assert "c2VjcmV0" not in str(caught.value)


def test_repr_shows_no_key(tmp_path):
    keyring = init_keyring(tmp_path / "keyring.json")
    assert str(keyring.key("row")) not in repr(keyring)


def test_scopes_give_different_keys(tmp_path):
    keyring = init_keyring(tmp_path / "keyring.json")
    keys = {keyring.key("product", name) for name in ("a", "b")} | {keyring.key("product")}
    assert len(keys) == 3


@pytest.mark.parametrize("text", ["", "h1|patients|42", "王小明", "a" * 500])
def test_duckdb_computes_the_same_pseudonym(text):
    key = bytes(range(32))
    connection = duckdb.connect()
    install_hmac(connection, "row_hmac", key)
    assert connection.execute("SELECT row_hmac(?)", [text]).fetchone() == (pseudonym(key, text),)


def test_a_null_has_no_pseudonym():
    connection = duckdb.connect()
    install_hmac(connection, "row_hmac", bytes(32))
    assert connection.execute("SELECT row_hmac(NULL)").fetchone() == (None,)
