"""A laboratory table of made-up values, as released, in a file: 2 decimals, read to 0.1."""

import duckdb

from clearward.marking import embed, tardos
from clearward.marking.contract import Markable
from clearward.warehouse import read_parquet_sql

VALUE = Markable("cardiology__lab_cv", "value", 2, 0.1)
KEY = ["lab_cv_key"]
PLACES, BIASES = b"p" * 32, tardos.biases(b"b" * 32)


def lab_sql(rows, patients=500, start=0):
    """Uneven levels per group, a bell-shaped value with two decimals."""
    noise = " + ".join(f"hash(i * {n}) % 1000 / 1000.0" for n in (3, 5, 7, 11))
    return f"""SELECT left(md5(i::VARCHAR), 20) AS lab_cv_key,
        left(md5('p' || (i % {patients})), 20) AS patient_key, 'H0' || (i % 3 + 1) AS hospital_id,
        (hash(i) % 4000)::INTEGER AS day, 'c' || (hash(i + 7) % 5) AS code,
        round({noise} + 2 + hash(i + 7) % 5, 2) AS value
        FROM range({start}, {start + rows}) t(i)"""


def write(connection, sql, path):
    connection.execute(f"COPY (SELECT * FROM ({sql}) ORDER BY 1) TO '{path}'")
    return path


def word(number):
    return tardos.codeword(bytes([number]) * 32, BIASES)


def mark(connection, source, target, *, number, column=VALUE, key=KEY):
    rows = read_parquet_sql([source])
    embed.install_code(connection, PLACES)
    embed.install_word(connection, word(number))
    ends = embed.ends_of(connection, rows, [column])
    marked = embed.marked_sql(rows, [column], key=key, ends=ends)
    return write(connection, f"SELECT * FROM {marked}", target)


def connect():
    return duckdb.connect(config={"threads": "2"})
