import json
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from clearward.licensing import ledger, registry
from clearward.licensing.model import Copy
from tests.unit.licensing.conftest import Office
from tests.unit.releases import factory
from tests.unit.service.conftest import Buyer

PRODUCT = factory.PRODUCT
SHARES = "/delta-sharing/shares"
SCHEMA = f"{SHARES}/clearward/schemas/{PRODUCT}"
PATIENT = f"{SCHEMA}/tables/{PRODUCT}__patient"
DELTA = "responseformat=delta;readerfeatures=deletionvectors,columnmapping,timestampntz"


def lines(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    return [json.loads(line) for line in answer.text.splitlines()]


def rows(buyer, url):
    answer = buyer.web.get(url)
    assert answer.status_code == 200, answer.text
    return pq.read_table(BytesIO(answer.content)).to_pylist()


def test_the_share_holds_what_the_licence_covers(buyer):
    assert [s["name"] for s in buyer.get(SHARES).json()["items"]] == ["clearward"]
    assert buyer.get(f"{SHARES}/CLEARWARD").json()["share"]["name"] == "clearward"
    schemas = buyer.get(f"{SHARES}/clearward/schemas").json()["items"]
    assert schemas == [{"name": PRODUCT, "share": "clearward"}]
    tables = buyer.get(f"{SCHEMA}/tables").json()["items"]
    assert {t["name"] for t in tables} > {f"{PRODUCT}__patient", f"{PRODUCT}__attrition"}
    assert buyer.get(f"{SHARES}/clearward/all-tables").json()["items"] == tables


def test_pages_follow_each_other_without_gap_or_repeat(buyer):
    whole = [t["name"] for t in buyer.get(f"{SCHEMA}/tables").json()["items"]]
    seen, token = [], ""
    while True:
        page = buyer.get(f"{SCHEMA}/tables?maxResults=2&pageToken={token}").json()
        seen += [t["name"] for t in page["items"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert seen == whole
    none = buyer.get(f"{SCHEMA}/tables?maxResults=0").json()
    assert none["items"] == [] and none["nextPageToken"]


@pytest.mark.parametrize(
    "query", ["maxResults=-1", "maxResults=x", "maxResults=1.5", "pageToken=rubbish", "pageToken=é"]
)
def test_a_page_that_cannot_be_asked_for_is_malformed(buyer, query):
    assert buyer.get(f"{SCHEMA}/tables?{query}").status_code == 400


def test_versions_are_counted_in_order_of_publication(buyer, make_buyer):
    assert buyer.get(f"{PATIENT}/version").headers["delta-table-version"] == "1"
    older = make_buyer(version_range="1.0.x")
    assert older.get(f"{PATIENT}/version").headers["delta-table-version"] == "0"
    newer = make_buyer(version_range="1.1.x")
    assert newer.get(f"{PATIENT}/version").headers["delta-table-version"] == "1"
    since = f"{PATIENT}/version?startingTimestamp=2020-01-01T00:00:00Z"
    assert buyer.get(since).headers["delta-table-version"] == "0"
    assert newer.get(since).headers["delta-table-version"] == "1"
    assert buyer.get(f"{PATIENT}/version?startingTimestamp=2999-01-01").status_code == 404
    assert buyer.get(f"{PATIENT}/version?startingTimestamp=soon").status_code == 400


def test_the_files_are_those_of_the_licensees_own_copy(buyer):
    protocol, metadata, file = lines(buyer.post(f"{PATIENT}/query"))
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    links = buyer.get(f"/v1/releases/{PRODUCT}/1.1.0/links").json()["files"]
    [mine] = [f for f in links if "__patient/" in f["path"]]
    assert file["file"]["id"] == mine["sha256"]
    assert file["file"]["size"] == mine["bytes"] == metadata["metaData"]["size"]
    names = [f["name"] for f in json.loads(metadata["metaData"]["schemaString"])["fields"]]
    found = rows(buyer, file["file"]["url"])
    assert len(found) == 70 and list(found[0]) == names
    assert json.loads(file["file"]["stats"])["numRecords"] == 70


def test_the_answer_comes_in_the_format_the_client_reads(buyer):
    answer = buyer.post(f"{PATIENT}/query", **{"delta-sharing-capabilities": DELTA})
    assert answer.headers["delta-sharing-capabilities"] == "responseformat=delta"
    protocol, metadata, file = lines(answer)
    assert protocol["protocol"]["deltaProtocol"]["minReaderVersion"] == 1
    assert metadata["metaData"]["deltaMetadata"]["partitionColumns"] == []
    assert len(rows(buyer, file["file"]["deltaSingleAction"]["add"]["path"])) == 70
    auto = buyer.get(
        f"{PATIENT}/metadata", **{"delta-sharing-capabilities": "responseformat=delta,parquet"}
    )
    assert auto.headers["delta-sharing-capabilities"] == "responseformat=delta"
    strange = {"delta-sharing-capabilities": "responseformat=iceberg"}
    assert buyer.post(f"{PATIENT}/query", **strange).status_code == 400


@pytest.mark.parametrize(
    ("ask", "number"),
    [
        ({"version": 0}, "0"),
        ({"version": 1}, "1"),
        ({"timestamp": "2999-01-01T00:00:00Z"}, "1"),
        ({"timestamp": "2999-1-1 00:00:00"}, "1"),
    ],
)
def test_a_table_is_read_as_it_was(buyer, ask, number):
    answer = buyer.post(f"{PATIENT}/query", ask)
    assert answer.headers["delta-table-version"] == number
    assert len(rows(buyer, lines(answer)[2]["file"]["url"])) == (60 if number == "0" else 70)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"version": -1}',
        b'{"version": true}',
        b'{"version": 1.5}',
        b'{"version": 1, "timestamp": "2024-01-01"}',
        b'{"timestamp": "yesterday"}',
        b'{"limitHint": -1}',
        b'{"startingVersion": 0}',
        b"[" * 5000,
    ],
)
def test_a_malformed_question_is_400_and_hands_out_nothing(buyer, body):
    answer = buyer.web.post(f"{PATIENT}/query", content=body, headers=buyer.header)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "MALFORMED_REQUEST"
    assert ledger.all_receipts(buyer.office.engine) == ()


