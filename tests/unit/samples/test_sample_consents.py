"""What the shipped consents come to, by the rule of the product itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import sample_files as seen

from clearward.consent.contradictions import CONTRADICTIONS, count_contradictions
from clearward.consent.imports import read_consents
from clearward.consent.model import STATES, end_of_month
from clearward.consent.policies import NOBODY, decide
from clearward.keyring import init_keyring, pseudonym
from samples.make.extract import MONTHS

PATIENTS = {"lakeside": 44, "stmary": 44, "renmin": 420}
USE = "commercial_licensing"


def _people(hospital: str) -> pd.DataFrame:
    """``id, born, died`` of the first extract, as ISO dates."""
    if hospital == "lakeside":
        found = seen.table(hospital, seen.MARCH, "patients.csv")
        rows = found[["Id", "BIRTHDATE", "DEATHDATE"]]
    elif hospital == "stmary":
        rows = pd.DataFrame(
            [
                (r["id"], r["birthDate"], r.get("deceasedDateTime", ""))
                for r in seen.resources(seen.MARCH, "Patient")
            ]
        )
    else:
        rows = seen.his(seen.MARCH, "patients")[["患者ID", "出生日期", "死亡日期"]]
    rows = rows.set_axis(["id", "born", "died"], axis=1)
    for name in ("born", "died"):
        dates = pd.to_datetime(rows[name].str[:10].str.replace("-", ""), format="%Y%m%d")
        rows = rows.assign(**{name: dates.dt.strftime("%Y-%m-%d")})
    return rows.astype(object).where(rows.notna(), None)


class Sent:
    """The three months of a hospital, read as the product reads them."""

    def __init__(self, hospital: str, folder: Path) -> None:
        keyring = init_keyring(folder / "keyring.json")
        self.months = [
            read_consents(seen.EXTRACTS / hospital / m, hospital=hospital, month=m, keyring=keyring)
            for m in MONTHS
        ]
        rows = [
            {"patient_key": pseudonym(keyring.key("row"), hospital, "patients", id_), **dates}
            for id_, dates in _people(hospital).set_index("id").to_dict("index").items()
        ]
        named = [{**r, "born_on": r.pop("born"), "died_on": r.pop("died")} for r in rows]
        self.people = pa.Table.from_pylist(named, schema=NOBODY.schema)

    def states(self, upto: int) -> Counter[str]:
        with duckdb.connect() as connection:
            events = pa.concat_tables(self.months[: upto + 1])
            as_of = end_of_month(MONTHS[upto])
            decide(connection, events, as_of=as_of, people=self.people)
            query = "SELECT state FROM consent_state WHERE purpose = ?"
            return Counter(state for (state,) in connection.execute(query, [USE]).fetchall())


@pytest.fixture(scope="module")
def sent(tmp_path_factory) -> dict[str, Sent]:
    return {name: Sent(name, tmp_path_factory.mktemp(name)) for name in PATIENTS}


@pytest.mark.parametrize("hospital", sorted(PATIENTS))
def test_most_patients_permit_licensing_in_every_month(sent, hospital: str) -> None:
    for upto in range(len(MONTHS)):
        permitted = sent[hospital].states(upto)["permitted"]
        assert 0.85 * PATIENTS[hospital] <= permitted < PATIENTS[hospital]


def test_every_state_has_a_patient(sent) -> None:
    found = sum((sent[name].states(2) for name in PATIENTS), Counter())
    assert set(found) == set(STATES)


def test_every_contradiction_that_a_rule_decides_is_there(sent) -> None:
    counted = count_contradictions(pa.concat_tables(sent["renmin"].months))
    assert all(counted[name] > 0 for name in CONTRADICTIONS)
