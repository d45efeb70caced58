"""Direct identifiers in a table, by the names of its columns and by every value in it. Add a kind
of identifier here; taking them out is the one-way door's work.

A pattern demands a boundary on both sides and, where the identifier has one, its check digit, so
that codes and pseudonyms are not taken for people. Found values are counted and never shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from clearward.risk.sources import columns_of, one, quoted, text

_START, _END = r"(?:^|[^0-9A-Za-z_])", r"(?:[^0-9A-Za-z_]|$)"
PATTERNS = {
    "e_mail": r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+\.[A-Za-z]{2,}",
    "url": r"(?:https?://|www\.)[^\s]+",
    "phone_cn": _START + r"(?:\+?86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}" + _END,
    "landline_cn": _START + r"0[0-9]{2,3}[ \-][0-9]{7,8}" + _END,
    "phone_us": _START + r"\(?[2-9][0-9]{2}\)?[ \-.][2-9][0-9]{2}[ \-.][0-9]{4}" + _END,
    "phone_other": r"\+[0-9]{1,3}[ \-]?[0-9][0-9 \-]{6,13}[0-9]",
    "social_security": _START + r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}" + _END,
    "ip_address": _START + r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}" + _END,
    "record_number": r"(?i:MRN|record (?:no|number)|chart (?:no|number)|住院号|病历号|病案号|门诊号"
    r"|就诊卡号|医保卡号)[ .:#：]*[A-Za-z0-9\-]{4,}",
    "uuid": r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "date": _START + r"(?:19|20)[0-9]{2}(?:[\-/.](?:0?[1-9]|1[0-2])[\-/.]"
    r"(?:0?[1-9]|[12][0-9]|3[01])|年[0-9]{1,2}月(?:[0-9]{1,2}日?)?)" + r"(?:[^0-9A-Za-z_]|[T日]|$)",
}
_ID_CARD = _START + r"([1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]{4}[0-9Xx])" + _END
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ANY = "|".join(f"(?:{pattern})" for pattern in (*PATTERNS.values(), _ID_CARD))
_SHORTEST = 6
_PSEUDONYM = "[0-9a-f]{20}"
_TEXT_TYPES = re.compile(r"VARCHAR|BLOB|ENUM|JSON|UUID|\[\]|STRUCT|MAP|UNION")
_DATE_TYPES = re.compile(r"DATE|TIMESTAMP|TIME")
_NUMBER_TYPES = re.compile(r"INT|DECIMAL|DOUBLE|FLOAT|REAL")

_NAMES = re.compile(
    r"(?:^|_)(?:ssn|mrn|phone|telephone|tel|mobile|fax|e?mail|address|addr|street|passport|"
    r"surname|dob|birth_?date|date_of_birth|birthday|postcode|zip|zipcode|postal_code|ip|url|"
    r"id_card|idcard|id_no|national_id|licen[cs]e|drivers|plate|vin|latitude|longitude|lat|lon|"
    r"patient_id|person_id|subject_id|medical_record\w*|insurance_no|account_no|fingerprint|photo|"
    r"next_of_kin|employer)(?:$|_)"
    r"|(?:^|_)(?:patient|person|first|last|full|family|given|maiden|middle|doctor|staff|"
    r"provider|contact|guardian)_?name(?:$|_)|^name$"
    r"|姓名|电话|手机|身份证|住址|地址|邮编|出生日期|病历号|住院号|门诊号|联系人|邮箱"
)


@dataclass(frozen=True)
class Findings:
    """What was found in one table.

    Attributes:
        named: columns whose name promises an identifier.
        dated: columns of a date or time type: a day of the calendar is one of HIPAA's eighteen.
        values: cells by kind of identifier, for kinds that were found.
        columns: columns such a cell stands in.
        cells: cells that were read.
    """

    named: tuple[str, ...]
    dated: tuple[str, ...]
    values: dict[str, int]
    columns: tuple[str, ...]
    cells: int


def find_identifiers(connection: duckdb.DuckDBPyConnection, source: str) -> Findings:
    """Read every column name and every text and whole-number cell of a table expression."""
    columns = columns_of(connection, source)
    named = tuple(name for name in columns if _NAMES.search(name.lower()))
    dated = tuple(name for name, kind in columns.items() if _DATE_TYPES.search(kind))
    read = [name for name, kind in columns.items() if _is_read(kind)]
    values: dict[str, int] = {}
    places, cells = [], 0
    for name in read:
        counted, found = _scan(connection, source, name)
        cells += counted
        if found:
            places.append(name)
        for kind, count in found.items():
            values[kind] = values.get(kind, 0) + count
    return Findings(named, dated, values, tuple(places), cells)


def _is_read(kind: str) -> bool:
    return bool(_TEXT_TYPES.search(kind) or _NUMBER_TYPES.search(kind))


def _scan(
    connection: duckdb.DuckDBPyConnection, source: str, name: str
) -> tuple[int, dict[str, int]]:
    """Cells of one column and those that hold an identifier, by kind; distinct values once.

    Pseudonyms are passed over, and one pattern of all kinds decides which values are looked at
    closely: most columns hold millions of keys and no identifier.
    """
    cells, suspects = one(
        connection,
        f"SELECT (SELECT count({quoted(name)}) FROM {source}), "
        f"count(*) FROM {_suspects(source, name)}",
    )
    if not suspects:  # a dozen patterns more take longer to prepare than to match
        return int(cells), {}
    kinds = {
        kind: f"regexp_matches(risk_text, {text(pattern)})" for kind, pattern in PATTERNS.items()
    }
    kinds["id_card_cn"] = _id_card_sql("risk_text")
    sums = ", ".join(f"sum(n) FILTER ({condition})" for condition in kinds.values())
    found = zip(
        kinds, one(connection, f"SELECT {sums} FROM {_suspects(source, name)}"), strict=True
    )
    return int(cells), {kind: int(count) for kind, count in found if count}


def _suspects(source: str, name: str) -> str:
    """Distinct values that any pattern fits, as ``risk_text``, each with its cells ``n``."""
    return f"""(SELECT risk_text, n FROM (
        SELECT {_plain("raw")} AS risk_text, n FROM (
            SELECT CAST({quoted(name)} AS VARCHAR) AS raw, count(*) AS n FROM {source}
            WHERE {quoted(name)} IS NOT NULL GROUP BY raw)
        WHERE length(raw) >= {_SHORTEST} AND NOT regexp_full_match(raw, '{_PSEUDONYM}'))
        WHERE regexp_matches(risk_text, {text(_ANY)}))"""


def _plain(raw: str) -> str:
    """Full-width characters, as Chinese systems write them, and 13800138000.0 made plain."""
    wide = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000"
    plain = "".join(chr(code) for code in range(0x21, 0x7F)) + " "
    return (
        f"CASE WHEN regexp_matches({raw}, '[\uff01-\uff5e\u3000]') "
        f"THEN translate({raw}, {text(wide)}, {text(plain)}) "
        f"WHEN regexp_full_match({raw}, '[0-9]{{9,}}[.]0+') THEN split_part({raw}, '.', 1) "
        f"ELSE {raw} END"
    )


def _id_card_sql(value: str) -> str:
    """Resident identity card (GB 11643): region, date of birth, ISO 7064 MOD 11-2 check digit."""
    number = f"regexp_extract({value}, {text(_ID_CARD)}, 1)"
    total = " + ".join(
        f"{weight} * CAST(substr({number}, {i + 1}, 1) AS INTEGER)"
        for i, weight in enumerate(_WEIGHTS)
    )
    digit = f"substr('10X98765432', ({total}) % 11 + 1, 1)"
    born = f"try_strptime(substr({number}, 7, 8), '%Y%m%d')"
    holds = f"{born} IS NOT NULL AND upper(substr({number}, 18, 1)) = {digit}"
    return f"CASE WHEN {number} <> '' THEN {holds} ELSE false END"
