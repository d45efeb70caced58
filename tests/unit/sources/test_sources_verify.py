"""An extract that is not what its manifest and spec say is refused before anything is written."""

from __future__ import annotations

import gzip
import json

import pytest

from clearward.errors import ExtractError
from clearward.sources.extract import verify_extract

from .conftest import P1, csv_text, patient, small_run, write_run


def refused(workshop, folder, words: str) -> str:
    with pytest.raises(ExtractError, match=words) as caught:
        workshop.ingest(folder)
    assert not workshop.settings.warehouse.exists()
    chain, error = "", caught.value
    while error is not None:
        chain, error = chain + str(error), error.__cause__
    return chain


def rewrite(folder, change) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")


def packed(workshop, run=None):
    return workshop.pack(write_run(workshop.folder(), run or small_run()))


def test_a_folder_without_manifest_is_refused(synthea):
    refused(synthea, write_run(synthea.folder(), small_run()), "has no manifest.json")


def test_a_missing_file_is_refused(synthea):
    folder = packed(synthea)
    (folder / "conditions.csv").unlink()
    refused(synthea, folder, "not in the folder")


def test_a_changed_byte_is_refused(synthea):
    folder = packed(synthea)
    path = folder / "patients.csv"
    path.write_bytes(path.read_bytes().replace(b"1960", b"1961", 1))
    refused(synthea, folder, "has changed since")


def test_another_size_is_refused(synthea):
    folder = packed(synthea)
    with (folder / "patients.csv").open("ab") as file:
        file.write(b"\n")
    refused(synthea, folder, "another size")


def test_another_row_count_is_refused(synthea):
    folder = packed(synthea)
    rewrite(folder, lambda d: d["files"][0].update(rows=d["files"][0]["rows"] + 1))
    refused(synthea, folder, "another number of rows")


@pytest.mark.parametrize("name", ["../patients.csv", "/etc/hosts", "a\\b.csv"])
def test_a_name_that_leaves_the_folder_is_refused(synthea, name):
    folder = packed(synthea)
    rewrite(folder, lambda d: d["files"][0].update(name=name))
    refused(synthea, folder, "leaves the folder")


def test_a_link_that_leaves_the_folder_is_refused(synthea):
    folder = packed(synthea)
    outside = folder.parent / "outside.csv"
    (folder / "patients.csv").rename(outside)
    (folder / "patients.csv").symlink_to(outside)
    refused(synthea, folder, "points out of")


@pytest.mark.parametrize("cut", [1, 9])
def test_a_cut_last_line_is_refused_even_when_the_manifest_agrees(synthea, cut):
    folder = packed(synthea)
    path = folder / "observations.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    # The hospital made its manifest of the file that was already cut.
    from clearward.warehouse import hash_file

    def agree(document):
        for entry in document["files"]:
            if entry["name"] == path.name:
                entry.update(sha256=hash_file(path), bytes=path.stat().st_size)

    rewrite(folder, agree)
    refused(synthea, folder, "may have been cut")


def test_a_cut_gzip_is_refused(synthea):
    run = small_run()
    run["patients.csv.gz"] = run.pop("patients.csv")
    folder = write_run(synthea.folder(), run)
    path = folder / "patients.csv.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ExtractError, match="not a whole gzip"):
        synthea.pack(folder)


@pytest.mark.parametrize("line", ["p-9,1960-01-01\n", 'p-9,"1960\n', ",".join("x" * 12) + "\n"])
def test_a_ragged_row_is_refused_without_showing_it(synthea, line):
    folder = write_run(synthea.folder(), small_run())
    with (folder / "patients.csv").open("a") as file:
        file.write(line)
    with pytest.raises(ExtractError, match="ragged or cut") as caught:
        synthea.pack(folder)
    assert "p-9" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize(("mark", "words"), [("\0", "NUL"), ("\ufffd", "U\\+FFFD")])
def test_lost_characters_are_refused(synthea, mark, words):
    run = small_run()
    run["conditions.csv"][0]["DESCRIPTION"] = f"Caf{mark}"
    folder = write_run(synthea.folder(), run)
    with pytest.raises(ExtractError, match=words):
        synthea.ingest(synthea.pack(folder))


