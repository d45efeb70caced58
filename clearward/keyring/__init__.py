"""The secret keys of one installation: made once, kept sealed, never printed. See `keys` to start.

Keys leave this package only as bytes for an HMAC or a signature. They are never written to the
warehouse, the state database, a log or git.
"""

from clearward.keyring.binding import check_binding, claim_warehouse
from clearward.keyring.engine import install_hmac
from clearward.keyring.keys import PURPOSES, Keyring, pseudonym
from clearward.keyring.pseudonyms import (
    install_product_pseudonym,
    licensee_scope,
    product_pseudonym,
)
from clearward.keyring.rotation import rotate
from clearward.keyring.store import init_keyring, is_plain, load_keyring

__all__ = [
    "PURPOSES",
    "Keyring",
    "check_binding",
    "claim_warehouse",
    "init_keyring",
    "install_hmac",
    "install_product_pseudonym",
    "is_plain",
    "licensee_scope",
    "load_keyring",
    "product_pseudonym",
    "pseudonym",
    "rotate",
]
