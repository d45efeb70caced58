"""Shifted dates: one secret number of days per patient, so that intervals stay and dates do not.

The shift is an integer in ±183 without 0, from HMAC-SHA256 (RFC 2104) of the patient's key, so
every run and every room finds the same one without a table of secrets. One known date of a
patient undoes that patient's shift (not others'): products publish days from an index event.
"""

from __future__ import annotations

import calendar

import duckdb

from clearward.keyring import Keyring, install_hmac, pseudonym
from clearward.warehouse import check_month

MAX_SHIFT_DAYS = 183
OLDEST_AGE = 89
# 15 hex characters are 60 bits: the bias of the remainder is below 2**-51.
_HEX_USED = 15


def shift_days(keyring: Keyring, patient_key: str) -> int:
    """The patient's shift in days: -183 … -1 or 1 … 183."""
    return shift_of(keyring.key("dates"), patient_key)


def shift_of(key: bytes, patient_key: str) -> int:
    """The shift in days that a secret gives a patient: a hospital's row or a licensee's copy."""
    number = int(pseudonym(key, patient_key)[:_HEX_USED], 16)
    step = number % (2 * MAX_SHIFT_DAYS)
    return step - MAX_SHIFT_DAYS + (step >= MAX_SHIFT_DAYS)


def install_shift(connection: duckdb.DuckDBPyConnection, keyring: Keyring) -> None:
    """Define ``shift_days_of(patient_key)`` in DuckDB: the same number as `shift_days`."""
    install_shift_of(connection, "shift_days_of", keyring.key("dates"))


def install_shift_of(connection: duckdb.DuckDBPyConnection, name: str, key: bytes) -> None:
    """Define ``name(patient_key)`` in DuckDB: the same number as `shift_of` with this secret."""
    install_hmac(connection, f"{name}_hmac", key)
    step = f"('0x' || left({name}_hmac(patient_key), {_HEX_USED}))::BIGINT % {2 * MAX_SHIFT_DAYS}"
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}_step(patient_key) AS {step}")
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO {name}(patient_key) AS"
        f" ({name}_step(patient_key) - {MAX_SHIFT_DAYS}"
        f" + ({name}_step(patient_key) >= {MAX_SHIFT_DAYS})::BIGINT)::INTEGER"
    )


def shifted_sql(value: str, days: str, type_: str) -> str:
    """SQL for a date or timestamp moved by ``days``; the type stays."""
    return f"({value} + to_days({days}))::{type_}"


def birth_year_sql(value: str, days: str, month: str) -> str:
    """SQL for the year of the shifted birth date, pooled at the end of the extract's month.

    Nobody is older than 89 by the published year (45 CFR 164.514(b)(2)(i)(C)): earlier years
    become the oldest allowed one. A row keeps the pool of its month; what is published later
    has to pool again at its own month.
    """
    oldest = last_day(month)[0] - OLDEST_AGE
    year = f"year({value} + to_days({days}))"
    return f"if({year} IS NULL, NULL, greatest({year}, {oldest}))::BIGINT"


def last_day(month: str) -> tuple[int, int, int]:
    """Year, month and day of the last day of ``YYYY-MM``."""
    year, number = (int(part) for part in check_month(month).split("-"))
    return year, number, calendar.monthrange(year, number)[1]
