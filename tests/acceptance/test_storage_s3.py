"""The store's rules against a real S3 server: `eval "$(scripts/s3.sh start | grep export)"`."""

import hashlib
import os
import urllib.error
import urllib.request
import uuid

import pytest

from clearward.errors import StorageError
from clearward.storage.probe import KEEPS_UNCHANGED, check_immutable, probe
from clearward.storage.s3 import S3Storage
from tests.unit.storage.store_rules import StoreRules

ENDPOINTS = {"http": "CLEARWARD_TEST_S3", "https": "CLEARWARD_TEST_S3_TLS"}


@pytest.mark.s3
@pytest.mark.parametrize("scheme", ENDPOINTS, scope="class")
class TestS3Storage(StoreRules):
    @pytest.fixture
    def address(self, scheme, monkeypatch):
        endpoint = os.environ.get(ENDPOINTS[scheme])
        if not endpoint:
            pytest.skip(f"{ENDPOINTS[scheme]} is not set: run scripts/s3.sh start")
        if scheme == "https":
            monkeypatch.setenv("AWS_CA_BUNDLE", os.environ["CLEARWARD_TEST_S3_CA"])
            monkeypatch.setenv("SSL_CERT_FILE", os.environ["CLEARWARD_TEST_S3_CA"])
        bucket = os.environ.get("CLEARWARD_TEST_S3_BUCKET", "clearward-test")
        return f"s3://{bucket}/{uuid.uuid4().hex}", endpoint

    @pytest.fixture
    def storage(self, address):
        bucket, _, prefix = address[0].removeprefix("s3://").partition("/")
        storage = S3Storage(bucket, prefix, endpoint=address[1])
        yield storage
        for key in list(storage.list("")):
            storage.delete(key)

    def test_a_presigned_link_names_the_file_and_serves_ranges(self, storage):
        storage.put_bytes("a/b.bin", bytes(range(100)))
        url = storage.presign("a/b.bin", expires=60, filename="for-you.bin")
        request = urllib.request.Request(url, headers={"Range": "bytes=10-19"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 206
            assert answer.read() == bytes(range(10, 20))
            assert "for-you.bin" in answer.headers["Content-Disposition"]

    def test_a_locked_bucket_is_told_as_it_is_and_used_only_if_it_keeps_its_word(self, storage):
        """Ceph Pacific ignores conditions once a bucket has versions: 16 winners of 16."""
        bucket = f"clearward-locked-{uuid.uuid4().hex[:8]}"
        client = storage._client
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        locked = S3Storage(bucket, client=client)
        try:
            seen = {result.name: result for result in probe(locked)}
            assert seen["object lock"].seen == "a locked object cannot be erased"
            assert seen["versioning"].seen.startswith("on")
            if all(seen[name].ok for name in KEEPS_UNCHANGED):
                check_immutable(locked)
            else:
                with pytest.raises(StorageError, match="cannot keep a release unchanged"):
                    check_immutable(locked)
        finally:
            client.delete_bucket(Bucket=bucket)  # refused unless the probe left no version either

    def test_a_tampered_link_is_refused(self, storage):
        storage.put_bytes("a/b.bin", b"1")
        storage.put_bytes("a/c.bin", b"2")
        url = storage.presign("a/b.bin", expires=60, filename="b.bin")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.replace("/a/b.bin", "/a/c.bin"))

    def test_a_large_file_goes_up_in_parts(self, storage, tmp_path, monkeypatch):
        monkeypatch.setattr("clearward.storage.s3.SINGLE_PUT_LIMIT", 1 << 20)
        path = tmp_path / "f"
        path.write_bytes(os.urandom(1 << 20) * 20)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        storage.put_file("big", path, sha256=digest)
        assert storage.head("big").sha256 == digest
        assert storage.head("big").size == path.stat().st_size
