"""``clearward keys`` on real files: what it shows, what it makes and what it refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from clearward.cli.keys import app
from clearward.errors import ClearwardError, ConfigError
from clearward.keyring import PURPOSES, claim_warehouse, load_keyring
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PASSPHRASE = "a long phrase for the safe"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SAFE_PHRASE", PASSPHRASE)
    made, _ = factory.make_settings(tmp_path / "home")
    return made


def run(*arguments, says=""):
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=says)
    if isinstance(result.exception, ClearwardError):
        raise result.exception
    return result


def secrets(settings):
    keyring = load_keyring(settings.keyring)
    return {name: keyring.key(name) for name in PURPOSES}


def test_status_names_every_key_and_shows_none(settings):
    result = run("status", "--json")
    told = json.loads(result.output)
    assert {row["key"]: row["generation"] for row in told["keys"]} == dict.fromkeys(PURPOSES, 1)
    assert told["keyring"] == load_keyring(settings.keyring).id
    assert all(key.hex() not in result.output for key in secrets(settings).values())
    assert run("status").exit_code == 0


def test_rotate_asks_keeps_the_old_key_and_is_in_the_audit_log(settings):
    before = secrets(settings)
    assert run("rotate", "links", says="n\n").exit_code == 1
    assert secrets(settings) == before
    assert run("rotate", "links", says="y\n").exit_code == 0
    after = load_keyring(settings.keyring)
    assert after.generation("links") == 2 and after.key("links", generation=1) == before["links"]
    assert after.key("links") != before["links"]
    assert {n: after.key(n) for n in PURPOSES if n != "links"} == {
        n: k for n, k in before.items() if n != "links"
    }


@pytest.mark.parametrize("purpose", ["row", "dates", "nonsense"])
def test_a_key_that_rows_were_made_with_is_not_rotated(settings, purpose):
    before = settings.keyring.read_bytes()
    with pytest.raises(ConfigError):
        run("rotate", purpose, "--yes")
    assert settings.keyring.read_bytes() == before


@pytest.mark.parametrize("purpose", ["product", "signing"])
def test_a_key_of_published_releases_is_rotated_only_after_a_compromise(
    settings, tmp_path, purpose
):
    House(tmp_path / "home").release()
    with pytest.raises(ConfigError, match="nothing was changed"):
        run("rotate", purpose, "--yes")
    assert load_keyring(settings.keyring).generation(purpose) == 1
    assert run("rotate", purpose, "--yes", "--after-compromise").exit_code == 0
    assert load_keyring(settings.keyring).generation(purpose) == 2


def test_a_backup_brings_a_lost_keyring_back(settings, tmp_path):
    run("rotate", "links", "--yes")
    keys, safe = secrets(settings), tmp_path / "safe.age"
    assert run("backup", safe, "--to", "env:SAFE_PHRASE").exit_code == 0
    assert all(key not in safe.read_bytes() for key in keys.values())
    unlock = ("--unlock", "env:SAFE_PHRASE")
    assert "Nothing was written" in run("restore", safe, "--check", *unlock).output
    with pytest.raises(ConfigError, match="There is a keyring"):
        run("restore", safe, *unlock)
    settings.keyring.unlink()
    assert run("restore", safe, *unlock).exit_code == 0
    assert secrets(settings) == keys
    assert load_keyring(settings.keyring).generation("links") == 2


def test_a_backup_is_never_overwritten_and_is_sealed_for_one_secret(settings, tmp_path):
    safe = tmp_path / "safe.age"
    with pytest.raises(ConfigError, match="one secret"):
        run("backup", safe)
    run("backup", safe, "--to", "env:SAFE_PHRASE")
    kept = safe.read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        run("backup", safe, "--to", "env:SAFE_PHRASE")
    assert safe.read_bytes() == kept


def test_an_old_backup_is_told_from_a_fresh_one_and_a_wrong_secret_opens_none(
    settings, tmp_path, monkeypatch
):
    safe = tmp_path / "safe.age"
    run("backup", safe, "--to", "env:SAFE_PHRASE")
    run("rotate", "links", "--yes")
    with pytest.raises(ConfigError, match="older than the keyring"):
        run("restore", safe, "--check", "--unlock", "env:SAFE_PHRASE")
    monkeypatch.setenv("SAFE_PHRASE", "another phrase")
    with pytest.raises(ClearwardError):
        run("restore", safe, "--check", "--unlock", "env:SAFE_PHRASE")


def test_a_backup_of_another_installation_is_refused(settings, tmp_path, monkeypatch):
    claim_warehouse(settings.warehouse, load_keyring(settings.keyring))
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "other"))
    factory.make_settings(tmp_path / "other")
    safe = tmp_path / "other.age"
    run("backup", safe, "--to", "env:SAFE_PHRASE")
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path / "home"))
    settings.keyring.unlink()
    with pytest.raises(ConfigError):
        run("restore", safe, "--unlock", "env:SAFE_PHRASE")
    assert not settings.keyring.exists()


def test_reseal_changes_the_secret_and_no_key(settings, monkeypatch):
    keys, sealed = secrets(settings), settings.keyring.read_bytes()
    result = run("reseal", "--to", "env:SAFE_PHRASE")
    assert "env:SAFE_PHRASE" in result.output and PASSPHRASE not in result.output
    assert settings.keyring.read_bytes() != sealed
    monkeypatch.setenv("CLEARWARD_KEYRING_UNLOCK", "env:SAFE_PHRASE")
    assert secrets(settings) == keys


def test_every_signing_generation_is_exported_and_nothing_secret(settings, tmp_path):
    run("rotate", "signing", "--yes")
    folder = tmp_path / "public"
    assert run("export-public", folder).exit_code == 0
    pems = [path.read_text() for path in sorted(folder.glob("*.pub"))]
    assert [path.name for path in folder.iterdir() if path.suffix != ".pub"] == ["keys.json"]
    assert "PRIVATE" not in (folder / "keys.json").read_text()
    assert len(pems) == 2 and len(set(pems)) == 2
    assert all("BEGIN PUBLIC KEY" in pem and "PRIVATE" not in pem for pem in pems)
