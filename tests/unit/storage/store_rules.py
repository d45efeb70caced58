"""What every store must keep, as a mixin: each form of store runs the same tests."""

import hashlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from clearward.errors import StorageError
from clearward.storage import KeyChangedError, KeyExistsError, KeyMissingError
from clearward.storage.probe import check_immutable, probe

RACERS = 16

WRITER = """
import sys, hashlib
from pathlib import Path
from clearward.settings import Settings
from clearward.storage import open_storage
store, endpoint, key, source = sys.argv[1:]
settings = Settings(Path("."), store, "", Path("."), endpoint=endpoint)
path = Path(source)
digest = hashlib.sha256(path.read_bytes()).hexdigest()
storage = open_storage(settings)
print("writing", flush=True)
storage.put_file(key, path, sha256=digest)
print("done", flush=True)
"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class StoreRules:
    """Fixtures needed: ``storage`` (empty), ``address`` = (store URL, endpoint)."""

    def test_what_is_put_comes_back(self, storage):
        storage.put_bytes("a/b.txt", b"hello")
        assert storage.get_bytes("a/b.txt") == b"hello"

    def test_a_file_is_stored_with_its_size_and_hash(self, storage, tmp_path):
        path = tmp_path / "f"
        path.write_bytes(b"x" * 100_000)
        storage.put_file("a/f", path, sha256=sha256(path.read_bytes()))
        head = storage.head("a/f")
        assert (head.size, head.sha256) == (100_000, sha256(b"x" * 100_000))

    def test_a_file_with_another_hash_is_refused_and_not_stored(self, storage, tmp_path):
        path = tmp_path / "f"
        path.write_bytes(b"this")
        with pytest.raises(StorageError, match="not the one"):
            storage.put_file("a/f", path, sha256=sha256(b"that"))
        assert list(storage.list("")) == []

    def test_create_refuses_what_exists_and_leaves_it_alone(self, storage):
        storage.create("k", b"first")
        with pytest.raises(KeyExistsError):
            storage.create("k", b"second")
        assert storage.get_bytes("k") == b"first"

    def test_a_race_of_creators_has_exactly_one_winner(self, storage):
        def enter(racer):
            try:
                storage.create("race", str(racer).encode())
            except KeyExistsError:
                return None
            return racer

        with ThreadPoolExecutor(RACERS) as pool:
            winners = [r for r in pool.map(enter, range(RACERS)) if r is not None]
        assert len(winners) == 1
        assert storage.get_bytes("race") == str(winners[0]).encode()

    def test_replace_if_takes_the_etag_that_was_read(self, storage):
        storage.put_bytes("k", b"1")
        storage.replace_if("k", b"2", etag=storage.head("k").etag)
        assert storage.get_bytes("k") == b"2"

    def test_replace_if_refuses_a_stale_etag(self, storage):
        storage.put_bytes("k", b"1")
        stale = storage.head("k").etag
        storage.replace_if("k", b"2", etag=stale)
        with pytest.raises(KeyChangedError):
            storage.replace_if("k", b"3", etag=stale)
        assert storage.get_bytes("k") == b"2"

    def test_a_race_of_swappers_loses_no_update(self, storage):
        storage.put_bytes("n", b"0")

        def add_one(_):
            for _attempt in range(200):
                head = storage.head("n")
                number = int(storage.get_bytes("n"))
                try:
                    storage.replace_if("n", str(number + 1).encode(), etag=head.etag)
                except KeyChangedError:
                    continue
                return 1
            return 0

        with ThreadPoolExecutor(4) as pool:
            added = sum(pool.map(add_one, range(12)))
        assert added == 12
        assert storage.get_bytes("n") == b"12"

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (3, 4, b"3456"),
            (8, None, b"89"),
            (8, 100, b"89"),
            (0, 1, b"0"),
        ],
    )
    def test_ranges(self, storage, start, length, expected):
        storage.put_bytes("r", b"0123456789")
        with storage.open_range("r", start, length=length) as stream:
            assert stream.read() == expected

    def test_missing_keys_are_missing(self, storage):
        for call in (storage.get_bytes, storage.head, storage.open_range):
            with pytest.raises(KeyMissingError):
                call("nothing/here")
        storage.delete("nothing/here")

    def test_listing_is_sorted_and_by_prefix(self, storage):
        for key in ("p/b", "p/a/x", "q/c", "p2/d"):
            storage.put_bytes(key, b"")
        assert list(storage.list("p/")) == ["p/a/x", "p/b"]
        assert list(storage.list("p")) == ["p/a/x", "p/b", "p2/d"]
        assert list(storage.list("")) == ["p/a/x", "p/b", "p2/d", "q/c"]
        assert list(storage.list("none/")) == []

    def test_deleted_keys_are_gone(self, storage):
        storage.put_bytes("d", b"1")
        storage.delete("d")
        assert list(storage.list("")) == []

    @pytest.mark.parametrize(
        "key", ["../x", "/etc/passwd", "a/../../x", "", "a//b", ".partial/x", "a\0b", "a\nb", "a/"]
    )
    def test_keys_that_lead_elsewhere_are_refused(self, storage, key):
        for call in (storage.get_bytes, storage.delete, storage.head):
            with pytest.raises(StorageError, match="Not a key"):
                call(key)
        with pytest.raises(StorageError, match="Not a key"):
            storage.put_bytes(key, b"x")

    def test_a_killed_writer_leaves_nothing_visible(self, storage, address, tmp_path):
        source = tmp_path / "big"
        source.write_bytes(os.urandom(1 << 20) * 192)
        command = [sys.executable, "-c", WRITER, *address, "killed/big", str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout.readline() == "writing\n"
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        assert list(storage.list("killed/")) == []
        assert subprocess.run(command, check=True, capture_output=True).returncode == 0
        assert storage.head("killed/big").sha256 == sha256(source.read_bytes())

    def test_what_is_erased_leaves_no_version(self, storage):
        storage.put_bytes("e", b"1")
        storage.put_bytes("e", b"2")
        storage.erase("e")
        assert list(storage.list("")) == []
        assert not storage.versions("e")

    def test_the_probe_finds_every_promise_kept_and_cleans_up(self, storage):
        results = probe(storage)
        assert [r.name for r in results if not r.ok] == []
        assert len(results) == 9
        check_immutable(storage)
        assert list(storage.list("")) == []
