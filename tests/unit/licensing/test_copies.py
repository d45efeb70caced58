import errno
import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import duckdb
import pytest

from clearward.deidentify.dates import install_shift_of
from clearward.errors import ReleaseError, StorageBusyError
from clearward.keyring import pseudonym
from clearward.licensing import copies, copy_keys, delivery, recall_lists, registry
from clearward.licensing.copies import copy_id, find_copy, make_copy
from clearward.licensing.copy_desk import CopyDesk
from clearward.licensing.copy_keys import name_copy
from clearward.licensing.model import Copy
from clearward.products.spec import load_product
from clearward.releases import standards
from clearward.releases.shelf import base_prefix, file_key, load_manifest
from clearward.releases.signing import load_public_key
from clearward.releases.standards import croissant, frictionless, healthdcat_check
from clearward.releases.verify import verify_release
from clearward.storage.local import LocalStorage
from tests.unit.licensing.conftest import Office, People
from tests.unit.licensing.test_copy_keys import rotate
from tests.unit.releases import factory
from tests.unit.releases.conftest import House

PRODUCT = factory.PRODUCT


def canonical(people, version="1.0.0"):
    key = load_public_key(people.keyring)
    return load_manifest(people.storage, PRODUCT, version, public_key=key)


def build(people, licence):
    return make_copy(
        people.settings,
        people.keyring,
        people.storage,
        canonical=canonical(people),
        licence=licence,
    )


def paths(copy):
    root = copy.storage.root / base_prefix(copy.manifest)
    return {f.table: root / f.path for f in copy.manifest.files if f.table}


def table(path):
    return duckdb.sql(f"SELECT * FROM '{path}'")


def key_values(copy):
    found = set()
    for path in paths(copy).values():
        rows = table(path)
        for name in (n for n in rows.columns if n.endswith("_key")):
            found |= {value for (value,) in rows.project(name).fetchall()}
    return found


def published_keys(people):
    release = canonical(people)
    root = people.storage.root
    found = set()
    for entry in (f for f in release.files if f.table):
        rows = table(root / file_key(release, entry))
        for name in (n for n in rows.columns if n.endswith("_key")):
            found |= {value for (value,) in rows.project(name).fetchall()}
    return found


def test_a_copy_verifies_as_a_release_does(people):
    copy = build(people, people.licence())
    verified = verify_release(
        copy.storage, load_public_key(people.keyring), product=PRODUCT, version="1.0.0"
    )
    assert verified.files == len(canonical(people).files)
    assert copy.manifest.facts["copy"]["of_manifest_sha256"] == canonical(people).sha256


def test_every_key_is_the_licensees_hmac_of_the_published_one_and_nothing_else_changes(people):
    licence = people.licence()
    copy, release = build(people, licence), canonical(people)
    secret = people.keyring.key("product", PRODUCT, "licensee|acme research")
    for entry in (f for f in release.files if f.table):
        old = table(people.storage.root / file_key(release, entry))
        new = table(paths(copy)[entry.table])
        assert (new.columns, new.types) == (old.columns, old.types)
        keyed = [i for i, name in enumerate(old.columns) if name.endswith("_key")]
        expected = sorted(
            tuple(pseudonym(secret, v) if i in keyed else v for i, v in enumerate(row))
            for row in old.fetchall()
        )
        assert sorted(new.fetchall()) == expected, entry.table


def test_rows_stand_in_the_order_of_the_new_keys(people):
    copy = build(people, people.licence())
    for entry in load_product(PRODUCT).tables:
        if entry.key[0].endswith("_key"):
            rows = table(paths(copy)[f"{PRODUCT}__{entry.entity}"]).project(entry.key[0]).fetchall()
            assert rows == sorted(rows)


def test_two_licensees_share_no_key_with_each_other_or_with_the_release(people):
    first, second = build(people, people.licence()), build(people, people.licence("Other Lab"))
    ours, theirs, published = key_values(first), key_values(second), published_keys(people)
    assert len(ours) == len(theirs) == len(published) > 100
    assert not (ours & theirs) and not (ours & published) and not (theirs & published)
    assert first.copy_id != second.copy_id


