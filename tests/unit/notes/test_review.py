"""What a person looks at, and that it stays where it is."""

from __future__ import annotations

import csv
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from clearward.cli.main import app
from clearward.errors import ClearwardError, ConfigError, DeidentifyError
from clearward.notes.drift import drift_rows
from clearward.notes.review import (
    draw_sample,
    precision,
    queued,
    read_judgements,
    write_page,
)
from clearward.notes.review.check import write_judgements
from clearward.notes.review.page import pieces

PLACE = {"hospital": "renmin", "month": "2024-05"}


@pytest.fixture
def read(hospital: Any) -> Any:
    hospital.note("N1", "P1", "患者李建国。眼压：18/20mmHg。")
    hospital.note("N2", "P2", "Dr <b>Wang</b> & co: IOP 16/18, BP 120/80, mother's BP 180/100")
    for number in range(3, 12):
        hospital.note(f"N{number}", "P1", f"右眼视力0.{number % 9 + 1}，血压13{number % 9}/80")
    hospital.run()
    return hospital


class Cards(HTMLParser):
    """The cards of a page: text, and what is marked in it."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[str] = []
        self.cues: list[str] = []
        self.tags: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("mark", "u"):
            {"mark": self.marks, "u": self.cues}[self._open].append(data)
        self._open = ""


def test_the_queue_holds_what_is_in_doubt_and_nothing_else(read: Any) -> None:
    found = queued(read.settings, **PLACE)
    assert sorted((i.attribute, i.span, i.side) for i in found) == [
        ("intraocular_pressure", "16", "OD"),
        ("intraocular_pressure", "18", "OD"),
        ("intraocular_pressure", "18", "OS"),
        ("intraocular_pressure", "20mmHg", "OS"),
    ]
    assert {i.confidence for i in found} == {0.7}


def test_the_page_marks_the_value_and_its_cue_and_escapes_the_note(read: Any) -> None:
    found = queued(read.settings, **PLACE)
    path = write_page(read.settings, found, purpose="review", hospital="renmin", is_blind=False)
    text = path.read_text(encoding="utf-8")
    cards = Cards()
    cards.feed(text)
    assert cards.marks == [item.span for item in found]
    assert set(cards.cues) == {"IOP", "眼压"}
    assert "&lt;b&gt;Wang&lt;/b&gt; &amp; co" in text and cards.tags.count("b") == len(found)


def test_the_page_is_its_owners_alone_and_reaches_nothing_outside(read: Any) -> None:
    found = queued(read.settings, **PLACE)
    path = write_page(read.settings, found, purpose="review", hospital="renmin", is_blind=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.is_relative_to(read.settings.home / "identified")
    text = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(""", text)


def test_a_blind_page_shows_neither_rule_nor_confidence(read: Any) -> None:
    sample = draw_sample(read.settings, hospital="renmin", size=5)
    path = write_page(
        read.settings, sample.items, purpose="check", hospital="renmin", is_blind=True
    )
    text = path.read_text(encoding="utf-8")
    assert "confidence" not in text and "ophthalmology." not in text and "cardiology." not in text


def test_the_pieces_of_a_page_are_the_text(read: Any) -> None:
    for item in queued(read.settings, **PLACE):
        assert "".join(text for text, _ in pieces(item)) == item.before + item.span + item.after


def test_the_same_seed_draws_the_same_findings_and_another_draws_others(read: Any) -> None:
    one, two, three = (
        [i.finding_id for i in draw_sample(read.settings, hospital="renmin", size=8, seed=s).items]
        for s in (1, 1, 2)
    )
    assert one == two and one != three and len(set(one)) == 8


def test_a_sample_keeps_to_the_attributes_it_was_asked_for(read: Any) -> None:
    sample = draw_sample(read.settings, hospital="renmin", size=99, attributes=["visual_acuity"])
    assert {i.attribute for i in sample.items} == {"visual_acuity"} and len(sample.items) == 9
    with pytest.raises(ConfigError, match="No finding"):
        draw_sample(read.settings, hospital="renmin", size=9, attributes=["x'; --"])


def test_a_sample_with_judgements_is_never_overwritten(read: Any) -> None:
    sample = draw_sample(read.settings, hospital="renmin", size=4)
    assert stat.S_IMODE(sample.path.stat().st_mode) == 0o600
    write_judgements(sample.path, sample.items, {sample.items[0].finding_id: "right"})
    with pytest.raises(ConfigError, match="holds judgements"):
        draw_sample(read.settings, hospital="renmin", size=4)


