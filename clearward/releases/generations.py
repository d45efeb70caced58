"""Published versions whose pseudonyms an earlier product key made: history cannot be kept safe
beside them, and nobody would notice. Rotation itself belongs to `keyring.rotation`.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearward.errors import ReleaseError
from clearward.keyring import Keyring
from clearward.keyring.pseudonyms import install_product_pseudonym
from clearward.protect.seen import EarlierRelease
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine, read_parquet_sql


def check_generation(
    settings: Settings,
    keyring: Keyring,
    *,
    product: str,
    month: str,
    earlier: Sequence[EarlierRelease],
) -> None:
    """Raise ReleaseError when an earlier version names a patient of the month by a retired key.

    The same patient under two names looks like one who left and one who came: the rule that keeps
    versions safe side by side would find nothing to protect.
    """
    mart = Warehouse(settings.warehouse).partition("product", f"{product}__patient", month=month)
    newest = keyring.generation("product")
    if newest == 1 or not earlier or not mart.is_file():
        return
    source = read_parquet_sql([mart])
    with engine(settings) as connection:
        for generation in range(1, newest):
            install_product_pseudonym(
                connection, keyring, product=product, generation=generation, name="once"
            )
            for release in earlier:
                row = connection.execute(
                    f"SELECT count(*) FROM {read_parquet_sql([release.path])} WHERE patient_key"
                    f" IN (SELECT once(patient_key) FROM {source})"
                ).fetchone()
                if row and row[0]:
                    raise _parted(product, release.version, generation, newest)


def _parted(product: str, version: str, generation: int, newest: int) -> ReleaseError:
    return ReleaseError(
        f"{product} cannot be protected beside {version}: its pseudonyms are of a retired key.",
        seen=f"{version} made with generation {generation} of the product key",
        expected=f"generation {newest}, so that patients are known again",
        do="publish to a new store after a compromise, and recall what the old one holds",
    )
