"""An S3 bucket as a store, on AWS or on premises. What boto3 says is turned into the store's own
errors here, and nowhere else.

Checksums are sent only when a store requires them: older ones (Ceph Pacific, appliances) refuse
the trailers that newer SDKs send over https. Content is guarded by Content-MD5 on the way and by
our own SHA-256 in the object's metadata and in the signed manifest.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
)

from clearward.errors import ConfigError, StorageBusyError, StorageError
from clearward.storage import port
from clearward.storage.port import CHUNK, Head, check_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SINGLE_PUT_LIMIT = 1 << 30
_BUSY = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "ConditionalRequestConflict"}
_GONE = {"NoSuchKey", "404", "NotFound"}
_REFUSED = {"PreconditionFailed", "412"}
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501


def make_client(endpoint: str = "") -> S3Client:
    """A client with SigV4, path style, timeouts and bounded retries."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"} if endpoint else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=32,
    )
    session = boto3.session.Session()
    region = session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)


class S3Storage:
    """Objects are keys under ``<bucket>/<prefix>/``."""

    def __init__(
        self, bucket: str, prefix: str = "", *, endpoint: str = "", client: S3Client | None = None
    ) -> None:
        self.bucket, self.prefix = bucket, prefix and f"{prefix.strip('/')}/"
        self._client = client or make_client(endpoint)

    def __repr__(self) -> str:
        return f"S3Storage(s3://{self.bucket}/{self.prefix})"

    def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        """See `Storage.put_file`; larger than 1 GiB goes up in parts and is read back."""
        seen, md5, size = _hash_file(path)
        if seen != sha256:
            raise port.wrong_hash(key, seen=seen, expected=sha256)
        if size > SINGLE_PUT_LIMIT:
            self._put_parts(key, path, sha256=sha256)
            return
        with path.open("rb") as body, _translated(key):
            self._client.put_object(
                **self._at(key), Body=body, ContentMD5=md5, Metadata={"sha256": sha256}
            )

    def _put_parts(self, key: str, path: Path, *, sha256: str) -> None:
        with _translated(key):
            self._client.upload_file(
                str(path), **self._at(key), ExtraArgs={"Metadata": {"sha256": sha256}}
            )
        with self.open_range(key) as stream:
            seen = _hash_stream(stream)
        if seen != sha256:
            self.delete(key)
            raise port.wrong_hash(key, seen=seen, expected=sha256)

    def put_bytes(self, key: str, data: bytes) -> None:
        """See `Storage.put_bytes`."""
        self._put(key, data)

    def create(self, key: str, data: bytes) -> None:
        """See `Storage.create`: one small conditional PUT, never a multipart upload."""
        try:
            self._put(key, data, IfNoneMatch="*")
        except port.KeyChangedError as error:
            raise port.exists(key) from error

    def replace_if(self, key: str, data: bytes, *, etag: str) -> None:
        """See `Storage.replace_if`."""
        try:
            self._put(key, data, IfMatch=etag)
        except port.KeyChangedError:
            # Ceph wants the ETag bare, some stores want it quoted: a refusal that the content
            # does not explain is tried in the other form
            if self.head(key).etag != etag:
                raise
            self._put(key, data, IfMatch=f'"{etag}"')

    def _put(self, key: str, data: bytes, **conditions: str | datetime) -> None:
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        extra = cast(dict[str, Any], conditions)
        with _translated(key):
            self._client.put_object(
                **self._at(key),
                Body=data,
                ContentMD5=md5,
                Metadata={"sha256": hashlib.sha256(data).hexdigest()},
                **extra,
            )

    def get_bytes(self, key: str) -> bytes:
        """See `Storage.get_bytes`."""
        with _translated(key):
            return self._client.get_object(**self._at(key))["Body"].read()

    def open_range(self, key: str, start: int = 0, *, length: int | None = None) -> BinaryIO:
        """See `Storage.open_range`."""
        if length == 0:
            raise StorageError("A range of no bytes was asked for.", do="ask for one or more")
        end = "" if length is None else str(start + length - 1)
        with _translated(key):
            if start == 0 and length is None:
                found = self._client.get_object(**self._at(key))
            else:
                found = self._client.get_object(**self._at(key), Range=f"bytes={start}-{end}")
        return cast(BinaryIO, found["Body"])

    def head(self, key: str) -> Head:
        """See `Storage.head`; the SHA-256 is the one that `put_file` has checked."""
        with _translated(key):
            found = self._client.head_object(**self._at(key))
        return Head(
            size=found["ContentLength"],
            sha256=found["Metadata"].get("sha256", ""),
            etag=found["ETag"].strip('"'),
        )

    def list(self, prefix: str) -> Iterator[str]:
        """See `Storage.list`."""
        pages = self._client.get_paginator("list_objects_v2")
        keys: list[str] = []
        with _translated(prefix):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                keys += [entry["Key"] for entry in page.get("Contents", [])]
        return iter(sorted(key.removeprefix(self.prefix) for key in keys))

    def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        with _translated(key):
            self._client.delete_object(**self._at(key))

    def presign(self, key: str, *, expires: int, filename: str) -> str | None:
        """See `Storage.presign`; the URL is a secret."""
        disposition = f'attachment; filename="{check_key(filename)}"'
        parameters = {**self._at(key), "ResponseContentDisposition": disposition}
        with _translated(key):
            return self._client.generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=expires
            )

    def versions(self, key: str) -> tuple[str, ...] | None:
        """See `Storage.versions`: None unless the bucket says that versioning is on."""
        with _translated(key):
            told = _unless_refused(lambda: self._client.get_bucket_versioning(Bucket=self.bucket))
            return tuple(self._versions(key)) if told.get("Status") == "Enabled" else None

    def lock(self, key: str, data: bytes, *, seconds: int) -> bool:
        """See `Storage.lock`: in mode COMPLIANCE, which no administrator can lift."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        with _translated(key):
            ask = self._client.get_object_lock_configuration
            told = _unless_refused(lambda: ask(Bucket=self.bucket))
        if told.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            return False
        self._put(key, data, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
        return True

    def erase(self, key: str) -> None:
        """See `Storage.erase`."""
        with _translated(key):
            for version in self._versions(key):
                self._client.delete_object(**self._at(key), VersionId=version)

    def _versions(self, key: str) -> Sequence[str]:
        """Ids under the key, newest first, those of deletions among them."""
        at = self._at(key)
        pages = self._client.get_paginator("list_object_versions")
        found: Any = []
        for page in pages.paginate(Bucket=at["Bucket"], Prefix=at["Key"]):
            found += [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        own = (entry for entry in found if entry["Key"] == at["Key"])
        newest_first = sorted(own, key=itemgetter("LastModified"), reverse=True)
        return [entry["VersionId"] for entry in newest_first]

    def _at(self, key: str) -> Any:
        return {"Bucket": self.bucket, "Key": self.prefix + check_key(key)}


def _hash_file(path: Path) -> tuple[str, str, int]:
    """SHA-256, Content-MD5 and size in one reading."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return sha256.hexdigest(), base64.b64encode(md5.digest()).decode(), size


