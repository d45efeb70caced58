"""Treatments as SQL: one function per entry of `spec.TREATMENTS`, value in, value that may leave.

A treatment that lets nothing through returns None. There is no default: a treatment without a
function here cannot be read at all. Dates and regions have their own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clearward.deidentify.dates import OLDEST_AGE, birth_year_sql, shifted_sql
from clearward.deidentify.regions import region_sql, zip3_sql
from clearward.sources.spec import TYPES, Column, Table

# A sign, a comparator and up to eight characters of number; longer runs may be phone or id numbers.
NUMBER_FORM = r"(<=|>=|[<>≤≥＜＞])?\s*[+-]?[0-9]*\.?[0-9]+"
MAX_NUMBER_LENGTH = 8
# Eight digits that read as a date of this or the last century are a date, not a measurement.
DATE_FORM = r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"

# LOINC and SNOMED CT codes of ages: all over 89 become 90 (45 CFR 164.514(b)(2)(i)(C)).
AGE_CODES = ("30525-0", "21611-9", "21612-7", "29553-5", "63900-5", "397669002", "424144002")


@dataclass(frozen=True)
class Passage:
    """What treatments know of the partition that passes.

    The engine must offer the macros ``row_hmac`` (key of rows) and, as ``days``, an expression
    for the shift of the row's patient.
    """

    hospital: str
    month: str
    days: str = "s.days"
    row: str = "r"

    def value(self, column: str) -> str:
        """SQL for a column of the row."""
        return f'{self.row}."{column}"'


def _keep(_table: Table, column: Column, passage: Passage) -> str:
    return passage.value(column.name)


def _nothing(_table: Table, _column: Column, _passage: Passage) -> None:
    return None


def _pseudonym(table: Table, column: Column, passage: Passage) -> str:
    """A row's own one-column key is its row key already (rooms.md), also where op is D."""
    if table.natural_key == (column.name,) and column.of == table.name:
        return passage.value("row_key")
    message = f"'{passage.hospital}|{column.of}|' || {passage.value(column.name)}"
    return f"row_hmac({message})"


def _shift(_table: Table, column: Column, passage: Passage) -> str:
    return shifted_sql(passage.value(column.name), passage.days, TYPES[column.type])


def _birth_year(_table: Table, column: Column, passage: Passage) -> str:
    return birth_year_sql(passage.value(column.name), passage.days, passage.month)


def _region(_table: Table, column: Column, passage: Passage) -> str:
    return region_sql(passage.value(column.name), column.of)


def _zip3(_table: Table, column: Column, passage: Passage) -> str:
    return zip3_sql(passage.value(column.name))


def _measured_value(table: Table, column: Column, passage: Passage) -> str:
    value = f"trim({passage.value(column.name)})"
    code = f"coalesce({passage.value(table.code_column)}::VARCHAR, '')"
    digits = f"regexp_replace({value}, '[<>≤≥＜＞=\\s]', '', 'g')"
    is_number = (
        f"(regexp_full_match({value}, '{NUMBER_FORM}') AND length({digits}) <= {MAX_NUMBER_LENGTH}"
        f" AND NOT regexp_full_match({digits}, '{DATE_FORM}'))"
    )
    return (
        f"CASE WHEN {code} IN {_list(table.dropped_codes)} THEN NULL"
        f" WHEN {code} IN {_list(AGE_CODES)} THEN if({is_number},"
        f" if(try_cast({digits} AS DOUBLE) > {OLDEST_AGE}, '{OLDEST_AGE + 1}', {value}), NULL)"
        f" WHEN {is_number} OR {code} IN {_list(table.text_codes)} THEN {value} END"
    )


def _list(codes: tuple[str, ...]) -> str:
    """A SQL list; a code that no row has keeps it valid when the spec lists none."""
    quoted = ", ".join("'" + code.replace("'", "''") + "'" for code in codes)
    return f"({quoted or 'NULL'})"


Treatment = Callable[[Table, Column, Passage], str | None]
TREATMENT_SQL: Mapping[str, Treatment] = {
    "keep": _keep,
    "drop": _nothing,
    "pseudonym": _pseudonym,
    "shift": _shift,
    "birth_year": _birth_year,
    "region": _region,
    "zip3": _zip3,
    "measured_value": _measured_value,
    # Notes leave through the note scrubber, which reads `cleared` itself.
    "scrub": _nothing,
}


def treat_sql(table: Table, column: Column, passage: Passage) -> str | None:
    """SQL for what leaves of a column, or None when nothing does."""
    return TREATMENT_SQL[column.treatment](table, column, passage)
