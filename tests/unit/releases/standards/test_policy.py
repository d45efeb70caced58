"""The terms of use, read back by an RDF library: nothing permits what the product forbids."""

from dataclasses import replace

import pytest
import rdflib

from clearward.errors import LicenceError
from clearward.products.spec import load_product, product_names
from clearward.releases.standards import policy
from clearward.releases.standards.policy import Limits

TARGET, UID = "urn:t", "urn:p"
LIMITS = Limits(("commercial_licensing",), "2026-01-01", "2026-12-31", ("CHN",), 3)


def parsed(node):
    return rdflib.Graph().parse(data=policy.document(node), format="json-ld")


def agreed(product, limits=LIMITS):
    parties = {"assigner": "urn:a", "assignee": "urn:b"}
    return policy.agreement(product, uid=UID, target=TARGET, **parties, limits=limits)


def asked(graph, query):
    prefix = "PREFIX odrl: <http://www.w3.org/ns/odrl/2/> "
    return {tuple(map(str, row)) for row in graph.query(prefix + query)}


def rules(graph, kind):
    """(rule, purpose) of every rule of a kind; purpose is empty where a rule has none."""
    return asked(
        graph,
        f"""SELECT ?rule ?action ?purpose WHERE {{
            ?policy odrl:{kind} ?rule . ?rule odrl:action ?action .
            OPTIONAL {{ ?rule odrl:constraint ?c . ?c odrl:leftOperand odrl:purpose ;
                        odrl:operator odrl:isAnyOf ; odrl:rightOperand ?purpose }} }}""",
    )


@pytest.mark.parametrize("name", product_names())
@pytest.mark.parametrize("form", ["offer", "agreement"])
def test_nothing_permits_a_forbidden_purpose_and_each_is_prohibited(name, form):
    product = load_product(name)
    node = policy.offer(product, uid=UID, target=TARGET) if form == "offer" else agreed(product)
    graph = parsed(node)
    forbidden = {iri for p in product.forbidden_purposes for iri in policy.forbidden_iris(p)}
    permitted = {purpose for _, _, purpose in rules(graph, "permission")}
    prohibited = {purpose for _, _, purpose in rules(graph, "prohibition")}
    assert len(forbidden) >= len(product.forbidden_purposes) > 0
    assert permitted and "None" not in permitted, "a permission without a purpose permits them all"
    assert not permitted & forbidden
    assert forbidden <= prohibited


@pytest.mark.parametrize("name", product_names())
def test_a_prohibition_wins_and_every_rule_is_about_the_dataset(name):
    graph = parsed(policy.offer(load_product(name), uid=UID, target=TARGET))
    assert asked(graph, "SELECT ?c WHERE { ?p odrl:conflict ?c }") == {
        ("http://www.w3.org/ns/odrl/2/prohibit",)
    }
    kinds = ("permission", "prohibition", "obligation")
    every = {rule for kind in kinds for rule, _, _ in rules(graph, kind)}
    about = {rule for (rule,) in asked(graph, f"SELECT ?r WHERE {{ ?r odrl:target <{TARGET}> }}")}
    assert every == about and len(every) > 4


def test_no_term_of_duo_rules_out_what_the_product_is_offered_for():
    product = load_product("neurology")
    assert policy.duo_codes(product) == ("DUO:0000026", "DUO:0000025")
    research = replace(product, purposes=("research",))
    assert "DUO:0000006" in policy.duo_codes(research)


def test_handing_the_data_on_is_prohibited_and_a_recall_obliges_to_delete():
    graph = parsed(policy.offer(load_product("neurology"), uid=UID, target=TARGET))
    actions = {action for _, action, _ in rules(graph, "prohibition")}
    assert "http://www.w3.org/ns/odrl/2/distribute" in actions
    assert asked(
        graph,
        "SELECT ?e WHERE { ?p odrl:obligation ?r . ?r odrl:action odrl:delete ; "
        "odrl:constraint ?c . ?c odrl:leftOperand odrl:event ; odrl:rightOperand ?e }",
    ) == {(policy.RECALL,)}


def test_an_agreement_narrows_time_country_and_number():
    graph = parsed(agreed(load_product("neurology")))
    found = asked(
        graph,
        "SELECT DISTINCT ?l ?o ?v WHERE { ?p odrl:permission ?r . ?r odrl:constraint ?c . "
        "?c odrl:leftOperand ?l ; odrl:operator ?o ; odrl:rightOperand ?v "
        "FILTER(?l != odrl:purpose) }",
    )
    short = {tuple(part.rpartition("/")[2] for part in row) for row in found}
    assert short == {
        ("dateTime", "gteq", "2026-01-01"),
        ("dateTime", "lteq", "2026-12-31"),
        ("spatial", "isAnyOf", "CHN"),
        ("count", "lteq", "3"),
    }


@pytest.mark.parametrize("purposes", [(), ("marketing",), ("commercial_licensing", "research")])
def test_nobody_can_agree_to_what_the_product_does_not_offer(purposes):
    with pytest.raises(LicenceError, match="Nobody can agree"):
        agreed(load_product("neurology"), replace(LIMITS, purposes=purposes))


def test_a_spec_that_permits_what_it_forbids_makes_no_policy():
    product = replace(load_product("neurology"), forbidden_purposes=("commercial_licensing",))
    with pytest.raises(LicenceError, match="permits what it forbids"):
        policy.offer(product, uid=UID, target=TARGET)