def _hash_stream(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _unless_refused(ask: Callable[[], Any]) -> Mapping[str, Any]:
    """The answer; nothing where the store has no such thing or does not tell this caller."""
    try:
        return cast(Mapping[str, Any], ask())
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status < _SERVER_ERROR or status == _NOT_IMPLEMENTED:
            return {}
        raise


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """What boto3 says in the store's words; no request, header or URL is repeated."""
    try:
        yield
    except ClientError as error:
        raise _from_response(key, error) from error
    except (ConnectionError, HTTPClientError) as error:
        raise StorageBusyError(
            "The store is out of reach.",
            seen=type(error).__name__,
            do="check CLEARWARD_ENDPOINT and the network, then try again",
        ) from error
    except BotoCoreError as error:
        raise ConfigError(
            "The S3 client cannot work as configured.",
            seen=type(error).__name__,
            do="check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
        ) from error


def _from_response(key: str, error: ClientError) -> StorageError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _GONE:
        return port.missing(key)
    if code in _REFUSED:
        return port.changed(key)
    if code in _BUSY or status >= _SERVER_ERROR:
        return StorageBusyError("The store is busy.", seen=f"{status} {code}", do="try again")
    return StorageError(
        f"The store refused {key}.",
        seen=f"{status} {code}",
        do="check the bucket, its policy and the credentials",
    )
