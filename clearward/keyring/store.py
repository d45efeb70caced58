"""The keyring's file: a header in the clear, all keys sealed. Made once; a key in it never changes.

Version 1 was plain JSON; `init_keyring` seals such a file, nothing else reads it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearward.errors import ConfigError
from clearward.keyring.keys import PURPOSES, Keyring, new_key, now
from clearward.keyring.seal import seal, seal_to, unseal
from clearward.keyring.unlock import default_unlock, make_identity
from clearward.settings import keyring_unlock

VERSION = 2


def init_keyring(path: Path, unlock: str | None = None) -> Keyring:
    """Create the file with mode 0600, or add purposes it lacks; an existing key never changes.

    A plain file of version 1 is sealed in place.

    Args:
        path: the keyring's file.
        unlock: where the secret is that seals it (`unlock.FORMS`); by default
            ``CLEARWARD_KEYRING_UNLOCK``, else an identity file beside the home, made when needed.
    """
    source = unlock_source(path, unlock)
    if not path.exists() or is_plain(path):
        _make_default_identity(path, source)
    held = _read_plain(path) if is_plain(path) else _read_if_any(path, source)
    missing = [name for name in PURPOSES if name not in held._keys]
    if missing or is_plain(path):
        made = now()
        keys = {**held._keys, **{name: new_key() for name in missing}}
        times = {**held.made, **dict.fromkeys(missing, (made,))}
        write_keyring(Keyring(path, keys, held._earlier, times), source)
    return load_keyring(path, source)


def load_keyring(path: Path, unlock: str | None = None) -> Keyring:
    """Open the keyring; refuses a file that others can read, and one that is not sealed."""
    if not path.exists():
        raise ConfigError(
            f"There is no keyring at {path}.",
            do="run `clearward init` for a new installation; restore the backup for an old one",
        )
    if is_plain(path):
        raise ConfigError(
            f"The keyring {path} is not encrypted.", do="run `clearward init`, which seals it"
        )
    document = _read_document(path)
    payload = unseal(document, unlock_source(path, unlock, document))
    return _from_payload(path, payload)


def is_plain(path: Path) -> bool:
    """Whether the file is a keyring of version 1, whose keys anybody can read who can read it."""
    return path.exists() and "keys" in _read_document(path)


def write_keyring(keyring: Keyring, source: str) -> None:
    """Seal and write, whole or not at all, mode 0600."""
    write_sealed(keyring.path, seal(_to_payload(keyring), source), hint=source)


def restore_keyring(keyring: Keyring, path: Path, unlock: str | None = None) -> Keyring:
    """Write a keyring that came from a backup to its place, sealed as a new one would be."""
    source = unlock_source(path, unlock)
    _make_default_identity(path, source)
    write_keyring(Keyring(path, keyring._keys, keyring._earlier, keyring.made), source)
    return load_keyring(path, source)


def write_backup(keyring: Keyring, target: Path, *, source: str = "", recipient: str = "") -> None:
    """One sealed file with every key and generation, for a source's secret or an age public key."""
    payload = _to_payload(keyring)
    write_sealed(target, seal_to(payload, recipient) if recipient else seal(payload, source))


def write_sealed(path: Path, sealed: Mapping[str, Any], *, hint: str = "") -> None:
    """Write the file; ``hint`` is where its identity file was when it was sealed, no secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"clearward_keyring": VERSION, **sealed}
    if hint.startswith("file:"):
        document["identity"] = hint
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def unlock_source(
    path: Path, unlock: str | None = None, document: Mapping[str, Any] | None = None
) -> str:
    """The source that applies: named, else set, else where it was sealed, else beside the home."""
    named = unlock or keyring_unlock()
    if named:
        return named
    noted = str((document or {}).get("identity", ""))
    if noted and Path(noted.removeprefix("file:")).exists():
        return noted
    return default_unlock(path)


def describe_seal(path: Path) -> str:
    """How a keyring's file is sealed, without opening it."""
    return "not at all" if is_plain(path) else str(_read_document(path).get("method", "unknown"))


def _make_default_identity(path: Path, source: str) -> None:
    if source == default_unlock(path):
        make_identity(Path(source.removeprefix("file:")))


def _read_if_any(path: Path, source: str) -> Keyring:
    return load_keyring(path, source) if path.exists() else Keyring(path, {})


def _read_document(path: Path) -> dict[str, Any]:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ConfigError(
            f"The keyring {path} can be read by others.",
            seen=f"mode {mode:04o}",
            expected="mode 0600",
            do=f"chmod 600 {path}, and replace the keys if it was exposed",
        )
    try:
        document = json.loads(path.read_text())
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(document, dict):
        raise _damaged(path)
    return document


def _read_plain(path: Path) -> Keyring:
    try:
        encoded = _read_document(path)["keys"]
        keys = {name: base64.b64decode(text, validate=True) for name, text in encoded.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(path) from None
    return Keyring(path, keys, {}, dict.fromkeys(keys, ("",)))


def _to_payload(keyring: Keyring) -> bytes:
    purposes = {
        name: [
            {"made": made, "key": base64.b64encode(key).decode()}
            for made, key in zip(
                keyring.made.get(name, ("",) * keyring.generation(name)),
                (keyring.key(name, generation=g + 1) for g in range(keyring.generation(name))),
                strict=True,
            )
        ]
        for name in sorted(keyring._keys)
    }
    return json.dumps({"purposes": purposes}).encode()


def _from_payload(path: Path, payload: bytes) -> Keyring:
    try:
        purposes = json.loads(payload)["purposes"]
        every = {
            name: tuple(base64.b64decode(each["key"], validate=True) for each in generations)
            for name, generations in purposes.items()
        }
        made = {n: tuple(str(each["made"]) for each in each_of) for n, each_of in purposes.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(path) from None
    if not all(every.values()):
        raise _damaged(path)
    current = {name: keys[-1] for name, keys in every.items()}
    return Keyring(path, current, {name: keys[:-1] for name, keys in every.items()}, made)


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"The keyring {path} is damaged.", do="restore it from its backup")
