"""Where the secret that opens the keyring comes from. What it opens belongs to `seal` and `kms`.

``CLEARWARD_KEYRING_UNLOCK`` names one source: ``file:<path>`` of an age identity (mode 0600),
``env:<NAME>`` of a variable, ``command:<program>`` that prints it (a password manager, a smart
card tool), or ``aws-kms://<key id>``. Without it, an identity file beside the home is used.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pyrage  # type: ignore[import-untyped]  # ships no stubs

from clearward.errors import ConfigError
from clearward.settings import secret_variable

KMS = "aws-kms://"
FORMS = "file:<path>, env:<NAME>, command:<program> or aws-kms://<key id>"
_COMMAND_SECONDS = 60


def default_unlock(keyring: Path) -> str:
    """``file:`` of the identity beside the keyring's folder, ``.clearward.identity``.

    Beside and not inside, so that a copy of the home is no copy of its key.
    """
    home = keyring.expanduser().absolute().parent
    return f"file:{home.with_name(home.name + '.identity')}"


def check_form(unlock: str) -> None:
    """Raise ConfigError unless a source has one of the forms above."""
    kind, _, rest = unlock.partition(":")
    if not ((kind in {"file", "env", "command"} and rest) or unlock.startswith(KMS)):
        raise ConfigError(
            "CLEARWARD_KEYRING_UNLOCK names no source of a secret.",
            expected=FORMS,
            do="name where the secret is; never put the secret itself there",
        )


def read_secret(unlock: str) -> str:
    """The secret a source holds: an age identity or a passphrase. Errors never show it."""
    check_form(unlock)
    kind, _, rest = unlock.partition(":")
    text = {"file": _from_file, "env": _from_variable, "command": _from_command}[kind](rest)
    lines = [line.strip() for line in text.splitlines()]
    secret = next((line for line in lines if line and not line.startswith("#")), "")
    if not secret:
        raise ConfigError("The source of the keyring's secret is empty.", seen=f"{kind}:{rest}")
    return secret


def make_identity(path: Path) -> None:
    """Write a new age identity with mode 0600, unless the file exists."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    identity = pyrage.x25519.Identity.generate()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(
            f"# opens a Clearward keyring\n# public key: {identity.to_public()}\n{identity}\n"
        )
        file.flush()
        os.fsync(file.fileno())


def _from_file(name: str) -> str:
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"The keyring is locked: there is no identity at {path}.",
            do="bring the identity back, name another source in CLEARWARD_KEYRING_UNLOCK,"
            " or restore the keyring from its backup",
        )
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ConfigError(
            f"The identity {path} can be read by others.",
            seen=f"mode {mode:04o}",
            expected="mode 0600",
            do=f"chmod 600 {path}, and seal the keyring anew if it was exposed",
        )
    return path.read_text()


def _from_variable(name: str) -> str:
    text = secret_variable(name)
    if text is None:
        raise ConfigError(
            f"The keyring is locked: the variable {name} is not set.", do=f"set {name}"
        )
    return text


def _from_command(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            "The program that unlocks the keyring could not run.",
            seen=type(error).__name__,
            do="check the program named in CLEARWARD_KEYRING_UNLOCK",
        ) from None
    if done.returncode:
        raise ConfigError(
            "The program that unlocks the keyring failed.",
            seen=f"exit code {done.returncode}",
            do="run the program named in CLEARWARD_KEYRING_UNLOCK by hand",
        )
    return done.stdout
