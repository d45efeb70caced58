"""How each check of `gates` is measured on a release. Add a measure here under the check's name;
its bound belongs to the product spec and its state to `gates`.

Every method that begins with ``check_`` answers one demand. Measures that several demands share are
made once. A measure that cannot be made raises; `judge` turns that into an error, never a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from clearward.errors import ProtectionError
from clearward.products.bounds import CodeSet
from clearward.risk import tables
from clearward.risk.attacks import Attack, code_columns, code_together, infer, link, single_out
from clearward.risk.cells import Cells, count_cells
from clearward.risk.codes import CodeSets, measure_codes
from clearward.risk.gates import Demand, Figure
from clearward.risk.history import Earlier, History, replay
from clearward.risk.identifiers import Findings, find_identifiers
from clearward.risk.intervals import Interval
from clearward.risk.population import estimated_journalist, pitman_uniques, zayatz_uniques
from clearward.risk.prosecutor import Risk, risk_of_sizes
from clearward.risk.sensitive import Diversity, measure_diversity
from clearward.risk.sequences import Sequences, measure_sequences
from clearward.risk.sources import one
from clearward.risk.subsets import Subset, measure_subsets
from clearward.risk.utility import Utility, measure_utility


class Measures:
    """Every figure of one release; each is measured when it is first asked for."""

    def __init__(self, view: tables.View, *, key: bytes, earlier: Sequence[Earlier]) -> None:
        self._view, self._key, self._earlier = view, key, tuple(earlier)
        self._bounds = view.product.protection

    def answer(self, demand: Demand) -> Figure:
        """The value of one demand; ProtectionError for a check nobody knows how to measure."""
        measure = getattr(self, f"check_{demand.check}", None)
        if measure is None:
            raise ProtectionError(f"There is no measure for {demand.name}.", do="add one")
        figure: Figure = measure(demand)
        return figure

    @cached_property
    def flat(self) -> str:
        """The released patients with their sensitive columns."""
        return tables.make_flat(self._view)

    @cached_property
    def linked(self) -> tuple[str, str]:
        """The mart, and the released patients beside it."""
        _ = self.flat
        return tables.make_linked(self._view, self._key)

    @cached_property
    def cells(self) -> Cells:
        """Classes and cells of the release."""
        view = self._view
        return count_cells(view.connection, self.flat, view.quasi_identifiers, view.sensitive)

    @cached_property
    def risk(self) -> Risk:
        """Prosecutor risk of the release."""
        return risk_of_sizes(*self.cells.sizes())

    @cached_property
    def diversity(self) -> dict[str, Diversity]:
        """l and t of every sensitive column."""
        return {name: measure_diversity(self.cells, name) for name in self._view.sensitive}

    @cached_property
    def subsets(self) -> tuple[Subset, ...]:
        """Distinction and separation of every set of quasi-identifiers."""
        return measure_subsets(self.cells.connection, self._view.quasi_identifiers)

    @cached_property
    def identifiers(self) -> dict[str, Findings]:
        """Direct identifiers per table; ProtectionError for a table that must not be empty."""
        found = {}
        for table in self._view.product.tables:
            source = self._view.source(table.entity)
            rows = one(self._view.connection, f"SELECT count(*) FROM {source}")[0]
            if not rows and not table.may_be_empty:
                raise ProtectionError(
                    f"Table {table.entity} is empty.",
                    expected="rows, as its spec says",
                    do="find which step lost them",
                )
            found[table.entity] = find_identifiers(self._view.connection, source)
        return found

    @cached_property
    def codes(self) -> dict[str, CodeSets]:
        """Rare codes and combinations of every code set."""
        return {f"{c.table}.{c.column}": self._codes(c) for c in self._bounds.code_sets}

    def _codes(self, codes: CodeSet) -> CodeSets:
        return measure_codes(
            self._view.connection,
            self._view.source(codes.table),
            codes.column,
            unit=tables.UNIT,
            k=self._bounds.k,
            m=codes.m,
        )

    @cached_property
    def sequences(self) -> Sequences:
        """Uniqueness by the course of visits."""
        return measure_sequences(
            self._view.connection,
            self._view.source(self._bounds.sequence.table),
            self._bounds.sequence,
            patients=self._view.patients,
            quasi_identifiers=self._view.quasi_identifiers,
        )

    @cached_property
    def history(self) -> History:
        """All versions side by side."""
        if not self._earlier:
            raise ProtectionError("No earlier version is given.", do="fetch the earlier versions")
        return replay(
            self._view.connection,
            self.flat,
            self._earlier,
            quasi_identifiers=self._view.quasi_identifiers,
            sensitive={f"{s.table}.{s.column}": s.t for s in self._bounds.sensitive},
        )

    @cached_property
    def attacks(self) -> dict[str, Attack]:
        """Every attack, by name and subject."""
        view, wanted = self._view, self._view.product.gates.attacks
        names = [*view.quasi_identifiers, *view.sensitive]
        made = {f"inference.{c}": infer(self.cells, c) for c in view.sensitive}
        codes = code_columns(view.connection, self.flat, names)
        made["linkability"] = link(list(codes.values()), names, attacks=wanted)
        return made | {"singling_out": self._single_out(names)}

    def _single_out(self, names: Sequence[str]) -> Attack:
        _ = self.linked
        view = self._view
        release, mart = code_together(view.connection, self.flat, tables.label_mart(view), names)
        return single_out(release, mart)

    @cached_property
    def utility(self) -> Utility:
        """Loss against the mart."""
        mart, linked = self.linked
        view = self._view
        return measure_utility(
            view.connection, view.quasi_identifiers, view.sensitive, mart=mart, linked=linked
        )

    @cached_property
    def before(self) -> Risk:
        """Prosecutor risk of the mart, which nobody outside ever sees."""
        mart, _ = self.linked
        view = self._view
        counted = count_cells(view.connection, mart, view.quasi_identifiers)
        found = risk_of_sizes(*counted.sizes())
        self.__dict__.pop("cells", None)  # its tables were counted over
        return found

    # One method per check of `gates.demands`

    def check_identifier_columns(self, demand: Demand) -> Figure:
        """Columns whose name promises a direct identifier."""
        return Figure(sum(len(f.named) for f in self.identifiers.values()))

    def check_calendar_dates(self, demand: Demand) -> Figure:
        """Columns of a date or time type."""
        return Figure(sum(len(f.dated) for f in self.identifiers.values()))

    def check_identifier_values(self, demand: Demand) -> Figure:
        """Cells that hold a direct identifier."""
        return Figure(sum(sum(f.values.values()) for f in self.identifiers.values()))

    def check_unknown_patients(self, demand: Demand) -> Figure:
        """Patients of other tables who are not in the patient table."""
        return Figure(tables.count_strangers(self._view))

    def check_finer_labels(self, demand: Demand) -> Figure:
        """Patients whose quasi-identifier another table states otherwise."""
        return Figure(tables.count_finer(self._view))

    def check_mixed_hospitals(self, demand: Demand) -> Figure:
        """Patients whose class has patients of another hospital."""
        _ = self.linked
        return Figure(tables.count_mixed(self._view))

    def check_tables_of_few(self, demand: Demand) -> Figure:
        """Tables whose number of rows would count fewer than k patients."""
        return Figure(tables.count_of_few(self._view, self._bounds.k))

    def check_k(self, demand: Demand) -> Figure:
        """Smallest class."""
        return Figure(self.risk.k)

    def check_distinct_l(self, demand: Demand) -> Figure:
        """Least number of values in a class; asked for where the mart has more than one."""
        mart, _ = self.linked
        several = tables.count_values(self._view.connection, mart, demand.subject) > 1
        applies = several or demand.bound <= 1
        return Figure(self.diversity[demand.subject].distinct_l, applies=applies)

    def check_t(self, demand: Demand) -> Figure:
        """Largest distance of a class from all."""
        found = self.diversity[demand.subject]
        ordered = {f"{s.table}.{s.column}": s.is_ordered for s in self._bounds.sensitive}
        return Figure(found.t_ordered if ordered[demand.subject] else found.t_equal)

    def check_rare_codes(self, demand: Demand) -> Figure:
        """Codes that fewer than k patients hold."""
        return Figure(self.codes[demand.subject].rare)

    def check_rare_combinations(self, demand: Demand) -> Figure:
        """Sets of codes that fewer than k patients hold together."""
        return Figure(self.codes[demand.subject].combinations)

    def check_max_prosecutor(self, demand: Demand) -> Figure:
        """Highest chance of finding a patient."""
        return Figure(self.risk.max_prosecutor)

    def check_avg_prosecutor(self, demand: Demand) -> Figure:
        """Mean chance of finding a patient."""
        return Figure(self.risk.avg_prosecutor)

    def check_population_uniques(self, demand: Demand) -> Figure:
        """Share of the population that is unique (Pitman)."""
        sizes, counts = self.cells.sizes()
        return Figure(pitman_uniques(sizes, counts, population=self._bounds.population))

    def check_sequence_uniques(self, demand: Demand) -> Figure:
        """Share of patients unique by their first visits."""
        return Figure(self.sequences.unique)

    def check_visits_of_one_patient(self, demand: Demand) -> Figure:
        """Visits of the patient with the most."""
        return Figure(self.sequences.most)

    def check_history_k(self, demand: Demand) -> Figure:
        """Least number of patients with one history."""
        return Figure(self.history.k)

    def check_pinned(self, demand: Demand) -> Figure:
        """Share of patients whose value the versions pin down."""
        return Figure(self.history.pinned)

    def check_leaver_advantage(self, demand: Demand) -> Figure:
        """Attack on leavers above guessing."""
        return Figure(self.history.leaver_advantage)

    def check_attacks(self, demand: Demand) -> Figure:
        """Attacks behind the interval that stands on the fewest."""
        return Figure(min(a.attacks for a in self.attacks.values()))

    def check_singling_out(self, demand: Demand) -> Figure:
        """Advantage of predicates."""
        return _interval(self.attacks["singling_out"].advantage)

    def check_linkability(self, demand: Demand) -> Figure:
        """Advantage of linking two files."""
        return _interval(self.attacks["linkability"].advantage)

    def check_inference(self, demand: Demand) -> Figure:
        """Advantage of guessing a sensitive value."""
        return _interval(self.attacks[f"inference.{demand.subject}"].advantage)

    def check_suppressed(self, demand: Demand) -> Figure:
        """Share of patients left out."""
        return Figure(self.utility.suppressed)

    def check_loss(self, demand: Demand) -> Figure:
        """NM of the quasi-identifiers."""
        return Figure(self.utility.loss)

    def check_two_way_tvd(self, demand: Demand) -> Figure:
        """Mean distance of two-way tables."""
        return Figure(self.utility.two_way_tvd)

    def figures(self) -> dict[str, Any]:
        """Everything measured, as JSON values, for the report's pages; asks for all of it."""
        sizes, counts = self.cells.sizes()
        population = self._bounds.population
        told: dict[str, Any] = {
            "after": asdict(self.risk),
            "class_sizes": [[int(s), int(n)] for s, n in zip(sizes, counts, strict=True)],
            "population": population,
            "pitman": pitman_uniques(sizes, counts, population=population),
            "zayatz": zayatz_uniques(sizes, counts, population=population),
            "journalist": asdict(estimated_journalist(sizes, counts, population=population)),
            "subsets": [asdict(s) for s in self.subsets],
            "diversity": {name: asdict(d) for name, d in self.diversity.items()},
            "codes": {name: asdict(c) for name, c in self.codes.items()},
            "sequences": asdict(self.sequences),
            "identifiers": {
                "cells": sum(f.cells for f in self.identifiers.values()),
                "tables": len(self.identifiers),
            },
            "attacks": {name: asdict(a) for name, a in self.attacks.items()},
            "utility": asdict(self.utility),
            "before": asdict(self.before),
        }
        if self._earlier:
            told["history"] = asdict(self.history) | {"advantage": self.history.leaver_advantage}
        return told


def _interval(interval: Interval) -> Figure:
    return Figure(interval.point, interval.low, interval.high)