def test_hints_leave_out_a_file_that_cannot_matter_and_never_refuse(buyer):
    visit = f"{SCHEMA}/tables/{PRODUCT}__encounter"

    def files(**ask):
        return len(lines(buyer.post(f"{visit}/query", ask))) - 2

    def tree(op, value, **kind):
        column = {"op": "column", "name": "DAY", "valueType": "int"}
        literal = {"op": "literal", "value": value, "valueType": kind.get("kind", "int")}
        return json.dumps({"op": op, "children": [column, literal]})

    assert files(jsonPredicateHints=tree("greaterThan", "69")) == 0
    assert files(jsonPredicateHints=tree("greaterThanOrEqual", "69")) == 1
    assert files(jsonPredicateHints=tree("equal", "-1")) == 0
    assert files(jsonPredicateHints=tree("equal", "9", kind="string")) == 1
    assert files(predicateHints=["day < 0"]) == 0
    assert files(predicateHints=["0 > day"]) == 0
    assert files(predicateHints=["day IS NULL"]) == 0
    assert files(predicateHints=["day < 0 OR 1 = 1", "DROP TABLE x", 7]) == 1
    assert files(jsonPredicateHints="{") == 1
    assert files(limitHint=1) == 1
    assert files(limitHint=0) == 0


def test_not_covered_and_not_existing_are_the_same_bytes(make_buyer):
    buyer = make_buyer(version_range="1.0.x")
    paths = [
        f"{SHARES}/other",
        f"{SHARES}/other/schemas",
        f"{SHARES}/clearward/schemas/neurology/tables",
        f"{SHARES}/clearward/schemas/dentistry/tables",
        f"{SHARES}/clearward/schemas/neurology/tables/neurology__patient/metadata",
        f"{SHARES}/clearward/schemas/dentistry/tables/neurology__patient/metadata",
        f"{SCHEMA}/tables/nothing/metadata",
        f"{SHARES}/other/schemas/{PRODUCT}/tables/{PRODUCT}__patient/version",
        f"{PATIENT}/changes?startingVersion=1",
        f"{PATIENT}/changes?startingVersion=2",
    ]
    answers = [buyer.get(path) for path in paths]
    answers += [buyer.post(f"{PATIENT}/query", {"version": n}) for n in (1, 2, 99)]
    answers += [buyer.post(f"{SCHEMA}/tables/nothing/query")]
    answers += [buyer.post(f"{PATIENT}/query", {"timestamp": "1999-01-01T00:00:00Z"})]
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}
    told = {frozenset(a.headers) for a in answers}
    assert len(told) == 1
    reasons = [reason for _, reason in buyer.log()]
    assert len(reasons) == len(answers) and "granted" not in reasons
    assert {"other_version", "no_release", "unknown_product"} <= set(reasons)


def test_a_licence_that_is_over_is_403_whatever_is_asked(buyer):
    registry.revoke_licence(buyer.office.engine, buyer.licence.id)
    answers = [
        buyer.get(path)
        for path in (
            f"{SHARES}/other",
            f"{SCHEMA}/tables",
            f"{PATIENT}/metadata",
            SCHEMA + "x/tables",
        )
    ]
    answers += [buyer.post(f"{PATIENT}/query"), buyer.get(f"{PATIENT}/changes?startingVersion=0")]
    assert {(a.status_code, a.content) for a in answers} == {(403, answers[0].content)}
    assert buyer.get(SHARES).json() == {"items": []}


def test_a_link_of_a_query_stops_with_the_licence(buyer):
    url = lines(buyer.post(f"{PATIENT}/query"))[2]["file"]["url"]
    assert buyer.web.head(url).status_code == 200
    registry.revoke_licence(buyer.office.engine, buyer.licence.id)
    assert buyer.web.get(url).status_code == 403


