"""A product as the marts and protection leave it, made from its contract alone: no real data.

Patients are drawn from models that know nothing, through the generator itself.
"""

import json

import duckdb

from clearward.products.spec import load_product
from clearward.products.synthesis import load_synthesis
from clearward.settings import load_settings
from clearward.state.base import state_engine
from clearward.state.migrate import migrate
from clearward.synthetic.aim import Fitted
from clearward.synthetic.contract import MANIFEST, open_seeds, read_contracts
from clearward.synthetic.domain import design_tables
from clearward.synthetic.generate import Fits, generate, write_tables
from clearward.synthetic.junction import build_tree
from clearward.synthetic.model import uniform
from clearward.warehouse import Warehouse, engine

MONTH = "2024-05"
YEARS = ("birth_year", "index_year")
QUASI = {"birth_year", "index_year"}


def make_settings(home):
    settings = load_settings({"CLEARWARD_HOME": str(home)})
    migrate(state_engine(settings.database))
    return settings


def columns_of(product):
    """Entity -> columns of its contract, with the types of the release."""
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    told = {n["name"]: n["columns"] for n in nodes if "columns" in n}
    return {
        table.entity: {
            name: "varchar" if name in QUASI else c["data_type"]
            for name, c in told[product.table_name(table)].items()
        }
        for table in product.tables
    }


def write_product(settings, name, *, patients=60, month=MONTH):
    """Fill the zones ``protected`` (columns only) and ``product`` (drawn patients)."""
    product, warehouse = load_product(name), Warehouse(settings.warehouse)
    with duckdb.connect() as connection:
        for table in product.tables:
            path = warehouse.partition("protected", product.table_name(table), month=month)
            path.parent.mkdir(parents=True, exist_ok=True)
            typed = ", ".join(
                f'CAST(NULL AS {kind}) AS "{c}"'
                for c, kind in columns_of(product)[table.entity].items()
            )
            connection.execute(f"COPY (SELECT {typed} LIMIT 0) TO '{path}' (FORMAT parquet)")
    folder = settings.home / "drawn"
    folder.mkdir(parents=True, exist_ok=True)
    with engine(settings) as connection:
        open_seeds(connection)
        contracts = read_contracts(connection, product, warehouse, month=month)
        designs = design_tables(connection, load_synthesis(name), contracts)
        generate(connection, ignorant(name, designs), designs, patients=patients)
        write_tables(connection, designs, folder, month=month)
    for table in product.tables:
        _move(folder, warehouse, product.table_name(table), table.entity, month=month)


def ignorant(name, designs):
    """Models in which every value is equally likely."""
    patient = tuple(a for d in designs.values() if d.contract.is_of_patients for a in d.modelled)
    patient += tuple(d.counts for d in designs.values() if d.counts)
    given = next(a for a in patient if f"{a.entity}.{a.column}" == load_synthesis(name).given)
    events = {
        e: ((given, *d.modelled), _fitted((given, *d.modelled)))
        for e, d in designs.items()
        if d.counts
    }
    return Fits((patient, _fitted(patient)), events, given)


def _fitted(attributes):
    sizes = tuple(a.size for a in attributes)
    return Fitted(uniform(build_tree([], sizes), sizes), (), 1.0, 0.0)


def _move(folder, warehouse, table, entity, *, month):
    """As a mart: years are numbers, hospitals have their names."""
    path = warehouse.partition("product", table, month=month)
    path.parent.mkdir(parents=True, exist_ok=True)
    years = {y: f"CAST(left({y}, 4) AS INTEGER) + 3 AS {y}" for y in YEARS}
    replaced = ", ".join(years.values()) if entity == "patient" else ""
    more = f", {replaced}" if replaced else ""
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ('stmary' AS hospital_id{more}) "
            f"FROM '{folder / table}.parquet') TO '{path}' (FORMAT parquet)"
        )


def add_rows(settings, name, entity, sql, *, month=MONTH):
    """Append selected rows to a product table by name; missing columns are empty."""
    product = load_product(name)
    table = next(t for t in product.tables if t.entity == entity)
    path = Warehouse(settings.warehouse).partition(
        "product", product.table_name(table), month=month
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE held AS FROM read_parquet('{path}', hive_partitioning = false)"
        )
        connection.execute(f"INSERT INTO held BY NAME {sql}")
        connection.execute(f"COPY held TO '{path}' (FORMAT parquet)")


def read(path, sql="SELECT *"):
    with duckdb.connect() as connection:
        return connection.execute(f"{sql} FROM '{path}'").fetchall()
