"""docs/how-to/add-a-note-attribute.md, followed: its blocks are added to a pack and read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from clearward.notes import patterns
from clearward.notes.patterns import load_pack
from clearward.notes.reader import engine_of, read_text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-note-attribute.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture(scope="module", params=BLOCKS, ids=lambda block: block.split("]")[0][1:])
def added(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The eye pack with a block of the page at its end."""
    folder = tmp_path_factory.mktemp("packs")
    (folder / "ophthalmology").mkdir()
    written = (ROOT / "clearward/notes/ophthalmology/patterns.toml").read_text("utf-8")
    (folder / "ophthalmology/patterns.toml").write_text(f"{written}\n{request.param}", "utf-8")
    before, patterns.FOLDER = patterns.FOLDER, folder
    try:
        pack = load_pack("ophthalmology")
    finally:
        patterns.FOLDER = before
    name = pack.attributes[-1].name
    return SimpleNamespace(pack=pack, name=name, engine=engine_of(pack.attributes))


def read(added: SimpleNamespace, text: str) -> list[list[object]]:
    return [
        [text[f.start : f.end], f.value_text or f.value_num, f.laterality, f.method]
        for f in read_text(text, engine=added.engine).findings
        if f.attribute == added.name
    ]


def test_the_page_shows_a_number_and_a_word() -> None:
    assert len(BLOCKS) == 2


def test_an_added_attribute_reads_its_examples_and_nothing_else(added: SimpleNamespace) -> None:
    for example in added.pack.examples[added.name]:
        assert read(added, example["text"]) == example["found"]
    for text in added.pack.counter_examples[added.name]:
        assert read(added, text) == []


def test_the_page_tells_every_key_a_pack_uses() -> None:
    told = set(re.findall(r"`([a-z_]+)`", PAGE))
    used = {
        key
        for name in patterns.PACKS
        for body in tomllib.loads((patterns.FOLDER / name / "patterns.toml").read_text("utf-8"))[
            "attributes"
        ].values()
        for key in body
    }
    assert used - told == set()
