"""What a product's spec promises about privacy, as values: what protection must reach and what the
release gates demand. Add a field here when both need to know it; how a bound is reached belongs to
`protect`, how it is measured to `risk`.

A bound that the spec file does not state is an error: a release is never judged by a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from clearward.errors import ConfigError
from clearward.warehouse import check_name

_Bounds = TypeVar("_Bounds")
HOSPITAL = "hospital_id"
NEVER_GENERALISED = "exact"
MOST_KNOWN_CODES = 3
"""Four known codes of every patient would be more sets than a month can count."""
LEAST_K = {"public": 20, "controlled": 11, "enclave": 5}
"""Release model -> least k. EMA policy 0070 asks for a chance of 0.09 of being found, 1 in 11, of
files that leave; GB/T 37964-2019 names three ways of sharing, of which the open one has no contract
behind it."""
WEAKEST: Mapping[str, float] = {
    "avg_prosecutor": 0.09,
    "population_uniques": 0.001,
    "sequence_uniques": 0.05,
    "pinned": 0.0,
    "leaver_advantage": 0.05,
    "singling_out": 0.10,
    "linkability": 0.02,
    "inference": 0.10,
}
"""Bound of `Gates` -> the largest that a spec may state. A product may ask for less risk, never for
more: what is weaker than this is changed here, where it is seen, for all products at once."""
LEAST_ATTACKS = 2000
LARGEST_T = 0.3


@dataclass(frozen=True)
class QuasiIdentifier:
    """A column an attacker may know, and the ladder it is generalised on (see `protect`).

    ``ladder`` names a hierarchy: ``year_band`` (1, 5, 10, 20, 40 years, all), ``category``
    (value, all), ``region`` (value, all) or ``exact`` (value, never generalised).
    """

    column: str
    ladder: str


@dataclass(frozen=True)
class Sensitive:
    """A column of a table with one row per patient, and what every class must keep to.

    Attributes:
        table, column: where it stands, ``patient`` and ``is_deceased``.
        distinct_l: least number of different values in a class (Machanavajjhala et al. 2007);
            1 asks for nothing.
        t: largest distance between a class and all patients, 0–1 (Li et al. 2007).
        is_ordered: the distance is the ordered earth mover's; else any two values are equally far.
    """

    table: str
    column: str
    distinct_l: int
    t: float
    is_ordered: bool


@dataclass(frozen=True)
class CodeSet:
    """A column of codes with many rows per patient.

    Attributes:
        table, column: where it stands, ``diagnosis`` and ``code``.
        m: every m codes of one patient are shared with at least k patients, or with nobody
            (k^m-anonymity, Terrovitis et al. 2008), m of 1 to 3; 1 is a floor for rare codes.
    """

    table: str
    column: str
    m: int


@dataclass(frozen=True)
class Sequence:
    """What an attacker may have seen of a patient's visits: the first few, roughly when.

    Attributes:
        table, order_by, kind: the table, its day column and the column that tells visits apart.
        length: visits known.
        gap_days: edges of the bands that the days between two visits are known in.
        most: visits of one patient that are published at most.
    """

    table: str
    order_by: str
    kind: str
    length: int
    gap_days: tuple[int, ...]
    most: int


@dataclass(frozen=True)
class Extreme:
    """A number whose smallest and largest values k patients share, or it is cut to one they do."""

    table: str
    column: str


@dataclass(frozen=True)
class Successive:
    """What it may cost that no two releases side by side tell fewer than k patients apart.

    Attributes:
        least_class: least patients of a class that is published for the first time. What is above
            k is room for patients who leave: a class of k is held back whole when one does.
        least_joiners: least patients who appear together in a class.
        max_withheld: largest share of eligible patients who wait or hide others, 0–1.
    """

    least_class: int
    least_joiners: int
    max_withheld: float


@dataclass(frozen=True)
class Protection:
    """What protection must reach, or nothing is written.

    Attributes:
        release_model: ``public``, ``controlled`` or ``enclave`` (GB/T 37964-2019).
        profiles: rule sets of `deidentify.profiles` that the release must pass.
        population: people with the product's conditions where its hospitals draw from; an
            estimate that the risk report repeats.
        k: least number of patients that share their quasi-identifiers.
        max_suppressed: largest share of patients that may be left out to reach k, 0–1. It bounds
            what protection costs, never what it reaches: hospitals below k are left out whole, and
            how many those are is not the product's to choose. At 0.5 most of the cohort is there.
        recoding: ``global`` (one level per column) or ``local`` (a level per class).
    """

    release_model: str
    profiles: tuple[str, ...]
    population: int
    k: int
    max_suppressed: float
    recoding: str
    quasi_identifiers: tuple[QuasiIdentifier, ...]
    sensitive: tuple[Sensitive, ...]
    code_sets: tuple[CodeSet, ...]
    extremes: tuple[Extreme, ...]
    sequence: Sequence
    successive: Successive


@dataclass(frozen=True)
class Gates:
    """Largest values a release may show; shares and probabilities are 0–1.

    Attributes:
        avg_prosecutor: mean chance of finding a patient known to be in the data.
        population_uniques: patients estimated to be unique in the population (Pitman).
        sequence_uniques: patients unique by what `Sequence` lets an attacker know.
        pinned: patients whose sensitive value two releases pin down and neither does alone.
        leaver_advantage: attack on patients who left between two releases, above guessing.
        singling_out, linkability, inference: attack minus control, upper end of its 95 % interval.
        attacks: least number of attacks behind such an interval.
        loss: information loss (NM, Iyengar 2002) of the quasi-identifiers.
        two_way_tvd: total variation distance of two-way tables, before and after.
    """

    avg_prosecutor: float
    population_uniques: float
    sequence_uniques: float
    pinned: float
    leaver_advantage: float
    singling_out: float
    linkability: float
    inference: float
    attacks: int
    loss: float
    two_way_tvd: float


def read_protection(body: Mapping[str, Any]) -> Protection:
    """The ``[protection]`` table of a spec; ConfigError when a bound is missing."""
    given = dict(body)
    ladders = _take(given, "quasi_identifiers").items()
    sensitive = _take(given, "sensitive").items()
    code_sets = _take(given, "code_sets").items()
    sequence = dict(_take(given, "sequence"))
    successive = _whole(Successive, _take(given, "successive"))
    _check_least_k(given)
    _check_sensitive(dict(sensitive))
    _check_successive(successive, k=given.get("k", 0))
    _check_hospital(ladders)
    _check_known_codes(dict(code_sets))
    return _whole(
        Protection,
        given
        | {
            "profiles": tuple(given.get("profiles", ())),
            "quasi_identifiers": tuple(QuasiIdentifier(c, ladder) for c, ladder in ladders),
            "sensitive": tuple(
                Sensitive(
                    *_place(name),
                    models.get("distinct_l", 1),
                    models["t"],
                    models.get("is_ordered", False),
                )
                for name, models in sensitive
            ),
            "code_sets": tuple(CodeSet(*_place(name), m) for name, m in code_sets),
            "extremes": tuple(Extreme(*_place(name)) for name in given.get("extremes", ())),
            "successive": successive,
            "sequence": _whole(Sequence, sequence | {"gap_days": tuple(sequence["gap_days"])}),
        },
    )


def _check_hospital(ladders: Iterable[tuple[str, str]]) -> None:
    # Code systems, language and the tables that have rows tell who wrote a record: under a coarser
    # label the patients of a hospital would only seem to hide among those of another.
    found = dict(ladders).get(HOSPITAL)
    if found != NEVER_GENERALISED:
        raise ConfigError(
            "The product spec hides the hospital, which the records themselves tell.",
            seen=f"{HOSPITAL} = {found}",
            expected=f'{HOSPITAL} = "{NEVER_GENERALISED}" among the quasi-identifiers',
            do="correct [protection] quasi_identifiers",
        )


def _check_least_k(given: Mapping[str, Any]) -> None:
    model, k = given.get("release_model"), given.get("k", 0)
    if model not in LEAST_K or k < LEAST_K[model]:
        raise _too_weak(f"k {k} for release model {model}", LEAST_K, "protection")
    if not given.get("profiles"):
        raise _too_weak("no profile", {"profiles": "one or more"}, "protection")


def _check_sensitive(sensitive: Mapping[str, Mapping[str, Any]]) -> None:
    wrong = [f"t {models.get('t')} for {name}" for name, models in sensitive.items()
             if not 0 <= models.get("t", 1) <= LARGEST_T]  # fmt: skip
    if wrong or not sensitive:
        seen = ", ".join(wrong) or "no sensitive column"
        raise _too_weak(seen, {"t": LARGEST_T}, "protection.sensitive")


def _too_weak(seen: str, allowed: Mapping[str, object], table: str) -> ConfigError:
    return ConfigError(
        "The product spec states a bound that no product may have.",
        seen=seen,
        expected=", ".join(f"{name} {bound}" for name, bound in allowed.items()) + ", or stricter",
        do=f"correct [{table}]; what all products keep to stands in products.bounds",
    )


def _check_known_codes(code_sets: Mapping[str, Any]) -> None:
    wrong = {name: m for name, m in code_sets.items() if m not in range(1, MOST_KNOWN_CODES + 1)}
    if wrong:
        raise ConfigError(
            "The product spec bounds sets of codes that cannot be counted.",
            seen=", ".join(f"m {m} for {name}" for name, m in sorted(wrong.items())),
            expected=f"m of 1 to {MOST_KNOWN_CODES}",
            do="correct [protection.code_sets]",
        )


def _check_successive(successive: Successive, k: int) -> None:
    if min(successive.least_class, successive.least_joiners) < k:
        raise ConfigError(
            "The product spec lets fewer than k patients appear together.",
            seen=f"{successive.least_class} in a new class, {successive.least_joiners} joiners",
            expected=f"at least {k} of both",
            do="correct [protection.successive]",
        )


def read_gates(body: Mapping[str, Any]) -> Gates:
    """The ``[gates]`` table of a spec; ConfigError when a bound is missing or unknown."""
    gates = _whole(Gates, body)
    wrong = [f"{name} {getattr(gates, name)}" for name, most in WEAKEST.items()
             if not 0 <= getattr(gates, name) <= most]  # fmt: skip
    if wrong or not gates.attacks >= LEAST_ATTACKS:
        seen = ", ".join(wrong) or f"{gates.attacks} attacks"
        raise _too_weak(seen, {**WEAKEST, "attacks": LEAST_ATTACKS}, "gates")
    return gates


def _whole(kind: type[_Bounds], given: Mapping[str, Any]) -> _Bounds:
    wanted = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if wanted != set(given):
        raise ConfigError(
            f"The product spec does not state its {kind.__name__.lower()} exactly.",
            seen=f"missing {sorted(wanted - set(given))}, unknown {sorted(set(given) - wanted)}",
            expected=", ".join(sorted(wanted)),
            do="correct the product spec",
        )
    return kind(**given)


def _take(body: dict[str, Any], name: str) -> Mapping[str, Any]:
    found = body.pop(name, None)
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"The product spec has no table of {name}.", do="add it under [protection]"
        )
    return found


def _place(name: str) -> tuple[str, str]:
    table, _, column = name.partition(".")
    return check_name(table), check_name(column)