def test_documents_and_tables_without_keys_are_the_releases_own_bytes(people):
    copy, release = build(people, people.licence()), canonical(people)
    ours = {f.path: f.sha256 for f in copy.manifest.files}
    of_files = {"SHA256SUMS.txt", *standards.READDRESSED}
    kept = [f for f in release.files if f.path in ours and f.path not in of_files]
    assert len(kept) > 10
    assert all(ours[f.path] == f.sha256 for f in kept)


def test_the_machine_descriptions_of_a_copy_name_its_own_files(people):
    copy = build(people, people.licence())
    entries = {f.path: f for f in copy.manifest.files}
    own = {f.table: (f.path, f.sha256, f.bytes) for f in copy.manifest.files if f.table}
    readers = {
        "croissant.json": croissant.claims,
        "datapackage.json": frictionless.claims,
        "healthdcat.ttl": lambda text: healthdcat_check.claims(healthdcat_check.parse(text)),
    }
    assert set(readers) == set(standards.READDRESSED)
    for name, read in readers.items():
        text = (copy.storage.root / file_key(copy.manifest, entries[name])).read_text("utf-8")
        named = {table: (c.path, c.sha256, c.bytes) for table, c in read(text).items()}
        assert named == own, name


def test_licences_of_one_buyer_share_their_pseudonyms_whatever_the_spelling(people):
    first = people.licence("Acme  Research")
    second = people.licence("ＡＣＭＥ research")
    assert copy_id(people.keyring, canonical(people), first.licensee) == copy_id(
        people.keyring, canonical(people), second.licensee
    )


def everything(root):
    return {
        p.relative_to(root): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in root.rglob("*")
        if p.is_file()
    }


def test_building_again_gives_the_same_bytes(people):
    licence = people.licence()
    copy = build(people, licence)
    first = everything(copy.storage.root)
    shutil.rmtree(copy.storage.root)
    assert everything(build(people, licence).storage.root) == first
    assert len(first) > 15


def test_a_copy_is_built_once(people):
    licence = people.licence()
    copy = build(people, licence)
    before = {p: p.stat().st_mtime_ns for p in copy.storage.root.rglob("*")}
    people.house.storage.delete(
        file_key(canonical(people), canonical(people).file("README.md"))
    )  # a second build could not succeed
    again = build(people, licence)
    assert {p: p.stat().st_mtime_ns for p in again.storage.root.rglob("*")} == before


def test_racing_builders_make_one_copy(people):
    licence = people.licence()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: build(people, licence), range(4)))
    assert len({copy.manifest.sha256 for copy in made}) == 1
    assert not list((people.settings.home / "copies").glob(".*.building"))


def test_what_a_killed_builder_left_is_not_taken_for_a_copy(people):
    licence = people.licence()
    name = copy_id(people.keyring, canonical(people), licence.licensee)
    left = people.settings.home / "copies" / f".{name}.building" / PRODUCT / "1.0.0"
    left.mkdir(parents=True)
    (left / "manifest.dsse.json").write_text("half")
    key = load_public_key(people.keyring)
    copy = build(people, licence)
    assert verify_release(copy.storage, key, product=PRODUCT, version="1.0.0").files > 15


def test_a_file_changed_in_the_store_is_not_copied(people):
    release, licence = canonical(people), people.licence()
    entry = next(f for f in release.files if f.table.endswith("__echo"))
    people.storage.put_bytes(file_key(release, entry), b"PAR1 something else PAR1")
    with pytest.raises(ReleaseError, match="not the one that was published"):
        build(people, licence)
    assert find_copy(people.settings, people.keyring, release, licence=licence) is None
    assert not list((people.settings.home / "spill").glob("copy-*"))


def test_a_copy_of_another_key_or_release_is_not_handed_out(people, tmp_path):
    licence = people.licence()
    build(people, licence)
    other = People(House(tmp_path / "other"))
    assert find_copy(people.settings, other.keyring, canonical(people), licence=licence) is None
    stranger = replace(canonical(people), envelope=b"another")
    assert find_copy(people.settings, people.keyring, stranger, licence=licence) is None


