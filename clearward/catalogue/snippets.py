"""First lines of code, for the tools that buyers use. Every snippet reads the release's patient
table, or its first one, from where a licence puts it; a test runs those that need no service.
"""

from __future__ import annotations

from clearward.catalogue.entries import Edition
from clearward.releases.manifest import SUMS_NAME

SHARE = "clearward"
_ADDRESS = "https://YOUR-SERVICE"


def snippets(edition: Edition, *, service_url: str) -> dict[str, str]:
    """Name of a tool -> code; names are keys of the words, ``snippet_<name>``."""
    tables = [file.table for file in edition.manifest.files if file.table]
    patients = f"{edition.product.name}__patient"
    table = patients if patients in tables else next(iter(tables), patients)
    place = f"{edition.product.name}.{table}"
    data = f"data/{table}/*.parquet"
    release = f"{service_url or _ADDRESS}/v1/releases/{edition.product.name}/{edition.version}"
    return {
        "delta_sharing": (
            "import delta_sharing\n\n"
            f'table = "clearward.share#{SHARE}.{place}"\n'
            f"patients = delta_sharing.load_as_pandas(table)"
        ),
        "duckdb": f"SELECT * FROM read_parquet('{data}') LIMIT 10;",
        "polars": f'import polars as pl\n\npatients = pl.scan_parquet("{data}").collect()',
        "pandas": f'import pandas as pd\n\npatients = pd.read_parquet("data/{table}")',
        "spark": (
            "# pyspark --packages io.delta:delta-sharing-spark_2.12:3.2.0\n"
            'patients = spark.read.format("deltaSharing")'
            f'.load("clearward.share#{SHARE}.{place}")'
        ),
        "r": (f'library(arrow)\n\npatients <- open_dataset("data/{table}") |> dplyr::collect()'),
        "wget": (
            f'wget --header "Authorization: Bearer $TOKEN" {release}/urls.txt\n'
            "wget --content-disposition -x -nH --cut-dirs=3 -i urls.txt\n"
            f"sha256sum --check {SUMS_NAME}"
        ),
    }


def verify_lines(product: str, version: str) -> str:
    """What a buyer types in the downloaded folder."""
    return (
        f"sha256sum --check {SUMS_NAME}\n"
        f"clearward release verify {product} {version} "
        "--folder . --key clearward-ed25519.pub"
    )
