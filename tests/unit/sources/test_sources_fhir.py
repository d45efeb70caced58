"""FHIR NDJSON and Bundles that nobody here wrote: paths, components, deletions, attachments."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from clearward.errors import ExtractError
from clearward.sources.extract import pack_extract, verify_extract

TIME = "2024-04-01T08:00:00.500-04:00"


def resource(kind: str, ident: str, **more: object) -> dict:
    return {"resourceType": kind, "id": ident, **more}


def coded(code: str) -> dict:
    return {"coding": [{"system": "http://loinc.org", "code": code, "display": f"name {code}"}]}


def pressure(ident: str, who: str) -> dict:
    parts = [
        {"code": coded("8480-6"), "valueQuantity": {"value": 120, "code": "mm[Hg]"}},
        {"code": coded("8462-4"), "valueQuantity": {"value": 80.5, "code": "mm[Hg]"}},
    ]
    return resource(
        "Observation",
        ident,
        status="final",
        code=coded("85354-9"),
        subject={"reference": who},
        effectiveDateTime=TIME,
        component=parts,
    )


def small_export() -> dict[str, list[dict]]:
    who = {"reference": "Patient/a"}
    return {
        "Patient": [
            resource("Patient", "a", gender="female", birthDate="1960-02"),
            resource("Patient", "b", gender="male", birthDate="1970-01-01"),
        ],
        "Encounter": [resource("Encounter", "e", subject=who, period={"start": TIME})],
        "Condition": [
            resource(
                "Condition",
                "c",
                subject={"reference": "urn:uuid:a"},
                code=coded("44054006"),
                recordedDate="2024-04-01",
                encounter={"reference": "https://x.org/fhir/Encounter/e/_history/2"},
            )
        ],
        "Observation": [pressure("o1", "Patient/a")],
    }


def write_export(folder, export, *, compress: bool = False):
    for name, resources in export.items():
        text = "".join(json.dumps(item) + "\n" for item in resources)
        path = folder / (name if "." in name else f"{name}.ndjson")
        if compress:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text)
    return folder


def send(shop, export, **how):
    return shop.ingest(shop.pack(write_export(shop.folder(), export), **how))


def test_components_stand_beside_their_parent(fhir):
    report = send(fhir, small_export())
    columns = "observation_id, component, code, value, unit, patient_id, source_row"
    assert fhir.state("observations", columns) == [
        ("o1", 0, "85354-9", None, None, "a", 1),
        ("o1", 1, "8480-6", "120", "mm[Hg]", "a", 1),
        ("o1", 2, "8462-4", "80.5", "mm[Hg]", "a", 1),
    ]
    assert report.table("observations").rows_in == 3
    times = fhir.state("observations", "DISTINCT CAST(observed_at AS VARCHAR)")
    assert times == [("2024-04-01 12:00:00.5",)]


def test_references_of_every_form_name_their_target(fhir):
    send(fhir, small_export())
    assert fhir.state("conditions", "patient_id, encounter_id") == [("a", "e")]


def test_several_files_and_gzip_give_the_same_rows(fhir):
    export = small_export()
    export["Observation"].append(pressure("o2", "urn:uuid:b"))
    send(fhir, export, month="2024-05", sequence=1)
    first, second = export.pop("Observation")
    split = {**export, "Observation.000.ndjson": [first], "Observation-1.ndjson": [second]}
    folder = write_export(fhir.folder(), split, compress=True)
    report = fhir.ingest(fhir.pack(folder, month="2024-06", sequence=2))
    values = report.metadata()
    assert (values["unchanged"], values["inserted"], values["deleted"]) == (10, 0, 0)


@pytest.mark.parametrize("has_manifest", [True, False])
def test_files_of_any_name_are_known_by_the_bulk_manifest_or_by_their_first_line(
    fhir, has_manifest
):
    export = small_export()
    named = {f"HospitalExport{kind}.ndjson": rows for kind, rows in export.items()}
    named["claims_7.ndjson"] = [resource("Claim", "c")]
    folder = write_export(fhir.folder(), named, compress=not has_manifest)
    if has_manifest:
        output = [
            {"type": kind, "url": f"https://x.org/HospitalExport{kind}.ndjson?sig=1"}
            for kind in export
        ]
        (folder / "bulk-manifest.json").write_text(json.dumps({"output": output}))
    report = fhir.ingest(fhir.pack(folder))
    assert report.table("patients").kept == 2
    assert report.table("observations").kept == 3


def test_consents_under_another_name_are_refused_and_not_passed_over(fhir):
    export = {**small_export(), "decisions_1.ndjson": [resource("Consent", "x")]}
    with pytest.raises(ExtractError, match="consents under another name"):
        send(fhir, export)


def test_a_manifest_that_calls_a_file_what_it_is_not_is_refused(fhir):
    named = {**small_export(), "part_1.ndjson": [resource("Encounter", "x")]}
    folder = write_export(fhir.folder(), named)
    output = [{"type": "Condition", "url": "part_1.ndjson"}]
    (folder / "bulk-manifest.json").write_text(json.dumps({"output": output}))
    with pytest.raises(ExtractError, match="other resources than Condition"):
        fhir.pack(folder)


def test_missing_optional_elements_are_nulls_and_missing_required_ones_quarantine(fhir):
    export = small_export()
    export["Condition"] += [
        resource("Condition", f"n{n}", subject={"reference": "Patient/a"}) for n in range(2)
    ]
    report = send(fhir, export)
    assert report.table("conditions").quarantined == {"required_null": 2}
    assert report.table("patients").kept == 2


def test_a_diagnosis_without_a_date_is_dated_by_its_encounter(fhir):
    export = small_export()
    undated = {"subject": {"reference": "Patient/a"}, "code": coded("38341003")}
    export["Condition"] += [
        resource("Condition", "n1", **undated, encounter={"reference": "Encounter/e"}),
        resource("Condition", "n2", **undated, encounter={"reference": "Encounter/none"}),
        resource("Condition", "n3", **undated),
    ]
    report = send(fhir, export)
    assert report.table("conditions").quarantined == {"required_null": 2}
    dates = dict(fhir.state("conditions", "condition_id, CAST(started_on AS DATE)"))
    assert {name: str(day) for name, day in dates.items()} == {
        "c": "2024-04-01",
        "n1": "2024-04-01",
    }


def test_an_export_whose_diagnoses_all_lack_dates_is_taken(fhir):
    export = small_export()
    del export["Condition"][0]["recordedDate"]
    assert send(fhir, export).table("conditions").kept == 1


def test_a_deleted_file_deletes_and_an_empty_list_does_not(fhir):
    send(fhir, small_export(), month="2024-05", sequence=1)
    gone = {
        "resourceType": "Bundle",
        "entry": [
            {"request": {"method": "DELETE", "url": "Observation/o1"}},
            {"request": {"method": "DELETE", "url": "Basic/ignored"}},
        ],
    }
    folder = write_export(fhir.folder(), {"Patient": [], "removed.ndjson": [gone]})
    manifest = {
        "deleted": [{"type": "Bundle", "url": "https://x.org/removed.ndjson"}],
        "output": [],
        "error": [],
    }
    (folder / "bulk-manifest.json").write_text(json.dumps(manifest))
    report = fhir.ingest(fhir.pack(folder, kind="delta", month="2024-06", sequence=2))
    assert report.table("observations").deleted == 3
    assert fhir.state("observations", "op", "2024-06") == []
    assert len(fhir.state("patients", "op", "2024-06")) == 2

    folder = write_export(fhir.folder(), {"Patient": [small_export()["Patient"][0]]})
    (folder / "bulk-manifest.json").write_text('{"deleted": [], "output": []}')
    report = fhir.ingest(fhir.pack(folder, kind="delta", month="2024-07", sequence=3))
    assert report.metadata()["deleted"] == 0
    assert len(fhir.state("patients", "op", "2024-07")) == 2


def test_a_deleted_file_with_anything_else_is_refused(fhir):
    entry = {"request": {"method": "PUT", "url": "Patient/a"}}
    export = {**small_export(), "deleted": [{"resourceType": "Bundle", "entry": [entry]}]}
    with pytest.raises(ExtractError, match="entries that are no deletions"):
        send(fhir, export)


def test_error_files_are_counted(fhir):
    export = {**small_export(), "OperationOutcome": [resource("OperationOutcome", "x")]}
    assert send(fhir, export).export_errors == 1


def test_an_attachment_is_decoded_strictly(fhir):
    def note(ident: str, data: bytes | None, raw: str = "") -> dict:
        text = raw or base64.b64encode(data or b"").decode()
        return resource(
            "DocumentReference",
            ident,
            date=TIME,
            subject={"reference": "Patient/a"},
            content=[{"attachment": {"contentType": "text/plain", "data": text}}],
        )

    export = small_export()
    export["DocumentReference"] = [
        note("n1", "右眼视力 0.6\n".encode()),
        note("n2", "右眼".encode("gb18030")),
        note("n3", None, "!!!"),
    ]
    report = send(fhir, export)
    assert fhir.state("notes", "note_id, text") == [("n1", "右眼视力 0.6\n")]
    assert report.table("notes").quarantined == {"required_null": 2}


def test_a_medication_that_is_only_referred_to_is_looked_up(fhir):
    export = small_export()
    export["Medication"] = [resource("Medication", "m", code=coded("849574"))]
    export["MedicationRequest"] = [
        resource(
            "MedicationRequest",
            "r",
            subject={"reference": "Patient/a"},
            authoredOn=TIME,
            medicationReference={"reference": "urn:uuid:m"},
        )
    ]
    send(fhir, export)
    assert fhir.state("medications", "code, description") == [("849574", "name 849574")]


@pytest.mark.parametrize("tail", ['{"resourceType":"Patient","id":"z', "not json\n"])
def test_a_line_that_is_not_json_is_refused_without_showing_it(fhir, tail):
    folder = write_export(fhir.folder(), small_export())
    with (folder / "Patient.ndjson").open("a") as file:
        file.write(tail)
    with pytest.raises(ExtractError, match="not whole NDJSON") as caught:
        fhir.pack(folder)
    assert "not json" not in str(caught.value) and '"z' not in str(caught.value)


def test_a_file_of_another_resource_type_is_refused(fhir):
    export = small_export()
    export["Condition"] = export["Encounter"]
    with pytest.raises(ExtractError, match="other resources than Condition"):
        send(fhir, export)


def test_a_folder_of_bundles_is_packed_as_ndjson(fhir):
    folder = fhir.folder()
    (folder / "fhir").mkdir()
    resources = [item for items in small_export().values() for item in items]
    entries = [{"fullUrl": f"urn:uuid:{item['id']}", "resource": item} for item in resources]
    del entries[0]["resource"]["id"]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (folder / "fhir" / "Jane1_Roe2.json").write_text(json.dumps(bundle, indent=1))
    pack_extract(
        folder, hospital="general", system="fhir", month="2024-05", kind="full", sequence=1
    )
    extract = verify_extract(folder)
    assert [file.name for file in extract.files] == [
        "Condition.ndjson",
        "Encounter.ndjson",
        "Observation.ndjson",
        "Patient.ndjson",
    ]
    assert extract.unknown_files == ("a .json file",)
    assert fhir.ingest(folder).table("observations").kept == 3
    assert ("a",) in fhir.state("patients", "patient_id")


def test_fhir_consents_are_known_and_counted_as_lines(fhir):
    consent = {"resourceType": "Consent", "id": "c", "status": "active"}
    folder = write_export(fhir.folder(), {**small_export(), "Consent": [consent, consent]})
    extract = verify_extract(fhir.pack(folder))
    assert extract.unknown_files == ()
    [rows] = [file.rows for file in extract.files if file.name == "Consent.ndjson"]
    assert rows == 2
