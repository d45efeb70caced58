"""Text to typed values, as DuckDB expressions. One place decides how a null, a number, a date or
a full-width digit is read, so that verify and ingest cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearward.sources.spec import TYPES, Column, SourceSystem, Table

# Full-width forms that Chinese input methods leave in numbers, dates and codes.
_WIDE = "".join(chr(0xFF01 + i) for i in range(94)) + "\u3000"
_NARROW = "".join(chr(0x21 + i) for i in range(94)) + " "
_BLANKS = " \t\r\n\u3000\u00a0\ufeff"
UNIT_SEPARATOR = "chr(31)"


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def name_sql(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def clean_sql(system: SourceSystem, table: Table, column: Column) -> str:
    """Trimmed text of a staged column; null tokens become NULL; narrow where a code is meant.

    Free text (treatment ``scrub``) keeps its blanks: spans found in it later are offsets.
    """
    text = name_sql(column.name)
    trimmed = f"trim({text}, {quoted(_BLANKS)})"
    if _is_coded(table, column):
        # Most values are ASCII; only the others pay for the translation.
        wide = f"trim(translate({trimmed}, {quoted(_WIDE)}, {quoted(_NARROW)}))"
        trimmed = f"(CASE WHEN strlen({text}) = length({text}) THEN {trimmed} ELSE {wide} END)"
    tokens = ", ".join(quoted(token) for token in dict.fromkeys(("", *system.null_tokens)))
    kept = text if column.treatment == "scrub" else trimmed
    if column.domain == "code_system":
        kept = _written_sql(system, kept)
    return f"CASE WHEN {trimmed} IN ({tokens}) THEN NULL ELSE {kept} END"


def _is_coded(table: Table, column: Column) -> bool:
    if column.type != "text" or column.treatment in ("pseudonym", "measured_value"):
        return True
    return column.name in ("code", table.code_column) or column.name.endswith(("_id", "_code"))


def _written_sql(system: SourceSystem, value: str) -> str:
    """A code system as we write it; one that nobody knows stays as it is."""
    if not system.code_systems:
        return value
    words = ", ".join(quoted(word) for word in system.code_systems)
    pairs = system.code_systems.items()
    cases = " ".join(f"WHEN {quoted(word)} THEN {quoted(name)}" for word, name in pairs)
    low = f"lower({value})"
    return f"(CASE WHEN {low} IN ({words}) THEN CASE {low} {cases} END ELSE {value} END)"


def parse_sql(system: SourceSystem, column: Column, clean: str) -> str:
    """The typed value of cleaned text, or NULL where it does not parse."""
    if column.type == "text":
        return clean
    if column.type == "integer":
        whole = f"regexp_full_match({clean}, '[+-]?[0-9]+([.]0*)?')"
        return f"CASE WHEN {whole} THEN TRY_CAST(split_part({clean}, '.', 1) AS BIGINT) END"
    if column.type == "decimal":
        number = f"TRY_CAST({clean} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if column.type in ("date", "timestamp"):
        return _time_sql(system, column, clean)
    return f"TRY_CAST({clean} AS {TYPES[column.type]})"


def _time_sql(system: SourceSystem, column: Column, clean: str) -> str:
    formats = system.timestamp_formats
    moment = f"try_strptime({clean}, {_list(formats)})::TIMESTAMP"
    if column.type == "timestamp":
        return moment
    day = f"try_strptime({clean}, {_list(system.date_formats)})::TIMESTAMP"
    # Databases export a date as its midnight; any other time of day is not a date.
    midnight = f"CASE WHEN {moment} = date_trunc('day', {moment}) THEN {moment} END"
    return f"CAST(coalesce({day}, {midnight}) AS DATE)"


def _list(formats: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(item) for item in formats) + "]"


def natural_key_sql(columns: Sequence[str]) -> str:
    """Values of the natural key joined by ``|``; a null is empty text."""
    return " || '|' || ".join(f"coalesce(CAST({name_sql(c)} AS VARCHAR), '')" for c in columns)


def content_hash_sql(table: Table) -> str:
    """MD5 over ``name=value`` of every value that is there, in name order.

    Nulls are left out, so a column the spec gains later changes no hash of rows without it.
    """
    parts = (
        f"'{column.name}=' || CAST({name_sql(column.name)} AS VARCHAR)"
        for column in sorted(table.columns, key=lambda c: c.name)
    )
    return f"md5(concat_ws({UNIT_SEPARATOR}, {', '.join(parts)}))"
