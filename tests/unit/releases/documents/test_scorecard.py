from clearward.releases.documents.quality import group_of
from clearward.releases.documents.scorecard import FRAMEWORKS


def test_what_nothing_measures_has_no_mark(read):
    for framework in read("quality_scorecard.json").values():
        for dimension in framework["dimensions"]:
            is_measured = not dimension["figure"].startswith("not measured")
            assert (dimension["level"] is None) is not is_measured


def test_the_label_has_twelve_dimensions_and_claims_no_office(read):
    label = read("quantum_label.json")
    assert len(label["dimensions"]) == len({d["name"] for d in label["dimensions"]}) == 12
    assert label["is_official_label"] is False


def test_a_check_that_had_no_row_earns_nothing(built, read):
    """The factory's gate has only checks of presence: no other dimension of checks has a mark."""
    kahn = read("quality_scorecard.json")["kahn_2016"]["dimensions"]
    marks = {(d["name"], d["part"]): d["level"] for d in kahn}
    assert marks[("Completeness", "verification")] == 3
    assert {level for key, level in marks.items() if key != ("Completeness", "verification")} == {
        None
    }


def test_every_evidence_is_a_page_of_the_release_with_that_anchor(built, read):
    for framework in read("quality_scorecard.json").values():
        for dimension in framework["dimensions"]:
            page, _, anchor = dimension["evidence"].partition("#")
            if page:
                text = (built / page).read_text("utf-8")
                assert not anchor or f'id="{anchor}"' in text


def test_a_framework_names_each_dimension_once():
    for _, dimensions in FRAMEWORKS.values():
        assert len({(d.name, d.part) for d in dimensions}) == len(dimensions)


def test_a_check_belongs_to_one_group():
    named = {
        ("patient_key_is_present", "completeness"): "presence",
        ("iop_mmhg_in_range", "plausibility"): "range",
        ("patient_is_in_the_product", "conformance"): "relation",
        ("keys_are_product_pseudonyms", "conformance"): "privacy",
        ("sex_is_permissible", "conformance"): "values",
    }
    for (check, kahn), group in named.items():
        assert group_of({"check": check, "kahn": kahn}) == group
