"""The commands of a publisher's desk, from a request to a token, and the proof afterwards."""

import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.licensing import registry, requests
from clearward.releases.signing import sign_with
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from tests.unit.licensing.buyers import GOOD, NOW


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWARD_HOME", str(tmp_path))
    monkeypatch.delenv("CLEARWARD_DATABASE", raising=False)
    engine = state_engine(f"sqlite:///{tmp_path / 'state.db'}")
    migrate(engine)
    return engine


def run(*words):
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.output


def first(kind, output):
    return re.search(rf"{kind}_[0-9a-f]+", output)[0]


def test_from_a_request_to_a_signed_agreement_to_a_token(desk, tmp_path):
    asked = requests.submit(
        desk,
        product="cardiology",
        organisation="Example Pharma",
        person="Ada Byron",
        email="ada@pharma.example",
        purpose=GOOD,
        statement="Outcomes.",
        now=NOW,
    )
    assert asked in run("request", "list", "--json")
    assert "Outcomes." in run("request", "show", asked)
    approved = run("request", "approve", asked, "--by", "Data board", "--country", "DE")
    organisation, person = first("org", approved), first("per", approved)
    (tmp_path / "text.txt").write_text("the text")
    offered = run(
        "agreement", "offer", organisation, "--text", str(tmp_path / "text.txt"), "--version", "1"
    )
    agreement = first("agr", offered)
    statement = run("agreement", "statement", agreement)
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "buyer.pub").write_bytes(pem)
    (tmp_path / "signed.json").write_bytes(sign_with(statement.encode(), key))
    signed = ["--envelope", str(tmp_path / "signed.json"), "--key", str(tmp_path / "buyer.pub")]
    run("agreement", "sign", agreement, *signed, "--signatory", "A. Director")
    made = run(
        *("licence", "create", "--request", asked, "--agreement", agreement),
        *("--until", "2099-12-31", "--country", "DE", "--max-downloads", "12"),
        *("--duo", "DUO:0000021"),
    )
    licence = first("lic", made)
    secret = run("licence", "activation", licence, "--person", person).strip()
    token = run("licence", "activate", secret).strip()
    assert token.startswith("cwt_")
    shown = run("licence", "show", licence)
    for words in ("Example Pharma", "0 of 12", "ethics approval needed", "2099-12-31 23:59"):
        assert words in shown
    told = json.loads(run("licence", "show", licence, "--json"))
    assert (told["downloads_left"], told["country"], told["stands"]) == (12, "DE", True)
    assert token not in shown and told["tokens"][0]["id"] == registry.token_id(token)
    assert told["tokens"][0]["person"] == person
    assert json.loads(run("licence", "policy", licence))["uid"].endswith(licence)
    head = run("audit", "head").strip()
    assert "whole" in run("audit", "verify", "--head", head)
    run("organisation", "revoke", organisation)
    assert "no: organisation revoked" in run("licence", "show", licence)
    assert json.loads(run("licence", "list", "--json"))[0]["stands"] is False


def test_a_text_signed_on_paper_needs_one_command(desk, tmp_path):
    (tmp_path / "terms.txt").write_text("the text")
    made = run(
        *("licence", "create", "--buyer", "Example Pharma", "--product", "cardiology"),
        *("--terms", str(tmp_path / "terms.txt"), "--until", "2099-12-31"),
    )
    licence = first("lic", made)
    token = run("licence", "token", licence).strip()
    newer = run("licence", "rotate", registry.token_id(token)).strip()
    client = json.loads(run("licence", "client", licence, "--json"))
    again = json.loads(run("licence", "rotate-client", client["client_id"], "--json"))
    assert client["client_secret"] != again["client_secret"]
    run("licence", "revoke-token", registry.token_id(newer))
    run("licence", "revoke-client", client["client_id"])
    organisation = json.loads(run("organisation", "list", "--json"))[0]["id"]
    person = run(
        *("organisation", "add-person", organisation, "--name", "Ada", "--email", "a@b.de")
    )
    run("organisation", "country", organisation, "fr")
    run("organisation", "revoke-person", first("per", person))
    shown = json.loads(run("organisation", "show", organisation, "--json"))
    assert shown["country"] == "FR" and shown["people"][0]["status"] == "revoked"
    assert len(shown["agreements"]) == len(shown["licences"]) == 1
    run("licence", "revoke", licence)
    run("agreement", "revoke", json.loads(run("agreement", "list", "--json"))[0]["id"])
    assert "as it says" in run("audit", "verify")


@pytest.mark.parametrize("head", ["1", "x y", "1 " + "f" * 64, "99 " + "0" * 64])
def test_a_head_that_the_log_does_not_hold_is_no_proof(desk, tmp_path, head):
    (tmp_path / "terms.txt").write_text("the text")
    run(
        *("licence", "create", "--buyer", "B", "--product", "cardiology"),
        *("--terms", str(tmp_path / "terms.txt"), "--until", "2099-12-31"),
    )
    assert CliRunner().invoke(app, ["audit", "verify", "--head", head]).exit_code != 0
