"""Every figure of any one table, without a product: what ``clearward risk measure`` shows. Bounds
and gates do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearward.errors import ProtectionError
from clearward.risk.attacks import Attack, code_columns, infer, link, single_out
from clearward.risk.cells import Cells, count_cells
from clearward.risk.hierarchical import hierarchical_distance
from clearward.risk.identifiers import Findings, find_identifiers
from clearward.risk.population import (
    Journalist,
    Presence,
    counted_journalist,
    counted_presence,
    estimated_journalist,
    pitman_uniques,
    zayatz_uniques,
)
from clearward.risk.prosecutor import Risk, risk_of_sizes
from clearward.risk.sensitive import Diversity, measure_diversity
from clearward.risk.sources import check_columns, check_units, file_source
from clearward.risk.subsets import Subset, measure_subsets
from clearward.settings import Settings
from clearward.warehouse import engine


@dataclass(frozen=True)
class TableRisk:
    """What one table gives away.

    Attributes:
        pitman, zayatz: share of the population that is unique; None without a population.
        presence: None without a population file.
        subsets: distinction and separation of every set of quasi-identifiers, or empty when there
            are too many columns.
        t_hierarchical: largest distance per sensitive column that a hierarchy was given for.
    """

    risk: Risk
    pitman: float | None
    zayatz: float | None
    journalist: Journalist | None
    presence: Presence | None
    subsets: tuple[Subset, ...]
    diversity: Mapping[str, Diversity]
    t_hierarchical: Mapping[str, float]
    attacks: Mapping[str, Attack]
    identifiers: Findings

    def metadata(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return asdict(self)


def measure_table(
    settings: Settings,
    path: Path,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    unit: str | None = None,
    population: int | Path | None = None,
    hierarchies: Mapping[str, Path] | None = None,
    subsets: bool = False,
    attacks: int = 2_000,
) -> TableRisk:
    """Measure a Parquet or CSV file whose rows are units (patients).

    Args:
        settings: limits of the engine.
        path: the file.
        quasi_identifiers, sensitive: columns an attacker knows, and wants to know.
        unit: column that names the unit; None when every row is one.
        population: number of people the file was drawn from, or a file of them that has the same
            quasi-identifiers in the same labels.
        hierarchies: sensitive column -> CSV of its hierarchy, see `hierarchical_distance`.
        subsets: also try every subset of the quasi-identifiers.
        attacks: attacks wanted per kind.

    Raises ProtectionError for an empty or missing file, an unknown column, or a unit in two rows.
    """
    _check_names(quasi_identifiers, sensitive, unit)
    _check_hierarchies(hierarchies or {}, sensitive)
    source = file_source(path)
    wanted = [*quasi_identifiers, *sensitive, *([unit] if unit else [])]
    with engine(settings) as connection:
        check_columns(connection, source, wanted)
        check_units(connection, source, unit)
        cells = count_cells(connection, source, quasi_identifiers, sensitive)
        sizes, counts = cells.sizes()
        people = population if isinstance(population, int) else None
        return TableRisk(
            risk=risk_of_sizes(sizes, counts),
            pitman=pitman_uniques(sizes, counts, population=people) if people else None,
            zayatz=zayatz_uniques(sizes, counts, population=people) if people else None,
            journalist=_journalist(cells, population),
            presence=_presence(cells, population),
            subsets=measure_subsets(connection, quasi_identifiers) if subsets else (),
            diversity={name: measure_diversity(cells, name) for name in sensitive},
            t_hierarchical=_hierarchical(cells, hierarchies or {}),
            attacks=_attacks(cells, source, attacks),
            identifiers=find_identifiers(connection, source),
        )


def _journalist(cells: Cells, population: int | Path | None) -> Journalist | None:
    if isinstance(population, Path):
        people = file_source(population)
        return counted_journalist(cells.connection, people, cells.quasi_identifiers)
    return estimated_journalist(*cells.sizes(), population=population) if population else None


def _hierarchical(cells: Cells, hierarchies: Mapping[str, Path]) -> dict[str, float]:
    return {name: hierarchical_distance(cells, name, path) for name, path in hierarchies.items()}


def _presence(cells: Cells, population: int | Path | None) -> Presence | None:
    if not isinstance(population, Path):
        return None
    return counted_presence(cells.connection, file_source(population), cells.quasi_identifiers)


def _attacks(cells: Cells, source: str, attacks: int) -> dict[str, Attack]:
    """All attacks on the table; it is its own mart, so singling out tests the table alone."""
    names = [*cells.quasi_identifiers, *cells.sensitive]
    codes = code_columns(cells.connection, source, names)
    tried = {f"inference.{name}": infer(cells, name) for name in cells.sensitive}
    if len(codes) > 1:
        tried["linkability"] = link(list(codes.values()), names, attacks=attacks)
    return tried | {"singling_out": single_out(codes, codes)}


def _check_names(
    quasi_identifiers: Sequence[str], sensitive: Sequence[str], unit: str | None
) -> None:
    both = set(quasi_identifiers) & {*sensitive, *([unit] if unit else [])}
    if both or not quasi_identifiers:
        raise ProtectionError(
            "The columns cannot be told apart.",
            seen=f"{', '.join(sorted(both)) or 'no quasi-identifier'}",
            expected="at least one quasi-identifier that is neither sensitive nor the unit",
            do="name each column once",
        )


def _check_hierarchies(hierarchies: Mapping[str, Path], sensitive: Sequence[str]) -> None:
    unknown = sorted(set(hierarchies) - set(sensitive))
    if unknown:
        raise ProtectionError(
            "A hierarchy is given for a column that is not sensitive.",
            seen=", ".join(unknown),
            expected=", ".join(sensitive) or "sensitive columns",
            do="name the column as sensitive",
        )