DAYS_SQL = """SELECT printf('echo%05d', i) AS echo_key, printf('p%019d', i % 20) AS patient_key,
    'H01' AS hospital_id, DATE '2020-01-01' + i::INTEGER AS done_on,
    TIMESTAMP '2020-01-01 08:00:00' + to_days(i::INTEGER) AS done_at FROM range(60) t(i)"""


@pytest.fixture
def dated(tmp_path):
    house = House(tmp_path / "home")
    house.release(overrides={"echo": DAYS_SQL})
    office = Office(house, house.settings.database)
    office.keyring, office.storage = house.keyring, house.storage
    return office


def shifts(dated, copy):
    """Published patient -> days its dates were moved, which must be the same for all its rows."""
    release = canonical(dated)
    entry = next(f for f in release.files if f.table.endswith("__echo"))
    old = table(dated.storage.root / file_key(release, entry)).fetchall()
    secret = dated.keyring.key("product", PRODUCT, f"licensee|{copy[1]}")
    new = {row[0]: row for row in table(paths(copy[0])[entry.table]).fetchall()}
    found = {}
    for echo, patient, _, done_on, done_at, _ in old:
        moved = new[pseudonym(secret, echo)]
        days = (moved[3] - done_on).days
        assert moved[4] - done_at == moved[3] - done_on
        found.setdefault(patient, set()).add(days)
    return found


def test_calendar_days_are_moved_by_one_secret_of_patient_and_licensee(dated):
    ours = shifts(dated, (build(dated, dated.licence(buyer="Acme")), "acme"))
    theirs = shifts(dated, (build(dated, dated.licence(buyer="Other")), "other"))
    assert len(ours) == 20
    assert all(len(days) == 1 for days in [*ours.values(), *theirs.values()])
    moved = [next(iter(days)) for days in ours.values()]
    assert all(-183 <= days <= 183 and days != 0 for days in moved)
    assert len(set(moved)) > 10
    assert sum(ours[p] != theirs[p] for p in ours) > 15


def test_no_shift_is_zero_and_all_lie_in_the_window():
    with duckdb.connect() as connection:
        install_shift_of(connection, "copy_days", b"k" * 32)
        low, high, zeros, kinds = connection.execute(
            "SELECT min(d), max(d), count(*) FILTER (d = 0), count(DISTINCT d)"
            " FROM (SELECT copy_days(i::VARCHAR) AS d FROM range(20000) t(i))"
        ).fetchone()
    assert (low, high, zeros, kinds) == (-183, 183, 0, 366)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT i::BIGINT AS echo_key, printf('p%019d', i) AS patient_key FROM range(60) t(i)",
        "SELECT printf('e%d', i) AS echo_key, DATE '2020-01-01' AS done_on FROM range(60) t(i)",
    ],
)
def test_a_table_that_cannot_be_made_anyones_own_is_refused(tmp_path, sql):
    house = House(tmp_path / "home")
    house.release(overrides={"echo": sql})
    office = Office(house, house.settings.database)
    office.keyring, office.storage = house.keyring, house.storage
    with pytest.raises(ReleaseError, match="No own copy can be made of cardiology__echo"):
        build(office, office.licence())


def test_empty_keys_stay_empty(tmp_path):
    sql = """SELECT printf('e%d', i) AS echo_key, printf('p%019d', i) AS patient_key,
        CASE WHEN i % 2 = 0 THEN printf('v%d', i) END AS encounter_key FROM range(60) t(i)"""
    house = House(tmp_path / "home")
    house.release(overrides={"echo": sql})
    office = Office(house, house.settings.database)
    office.keyring, office.storage = house.keyring, house.storage
    rows = table(paths(build(office, office.licence()))[f"{PRODUCT}__echo"])
    assert rows.count("encounter_key").fetchone() == (30,)
    assert len(rows.fetchall()) == 60


