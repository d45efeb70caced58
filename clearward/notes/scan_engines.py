"""The scan engines, fastest first, all behind `scan.Scanner`. Add one to `ENGINES`.

`CLEARWARD_SCAN` names one; otherwise the first whose library is installed is taken. Hyperscan is
built for x86-64 alone; the automaton runs everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from types import MappingProxyType

from clearward.errors import ConfigError
from clearward.notes.scan import Hit, Lexicon, Literal, Scanner
from clearward.settings import scan_engine


class AutomatonScanner:
    """Aho–Corasick (1975) over the lower-cased text: cost follows the text, not the literals."""

    def __init__(self, literals: Iterable[Literal]) -> None:
        import ahocorasick  # noqa: PLC0415

        self._lexicon = Lexicon(literals)
        self._automaton = ahocorasick.Automaton()
        for number, text in enumerate(self._lexicon.texts):
            self._automaton.add_word(text, number)
        self._automaton.make_automaton()

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        if not self._lexicon.texts:
            return []
        found = self._automaton.iter(lower)
        return self._lexicon.hits(plain, lower, ((last + 1, number) for last, number in found))


class HyperscanScanner:
    """Hyperscan (Wang et al. 2019) over the UTF-8 bytes; byte ends become characters at hits."""

    def __init__(self, literals: Iterable[Literal]) -> None:
        import hyperscan  # noqa: PLC0415

        self._lexicon = Lexicon(literals)
        self._texts = self._lexicon.texts
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        if self._texts:
            self._database.compile(
                expressions=[re.escape(text).encode() for text in self._texts],
                ids=list(range(len(self._texts))),
                elements=len(self._texts),
                flags=[0] * len(self._texts),
            )

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        if not self._texts:
            return []
        data = lower.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((end, number))

        self._database.scan(data, match_event_handler=note)
        if not found:
            return []
        places: Iterable[tuple[int, int]] = found
        if len(data) != len(lower):
            places = _characters(data, found)
        return self._lexicon.hits(plain, lower, places)


class GatedScanner:
    """`re2.Set` says whether any literal is there at all; the automaton then says where."""

    def __init__(self, literals: Iterable[Literal]) -> None:
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415

        each = list(literals)
        options = re2.Options()
        options.max_mem = 1 << 28
        self._set = re2.Set.SearchSet(options)
        for text in dict.fromkeys(literal.text.lower() for literal in each):
            self._set.Add(re2.escape(text))
        self._is_empty = not each
        if each:
            self._set.Compile()
        self._automaton = AutomatonScanner(each)

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        if self._is_empty or not self._set.Match(lower):
            return []
        return self._automaton.scan(plain, lower)


class RegexScanner:
    """The same contract by plain regular expressions: slow, obvious, the oracle of the tests."""

    def __init__(self, literals: Iterable[Literal]) -> None:
        self._rules = [(re.compile(_bounded(item)), item) for item in dict.fromkeys(literals)]

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        hits = [
            Hit(match.start(), match.start() + len(item.text), item.tag)
            for rule, item in self._rules
            for match in rule.finditer(plain if item.cased else lower)
        ]
        return sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.tag))


ENGINES: Mapping[str, tuple[str, Callable[[Iterable[Literal]], Scanner]]] = MappingProxyType(
    {
        "hyperscan": ("hyperscan", HyperscanScanner),
        "automaton": ("ahocorasick", AutomatonScanner),
        "re2": ("re2", GatedScanner),
        "regex": ("re", RegexScanner),
    }
)


def engine_name() -> str:
    """The engine in use: ``CLEARWARD_SCAN``, or the first that is installed."""
    asked = scan_engine()
    if asked and asked not in ENGINES:
        raise ConfigError(
            "CLEARWARD_SCAN names no scan engine.", seen=repr(asked), expected=", ".join(ENGINES)
        )
    return asked or next(name for name, (module, _) in ENGINES.items() if find_spec(module))


def make_scanner(literals: Iterable[Literal]) -> Scanner:
    """A scanner of the engine in use."""
    return ENGINES[engine_name()][1](literals)


def _characters(data: bytes, found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Byte ends as character ends, reading the text once: ends come in order."""
    position = characters = 0
    for end, number in sorted(found):
        characters += len(data[position:end].decode("utf-8", "surrogatepass"))
        position = end
        yield characters, number


def _bounded(item: Literal) -> str:
    # a lookahead lets hits of one literal overlap, as they do in the automaton
    text = item.text if item.cased else item.text.lower()
    before = "(?<![a-zA-Z])" if re.match("[a-zA-Z]", item.text) else ""
    after = "(?![a-zA-Z])" if re.search("[a-zA-Z]$", item.text) else ""
    return f"{before}(?={re.escape(text)}{after})"
