"""``clearward keys``: look after the keyring. No command prints a secret key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clearward import audit
from clearward.cli.show import console, show_facts, show_rows
from clearward.deidentify.installation import open_keyring, recorded_keyring
from clearward.errors import ConfigError
from clearward.keyring import PURPOSES, Keyring, load_keyring
from clearward.keyring.binding import bound_id, check_same
from clearward.keyring.rotation import MEANING, PUBLISHED, check_may_rotate, rotate
from clearward.keyring.store import (
    describe_seal,
    restore_keyring,
    unlock_source,
    write_backup,
    write_keyring,
)
from clearward.keyring.unlock import FORMS
from clearward.releases.key_list import key_list
from clearward.releases.signing import public_pems
from clearward.settings import Settings, load_settings
from clearward.state.base import state_engine
from clearward.state.models import ReleaseRecord

app = typer.Typer(
    no_args_is_help=True,
    help=f"""Keys: made once, sealed, backed up, rotated. Whoever has them can re-identify.

The keyring file is sealed with the age format or a key management service. What opens it is named
by CLEARWARD_KEYRING_UNLOCK: {FORMS}. Keep that secret off this machine.

  clearward keys status                          what is there, how it is sealed\n
  clearward keys backup FILE --recipient age1…   one sealed file; put it in a safe\n
  clearward keys restore FILE --check --unlock file:/media/safe/id   the restore drill\n
  clearward keys reseal --to env:PASSPHRASE      another secret opens it from now on\n
  clearward keys rotate links                    a new key; the old one is kept for recall
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def status(as_json: Json = False) -> None:
    """Which keyring this is, how it is sealed, and the generations of each key."""
    settings = load_settings()
    keyring = open_keyring(settings)
    facts = {
        "keyring": keyring.id,
        "file": str(settings.keyring),
        "sealed": describe_seal(settings.keyring),
        "opened_by": unlock_source(settings.keyring),
        "warehouse": bound_id(settings.warehouse) or "not yet bound",
        "state": recorded_keyring(state_engine(settings.database)) or "not yet bound",
    }
    rows = [
        {
            "key": name,
            "generation": keyring.generation(name),
            "made": (keyring.made.get(name) or ("",))[-1] or "before dates were kept",
            "for": use,
        }
        for name, use in PURPOSES.items()
    ]
    if as_json:
        show_facts("Keyring", {**facts, "keys": rows}, as_json=True)
        return
    show_facts("Keyring", facts, as_json=False)
    show_rows("Keys", rows, as_json=False)


@app.command("rotate")
def rotate_key(
    purpose: Annotated[str, typer.Argument(help=", ".join(PURPOSES))],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    after_compromise: Annotated[
        bool,
        typer.Option(help="Rotate a key that published releases were made with, all the same."),
    ] = False,
) -> None:
    """Make a new generation of one key. The old one stays in the keyring for recall.

    `row` and `dates` are refused: stored rows were made with them. `product` and `signing` are
    refused while releases are published, because later releases could not be compared with or
    checked like earlier ones; --after-compromise overrides that.
    """
    check_may_rotate(purpose)
    settings = load_settings()
    open_keyring(settings)
    _check_published(settings, purpose, after_compromise)
    console.print(f"{purpose}: {MEANING[purpose]}.")
    if not yes:
        typer.confirm("Rotate it?", abort=True)
    keyring = rotate(settings.keyring, purpose)
    generation = keyring.generation(purpose)
    audit.append(
        state_engine(settings.database),
        actor="clearward keys",
        action="key.rotated",
        subject=purpose,
        detail={"generation": generation, "after_compromise": after_compromise},
    )
    console.print(f"{purpose} is at generation {generation}. Now: clearward keys backup FILE …")


