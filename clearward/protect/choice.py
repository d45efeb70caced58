"""Who is published under which labels, this release beside all earlier ones. Add a policy here;
the rule itself is in `successive`, labels that never get finer in `sticky`, the search for the
labels of a first release in `recode`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from clearward.errors import ProtectionError
from clearward.products.bounds import Protection
from clearward.protect import sticky
from clearward.protect.loss import Ints, label_losses
from clearward.protect.people import People, asked_of, problem_of
from clearward.protect.recode import recode
from clearward.protect.seen import Past
from clearward.protect.successive import Bools, Eligible, Rule, Stories, choose_present

_NO_STORY = Stories(np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int64))
NOBODY = Past(np.zeros(0, dtype=str), np.zeros(0, dtype=np.int64), (), np.zeros((0, 0), np.int64))


@dataclass(frozen=True)
class Choice:
    """The published patients.

    Attributes:
        labels: per quasi-identifier (n,) label of everybody eligible.
        present: (n,) who is published.
        returning: (n,) who was published before.
        levels: highest level of each quasi-identifier among the published.
        loss: NM of Iyengar over the quasi-identifiers, patients left out counted as 1.
        nodes, nodes_checked: size of the lattice, and how much of it was looked at.
    """

    labels: sticky.Labels
    present: Bools
    returning: Bools
    levels: Mapping[str, int]
    loss: float
    nodes: int
    nodes_checked: int

    @property
    def withheld(self) -> int:
        """Patients published before and not now, though they still may be."""
        return int((self.returning & ~self.present).sum())

    @property
    def waiting(self) -> int:
        """Patients never published, and not now."""
        return int((~self.returning & ~self.present).sum())


def choose(people: People, past: Past, bounds: Protection) -> Choice:
    """Labels and presence of everybody eligible.

    Raises ProtectionError when the bounds cannot be kept: too many would be left out, or the
    pseudonyms of earlier releases are unknown.
    """
    bounds = asked_of(people, bounds)
    eligible, ladders = _eligible(people, past), sticky.read_ladders(people.hierarchies)
    if not len(past.keys):
        return _first(people, ladders, eligible, bounds)
    under = _under(people, past, ladders, eligible.seen)
    fits: Bools = np.asarray((under >= 0).all(axis=1), dtype=bool)
    eligible = Eligible(eligible.seen, fits, people.sensitive, people.order)
    _check_known(eligible, past)
    if bounds.recoding == "local":
        return _later_local(people, past, ladders, eligible=eligible, under=under, bounds=bounds)
    return _later_global(people, past, ladders, eligible=eligible, under=under, bounds=bounds)


def _eligible(people: People, past: Past) -> Eligible:
    if not len(past.keys):
        seen = np.full(len(people.keys), -1, dtype=np.int64)
        return Eligible(seen, np.ones(len(seen), dtype=bool), people.sensitive, people.order)
    place = np.minimum(np.searchsorted(past.keys, people.keys), len(past.keys) - 1)
    seen = np.where(past.keys[place] == people.keys, place, -1).astype(np.int64)
    return Eligible(seen, np.ones(len(seen), dtype=bool), people.sensitive, people.order)


def _under(people: People, past: Past, ladders: sticky.Ladders, seen: Ints) -> Ints:
    """(n, d) level of the label last seen above each value, 0 for those never seen, -1 if none."""
    known = seen >= 0
    under = np.zeros(people.codes.shape, dtype=np.int64)
    last = tuple(column[seen[known]] for column in past.labels)
    under[known] = sticky.level_under(ladders, people.codes[known], last)
    return under


def _check_known(eligible: Eligible, past: Past) -> None:
    if not (eligible.seen >= 0).any():
        raise ProtectionError(
            "Nobody in the earlier releases is known by their pseudonym.",
            seen=f"0 of {len(past.keys)} pseudonyms",
            expected="the pseudonyms of the same product key",
            do="restore the product key, or start a new product line",
        )


def _rule(bounds: Protection) -> Rule:
    return Rule(bounds.k, bounds.successive.least_joiners, bounds.sensitive)


def _stories(past: Past) -> Stories:
    return Stories(past.group, past.sensitive)


def _first(
    people: People, ladders: sticky.Ladders, eligible: Eligible, bounds: Protection
) -> Choice:
    """The recoding of least loss; the engine holds t against all patients, this against published.

    Where leaving patients out moved the whole so far that a class now misses its t, coarser nodes
    are tried in the order of their loss.
    """
    rule = Rule(bounds.k, bounds.successive.least_class, bounds.sensitive)
    allowed = int(np.floor(round(bounds.max_suppressed * len(people.keys), 6)))
    problem, combination = problem_of(people, bounds)
    found = recode(problem, recoding=bounds.recoding)
    best = tuple(np.asarray(column)[combination] for column in found.labels)
    kept = found.kept[combination]
    for checked, labels in enumerate(chain([best], _coarser(people, ladders))):
        classes = sticky.classes_of(labels)
        present = choose_present(eligible, _NO_STORY, classes, rule=rule, among=kept)
        if present.any() and int((~present).sum()) <= allowed:
            made = _made(people, ladders, labels, present=present, eligible=eligible)
            return replace(made, nodes=found.nodes, nodes_checked=found.checked + checked)
        kept = np.ones(len(people.keys), dtype=bool)
    raise _too_few(len(people.keys), bounds)


def _coarser(people: People, ladders: sticky.Ladders) -> Iterator[sticky.Labels]:
    for levels, _ in sticky.coarser(ladders, people.codes, [0] * len(ladders.hierarchies)):
        yield sticky.labels_at(ladders, people.codes, levels)


def _too_few(patients: int, bounds: Protection) -> ProtectionError:
    return ProtectionError(
        "No generalisation keeps the privacy bounds.",
        seen=f"{patients} patients",
        expected=f"classes of {bounds.successive.least_class} that keep every bound, "
        f"at most {bounds.max_suppressed:.0%} left out",
        do="wait for more consents or hospitals; nothing can be published before",
    )


def _later_global(
    people: People,
    past: Past,
    ladders: sticky.Ladders,
    *,
    eligible: Eligible,
    under: Ints,
    bounds: Protection,
) -> Choice:
    fitting = under[(eligible.seen >= 0) & eligible.fits]
    least = [int(level) for level in fitting.max(axis=0, initial=0)]
    fewest = len(people.keys)
    for checked, (levels, _) in enumerate(sticky.coarser(ladders, people.codes, least)):
        labels = sticky.labels_at(ladders, people.codes, levels)
        present = choose_present(
            eligible, _stories(past), sticky.classes_of(labels), rule=_rule(bounds)
        )
        fewest = min(fewest, int((~present).sum()))
        if _affordable(present, bounds):
            return _made(
                people, ladders, labels, present=present, eligible=eligible, checked=checked
            )
    raise _too_dear(fewest, len(people.keys), bounds)


def _affordable(present: Bools, bounds: Protection) -> bool:
    share = float((~present).sum()) / max(len(present), 1)
    return bool(present.any()) and share <= bounds.successive.max_withheld + 1e-12


def _too_dear(fewest: int, patients: int, bounds: Protection) -> ProtectionError:
    return ProtectionError(
        "Too many patients would have to wait or to hide those who left.",
        seen=f"{fewest} of {patients} eligible patients",
        expected=f"at most {bounds.successive.max_withheld:.0%}",
        do="publish when more patients have joined, or raise max_withheld with the data "
        "protection officer; nobody who withdrew is published in either case",
    )


def _later_local(
    people: People,
    past: Past,
    ladders: sticky.Ladders,
    *,
    eligible: Eligible,
    under: Ints,
    bounds: Protection,
) -> Choice:
    labels = _labels_under(people, ladders, np.maximum(under, 0))
    fitting = (eligible.seen >= 0) & eligible.fits
    fresh = np.flatnonzero(eligible.seen < 0)
    classes, first = np.unique(sticky.classes_of(labels)[fitting], return_index=True)
    rows = np.flatnonzero(fitting)[first]
    if len(classes):
        into = sticky.route(
            ladders,
            people.codes[fresh],
            classes=tuple(column[rows] for column in labels),
            levels=under[rows],
        )
        source = rows[into[into >= 0]]
        labels = sticky.put(labels, fresh[into >= 0], tuple(column[source] for column in labels))
        fresh = fresh[into < 0]
    labels = _among_themselves(people, labels, fresh, bounds=bounds)
    present = choose_present(
        eligible, _stories(past), sticky.classes_of(labels), rule=_rule(bounds)
    )
    if not _affordable(present, bounds):
        raise _too_dear(int((~present).sum()), len(people.keys), bounds)
    return _made(people, ladders, labels, present=present, eligible=eligible)


def _among_themselves(
    people: People, labels: sticky.Labels, rows: Ints, *, bounds: Protection
) -> sticky.Labels:
    """Labels with new classes for newcomers whom no class holds; too few of a kind keep their own
    values, and wait. A class need not keep its t beside all others: then all of it waits.
    """
    if len(rows) < bounds.successive.least_class:
        return labels
    some = replace(
        people,
        keys=people.keys[rows],
        codes=people.codes[rows],
        sensitive=people.sensitive[rows],
        order=people.order[rows],
    )
    problem, combination = problem_of(some, replace(bounds, max_suppressed=1.0))
    try:
        found = recode(problem, recoding="local")
    except ProtectionError:  # not even all of them together keep the bounds
        return labels
    kept = found.kept[combination]
    columns = tuple(np.asarray(column)[combination[kept]] for column in found.labels)
    return sticky.put(labels, rows[kept], columns)


def _labels_under(people: People, ladders: sticky.Ladders, levels: Ints) -> sticky.Labels:
    columns = zip(ladders.names, ladders.steps, strict=True)
    return tuple(
        names[steps[levels[:, i], people.codes[:, i]]] for i, (names, steps) in enumerate(columns)
    )


def _made(
    people: People,
    ladders: sticky.Ladders,
    labels: sticky.Labels,
    *,
    present: Bools,
    eligible: Eligible,
    checked: int = 0,
) -> Choice:
    levels = sticky.level_under(ladders, people.codes, labels)
    highest = levels[present].max(axis=0, initial=0)
    losses = []
    for i, hierarchy in enumerate(people.hierarchies):
        steps = np.array([label_losses(hierarchy, n) for n in range(hierarchy.height + 1)])
        mine = steps[np.maximum(levels[:, i], 0), people.codes[:, i]]
        losses.append(float(np.where(present, mine, 1.0).mean()))
    return Choice(
        labels=labels,
        present=present,
        returning=eligible.seen >= 0,
        levels={h.column: int(n) for h, n in zip(people.hierarchies, highest, strict=True)},
        loss=float(np.mean(losses)),
        nodes=int(np.prod([height + 1 for height in ladders.heights])),
        nodes_checked=checked + 1,
    )
