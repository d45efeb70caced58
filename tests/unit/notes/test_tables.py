"""The tables of one partition: what each holds, and that nothing about how they were made shows."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clearward.errors import DeidentifyError
from clearward.notes import partition
from clearward.notes.finding import Finding
from clearward.notes.reader import TextReading, read_text
from clearward.notes.tables import SCHEMAS, ZONES
from clearward.warehouse import IDENTIFIED_ZONES

HOSPITAL, MONTH = "renmin", "2024-05"


def table(hospital: Any, name: str) -> list[dict]:
    path = hospital.warehouse.partition(ZONES[name], name, month=MONTH, hospital=HOSPITAL)
    return pq.read_table(path).to_pylist()


def test_every_finding_has_a_place_in_the_note_as_it_came(hospital: Any) -> None:
    text = "患者李建国，2024年5月20日查右眼视力０．５，眼压18mmHg。"
    hospital.note("N1", "P1", text)
    hospital.run()
    places = {row["finding_id"]: row for row in table(hospital, "finding_place")}
    findings = table(hospital, "finding")
    assert {row["finding_id"] for row in findings} == set(places) and len(findings) == 2
    for row in findings:
        place = places[row["finding_id"]]
        assert text[place["span_start"] : place["span_end"]] == place["span_text"]
        assert place["note_sha256"] == hashlib.sha256(text.encode()).hexdigest()
        (note,) = table(hospital, "note")
        assert note["text"][row["span_start"] : row["span_end"]] == place["span_text"]
        assert row["note_sha256"] == note["note_sha256"] != place["note_sha256"]
        assert note["text"][row["cue_start"] : row["cue_end"]] in ("视力", "眼压")
    assert "span_text" not in findings[0]


def test_what_a_rule_refused_is_a_row_with_its_reason_and_only_counts_leave(hospital: Any) -> None:
    hospital.note("N1", "P1", "右眼眼压99mmHg，视力右眼0.5")
    report = hospital.run()
    (row,) = table(hospital, "note_reject")
    assert (row["attribute"], row["reason"], row["span_text"]) == (
        "intraocular_pressure", "out_of_range", "99mmHg",
    )  # fmt: skip
    assert row["rule_id"] == "ophthalmology.intraocular_pressure"
    assert report.rejected == {"intraocular_pressure_out_of_range": 1}
    assert "99" not in json.dumps(report.detail())


def test_text_of_a_note_is_in_identified_zones_only() -> None:
    for name, schema in SCHEMAS.items():
        if "span_text" in schema.names:
            assert ZONES[name] in IDENTIFIED_ZONES


def test_a_guessed_side_waits_for_a_person(hospital: Any) -> None:
    hospital.note("N1", "P1", "眼压：18/20mmHg")
    hospital.note("N2", "P1", "右眼眼压18mmHg")
    report = hospital.run()
    status = {
        (r["value_num"], r["confidence"]): r["review_status"] for r in table(hospital, "finding")
    }
    assert status == {(18.0, 0.7): "queued", (20.0, 0.7): "queued", (18.0, 0.95): "unreviewed"}
    assert report.findings_queued == 2


def test_the_bytes_depend_on_neither_batches_nor_workers(hospital: Any) -> None:
    for number in range(60):
        text = f"李建国 视力右眼0.{number % 9 + 1} 血压130/8{number % 9} 眼压9{number % 9}mmHg"
        hospital.note(f"N{number}", f"P{number % 2 + 1}", text)
    seen = []
    for rows, workers in ((1000, 1), (7, 1), (7, 2), (3, 3)):
        report = hospital.run(batch_rows=rows, workers=workers)
        files = [
            hospital.warehouse.partition(ZONES[n], n, month=MONTH, hospital=HOSPITAL).read_bytes()
            for n in SCHEMAS
        ]
        seen.append((report, files))
    assert all(each == seen[0] for each in seen)
    assert seen[0][0].findings == 90


def test_two_findings_of_one_attribute_on_the_same_characters_have_names_of_their_own(
    hospital: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(text: str, **_: Any) -> TextReading:
        found = read_text(text)
        return TextReading(found.lang, found.findings * 2, ())

    monkeypatch.setattr(partition, "read_text", twice)
    monkeypatch.setattr(partition, "check_reading", lambda *a, **k: None)
    hospital.note("N1", "P1", "视力右眼0.5")
    hospital.run()
    assert len({row["finding_id"] for row in table(hospital, "finding")}) == 2


def test_the_report_on_disk_counts_cues_and_findings_by_rule(hospital: Any) -> None:
    hospital.note("N1", "P1", "视力右眼0.5，血压未测")
    hospital.run()
    path = hospital.settings.reports / "notes" / HOSPITAL / f"{MONTH}.json"
    detail = json.loads(path.read_text(encoding="utf-8"))
    assert detail["cues_by_rule"] == {
        "cardiology.blood_pressure": 1, "ophthalmology.visual_acuity": 2,
    }  # fmt: skip
    assert detail["findings_by_rule"] == {"ophthalmology.visual_acuity": 1}


def moved(finding: Finding, **more: Any) -> Finding:
    return finding._replace(**more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"start": 90, "end": 99}, "stands nowhere"),
        ({"start": 5, "end": 5}, "stands nowhere"),
        ({"cue_end": 99}, "cue stands nowhere"),
        ({"rule_id": ""}, "names no rule"),
        ({"pack_version": ""}, "names no rule"),
        ({"confidence": 1.2}, "is no share"),
    ],
)
def test_a_finding_that_breaks_an_invariant_stops_the_partition(
    hospital: Any, monkeypatch: pytest.MonkeyPatch, more: dict, message: str
) -> None:
    def broken(text: str, **_: Any) -> TextReading:
        found = read_text(text)
        return TextReading(found.lang, tuple(moved(f, **more) for f in found.findings), ())

    monkeypatch.setattr(partition, "read_text", broken)
    hospital.note("N1", "P1", "视力右眼0.5")
    with pytest.raises(DeidentifyError, match=message):
        hospital.run()
    assert not hospital.path("finding").exists() and not hospital.path("note").exists()


def test_a_reading_that_is_not_the_same_twice_stops_the_partition(
    hospital: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearward.notes.invariants.AGAIN", 1)
    monkeypatch.setattr(
        partition, "read_text", lambda text, **_: TextReading("xx", read_text(text).findings, ())
    )
    hospital.note("N1", "P1", "视力右眼0.5")
    with pytest.raises(DeidentifyError, match="twice gave two results"):
        hospital.run()


def test_a_worker_that_dies_is_one_clear_refusal(hospital: Any) -> None:
    import os

    from clearward.notes.workers import each_batch

    with pytest.raises(DeidentifyError, match="ended before its work"):
        list(each_batch(lambda batch: os._exit(9), [1, 2, 3], workers=2))


def test_workers_end_with_the_process_that_forked_them(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys, time\n"
        "from clearward.notes.workers import each_batch\n"
        "def job(batch):\n"
        "    pathlib.Path(sys.argv[1], str(os.getpid())).touch()\n"
        "    time.sleep(60 if batch else 0)\n"
        "for _ in each_batch(job, [0, 1, 1, 1], workers=2):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert workers
    deadline = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_alive, workers))


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_batches_come_back_in_order_and_few_are_taken_ahead() -> None:
    from clearward.notes.workers import AHEAD, each_batch

    taken = []

    def batches():
        for number in range(40):
            taken.append(number)
            yield number

    for number, result in enumerate(each_batch(lambda n: n * n, batches(), workers=2)):
        assert result == number * number
        assert len(taken) <= number + 2 * AHEAD + 2


@pytest.mark.parametrize(
    "piece", ["BP 120/80 ", "IOP 16 ", "no ", " " * 8, ": A", "\n", "(", "眼压 "]
)
def test_the_cost_of_reading_follows_the_length_of_the_text(piece: str) -> None:
    from time import process_time

    def cost(size: int) -> float:
        """The least of three: a collection of garbage may fall into any one."""
        text, least = piece * (size // len(piece)) + "EF 35%", float("inf")
        for _ in range(3):
            start = process_time()
            read_text(text)
            least = min(least, process_time() - start)
        return least

    seconds = [cost(20_000), cost(80_000)]
    assert seconds[1] < 0.1 + 8 * seconds[0]
