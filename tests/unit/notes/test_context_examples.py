"""Every example in context.toml is read as its kind says, and no counter-example is."""

from __future__ import annotations

import pytest

from clearward.errors import ConfigError
from clearward.notes import triggers
from clearward.notes.context import Context, context_of
from clearward.notes.document import open_document
from clearward.notes.triggers import document, expand

SAYS = {
    "negation": lambda c: c.is_negated,
    "uncertain": lambda c: c.certainty == "uncertain",
    "hypothetical": lambda c: c.is_hypothetical,
    "family": lambda c: c.experiencer == "family",
    "prior": lambda c: c.temporality == "prior",
    "planned": lambda c: c.temporality == "planned",
}
CASES = [
    pytest.param(kind, text, expected, id=f"{kind}-{key}-{index}")
    for kind, body in document().items()
    for key, expected in (("examples", True), ("counter_examples", False))
    for index, text in enumerate(body.get(key, ()))
]


def marked(text: str) -> Context:
    start, end = text.index("[["), text.index("]]") - 2
    plain = text.replace("[[", "").replace("]]", "")
    return context_of(open_document(plain), start, end)


@pytest.mark.parametrize(("kind", "text", "expected"), CASES)
def test_an_example_is_read_as_its_kind_says(kind: str, text: str, expected: bool) -> None:
    assert SAYS[kind](marked(text)) is expected


def test_kinds_that_say_something_of_a_concept_have_examples_of_both_sorts() -> None:
    for kind in SAYS:
        assert document()[kind]["examples"] and document()[kind]["counter_examples"]


def test_choices_in_a_trigger_are_all_spelt_out_and_blanks_are_single() -> None:
    assert list(expand("{no|without} {new |}sign")) == [
        "no new sign", "no sign", "without new sign", "without sign",
    ]  # fmt: skip
    assert list(expand("{was|} negative")) == ["was negative", "negative"]


def test_a_key_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "document", lambda: {"negation": {"befor": ["no"]}})
    triggers.load_triggers.cache_clear()
    with pytest.raises(ConfigError, match="befor"):
        triggers.load_triggers()
    triggers.load_triggers.cache_clear()