def test_a_buyer_is_told_to_come_back_while_a_copy_is_being_made(people):
    licence = people.licence()
    desk = CopyDesk(people.settings, people.keyring, people.storage, wait_seconds=0)
    with copies._alone(
        people.settings, copy_id(people.keyring, canonical(people), "acme research")
    ):
        with pytest.raises(StorageBusyError, match="still being made"):
            desk.open(canonical(people), licence)
        with pytest.raises(StorageBusyError):
            desk.open(canonical(people), licence)
        assert len(desk._running) == 1
    patient = CopyDesk(people.settings, people.keyring, people.storage)
    assert patient.open(canonical(people), licence).copy is Copy.OWN


def test_a_canonical_licence_gets_the_release_itself(people):
    licence = people.licence(copy=Copy.CANONICAL)
    desk = CopyDesk(people.settings, people.keyring, people.storage)
    copy = desk.open(canonical(people), licence)
    assert (copy.manifest.sha256, copy.copy_id) == (canonical(people).sha256, "")
    assert not (people.settings.home / "copies").exists()


def test_no_licensees_name_can_be_chosen_to_learn_anothers_secret(people):
    """Published pseudonyms show HMACs under the product's key: a name must not be one's message."""
    shown = people.published_key(0)
    secret = people.keyring.key("product", PRODUCT, "licensee|r0")
    assert not secret.hex().startswith(shown)
    keys = copy_keys.licensee_keys(people.keyring, PRODUCT, "r0")
    assert keys.pseudonyms == secret
    assert repr(keys) == "CopyKeys()"


def test_a_folder_of_a_downloaded_copy_verifies(people, tmp_path):
    folder = tmp_path / "buyer"
    for path, content in people.download(people.licence()).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    verified = verify_release(folder, load_public_key(people.keyring))
    assert verified.version == "1.0.0"
    sums = (folder / "SHA256SUMS.txt").read_text().splitlines()
    for line in sums:
        digest, _, path = line.partition("  ")
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest
    assert LocalStorage(people.storage.root).root.exists()


def test_a_release_whose_contract_opens_nothing_has_no_marked_copy(people):
    licence = people.licence(copy=Copy.MARKED)
    with pytest.raises(ReleaseError, match="No marked copy can be made"):
        build(people, licence)
    assert find_copy(people.settings, people.keyring, canonical(people), licence=licence) is None
    assert leftovers(people) == []


def leftovers(people):
    """What builders may leave behind: nothing, with a release's rows least of all."""
    folder = people.settings.home / "copies"
    hidden = [p.name for p in folder.glob(".*") if p.name not in (".locks", ".patients")]
    return hidden + [p.name for p in (people.settings.home / "spill").glob("*")]


def test_a_recall_list_names_patients_as_the_marked_copy_does(people, monkeypatch):
    monkeypatch.setattr(copies, "_marks", lambda *_: None)  # its names are what counts here
    people.download(people.licence(copy=Copy.MARKED))
    numbers = range(load_product(PRODUCT).protection.k)
    for number in numbers:
        people.withdraw(number)
    assert people.process().lists_made == 1
    [note] = recall_lists.lists(people.engine)
    asked = recall_lists.read_recall(
        people.recall_list("acme research", note.id), load_public_key(people.keyring)
    )
    secret = people.keyring.key("product", PRODUCT, "licensee|acme research")
    names = {pseudonym(secret, people.published_key(n)) for n in numbers}
    assert asked["recalled"][0]["copy"] == "marked"
    assert set(asked["recalled"][0]["patient_keys"]) == names


def test_a_full_disk_leaves_no_copy_and_nothing_half_written(people, monkeypatch):
    licence, put, written = people.licence(), LocalStorage.put_file, []

    def full(self, key, path, *, sha256):
        written.append(key)
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, key, path, sha256=sha256)

    monkeypatch.setattr(LocalStorage, "put_file", full)
    with pytest.raises(OSError, match="No space"):
        build(people, licence)
    assert find_copy(people.settings, people.keyring, canonical(people), licence=licence) is None
    assert leftovers(people) == []
    monkeypatch.undo()
    assert build(people, licence).manifest.files


