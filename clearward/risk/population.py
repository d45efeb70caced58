"""From a sample to the people it was drawn from: uniqueness and journalist risk. Add an estimator
here; figures of the sample itself belong to `prosecutor`.

SNB (slide negative binomial) is not offered: on the tables it was tried on it answers 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import digamma, gammaln

from clearward.errors import ProtectionError
from clearward.risk.cells import Integers
from clearward.risk.sources import check_columns, columns_list, one, quoted

Floats = npt.NDArray[np.float64]
_ALMOST_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Journalist:
    """Risk of an attacker who does not know whether a person is in the data (El Emam 2013).

    Attributes:
        highest, average: chance of finding a patient of the release; the average is also the
            marketer's expected share of right matches (Dankar, El Emam 2010).
        is_estimate: True where no population file was given.
        unmatched: patients whose class the population does not hold; they count as found.
    """

    highest: float
    average: float
    is_estimate: bool
    unmatched: int = 0


def _check_population(patients: int, population: int) -> None:
    if population < patients:
        raise ProtectionError(
            "The population is smaller than the release.",
            seen=f"{population} people, {patients} patients",
            expected="at least as many people as patients",
            do="correct the population in the product spec",
        )


def pitman_uniques(sizes: Integers, counts: Integers, *, population: int) -> float:
    """Share of the population estimated to be unique, 0–1 (Pitman model, Hoshino 2001).

    Args:
        sizes, counts: class sizes of the sample (s,) and how many classes have each (s,).
        population: people the sample was drawn from.

    The parameters are those of greatest likelihood with 0 <= alpha < 1; alpha = 0 is Ewens' model.
    """
    units = int((sizes * counts).sum())
    _check_population(units, population)
    uniques = int(counts[sizes == 1].sum())
    if not uniques:
        return 0.0
    if uniques == units:
        return 1.0
    theta, alpha = _fit_pitman(sizes, counts)
    log_share = gammaln(theta + 1) - gammaln(theta + alpha) + (alpha - 1) * np.log(population)
    return float(min(1.0, np.exp(log_share)))


def _fit_pitman(sizes: Integers, counts: Integers) -> tuple[float, float]:
    units, classes = int((sizes * counts).sum()), int(counts.sum())
    steps = np.arange(1, int(sizes.max()))
    larger = counts[::-1].cumsum()[::-1]  # classes at least as large as each size
    above = larger[np.searchsorted(sizes, steps, side="right")]

    def theta_at(alpha: float) -> float:
        def slope(log_room: float) -> float:
            theta = np.exp(log_room) - alpha
            taken = digamma(theta + units) - digamma(theta + 1)
            return float(_inverse_sum(theta, alpha, classes) - taken)

        return float(np.exp(brentq(slope, np.log(1e-12), np.log(1e12))) - alpha)

    def slope_alpha(alpha: float) -> float:
        theta = theta_at(alpha)
        if alpha < 1e-9:
            new = classes * (classes - 1) / 2 / theta
        else:
            new = (classes - 1 - theta * _inverse_sum(theta, alpha, classes)) / alpha
        return float(new - (above / (steps - alpha)).sum())

    if classes == 1 or slope_alpha(0.0) <= 0:
        return theta_at(0.0), 0.0
    alpha = float(brentq(slope_alpha, 1e-7, _ALMOST_ONE, xtol=1e-13))
    return theta_at(alpha), alpha


def _inverse_sum(theta: float, alpha: float, classes: int) -> float:
    """The sum of 1 / (theta + i alpha) over i = 1 … classes - 1."""
    if alpha * classes < 1e-7 * max(theta, 1e-300):  # digamma would cancel to nothing
        return (classes - 1) / (theta + alpha * classes / 2)
    return float(digamma(theta / alpha + classes) - digamma(theta / alpha + 1)) / alpha


def zayatz_uniques(sizes: Integers, counts: Integers, *, population: int) -> float:
    """Share of the population estimated to be unique, 0–1 (Zayatz 1991).

    Class sizes of the population are taken to be distributed as those of the sample; the chance
    that a class of size F shows one member is hypergeometric.
    """
    units = int((sizes * counts).sum())
    _check_population(units, population)
    uniques = int(counts[sizes == 1].sum())
    if not uniques:
        return 0.0
    shown = np.exp(_log_one_of(sizes, units, population))
    truly = uniques * (units / population) / float((counts * shown).sum())
    return float(min(1.0, uniques * truly / units))


def _log_one_of(sizes: Integers, drawn: int, population: int) -> Floats:
    """Log chance that exactly one of ``size`` people is among ``drawn`` of ``population``."""

    def choose(n: Floats | float, k: Floats | float) -> Floats:
        return np.asarray(gammaln(np.add(n, 1)) - gammaln(np.add(k, 1)) - gammaln(n - k + 1.0))

    size = sizes.astype(np.float64)
    possible = population - size >= drawn - 1
    rest = np.where(possible, population - size, drawn)
    log = np.log(size) + choose(rest, drawn - 1.0) - choose(float(population), float(drawn))
    return np.where(possible, log, -np.inf)


def estimated_journalist(sizes: Integers, counts: Integers, *, population: int) -> Journalist:
    """Journalist risk without a population file (Benedetti, Franconi 1998).

    The chance is E[1 / F | f] for a class of f patients and F people, F - f negative binomial with
    the sampling fraction.
    """
    units = int((sizes * counts).sum())
    _check_population(units, population)
    fraction = units / population
    risks = _individual_risk(sizes.astype(np.float64), fraction)
    average = float((risks * sizes * counts).sum()) / units
    return Journalist(float(risks.max()), average, is_estimate=True)


def _individual_risk(sizes: Floats, fraction: float) -> Floats:
    if fraction >= 1:
        return 1 / sizes
    odds = fraction / (1 - fraction)
    once = odds * np.log(1 / fraction)
    twice = odds * (1 - once)
    # From three on the first terms of the series, as in sdcMicro; exact to a few percent of itself
    more = fraction / (sizes - (1 - fraction))
    return np.where(sizes == 1, once, np.where(sizes == 2, twice, more))


@dataclass(frozen=True)
class Presence:
    """Chance that a person of the population is in the release, over classes with a patient
    (delta-presence, Nergiz et al. 2007): the least and the largest."""

    low: float
    high: float


def counted_presence(
    connection: duckdb.DuckDBPyConnection, population: str, quasi_identifiers: Sequence[str]
) -> Presence:
    """Patients over people of each class of ``risk_class``, see `counted_journalist`."""
    low, high = one(
        connection,
        "SELECT min(size / people), max(size / people)"
        f" FROM {_people_sql(connection, population, quasi_identifiers)}",
    )
    return Presence(float(low), float(high))


def counted_journalist(
    connection: duckdb.DuckDBPyConnection, population: str, quasi_identifiers: Sequence[str]
) -> Journalist:
    """Journalist risk against a population: a table expression with the release's own labels.

    Reads ``risk_class`` of `cells`. A class that the population lacks, or holds fewer people of
    than the release has patients, counts as one where the release is all there is.
    """
    highest, average, unmatched = one(
        connection,
        "SELECT max(1 / people), sum(size / people) / sum(size), sum(size) FILTER (is_unmatched)"
        f" FROM {_people_sql(connection, population, quasi_identifiers)}",
    )
    return Journalist(float(highest), float(average), is_estimate=False, unmatched=int(unmatched))


def _people_sql(
    connection: duckdb.DuckDBPyConnection, population: str, quasi_identifiers: Sequence[str]
) -> str:
    """``size, people, is_unmatched`` of every class."""
    check_columns(connection, population, quasi_identifiers)
    names = columns_list(quasi_identifiers)
    same = " AND ".join(
        f"CAST(c.{quoted(q)} AS VARCHAR) IS NOT DISTINCT FROM CAST(p.{quoted(q)} AS VARCHAR)"
        for q in quasi_identifiers
    )
    return f"""(SELECT risk_size AS size, greatest(risk_size, coalesce(p.people, 0)) AS people,
                       p.people IS NULL AS is_unmatched
                FROM risk_class c LEFT JOIN
                (SELECT {names}, count(*) AS people FROM {population} GROUP BY {names}) p
                ON {same})"""
