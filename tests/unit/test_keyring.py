"""Keys: made once, unreadable to others, the same in Python and in DuckDB."""

import duckdb
import pytest

from clearward.errors import ConfigError
from clearward.keyring import PURPOSES, init_keyring, install_hmac, load_keyring, pseudonym


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
