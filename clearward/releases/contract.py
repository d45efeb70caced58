"""The contract of a release: read from dbt and the files, kept in the signed manifest, so that the
next release is compared with what this one promised and not with what the code says by then. What
a promise is, and which change breaks it, belongs to `terms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from clearward.errors import ReleaseError
from clearward.releases.manifest import Manifest
from clearward.releases.tables import TableFile
from clearward.releases.terms import ColumnTerms, Contract, TableTerms


def contract_of(dbt: Mapping[str, Any], tables: Sequence[TableFile]) -> Contract:
    """The contract of files as they are: types from the files, the rest from dbt's manifest.

    Raises ReleaseError when dbt promises that a column is filled and it is not.
    """
    nodes = dbt.get("nodes", {}).values()
    models = {n["name"]: n for n in nodes if n.get("resource_type") == "model"}
    return {table.table: _terms(table, models.get(table.table, {})) for table in tables}


def _terms(table: TableFile, model: Mapping[str, Any]) -> TableTerms:
    texts = model.get("columns", {})
    columns = {}
    for column in table.columns:
        told = texts.get(column.name, {})
        meta = told.get("meta") or told.get("config", {}).get("meta", {})
        constraints = {c.get("type") for c in told.get("constraints") or ()}
        is_filled = column.name in table.key or "not_null" in constraints
        if is_filled and column.nulls:
            raise ReleaseError(
                f"{table.table}.{column.name} has empty cells.",
                seen=f"{column.nulls} of {table.rows}",
                expected="none: the contract says so",
                do="correct the mart, or its contract: that is a new major version",
            )
        columns[column.name] = ColumnTerms(
            column.type, str(meta.get("unit") or ""), _codes(meta.get("values")), is_filled
        )
    return TableTerms(tuple(table.key), columns)


def _codes(values: Any) -> tuple[str, ...]:
    return tuple(sorted(map(str, values))) if isinstance(values, list) else ()


def as_document(contract: Contract) -> dict[str, Any]:
    """A contract as JSON values, for the manifest; see `read_contract`."""
    return {
        name: {
            "key": list(table.key),
            "columns": {
                column: {k: list(v) if k == "codes" else v for k, v in asdict(terms).items() if v}
                for column, terms in table.columns.items()
            },
        }
        for name, table in contract.items()
    }


def read_contract(manifest: Manifest) -> Contract:
    """What a release promised; of one that was published without a contract, its types."""
    document = manifest.facts.get("contract")
    if not document:
        schema = manifest.schema
        return {
            table: TableTerms((), {name: ColumnTerms(kind) for name, kind in columns.items()})
            for table, columns in schema.items()
        }
    try:
        return {
            name: TableTerms(
                tuple(body["key"]),
                {
                    column: ColumnTerms(**{**terms, "codes": tuple(terms.get("codes", ()))})
                    for column, terms in body["columns"].items()
                },
            )
            for name, body in document.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"The contract of {manifest.product} {manifest.version} cannot be understood.",
            expected="key and columns of each table",
            do="update Clearward, or fetch the manifest again",
        ) from error
