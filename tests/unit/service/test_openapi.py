import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig

from clearward.service.limits import Limits, Rate
from tests.unit.service.conftest import Buyer


def test_every_route_is_in_the_document_and_nothing_else(buyer):
    document = buyer.web.get("/openapi.json").json()
    told = {
        (path, method.upper())
        for path, operations in document["paths"].items()
        for method in operations
    }
    real = {
        (route.path.replace(":path}", "}"), method)
        for route in buyer.web.app.routes
        for method in route.methods
        if route.path != "/openapi.json"
    }
    assert told == real
    assert document["openapi"] == "3.1.0"


def test_every_operation_has_a_name_of_its_own_and_says_what_can_go_wrong(buyer):
    operations = [
        operation
        for path in buyer.web.get("/openapi.json").json()["paths"].values()
        for operation in path.values()
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all({"429", "500", "503"} <= set(o["responses"]) for o in operations)


def test_nothing_that_can_be_asked_breaks_the_service_or_its_word(office):
    """Schemathesis asks what the document allows, and what it does not."""
    limits = Limits(failures=Rate(1e6, 10**6))
    buyer = Buyer(office, office.licence(version_range="1.x"), limits=limits)
    # What the schema allows may still be refused: a page token nobody gave, another house's list
    config = SchemathesisConfig.from_dict(
        {"checks": {"positive_data_acceptance": {"enabled": False}}}
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", buyer.web.app, config=config)
    asked = []
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @settings(
            max_examples=2,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def ask(case):
            case.call_and_validate(headers=buyer.header)
            asked.append(case.operation.label)

        ask()
    assert len(set(asked)) > 20
