"""The text export: a folder of files named after patients, split at bare date lines."""

from __future__ import annotations

import json

from .conftest import P1, P2, small_run, write_run

TEXT = """
2024-03-01

# Chief Complaint
Came on 2024-02-01 with pain.

2024-04-01
Second visit.

2024-04-01
Third visit, the same day.
"""


def folder_with(shop, texts: dict[str, str]):
    folder = write_run(shop.folder(), small_run())
    (folder / "notes").mkdir()
    for name, text in texts.items():
        (folder / "notes" / name).write_text(text, "utf-8")
    return folder


def test_a_file_becomes_one_note_per_date_line(synthea):
    folder = folder_with(synthea, {f"Ann_Lee_{P1}.txt": TEXT})
    synthea.ingest(synthea.pack(folder))
    assert synthea.state("notes", "note_id, patient_id, source_row, text") == [
        (f"{P1}-2024-03-01-1", P1, 2, "# Chief Complaint\nCame on 2024-02-01 with pain."),
        (f"{P1}-2024-04-01-1", P1, 7, "Second visit."),
        (f"{P1}-2024-04-01-2", P1, 10, "Third visit, the same day."),
    ]


def test_words_before_the_first_date_reach_quarantine(synthea):
    folder = folder_with(
        synthea, {f"Ann_Lee_{P1}.txt": "Loose words.\n" + TEXT, f"Bo_Lee_{P2}.txt": TEXT}
    )
    report = synthea.ingest(synthea.pack(folder))
    counts = report.table("notes")
    assert (counts.rows_in, counts.kept, counts.quarantined) == (7, 6, {"required_null": 1})


def test_names_in_file_names_stay_out_of_reports(synthea):
    folder = folder_with(synthea, {f"Ann_Lee_{P1}.txt": TEXT})
    (folder / f"Bo_Lee_{P2}.txt").write_text("x")
    report = synthea.ingest(synthea.pack(folder))
    marker = next(d for n, d in synthea.files().items() if n.endswith("report.json"))
    for text in (marker.decode(), json.dumps(report.metadata())):
        assert "Lee" not in text
    assert report.unknown_files == ("a .txt file",)
    assert report.table("notes").files[0].name == "1 text files"
