"""New generations of keys. An old generation is kept, for recall and for crosswalks.

What a rotation means differs by purpose, so each has its words here; a purpose without words
cannot be rotated. Whether a release stands in the way is asked at the door (`cli.keys`).
"""

from __future__ import annotations

from pathlib import Path

from clearward.errors import ConfigError
from clearward.keyring.keys import PURPOSES, Keyring, new_key, now
from clearward.keyring.store import load_keyring, unlock_source, write_keyring

# Stored rows and consents were made with these: a new key would fit none of them.
FIXED = frozenset({"row", "dates"})
# What is published was made with these: rotating them parts later releases from earlier ones.
PUBLISHED = frozenset({"product", "signing"})
MEANING = {
    "row": "every patient and row would get another key: needs a new home and a new ingest",
    "dates": "every patient's dates would move again: needs a new home and a new ingest",
    "product": "every product carries new pseudonyms and goes to a new store: beside releases with"
    " earlier ones it cannot be protected; each licensee can be given a crosswalk of its own",
    "surrogate": "notes scrubbed from now on get other replacement names; older ones stay",
    "links": "every download link that is out stops working at once; buyers ask for new ones",
    "signing": "later manifests are signed with a new key and go to a new store; earlier releases"
    " verify with the earlier public key, see `clearward keys export-public`",
}


def check_may_rotate(purpose: str) -> None:
    """Raise ConfigError for a purpose that is unknown, or that stored rows were made with."""
    if purpose not in MEANING:
        raise ConfigError(
            f"There is no key for {purpose!r} to rotate.", expected=", ".join(sorted(PURPOSES))
        )
    if purpose in FIXED:
        raise ConfigError(
            f"The {purpose!r} key is not rotated in place; nothing was changed.",
            seen=MEANING[purpose],
            do="set CLEARWARD_HOME to a new folder and run `clearward init`, ingest every extract"
            " and import every consent there, then retire this home; published releases stay",
        )


def rotate(path: Path, purpose: str, *, unlock: str | None = None) -> Keyring:
    """Make a new generation of one key and keep the old one; returns the keyring as it is now.

    Args:
        path: the keyring's file.
        purpose: one of PURPOSES, but none of FIXED.
        unlock: source of the secret; the configured one if omitted.
    """
    check_may_rotate(purpose)
    keyring = load_keyring(path, unlock)
    made = tuple(keyring.made.get(purpose, ("",) * keyring.generation(purpose)))
    rotated = Keyring(
        path,
        {**keyring._keys, purpose: new_key()},
        {**keyring._earlier, purpose: (*keyring._earlier.get(purpose, ()), keyring.key(purpose))},
        {**keyring.made, purpose: (*made, now())},
    )
    write_keyring(rotated, unlock_source(path, unlock))
    return load_keyring(path, unlock)