@app.command()
def backup(
    file: Path,
    recipient: Annotated[
        str, typer.Option(help="age public key; its identity stays in the safe.")
    ] = "",
    to: Annotated[str, typer.Option(help=f"Or a secret's source: {FORMS}.")] = "",
) -> None:
    """Write every key and generation to one sealed file. Then try it: `clearward keys restore`."""
    if bool(recipient) == bool(to):
        raise ConfigError(
            "A backup is sealed for one secret.", expected="either --recipient or --to"
        )
    if file.exists():
        raise ConfigError(f"{file} exists.", do="name a new file; backups are never overwritten")
    keyring = open_keyring(load_settings())
    write_backup(keyring, file, source=to, recipient=recipient)
    console.print(f"Wrote keyring {keyring.id} to {file}, sealed. Try it now:")
    console.print(f"  clearward keys restore {file} --check --unlock …", soft_wrap=True)


@app.command()
def restore(
    file: Path,
    unlock: Annotated[str, typer.Option(help=f"What opens the backup: {FORMS}.")],
    check: Annotated[
        bool, typer.Option("--check", help="Open and compare; write nothing.")
    ] = False,
) -> None:
    """Bring the keyring back from its backup, sealed as CLEARWARD_KEYRING_UNLOCK says.

    A backup of another installation is refused, and so is writing over a keyring that is there.
    """
    settings = load_settings()
    found = load_keyring(file, unlock)
    for recorded, where in (
        (bound_id(settings.warehouse), "warehouse"),
        (recorded_keyring(state_engine(settings.database)), "state database"),
    ):
        check_same(recorded, found, where=where)
    if check:
        behind = _behind(settings, found)
        console.print(f"The backup opens and is keyring {found.id}. Nothing was written.")
        if behind:
            raise ConfigError("The backup is older than the keyring.", seen=behind, do="back it up")
        return
    if settings.keyring.exists():
        raise ConfigError(
            f"There is a keyring at {settings.keyring}.", do="move it away first, if you must"
        )
    restore_keyring(found, settings.keyring)
    console.print(f"Restored keyring {found.id} to {settings.keyring}.")


@app.command()
def reseal(
    to: Annotated[str, typer.Option(help=f"The new secret's source: {FORMS}.")],
) -> None:
    """Seal the same keys for another secret. Set CLEARWARD_KEYRING_UNLOCK to it afterwards."""
    settings = load_settings()
    write_keyring(open_keyring(settings), to)
    load_keyring(settings.keyring, to)
    console.print(f"Sealed. From now on: export CLEARWARD_KEYRING_UNLOCK='{to}'", soft_wrap=True)


@app.command("export-public")
def export_public(folder: Path) -> None:
    """Write the public key of every signing generation as PEM, and the signed list of them with the
    time each was in use; buyers verify releases with them.
    """
    keyring = open_keyring(load_settings())
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for generation, (pem, fingerprint) in enumerate(public_pems(keyring), start=1):
        path = folder / f"clearward-ed25519-{generation}.pub"
        path.write_bytes(pem)
        rows.append({"generation": generation, "fingerprint": fingerprint, "file": str(path)})
    (folder / "keys.json").write_bytes(key_list(keyring))
    show_rows("Public keys", rows, as_json=False)


def _check_published(settings: Settings, purpose: str, after_compromise: bool) -> None:
    if purpose not in PUBLISHED or after_compromise:
        return
    with Session(state_engine(settings.database)) as session:
        published = session.scalar(select(func.count()).select_from(ReleaseRecord)) or 0
    if published:
        raise ConfigError(
            f"The {purpose!r} key was used for what is published; nothing was changed.",
            seen=f"{published} releases",
            expected="no release, or a key that somebody else may have",
            do="leave it; if it was exposed, add --after-compromise and tell the licensees",
        )


def _behind(settings: Settings, found: Keyring) -> str:
    if not settings.keyring.exists():
        return ""
    live = load_keyring(settings.keyring)
    late = [name for name in PURPOSES if found.generation(name) < live.generation(name)]
    return ", ".join(late)
