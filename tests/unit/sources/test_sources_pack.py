"""Folders that nobody here wrote are packed as they came: bundles, marks, capitals, open ends."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from clearward.errors import ExtractError
from clearward.keyring import load_keyring
from clearward.sources.extract import verify_extract
from clearward.sources.ingest import ingest_extract

from .conftest import P1, P2, Workshop, small_run, write_run
from .test_sources_fhir import TIME, resource, send, small_export, write_export

BOM = b"\xef\xbb\xbf"


def note(ident: str, *attachments: dict) -> dict:
    content = [{"attachment": item} for item in attachments]
    who = {"reference": "Patient/a"}
    return resource("DocumentReference", ident, date=TIME, subject=who, content=content)


def data(content: bytes) -> dict:
    return {"data": base64.b64encode(content).decode()}


def open_end(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes().rstrip(b"\n"))


def test_a_packed_csv_may_end_without_a_line_break(synthea: Workshop):
    folder = write_run(synthea.folder(), small_run())
    open_end(folder, "observations.csv")
    report = synthea.ingest(synthea.pack(folder))
    assert report.table("observations").kept == 2
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    assert [file["name"] for file in files if file.get("open_end")] == ["observations.csv"]


def test_a_packed_csv_whose_last_row_is_ragged_is_refused(synthea: Workshop):
    folder = write_run(synthea.folder(), small_run())
    path = folder / "observations.csv"
    path.write_bytes(path.read_bytes().rsplit(b",", 1)[0])
    with pytest.raises(ExtractError, match="ragged or cut"):
        synthea.pack(folder)


def test_marks_capitals_and_folders_give_the_same_rows(synthea: Workshop):
    plain = write_run(synthea.folder(), small_run())
    synthea.ingest(synthea.pack(plain))
    before = synthea.state("observations", "row_key, content_hash, source_row")
    folder = synthea.folder()
    (folder / "csv").mkdir()
    for number, path in enumerate(sorted(plain.glob("*.csv"))):
        content = BOM + path.read_bytes()
        name = path.name.upper() + (".GZ" if number % 2 else "")
        (folder / "csv" / name).write_bytes(gzip.compress(content) if number % 2 else content)
    (folder / "notes").mkdir()
    (folder / "notes" / f"Ann_Lee_{P1}.TXT").write_text("2024-03-01\nCame with pain.\n")
    packed = synthea.pack(folder, month="2024-06", sequence=2)
    report = synthea.ingest(packed)
    assert report.metadata()["unchanged"] == 8 and report.metadata()["deleted"] == 0
    assert synthea.state("observations", "row_key, content_hash, source_row", "2024-06") == before
    assert synthea.state("notes", "patient_id, text", "2024-06") == [(P1, "Came with pain.")]


def test_ndjson_may_open_with_a_mark_and_end_without_a_line_break(fhir: Workshop):
    folder = write_export(fhir.folder(), small_export())
    for path in folder.glob("*.ndjson"):
        path.write_bytes(BOM + path.read_bytes().rstrip(b"\n"))
    packed = folder / "Encounter.ndjson"
    (folder / "ENCOUNTER.NDJSON.GZ").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    report = fhir.ingest(fhir.pack(folder))
    assert report.metadata()["inserted"] == 7
    assert fhir.state("encounters", "encounter_id") == [("e",)]


def test_a_synthea_fhir_folder_is_packed_with_its_information_bundles(fhir: Workshop):
    folder = fhir.folder()
    (folder / "fhir").mkdir()
    people = [item for items in small_export().values() for item in items]
    staff = [resource("Practitioner", "d", name=[{"family": "Grey", "given": ["Al"]}])]
    sites = [resource("Organization", "o", name="General"), resource("Location", "l")]
    bundles = {
        "Ann_Lee_a.json": people,
        "practitionerInformation1.json": staff,
        "hospitalInformation1.JSON": sites,
    }
    for name, members in bundles.items():
        entries = [{"fullUrl": f"urn:uuid:{item['id']}", "resource": item} for item in members]
        document = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        (folder / "fhir" / name).write_bytes(BOM + json.dumps(document).encode())
    (folder / "metadata.json").write_text('[{"runStartTime": 1}]')
    report = fhir.ingest(fhir.pack(folder))
    kept = {table.table: table.kept for table in report.tables if table.kept}
    assert kept == {
        "patients": 2,
        "encounters": 1,
        "conditions": 1,
        "observations": 3,
        "providers": 1,
        "organizations": 1,
    }
    assert len(verify_extract(folder).files) == 6


def test_the_first_attachment_that_is_text_counts(fhir: Workshop):
    export = small_export()
    export["DocumentReference"] = [
        note("n1", data(b"%PDF-1.4\xe2\xe3\xcf\xd3"), data(b"Right eye 0.6")),
        note("n2", {"url": "https://x.org/1"}, {}, data(b"Left eye 0.8")),
    ]
    send(fhir, export)
    assert fhir.state("notes", "note_id, text") == [
        ("n1", "Right eye 0.6"),
        ("n2", "Left eye 0.8"),
    ]


def test_notes_that_are_only_links_are_quarantined_and_refuse_nothing(fhir: Workshop):
    export = small_export()
    export["DocumentReference"] = [note("n1", {"url": "https://x.org/1"}), note("n2")]
    report = send(fhir, export)
    assert report.table("notes").quarantined == {"required_null": 2}
    assert report.table("patients").kept == 2


def test_extensions_are_ignored_and_partial_dates_are_read(fhir: Workshop):
    export = small_export()
    race = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "extension": [{"url": "text", "valueString": "White"}],
    }
    export["Patient"][0].update(birthDate="1960", extension=[race])
    export["Condition"][0]["recordedDate"] = "2023-11"
    report = send(fhir, export)
    assert report.metadata()["quarantined"] == 0
    births = fhir.state("patients", "patient_id, CAST(birth_date AS VARCHAR)")
    assert births == [("a", "1960-01-01"), ("b", "1970-01-01")]
    assert fhir.state("conditions", "CAST(started_on AS VARCHAR)") == [("2023-11-01 00:00:00",)]


def test_a_reading_that_is_kept_gives_the_same_bytes(tmp_path: Path):
    shop = Workshop(tmp_path, "synthea")
    folder = shop.pack(write_run(shop.folder(), small_run(patients=(P1, P2))))
    shop.ingest(folder)
    again = Workshop(tmp_path / "again", "synthea")
    again.settings.keyring.write_bytes(shop.settings.keyring.read_bytes())
    again.keyring = load_keyring(again.settings.keyring)
    staging = tmp_path / "staging"
    staging.mkdir()
    extract = verify_extract(folder, settings=again.settings, staging=staging)
    assert extract.reading is not None and [*staging.iterdir()]
    ingest_extract(again.settings, extract, again.keyring)
    assert again.files() == shop.files()
    (folder / "patients.csv").write_bytes(b"x")
    other = Workshop(tmp_path / "other", "synthea")
    with pytest.raises(ExtractError, match="another size"):
        ingest_extract(other.settings, extract, other.keyring)