def test_a_gbk_file_sent_as_utf8_is_refused(synthea):
    run = small_run()
    run["conditions.csv"][0]["DESCRIPTION"] = "糖尿病性视网膜病变"
    folder = synthea.pack(write_run(synthea.folder(), run))
    write_run(folder, {"conditions.csv": run["conditions.csv"]}, encoding="gbk")
    with pytest.raises(ExtractError, match="not in its system's encoding"):
        synthea.ingest(synthea.pack(folder))


@pytest.mark.parametrize("name", ["encounters.csv", "patients.csv"])
def test_a_missing_required_table_is_refused(synthea, name):
    run = small_run()
    del run[name]
    refused(synthea, packed(synthea, run), "lacks the required table")


def test_an_empty_required_table_is_refused(synthea):
    run = small_run()
    folder = write_run(synthea.folder(), run)
    header = csv_text(run["conditions.csv"]).splitlines()[0]
    (folder / "conditions.csv").write_text(header + "\n")
    refused(synthea, synthea.pack(folder), "required table conditions is empty")


def test_a_dropped_required_column_is_refused(synthea):
    run = small_run()
    for row in run["encounters.csv"]:
        del row["START"]
    with pytest.raises(ExtractError, match="lacks required columns of table encounters"):
        packed(synthea, run)


def test_a_required_column_without_values_is_refused(synthea):
    run = small_run()
    for row in run["patients.csv"]:
        row["GENDER"] = ""
    refused(synthea, packed(synthea, run), "patients.sex is empty in every row")


def test_a_retyped_required_column_is_refused(synthea):
    run = small_run()
    run["patients.csv"] = [patient(f"p{n}", BIRTHDATE="03/02/1960") for n in range(300)]
    text = refused(synthea, packed(synthea, run), "patients.birth_date has another type")
    assert "03/02" not in text and "300 of 300" in text


def test_ids_that_passed_through_a_spreadsheet_are_refused(synthea):
    run = small_run()
    run["patients.csv"] = [patient(f"4.{n}E+17") for n in range(5)]
    refused(synthea, packed(synthea, run), "patients.patient_id have lost digits")


def test_a_doubled_header_is_refused(synthea):
    folder = write_run(synthea.folder(), small_run())
    path = folder / "patients.csv"
    path.write_text(path.read_text().replace("SSN", "Id", 1))
    with pytest.raises(ExtractError, match="names a column twice"):
        synthea.pack(folder)


def test_new_columns_and_unknown_files_are_dropped_and_reported(synthea):
    run = small_run()
    for row in run["patients.csv"]:
        row["INCOME"] = "12345"
    folder = write_run(synthea.folder(), run)
    (folder / "claims.csv").write_text("a\n1\n")
    (folder / "Jane_Roe_0f8fad5b-d9cb-469f-a165-70867728950e.pdf").write_text("x")
    extract = verify_extract(synthea.pack(folder))
    assert extract.dropped_columns == ("patients: INCOME",)
    assert extract.unknown_files == ("a .pdf file", "claims.csv")


def test_a_manifest_with_a_wrong_field_does_not_show_it(synthea):
    folder = packed(synthea)
    rewrite(folder, lambda d: d.update(hospital="Jane Roe"))
    assert "Jane" not in refused(synthea, folder, "manifest .* cannot be understood")


def test_verify_writes_nothing_and_leaves_no_text_behind(synthea):
    folder = packed(synthea)
    before = sorted(path.name for path in folder.iterdir())
    extract = verify_extract(folder, settings=synthea.settings)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert not [*synthea.settings.home.joinpath("spill").iterdir()]
    assert [file.rows for file in extract.files] == [2, 2, 2, 2]


def test_gzip_and_plain_files_give_the_same_rows(synthea):
    plain = synthea.ingest(packed(synthea))
    run = {f"{name}.gz": rows for name, rows in small_run().items()}
    other = synthea.ingest(packed(synthea, run))
    assert gzip.decompress((synthea.root / "extract-2/patients.csv.gz").read_bytes())
    assert other.status == "ingested" and plain.metadata()["inserted"] == 8
    assert synthea.state("patients", "patient_id, zip") == [(P1, "01970"), ("p-0002", "01970")]
