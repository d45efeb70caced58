"""What boto3 says on a bad day, in the store's words. What a good store does is tested on one."""

import socket

import pytest
from botocore.stub import Stubber

from clearward.errors import ConfigError, StorageBusyError, StorageError
from clearward.storage import KeyChangedError, KeyExistsError, KeyMissingError
from clearward.storage.s3 import S3Storage, make_client


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit")


@pytest.fixture
def client(credentials):
    return make_client("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("operation", "code", "status", "expected"),
    [
        ("put_object", "PreconditionFailed", 412, KeyExistsError),
        ("put_object", "SlowDown", 503, StorageBusyError),
        ("put_object", "InternalError", 500, StorageBusyError),
        ("put_object", "ConditionalRequestConflict", 409, StorageBusyError),
        ("put_object", "AccessDenied", 403, StorageError),
    ],
)
def test_refusals_of_a_create(client, operation, code, status, expected):
    with Stubber(client) as stub:
        stub.add_client_error(operation, code, http_status_code=status)
        with pytest.raises(StorageError) as caught:
            S3Storage("b", "p", client=client).create("k", b"x")
    assert type(caught.value) is expected
    assert caught.value.retryable is (expected is StorageBusyError)


def test_a_missing_object_is_missing(client):
    with Stubber(client) as stub:
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        with pytest.raises(KeyMissingError):
            S3Storage("b", client=client).get_bytes("k")


def test_a_swap_refused_twice_is_a_change(client):
    storage = S3Storage("b", client=client)
    with Stubber(client) as stub:
        stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        stub.add_response("head_object", {"ContentLength": 1, "Metadata": {}, "ETag": '"other"'})
        with pytest.raises(KeyChangedError):
            storage.replace_if("k", b"x", etag="mine")


def test_a_store_that_wants_quotes_gets_them(client):
    storage = S3Storage("b", client=client)
    with Stubber(client) as stub:
        stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        stub.add_response("head_object", {"ContentLength": 1, "Metadata": {}, "ETag": '"mine"'})
        stub.add_response("put_object", {})
        storage.replace_if("k", b"x", etag="mine")
        stub.assert_no_pending_responses()


def test_a_server_that_is_not_there_is_busy(client):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
    storage = S3Storage("b", endpoint=endpoint)
    storage._client.meta.config.retries = {"max_attempts": 0}
    with pytest.raises(StorageBusyError, match="out of reach"):
        storage.get_bytes("k")


def test_no_credentials_is_a_config_error(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        S3Storage("b", endpoint="http://127.0.0.1:1").get_bytes("k")
