"""A fingerprint of what a table says, whatever the order of its rows and whichever engine reads it:
so that a buyer can tell that a table they loaded, sorted or moved to another store is still the one
that was published. Proof of the files themselves is the signed manifest.

The rule (`docs/reference/versions.md` has it for other engines): every value becomes text, fields
of a row, in the alphabetical order of their columns, are joined by U+001F; of the row's MD5 the
first and the second 8 hexadecimal digits are numbers; each is summed over all rows. MD5 because
every engine has it; DuckDB's own hash() is not the same in the next version.

Left out are keys (`*_key`), dates and times: those are a licensee's own. So a release and all
copies of it have one fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from clearward.errors import ReleaseError
from clearward.releases.side_by_side import quoted
from clearward.releases.tables import TableFile
from clearward.settings import Settings
from clearward.warehouse import engine, read_parquet_sql

NULL = r"\N"
_SEPARATOR = "chr(31)"
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
_OWN = ("DATE", "TIME")


def fingerprints(settings: Settings, tables: Sequence[TableFile]) -> dict[str, str]:
    """Table -> fingerprint, for files of the disk."""
    with engine(settings) as connection:
        return {
            table.table: fingerprint(connection, [table.path], columns=table.schema)
            for table in tables
        }


def fingerprint(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], *, columns: Mapping[str, str]
) -> str:
    """``<rows>-<sum>-<sum>`` of one table; ``columns`` are column -> type, as DuckDB names it.

    ReleaseError when a file cannot be read.
    """
    fields = [
        _text_sql(name, kind)
        for name, kind in sorted(columns.items())
        if not name.endswith("_key") and not kind.startswith(_OWN)
    ]
    row = f"md5(concat_ws({_SEPARATOR}, {', '.join(fields)}))" if fields else "md5('')"
    sums = ", ".join(f"sum(('0x' || substr(h, {at}, 8))::BIGINT)" for at in (1, 9))
    query = f"SELECT count(*), {sums} FROM (SELECT {row} AS h FROM {read_parquet_sql(files)})"
    try:
        counts = connection.execute(query).fetchone() or ()
    except duckdb.Error as error:
        raise ReleaseError(
            "A table's fingerprint cannot be taken.",
            seen=type(error).__name__,
            do="verify the release",
        ) from None
    return "-".join(str(count or 0) for count in counts)


def _text_sql(name: str, kind: str) -> str:
    """Fractions in scientific notation with nine places, which every engine's printf writes."""
    column = quoted(name)
    is_fraction = kind.startswith(_FRACTIONS)
    # 0.0 + turns a negative zero into zero
    text = f"printf('%.9e', 0.0 + {column}::DOUBLE)" if is_fraction else f"{column}::VARCHAR"
    return f"coalesce({text}, '{NULL}')"
