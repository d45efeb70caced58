"""The people of `renmin`: who they are, what they have and how ill they are. No event is here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from samples.make import draw, his_words

GROUPS = ("eye", "neuro", "cardio")
ARMS = {
    "eye": {"DR": 0.58, "GLC": 0.36, "BOTH": 0.06},
    "neuro": {"IS": 0.58, "ICH": 0.12, "TIA": 0.04, "EPI": 0.11, "PD": 0.09, "DEM": 0.06},
    "cardio": {"HF": 0.46, "AF": 0.28, "CAD": 0.26},
}
_BIRTH_MEAN = {"eye": 1958.0, "neuro": 1953.0, "cardio": 1952.0}
_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_ID_CHECKS = "10X98765432"
_OLDEST, _YOUNGEST = 1930, 1985


def people(count: int) -> pd.DataFrame:
    """One row per patient: identity, disease arm, latent severity in [0, 1] and comorbidity.

    `severity` drives every measurement, so values of one patient agree with each other.
    """
    i = np.arange(count)
    group = np.asarray(GROUPS, dtype=object)[i % len(GROUPS)]
    frame = pd.DataFrame({"i": i, "group": group})
    frame["patient_id"] = "RM" + pd.Series((i * 37 + 100_003).astype(str))
    frame["arm"] = ""
    for name in GROUPS:
        mine = (frame["group"] == name).to_numpy()
        frame.loc[mine, "arm"] = draw.weighted("arm", ARMS[name], i[mine])
    frame["female"] = draw.uniform("sex", i) < 0.47
    frame["severity"] = np.clip(0.5 + 0.24 * draw.normal("severity", i), 0.02, 0.98)
    frame = _birth(frame)
    frame = _address(frame)
    frame = _identity(frame)
    return _illness(frame)


def _birth(frame: pd.DataFrame) -> pd.DataFrame:
    i = frame["i"].to_numpy()
    mean = frame["group"].map(_BIRTH_MEAN).to_numpy(dtype=float)
    year = np.clip(np.rint(mean + 9.5 * draw.normal("birth-year", i)), _OLDEST, _YOUNGEST)
    day = draw.integers("birth-day", 0, 364, i)
    first = year.astype(int).astype(str).astype("datetime64[Y]").astype("datetime64[D]")
    frame["birth"] = first + day.astype("timedelta64[D]")
    frame["birth_year"] = year.astype(int)
    return frame


def _address(frame: pd.DataFrame) -> pd.DataFrame:
    i = frame["i"].to_numpy()
    shares = {code: share for code, (_, _, share) in his_words.REGIONS.items()}
    frame["region_code"] = draw.weighted("region", shares, i)
    frame["province"] = frame["region_code"].map(lambda code: his_words.REGIONS[code][0])
    prefix = frame["region_code"].map(lambda code: his_words.REGIONS[code][1])
    street = pd.Series(draw.choice("street", his_words.STREETS, i))
    number = pd.Series(draw.integers("house", 1, 388, i).astype(str))
    room = pd.Series(draw.integers("room", 101, 2804, i).astype(str))
    frame["address"] = prefix + street + number + "号" + room + "室"
    return frame


def _identity(frame: pd.DataFrame) -> pd.DataFrame:
    i = frame["i"].to_numpy()
    surname = pd.Series(draw.choice("surname", his_words.SURNAMES, i))
    male = pd.Series(draw.choice("given-m", his_words.GIVEN_MALE, i))
    female = pd.Series(draw.choice("given-f", his_words.GIVEN_FEMALE, i))
    frame["surname"] = surname
    frame["name"] = surname + male.where(~frame["female"], female)
    frame["sex"] = np.where(frame["female"], "女", "男")
    sequence = 900 + 2 * draw.integers("id-sequence", 0, 49, i) + (~frame["female"]).astype(int)
    day = pd.Series(np.datetime_as_string(frame["birth"].to_numpy(dtype="datetime64[D]")))
    body = frame["region_code"] + day.str.replace("-", "") + sequence.astype(str)
    frame["national_id"] = body + check_digits(body)
    frame["phone"] = phones("phone", i)
    frame["contact_phone"] = phones("contact-phone", i)
    kin = pd.Series(draw.choice("kin", his_words.GIVEN_FEMALE + his_words.GIVEN_MALE[:-1], i))
    frame["contact_name"] = pd.Series(draw.choice("kin-surname", his_words.SURNAMES[:-1], i)) + kin
    frame["employer"] = draw.choice("employer", his_words.EMPLOYERS, i)
    frame["health_card"] = "E" + pd.Series((i * 7919 + 61_000_001).astype(str))
    return frame


def check_digits(bodies: pd.Series) -> pd.Series:
    """The 18th character of a citizen number (GB 11643-1999, ISO 7064 MOD 11-2) of 17 digits."""
    digits = np.array([list(body) for body in bodies]).astype(int)
    remainder = (digits * _ID_WEIGHTS).sum(axis=1) % 11
    return pd.Series(np.array(list(_ID_CHECKS))[remainder], index=bodies.index)


def phones(slot: str, i: npt.NDArray[np.int64]) -> pd.Series:
    """Eleven digits that look like a mobile number and are none."""
    prefix = pd.Series(draw.choice(f"{slot}-prefix", his_words.PHONE_PREFIXES, i))
    rest = pd.Series(draw.integers(slot, 10_000_000, 99_999_999, i).astype(str))
    return prefix + rest


def _illness(frame: pd.DataFrame) -> pd.DataFrame:
    i, arm = frame["i"].to_numpy(), frame["arm"]
    severity = frame["severity"].to_numpy()
    frame["diabetes"] = arm.isin(["DR", "BOTH"]) | (draw.uniform("diabetes", i) < 0.28)
    frame["hypertension"] = draw.uniform("hypertension", i) < 0.45 + 0.3 * severity
    frame["lipids"] = draw.uniform("lipids", i) < 0.4
    share = np.where(arm == "HF", 0.28, np.where(arm == "IS", 0.16, 0.03))
    frame["fibrillation"] = (arm == "AF") | (draw.uniform("af", i) < share)
    frame["coronary"] = (arm == "CAD") | (draw.uniform("cad", i) < 0.12)
    frame["smoker"] = ~frame["female"] & (draw.uniform("smoker", i) < 0.45)
    frame["side"] = draw.choice("side", ["左", "右"], i)
    frame["doctor"] = draw.integers("doctor", 0, 3, i)
    return frame
