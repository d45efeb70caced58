"""Units of published columns: from UCUM, as the contract writes them, to the IRI a machine follows.
Add a unit here when a mart brings one; converting values belongs to dbt.
"""

from __future__ import annotations

QUDT = "http://qudt.org/vocab/unit/"
UCUM = "http://unitsofmeasure.org"
_NAMES = {
    "%": "PERCENT",
    "/min": "PER-MIN",
    "1": "UNITLESS",
    "a": "YR",
    "cm": "CentiM",
    "d": "DAY",
    "kg/m2": "KiloGM-PER-M2",
    "mg/g": "MilliGM-PER-GM",
    "min": "MIN",
    "mm": "MilliM",
    "mm3": "MilliM3",
    "mm[Hg]": "MilliM_HG",
    "mmol/L": "MilliMOL-PER-L",
    "ms": "MilliSEC",
    "ng/L": "NanoGM-PER-L",
    "ng/mL": "NanoGM-PER-MilliL",
    "pg/mL": "PicoGM-PER-MilliL",
    "um": "MicroM",
    "umol/L": "MicroMOL-PER-L",
}


def unit_iri(ucum: str) -> str:
    """IRI of a UCUM unit in QUDT; empty where QUDT has none, as for annotations such as {score}."""
    name = _NAMES.get(ucum, "")
    return QUDT + name if name else ""
