"""An S3 server that agrees to everything and keeps no promise: conditions are ignored, locked
objects are deleted, links never expire, versioning is said to be on. Servers like it are in use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

ENABLED = {
    "versioning": "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "object-lock": "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    "</ObjectLockConfiguration>",
}


class Pretender(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        told = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        self.server.objects[urlsplit(self.path).path] = (content, told)
        self.answer(200, headers={"ETag": etag(content)})

    def do_DELETE(self):
        self.server.objects.pop(urlsplit(self.path).path, None)
        self.answer(204)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        place = urlsplit(self.path)
        asked = parse_qs(place.query, keep_blank_values=True)
        for question, said in ENABLED.items():
            if question in asked:
                return self.answer(200, said.encode())
        if "versions" in asked or "list-type" in asked:
            return self.answer(200, self.listed(asked).encode())
        if place.path not in self.server.objects:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content, told = self.server.objects[place.path]
        first, _, last = self.headers.get("Range", "bytes=0-").partition("=")[2].partition("-")
        part = content[int(first) : int(last) + 1 if last else None]
        return self.answer(206 if last else 200, part, headers={**told, "ETag": etag(content)})

    def listed(self, asked):
        bucket = urlsplit(self.path).path.strip("/")
        keys = sorted(path.removeprefix(f"/{bucket}/") for path in self.server.objects)
        found = [key for key in keys if key.startswith(asked["prefix"][0])]
        if "versions" not in asked:
            lines = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in found)
            return f"<ListBucketResult>{lines}</ListBucketResult>"
        one = "<LastModified>2026-01-01T00:00:00Z</LastModified><VersionId>1</VersionId>"
        lines = "".join(f"<Version><Key>{key}</Key>{one}</Version>" for key in found)
        return f"<ListVersionsResult>{lines}</ListVersionsResult>"

    def answer(self, status, content=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def etag(content):
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


@contextmanager
def pretending() -> Iterator[str]:
    """Its address, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pretender) as server:
        server.objects = {}
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
