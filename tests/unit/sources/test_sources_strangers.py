"""Exports that strangers make: lists that were not sent whole, odd references, several codings,
Bundles whose URLs are not their ids, files that are no text.
"""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from clearward.errors import ExtractError
from clearward.sources.bulk import BulkManifest, Listed, check_sent
from clearward.sources.bundles import unbundle
from clearward.sources.extract import verify_extract
from clearward.sources.hospital import spec_of
from clearward.sources.spec import load_spec

from .conftest import small_run, write_run
from .test_sources_fhir import TIME, coded, resource, send, small_export, write_export

LOCAL, SNOMED = "https://his.general.example/diagnoses", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def codings(*pairs: tuple[str, str]) -> dict:
    return {"coding": [{"system": s, "code": c, "display": f"is {c}"} for s, c in pairs]}


def diagnosis(ident: str, who: str = "Patient/a", **more: object) -> dict:
    about = {"subject": {"reference": who}, "recordedDate": "2024-04-01", "code": coded("44054006")}
    return resource("Condition", ident, **{**about, **more})


def diagnoses(*found: dict) -> dict[str, list[dict]]:
    return {**small_export(), "Condition": list(found)}


OUTPUT = [Listed("output", "p.ndjson", "Patient", 2), Listed("output", "c.ndjson", "Claim", 9)]
DELETED = Listed("deleted", "d.ndjson", "Bundle", -1)
UNCOUNTED = [Listed("output", f"{n}.ndjson", "Patient", -1) for n in (1, 2)]


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        (OUTPUT, []),
        (OUTPUT, [("Patient", 1)]),
        ([DELETED], [("Patient", 2)]),
        (UNCOUNTED, [("Encounter", 2)]),
    ],
)
def test_a_part_of_the_export_that_was_not_sent_refuses_the_extract(listed, sent):
    with pytest.raises(ExtractError, match="that its bulk-manifest"):
        check_sent(BulkManifest(listed=tuple(listed)), sent, read={"Patient"})


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        (OUTPUT, [("Patient", 1), ("Patient", 1)]),
        ([*OUTPUT, DELETED], [("Patient", 2), ("fhir_deleted", 3)]),
        (UNCOUNTED, [("Patient", 5)]),
        ([Listed("deleted", "d.ndjson", "Bundle", 0)], []),
    ],
)
def test_an_export_that_was_sent_whole_under_whatever_names_is_taken(listed, sent):
    check_sent(BulkManifest(listed=tuple(listed)), sent, read={"Patient"})


