"""From a FHIR element to the text of a column, as DuckDB expressions: references, codings,
comparators, attachments. Which files and rows there are belongs to `readers_fhir`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from clearward.sources.code_systems import known
from clearward.sources.parsing import quoted
from clearward.sources.spec import Column, SourceSystem, Table

INDEX_PATH = "$.component_index"
_CODING = re.compile(r"(\$.*\.coding)\[0\]\.(\w+)")


def paths_of(table: Table) -> list[str]:
    """JSON paths that a table reads, each once."""
    read = [path for column in table.columns for path in column.source]
    return list(dict.fromkeys([*read, *table.options.get("comparators", {}).values()]))


def coding_lists(paths: Sequence[str]) -> list[str]:
    """Paths of the lists of codings that ``paths`` take the first of."""
    found = (_CODING.fullmatch(path) for path in paths)
    return list(dict.fromkeys(match[1] for match in found if match))


def value_sql(system: SourceSystem, table: Table, column: Column, place: dict[str, str]) -> str:
    """The text of a column; ``place`` says what stands for each path."""
    values = [_compared(table, place, path) for path in column.source]
    text = f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]
    if column.of and any(path.endswith("reference") for path in column.source):
        return target_sql(text, str(system.table(column.of).options["resource"]))
    if table.options.get("base64") == column.name:
        return _attached(text)
    return text


def reference_form(resource: str) -> str:
    """Pattern of a whole reference to a resource of that type, the id in its one group:
    ``Patient/x``, ``https://host/Patient/x/_history/2``, ``urn:uuid:x`` and ``x`` name ``x``.

    What names something of another type (``Group/x``), or is contained (``#x``), or is a search
    (``Patient?identifier=system|x``) names nobody: a record number may be another patient's id.
    """
    return f"(?:urn:uuid:|urn:oid:|(?:[^?#|]*/)?{resource}/)?([^/?#|]+)(?:/_history/.*)?"


def target_sql(text: str, resource: str) -> str:
    """The id that a reference gives a resource of that type, see `reference_form`; else null."""
    return f"nullif(regexp_extract({text}, '^{reference_form(resource)}$', 1), '')"


def chosen_sql(system: SourceSystem, path: str, *, text: str, document: str) -> str:
    """The part of a coding that ``path`` names: of the first whose system is known, else of the
    first that has a code. FHIR orders no codings: a local one may stand before its translation.

    Args:
        system: the spec with the hospital's own code systems.
        path: ends in ``coding[0].<part>``.
        text: what the path gives, which stands where there is one coding only.
        document: the JSON that the path starts from.
    """
    match = _CODING.fullmatch(path)
    if match is None:
        return text
    words = ", ".join(quoted(word) for word in known(system.code_systems))
    codings = f"json_extract({document}, {quoted(match[1] + '[*]')})"
    coded = f"list_filter({codings}, lambda c: json_extract_string(c, '$.code') IS NOT NULL)"
    trusted = (
        f"list_filter({coded}, lambda c: lower(json_extract_string(c, '$.system')) IN ({words}))"
    )
    part = quoted("$." + match[2])
    return (
        f"(CASE WHEN json_exists({document}, {quoted(match[1] + '[1]')}) THEN "
        f"json_extract_string(coalesce({trusted}[1], {coded}[1]), {part}) ELSE {text} END)"
    )


def places(
    system: SourceSystem, paths: Sequence[str], *, row: str, document: str, several: Collection[str]
) -> dict[str, str]:
    """Path -> expression, for paths extracted as the list ``row`` from ``document``; ``several``
    are the lists in which some row of the file has more than one coding."""
    found = {}
    for number, path in enumerate(paths, start=1):
        text, match = f"{row}[{number}]", _CODING.fullmatch(path)
        chosen = match is not None and match[1] in several
        found[path] = chosen_sql(system, path, text=text, document=document) if chosen else text
    return found


def _compared(table: Table, place: dict[str, str], path: str) -> str:
    """A quantity below a limit of detection is not the limit: ``<1.1``, never ``1.1``."""
    comparator = table.options.get("comparators", {}).get(path)
    return f"(coalesce({place[comparator]}, '') || {place[path]})" if comparator else place[path]


def _attached(content: str) -> str:
    """The text of a list of attachments, which FHIR means as forms of one document: the plain one
    first, else the first that is text. Strict: what is not base64, or not UTF-8 inside, is none.
    """
    attachments = f"json_extract({content}, '$[*].attachment')"
    kind = "lower(coalesce(json_extract_string(a, '$.contentType'), 'text/'))"
    data = "regexp_replace(json_extract_string(a, '$.data'), '\\s', '', 'g')"
    texts = [
        f"list_filter(list_transform(list_filter({attachments}, lambda a: {kind} LIKE '{form}%'), "
        f"lambda a: TRY(decode(from_base64({data})))), lambda t: t IS NOT NULL)[1]"
        for form in ("text/plain", "text/")
    ]
    return f"coalesce({', '.join(texts)})"