def test_what_a_killed_builder_left_of_the_release_is_removed_by_the_next_one(people):
    licence = people.licence()
    name = copy_id(people.keyring, canonical(people), licence.licensee)
    left = people.settings.home / "copies" / f".{name}.scratch"
    left.mkdir(parents=True)
    (left / "3.in").write_bytes(b"the published rows")
    build(people, licence)
    assert leftovers(people) == []


@pytest.mark.parametrize("harm", ["a file is gone", "a file is short", "the manifest is damaged"])
def test_a_damaged_copy_is_built_again_instead_of_served(people, harm):
    licence = people.licence()
    copy = build(people, licence)
    path = next(iter(paths(copy).values()))
    if harm == "a file is gone":
        path.unlink()
    elif harm == "a file is short":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        next(copy.storage.root.rglob("manifest.dsse.json")).write_bytes(b"{}")
    assert find_copy(people.settings, people.keyring, canonical(people), licence=licence) is None
    again = build(people, licence)
    assert again.manifest.sha256 == copy.manifest.sha256
    key = load_public_key(people.keyring)
    assert verify_release(again.storage, key, product=PRODUCT, version="1.0.0").files > 15


def test_another_licensees_copy_in_the_place_of_ones_own_is_not_served(people):
    """As after a wrong restore: signature and release fit, but it is somebody else's."""
    mine, theirs = people.licence(), people.licence("Other Lab")
    other = build(people, theirs)
    place = people.settings.home / "copies"
    name = copy_id(people.keyring, canonical(people), mine.licensee)
    shutil.copytree(place / other.copy_id, place / name)
    assert find_copy(people.settings, people.keyring, canonical(people), licence=mine) is None
    assert build(people, mine).manifest.facts["copy"]["copy_id"] == name
    assert not key_values(build(people, mine)) & key_values(other)


def test_no_path_in_a_link_reaches_another_licensees_copy(people):
    mine, theirs = people.licence(), people.licence("Other Lab")
    other = build(people, theirs)
    own = build(people, mine).manifest
    bearer = people.office.token(mine)
    claims = [
        *(f.path for f in other.manifest.files if f.table and not own.file(f.path)),
        f"../../../../{other.copy_id}/{PRODUCT}/1.0.0/manifest.dsse.json",
    ]
    web = people.web()
    for path in claims:
        claim = delivery.LinkClaim(PRODUCT, "1.0.0", path, registry.token_id(bearer), 2**33)
        signed = delivery.sign_claim(people.keyring, claim)
        answer = web.get(
            f"/files/{PRODUCT}/1.0.0/{path}?t={claim.token_id}&e={claim.expires}&s={signed}"
        )
        assert answer.status_code in (403, 404), path


def test_copies_are_for_nobody_else_on_the_machine(people):
    build(people, people.licence())
    assert (people.settings.home / "copies").stat().st_mode & 0o077 == 0


def test_a_copy_of_a_recalled_version_goes_even_if_it_was_never_handed_out(people):
    built = build(people, people.licence("Never Asked"))
    assert built.storage.root.is_dir()
    copies.forget_version(people.settings, PRODUCT, "1.0.1")
    assert built.storage.root.is_dir()
    copies.forget_version(people.settings, PRODUCT, "1.0.0")
    assert not built.storage.root.exists()


def test_after_a_rotation_the_copy_is_another_one_and_the_old_one_is_still_traced(people):
    licence = people.licence()
    old = build(people, licence)
    rotated = rotate(people.keyring)
    assert find_copy(people.settings, rotated, canonical(people), licence=licence) is None
    newest, earlier = copy_keys.every_licensee_keys(rotated, PRODUCT, licence.licensee)
    made = {name_copy(k.pseudonyms, old.canonical_sha256) for k in (newest, earlier)}
    assert old.copy_id in made and newest.id != earlier.id
    assert len({k.marks for k in (newest, earlier)}) == 2
    assert len(copy_keys.every_code_keys(rotated, PRODUCT)) == 2