def test_a_packed_export_manifest_is_read_and_its_missing_deletions_are_missed(fhir):
    folder = write_export(fhir.folder(), small_export())
    document = {"output": [], "deleted": [{"type": "Bundle", "url": "https://x.org/1.ndjson?k"}]}
    (folder / "bulk-manifest.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    fhir.pack(folder)
    with pytest.raises(ExtractError, match="lacks deletions"):
        verify_extract(folder)


def test_a_consent_behind_other_resources_of_an_unknown_file_is_not_passed_over(fhir):
    strangers = [resource("Device", "d"), resource("Consent", "c", status="inactive")]
    with pytest.raises(ExtractError, match="consents under another name"):
        send(fhir, {**small_export(), "stuff.ndjson": strangers})


def test_a_reference_that_names_no_patient_by_id_is_nobodys(fhir):
    odd = ["Group/a", "Device/a", "Patient?identifier=mrn|a", "#a", "Patient/a|2", "Patient/", ""]
    found = [diagnosis(f"odd{number}", who) for number, who in enumerate(odd)]
    report = send(fhir, diagnoses(*found, diagnosis("c")))
    assert fhir.state("conditions", "condition_id, patient_id") == [("c", "a")]
    assert report.table("conditions").quarantined == {"required_null": len(odd)}


def test_of_several_codings_the_one_of_a_known_system_counts(fhir):
    local = (LOCAL, "X12")
    odd = {"coding": [{"system": SNOMED, "display": "no code"}, {"system": LOCAL, "code": "X13"}]}
    found = [
        diagnosis("c1", code=codings(local, (SNOMED, "44054006"))),
        diagnosis("c2", code=codings(local, (LOCAL, "X14"))),
        diagnosis("c3", code=odd),
        diagnosis("c4", code=codings(("urn:oid:2.16.840.1.113883.6.90", "I50.9"))),
    ]
    part = {"code": codings(local, ("http://loinc.org", "8480-6")), "valueQuantity": {"value": 120}}
    panel = resource(
        "Observation",
        "o",
        code=coded("85354-9"),
        subject={"reference": "Patient/a"},
        effectiveDateTime=TIME,
        component=[part],
    )
    send(fhir, {**diagnoses(*found), "Observation": [panel]})
    assert fhir.state("conditions", "code, code_system") == [
        ("44054006", SNOMED),
        ("I50.9", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("X12", LOCAL),
        ("X13", LOCAL),
    ]
    assert fhir.state("observations", "component, code") == [(0, "85354-9"), (1, "8480-6")]


def test_what_a_hospital_calls_its_code_systems_is_read_beside_its_extracts(fhir):
    folder = write_export(fhir.folder(), diagnoses(diagnosis("c1", code=codings((LOCAL, "I50.9")))))
    before = verify_extract(fhir.pack(folder)).fingerprint
    words = fhir.root / "hospital.toml"
    words.write_text(f'[code_systems]\n"{LOCAL.upper()}" = "ICD-10-CM"\n', encoding="utf-8")
    assert verify_extract(folder).fingerprint != before
    fhir.ingest(folder)
    assert fhir.state("conditions", "code_system") == [("http://hl7.org/fhir/sid/icd-10-cm",)]


def test_new_words_change_the_newest_month_and_no_closed_one(fhir):
    code = codings((LOCAL, "I50.9"))
    first = fhir.pack(write_export(fhir.folder(), diagnoses(diagnosis("c1", code=code))))
    later = write_export(fhir.folder(), diagnoses(diagnosis("c2", code=code)))
    fhir.pack(later, month="2024-06", kind="delta", sequence=2)
    fhir.ingest(first)
    fhir.ingest(later)
    (fhir.root / "hospital.toml").write_text(f'[code_systems]\n"{LOCAL}" = "ICD-10-CM"\n')
    assert [fhir.ingest(folder).status for folder in (first, later)] == ["repeated", "ingested"]
    assert fhir.state("conditions", "condition_id, code_system", "2024-06") == [
        ("c1", LOCAL),
        ("c2", "http://hl7.org/fhir/sid/icd-10-cm"),
    ]


@pytest.mark.parametrize(
    "words",
    ["[code_systems]\nx = 'ICD-11-XX'\n", "[code_system]\nx = 'LOINC'\n", "not toml", "\xff"],
)
def test_words_of_a_hospital_that_nobody_knows_refuse_its_extract(tmp_path, words):
    (tmp_path / "hospital.toml").write_bytes(words.encode("latin-1"))
    with pytest.raises(ExtractError, match=r"hospital\.toml") as caught:
        spec_of("fhir", tmp_path / "2024-05")
    assert "ICD-11-XX" not in str(caught.value)


def test_a_csv_hospital_may_name_its_code_systems_too(synthea):
    run = small_run()
    for row in run["conditions.csv"]:
        row["SYSTEM"] = "house list"
    (synthea.root / "hospital.toml").write_text('[code_systems]\n"house list" = "ICD-9-CM"\n')
    synthea.ingest(synthea.pack(write_run(synthea.folder(), run)))
    assert set(synthea.state("conditions", "code_system")) == {
        ("http://hl7.org/fhir/sid/icd-9-cm",)
    }


def test_a_contained_medication_is_found_by_its_reference(fhir):
    held = [resource("Practitioner", "p"), resource("Medication", "m", code=codings((RXNORM, "7")))]
    order = resource(
        "MedicationRequest",
        "r",
        subject={"reference": "Patient/a"},
        authoredOn=TIME,
        contained=held,
        medicationReference={"reference": "#m"},
    )
    send(fhir, {**small_export(), "MedicationRequest": [order]})
    assert fhir.state("medications", "code, code_system, description") == [("7", RXNORM, "is 7")]


def test_plain_text_goes_before_other_forms_however_many_there_are(fhir):
    def form(kind: str, text: str) -> dict:
        data = base64.b64encode(text.encode()).decode()
        return {"attachment": {"contentType": kind, "data": data}}

    links = [
        {"attachment": {"contentType": "application/pdf", "url": f"Binary/{n}"}} for n in "123"
    ]
    forms = {
        "n1": [
            *links,
            form("application/pdf", "%PDF"),
            form("text/html", "<p>"),
            form("text/plain", "yes"),
        ],
        "n2": [*links, form("text/html", "<p>only</p>")],
        "n3": links,
    }
    notes = [
        resource("DocumentReference", n, subject={"reference": "Patient/a"}, date=TIME, content=c)
        for n, c in forms.items()
    ]
    report = send(fhir, {**small_export(), "DocumentReference": notes})
    assert fhir.state("notes", "note_id, text") == [("n1", "yes"), ("n2", "<p>only</p>")]
    assert report.table("notes").quarantined == {"required_null": 1}


def test_references_inside_a_bundle_name_its_entries_whatever_their_urls(tmp_path):
    url = "urn:uuid:11111111-1111-1111-1111-111111111111"
    patient = resource("Patient", "a", identifier=[{"system": "mrn", "value": "7"}])
    about = [diagnosis("c1", url), diagnosis("c2", "Patient?identifier=mrn|7")]
    about.append(resource("Consent", "k", patient={"reference": url}, status="inactive"))
    entries = [{"fullUrl": url, "resource": patient}, *({"resource": item} for item in about)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (tmp_path / "one.json").write_text(json.dumps(bundle), encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps([diagnosis("c3"), {"no": "resource"}]))
    unbundle(load_spec("fhir"), tmp_path)
    lines = (tmp_path / "Condition.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(x)["subject"]["reference"] for x in lines] == ["Patient/a"] * 3
    consent = json.loads((tmp_path / "Consent.ndjson").read_text("utf-8"))
    assert consent["patient"]["reference"] == "Patient/a"


@pytest.mark.parametrize("entry", [None, 7, {"resource": "x"}])
def test_a_bundle_that_is_none_is_refused_in_its_own_words(tmp_path, entry):
    (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [entry]}))
    with pytest.raises(ExtractError, match="no Bundle as FHIR writes it"):
        unbundle(load_spec("fhir"), tmp_path)


@pytest.mark.parametrize("name", ["procedures.csv", "consents.csv", "deletions.csv"])
def test_a_file_without_even_a_header_is_called_empty(synthea, name):
    folder = write_run(synthea.folder(), small_run())
    (folder / name).write_bytes(b"")
    with pytest.raises(ExtractError, match=f"{name} is empty"):
        synthea.pack(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(lambda b: b.decode().encode("utf-16"), "UTF-16"), (gzip.compress, "end in .gz")],
)
def test_bytes_of_another_kind_are_called_by_their_name(synthea, spoil, words):
    folder = synthea.pack(write_run(synthea.folder(), small_run()))
    path = folder / "conditions.csv"
    path.write_bytes(spoil(path.read_bytes()))
    (folder / "manifest.json").unlink()
    with pytest.raises(ExtractError, match=words):
        synthea.pack(folder)


def test_a_month_that_has_not_begun_is_refused_for_no_other_could_follow_it(synthea):
    folder = synthea.pack(write_run(synthea.folder(), small_run()), month="2099-01")
    with pytest.raises(ExtractError, match="a month that has not begun"):
        verify_extract(folder)