def test_links_and_files_are_in_the_ledger_as_those_of_the_manifest_api(buyer):
    answer = buyer.post(f"{PATIENT}/query")
    buyer.web.get(lines(answer)[2]["file"]["url"])
    [receipt] = ledger.received_by(buyer.office.engine, PRODUCT, "1.1.0")
    assert (receipt.requests, receipt.has_data, receipt.copy) == (2, True, Copy.OWN)
    assert ledger.verify_ledger(buyer.office.engine) == 2


def changes(buyer, query, table="encounter", **headers):
    return lines(buyer.get(f"{SCHEMA}/tables/{PRODUCT}__{table}/changes?{query}", **headers))


def test_the_feed_brings_a_holder_of_the_old_version_to_the_new_one(buyer):
    first = changes(buyer, "startingVersion=0&endingVersion=0")
    assert [*first[2]] == ["add"]
    old = rows(buyer, first[2]["add"]["url"])
    _, _, feed = changes(buyer, "startingVersion=1")
    assert feed["cdf"]["version"] == 1
    found = rows(buyer, feed["cdf"]["url"])
    assert "_commit_version" not in found[0]
    assert {row["_change_type"] for row in found} == {"insert"}
    key = "encounter_key"
    held = {row[key]: row for row in old}
    held |= {row.pop(key): row for row in found}
    new = lines(buyer.post(f"{SCHEMA}/tables/{PRODUCT}__encounter/query"))[2]["file"]["url"]
    assert set(held) == {row[key] for row in rows(buyer, new)}
    both = changes(buyer, "startingVersion=0&endingVersion=1")
    assert [next(iter(line)) for line in both[2:]] == ["add", "cdf"]
    delta = {"delta-sharing-capabilities": DELTA}
    action = changes(buyer, "startingVersion=1", **delta)[2]["file"]["deltaSingleAction"]
    assert action["cdc"]["size"] == feed["cdf"]["size"]
    assert ledger.verify_ledger(buyer.office.engine) > 0


@pytest.mark.parametrize(
    "query",
    [
        "",
        "endingVersion=1",
        "startingVersion=1&endingVersion=0",
        "startingVersion=x",
        "startingVersion=0&startingTimestamp=2024-01-01",
        "startingVersion=99999999999999999999",
    ],
)
def test_a_range_that_is_none_is_malformed(buyer, query):
    assert buyer.get(f"{PATIENT}/changes?{query}").status_code == 400


def test_two_buyers_feeds_share_no_key(buyer, make_buyer):
    other = make_buyer(version_range="1.x", buyer="Another House")
    both = []
    for who in (buyer, other):
        feed = changes(who, "startingVersion=1")[2]["cdf"]
        both.append({row["patient_key"] for row in rows(who, feed["url"])})
        stolen = feed["url"].replace("changes-from-1.0.0", "changes-from-0.9.0")
        assert who.web.get(stolen).status_code == 403
    assert both[0] and not both[0] & both[1]


@pytest.fixture
def widened(published, tmp_path):
    """A buyer of three versions, of which the last brought a column of visits."""
    house = published.moved(tmp_path / "home")
    sql = factory.entity_sql("encounter", "encounter_key", 80)
    house.release(
        "2024-07", patients=80, overrides={"encounter": f"SELECT *, 1 AS more FROM ({sql})"}
    )
    office = Office(house, house.settings.database)
    return Buyer(office, office.licence(version_range="1.x"))


def test_every_version_is_described_by_its_own_columns(widened):
    visit = f"{SCHEMA}/tables/{PRODUCT}__encounter"

    def columns(line):
        return [field["name"] for field in json.loads(line["metaData"]["schemaString"])["fields"]]

    def described(query):
        answer = widened.get(f"{visit}/metadata{query}")
        return answer.headers["delta-table-version"], columns(lines(answer)[1])

    newest = described("")
    assert newest == described("?version=2") == described("?timestamp=2999-01-01T00:00:00Z")
    assert newest[0] == "2" and "more" in newest[1]
    older = [described(f"?version={number}") for number in (0, 1)]
    assert [number for number, _ in older] == ["0", "1"]
    assert all("more" not in names for _, names in older)
    assert columns(lines(widened.post(f"{visit}/query", {"version": 1}))[1]) == older[1][1]
    for query in ("?version=3", "?timestamp=1999-01-01T00:00:00Z"):
        assert widened.get(f"{visit}/metadata{query}").status_code == 404
    for query in ("?version=-1", "?version=x", "?version=1&timestamp=2024-01-01"):
        assert widened.get(f"{visit}/metadata{query}").status_code == 400
    told = changes(widened, "startingVersion=0&includeHistoricalMetadata=true")
    history = [line for line in told[2:] if "metaData" in line]
    assert [line["metaData"]["version"] for line in history] == [0, 2]
    assert [columns(line) for line in history] == [older[0][1], newest[1]]
    assert len(changes(widened, "startingVersion=0")) == len(told) - len(history)
