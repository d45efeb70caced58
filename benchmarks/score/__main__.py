"""Every scored set, as one table, one page and one list of misses.

    python -m benchmarks.score [--only WORD] [--check] [--strict] [--misses FOLDER]

Writes docs/reference/scoreboard.md unless `--only` narrows the sets or `--check` is given; misses
go to <home>/reports/score/<set>.csv (they hold text: keep them out of the repository).
"""

from __future__ import annotations

import argparse
import csv
import importlib
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.score import sets
from benchmarks.score.board import COLUMNS, PAGE, cells, page
from benchmarks.score.measure import Miss, Score
from clearward.settings import load_settings


def scorers() -> list[str]:
    """Names of the modules in `sets/`."""
    return sorted(module.name for module in pkgutil.iter_modules(sets.__path__))


def run(names: Iterable[str]) -> Iterator[Score]:
    """Scores of the named sets."""
    for name in names:
        yield from importlib.import_module(f"{sets.__name__}.{name}").score()


def write_misses(scores: Iterable[Score], folder: Path) -> int:
    """One CSV per set; returns how many misses were written."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    by_set: defaultdict[str, list[tuple[str, str, Miss]]] = defaultdict(list)
    for score in scores:
        by_set[score.dataset] += [(score.half, score.attribute, miss) for miss in score.misses]
    for name, rows in by_set.items():
        path = folder / f"{name.replace('/', '-')}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("half", "attribute", *Miss._fields))
            writer.writerows((half, attribute, *miss) for half, attribute, miss in rows)
    return sum(len(rows) for rows in by_set.values())


def main() -> int:
    """Score, print, write; `--strict` makes a missed target exit code 1, but for tuned halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="sets whose module name holds this word")
    parser.add_argument("--check", action="store_true", help="print, write no page")
    parser.add_argument("--strict", action="store_true", help="a missed target is exit code 1")
    parser.add_argument("--misses", type=Path, default=load_settings().reports / "score")
    options = parser.parse_args()
    scores = list(run(name for name in scorers() if not options.only or options.only in name))
    _print(scores)
    written = write_misses(scores, options.misses)
    Console().print(f"{written} misses in {options.misses}")
    if not options.only and not options.check:
        PAGE.write_text(page(scores), encoding="utf-8")
    is_missed = any(score.is_met is False and score.half != "tuned" for score in scores)
    return int(options.strict and is_missed)


def _print(scores: list[Score]) -> None:
    table = Table(title="Scores", title_justify="left")
    for name in COLUMNS:
        table.add_column(name)
    notes = list(dict.fromkeys(score.note for score in scores if score.note))
    for score in scores:
        table.add_row(*cells(score, notes))
    console = Console(width=max(150, Console().width))
    console.print(table)
    for number, note in enumerate(notes, 1):
        console.print(f"({number}) {note}")


if __name__ == "__main__":
    sys.exit(main())