def test_precision_has_wilsons_interval_and_leaves_the_doubtful_out() -> None:
    words = ["right"] * 9 + ["wrong_side"] + ["unsure"] * 3 + [""] * 2
    judged = {(str(n), "visual_acuity"): word for n, word in enumerate(words)}
    rows = {each.attribute: each for each in precision(judged)}
    one = rows["visual_acuity"]
    assert (one.judged, one.right, one.unsure, one.open) == (10, 9, 3, 2)
    assert (one.low, one.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert one.wrong == {"wrong_side": 1} and rows["all"].right == 9


@pytest.mark.parametrize(
    "text",
    [
        "finding_id,attribute\nA,b\n",
        "finding_id,attribute,judgement\nA,b,rihgt\n",
        "finding_id,attribute,judgement\nA,b,right\nA,b,right\n",
    ],
)
def test_judgements_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_judgements(path)


def test_nothing_judged_is_no_precision() -> None:
    with pytest.raises(ConfigError, match="No finding was judged"):
        precision({("A", "b"): "unsure", ("C", "b"): ""})


def test_a_note_that_changed_since_it_was_read_is_refused(read: Any) -> None:
    path = read.warehouse.partition("cleared", "finding_place", **PLACE)
    table = pq.read_table(path)
    rows = [row | {"span_text": "9999"} for row in table.to_pylist()]
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)
    with pytest.raises(DeidentifyError, match="not the one its finding"):
        queued(read.settings, **PLACE)


def test_a_hospital_never_read_is_refused(hospital: Any) -> None:
    with pytest.raises(ConfigError, match="No findings of hospital"):
        queued(hospital.settings, **PLACE)


def run(read: Any, *words: str, **more: Any) -> Any:
    environment = {"CLEARWARD_HOME": str(read.settings.home)}
    return CliRunner().invoke(
        app, ["notes", *words, "--hospital", "renmin"], env=environment, **more
    )


def test_the_check_goes_from_sample_to_precision_on_the_command_line(read: Any) -> None:
    drawn = run(read, "check", "--sample", "6")
    assert drawn.exit_code == 0 and "6 findings drawn" in drawn.output
    path = read.settings.home / "identified" / "check" / "renmin" / "sample.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert len(rows) == 6 and "李建国" not in path.read_text(encoding="utf-8")
    text = "finding_id,attribute,judgement\n" + "".join(
        f"{r['finding_id']},{r['attribute']},right\n" for r in rows
    )
    path.write_text(text, encoding="utf-8")
    shown = run(read, "check", "--judged", str(path), "--json")
    assert shown.exit_code == 0
    assert '"precision": "1.000"' in shown.output and '"interval": "0.610 to 1.000"' in shown.output


def test_judging_at_the_prompt_keeps_what_was_judged_when_stopped(read: Any) -> None:
    done = run(read, "check", "--sample", "5", "--prompt", input="1\n2\n0\n")
    assert done.exit_code == 0, done.output
    path = read.settings.home / "identified" / "check" / "renmin" / "sample.csv"
    assert sorted(read_judgements(path).values()) == ["", "", "", "right", "wrong_value"]


def test_the_other_commands_run(read: Any, tmp_path: Path) -> None:
    assert "4 findings wait" in run(read, "review", "--month", "2024-05").output
    exported = run(read, "export", "--month", "2024-05", "--to", str(tmp_path))
    assert "note_nlp rows" in exported.output
    assert "cardiology.blood" in run(read, "report", "--json").output
    with pytest.raises(ClearwardError):
        run(read, "review", "--month", "2024-06", catch_exceptions=False)


def report_of(settings: Any, month: str, notes: int, cues: int) -> None:
    import json

    folder = settings.reports / "notes" / "renmin"
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"a.b": cues}
    detail = {"month": month, "notes": notes, "cues_by_rule": counts, "findings_by_rule": counts}
    (folder / f"{month}.json").write_text(json.dumps(detail), encoding="utf-8")


@pytest.mark.parametrize(("cues", "changed"), [(100, False), (130, False), (200, True), (0, True)])
def test_a_rule_that_reads_more_or_less_than_chance_allows_is_shown(
    hospital: Any, cues: int, changed: bool
) -> None:
    report_of(hospital.settings, "2024-04", 1000, 100)
    report_of(hospital.settings, "2024-05", 1000, cues)
    (row,) = drift_rows(hospital.settings, "renmin")
    assert row["changed"] == ("cues and findings" if changed else "")


def test_a_first_month_has_nothing_to_differ_from(hospital: Any) -> None:
    report_of(hospital.settings, "2024-05", 1000, 100)
    (row,) = drift_rows(hospital.settings, "renmin")
    assert row == {"rule": "a.b", "cues": 100.0, "cues_before": "", "findings": 100.0,
                   "findings_before": "", "changed": ""}  # fmt: skip
