"""keys.py and keyfile_format.py: the host's key files, what they survive and what they refuse."""

import itertools
import json
import os
import re
from dataclasses import replace

import pytest
from kit.here import store
from kit.refusals import refusal
from kit.stories import a_key_file
from seeclient import keyfile, keyfile_format, keys
from seeclient.algorithms.lms import making

from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError

CACHE = bytes(range(256)) * 4


@pytest.fixture
def folder(home):
    """Where the key files of this test's world are."""
    return home / "kmdata" / "local"


@pytest.fixture(scope="module")
def key():
    """A key file with a cache that holds every byte value."""
    return replace(a_key_file("release-2026", expcache=5, cache=CACHE), expcards=1, explease=2)


def path_of(folder, alias):
    """The file of an alias."""
    return folder / f"key_pqsdk_{alias}"


NAME = "seemachine key file"


def rewritten(folder, key, **changes):
    """The bytes of a key file with other values in its head, and the checksum of that."""
    line, _, data = path_of(folder, key.alias).read_bytes().partition(b"\n")
    head = {name: kept for name, kept in json.loads(line).items() if name != "sha256"} | changes
    sealed = head | {"sha256": keyfile_format._checksum(head, data)}
    return json.dumps(sealed).encode() + b"\n" + data


# ---------------------------------------------------------------- keeping


def test_what_was_saved_is_loaded(key, folder):
    """A key file comes back as it was, cache and all, under its alias in any case of letters."""
    store().save(key)
    assert store().load("release-2026") == key
    assert store().load("RELEASE-2026") == key
    assert store().has("release-2026")
    assert [path.name for path in folder.iterdir()] == ["key_pqsdk_release-2026"]


def test_a_key_file_holds_what_is_public(key, folder):
    """One line of JSON that a person can read, then the cache; there is no field for a secret."""
    store().save(key)
    head, _, cache = path_of(folder, key.alias).read_bytes().partition(b"\n")
    fields = json.loads(head)
    assert cache == CACHE
    assert (fields["format"], fields["algorithm"], fields["public_key"]) == (
        "seemachine key file 1",
        "LMS",
        key.public_key.hex(),
    )
    assert fields.keys() == {
        "format",
        "alias",
        "algorithm",
        "public_key",
        "expcards",
        "explease",
        "expcache",
        "sha256",
    }


def test_a_threshold_is_kept(key, folder):
    """It is written only where there is one; a number that is none is damage."""
    store().save(replace(key, warnat=5))
    assert store().load(key.alias) == replace(key, warnat=5)
    store().save(replace(key, warnat=0))
    assert b"warnat" not in path_of(folder, key.alias).read_bytes()
    for wrong in (-1, (1 << 25) + 1, "5", True):
        store().save(replace(key, warnat=wrong))
        assert refusal(store().load, key.alias).status is Status.Malformed


def test_saving_again_replaces(key, folder):
    """The file is the last key saved under its alias; who has the old one open goes on reading the
    old one, whole.
    """
    store().save(key)
    other = a_key_file(key.alias)
    with path_of(folder, key.alias).open("rb") as old:
        store().save(other)
        assert old.read().endswith(CACHE)
    assert store().load(key.alias) == other


def test_the_host_lists_its_keys(key, folder):
    """Aliases are listed in order, without scratch files and strangers."""
    assert store().aliases() == []
    for alias in ("b", "c", "a"):
        store().save(replace(key, alias=alias))
    (folder / ".key_pqsdk_d.new").touch()
    (folder / "key_simple_e").touch()
    assert store().aliases() == ["a", "b", "c"]


def test_a_removed_key_is_gone(key):
    """Removing a key is final, and removing none is not a mistake."""
    store().save(key)
    store().remove("RELEASE-2026")
    assert not store().has(key.alias)
    store().remove(key.alias)
    assert refusal(store().load, key.alias).status is Status.UnknownID


def test_nfast_kmlocal_is_another_place(key, tmp_path, monkeypatch):
    """$NFAST_KMLOCAL says where the host's key files are, as in an nShield installation."""
    monkeypatch.setenv("NFAST_KMLOCAL", str(tmp_path / "elsewhere"))
    store().save(key)
    assert path_of(tmp_path / "elsewhere", key.alias).exists()
    monkeypatch.delenv("NFAST_KMLOCAL")
    assert not store().has(key.alias)


# ---------------------------------------------------------------- aliases


@pytest.mark.parametrize("alias", ["a", "A", "0", "-", "test-lms", "a" * 64, "Release-2026"])
def test_an_alias_has_letters_digits_and_hyphens(alias):
    """What nShield takes as a key identifier is taken, in lower case."""
    assert keys.check_alias(alias) == alias.lower()


@pytest.mark.parametrize(
    "alias",
    [
        "",
        "a" * 65,
        "a b",
        "a_b",
        "a.b",
        "a/b",
        "../a",
        "/etc/passwd",
        "..",
        ".",
        "a\0",
        "a\n",
        "ä",
        "\u017f",
        "*",
        "a\\b",
        "~",
    ],
)
def test_any_other_alias_is_refused_before_a_file_is_touched(alias, key, home):
    """No alias leads out of the folder, or to a file of another kind."""
    for call in (
        keys.check_alias,
        store().load,
        store().remove,
        lambda text: store().save(replace(key, alias=text)),
    ):
        refused = refusal(call, alias)
        assert (refused.status, refused.where) == (Status.InvalidParameter, "pqsdk_key_file")
        assert "letters, digits and hyphens" in refused.detail
    assert list(home.iterdir()) == []


def test_a_key_that_is_not_there_is_unknown():
    """The refusal says where it looked, and how to see those that there are."""
    keys = store()
    refused = refusal(keys.load, "nobody")
    assert (refused.status, refused.detail) == (
        Status.UnknownID,
        f"there is no key named nobody in {keys.folder}; see them with: pipsqueak list",
    )


# ---------------------------------------------------------------- damage

DAMAGE = {
    "nothing": b"",
    "no line": b"{}",
    "no JSON": b"key\n",
    "no object": b"[]\n",
    "a number": b"5\n",
    "no fields": b"{}\n",
    "not UTF-8": b"\xff\xfe\n",
    "another format": b'{"format": "seemachine keys"}\n',
}


@pytest.mark.parametrize("data", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_no_key_file_is_refused_by_name(data, key, folder):
    """A file without the form of a key file is damaged, and the refusal names it and
    the way out.
    """
    store().save(key)
    path_of(folder, key.alias).write_bytes(data)
    refused = refusal(store().load, key.alias)
    assert refused.status is Status.Malformed
    assert refused.detail.startswith(f"{path_of(folder, key.alias)} is damaged (")
    assert refused.detail.endswith("restore it from a copy, it holds no secret in clear")
    # What json or a dict says of it is for programmers.
    assert re.search(
        r"line has no 'format'|line is not |has no checksum|not one of|seemachine key",
        refused.detail,
    ), refused.detail


@pytest.mark.parametrize(("version", "age"), [(0, "an older"), (2, "a newer"), (10, "a newer")])
def test_a_key_file_of_another_version_is_not_called_damaged(version, age, key, folder):
    """The refusal says which side is older, and that the file is to be left as it is."""
    store().save(key)
    path_of(folder, key.alias).write_bytes(rewritten(folder, key, format=f"{NAME} {version}"))
    refused = refusal(store().load, key.alias)
    assert refused.status is Status.NotYetImplemented
    assert f"written by {age} version of seemachine" in refused.detail
    assert "It is not damaged: leave it as it is" in refused.detail


def test_a_key_of_an_unknown_algorithm_is_listed_and_refused(key, folder):
    """What this version can't use is there all the same, and nothing is wrong with it."""
    store().save(key)
    path_of(folder, key.alias).write_bytes(rewritten(folder, key, algorithm="FALCON"))
    assert store().listing() == [(key.alias, "FALCON")]
    refused = refusal(store().load, key.alias)
    assert (refused.status, refused.detail) == (
        Status.NotYetImplemented,
        f"{key.alias} is a key of FALCON, which this version of seemachine does not know: nothing"
        " is wrong with its file; use a version that knows it",
    )
    assert store().known() == {}


def test_a_damaged_key_is_listed_without_an_algorithm(key, folder):
    """The list is of the files that are there; what none of them says is unknown."""
    store().save(key)
    path_of(folder, "broken").write_bytes(b"key\n")
    assert store().listing() == [("broken", "unknown"), (key.alias, "LMS")]


def test_a_deep_nest_is_damage_too(key, folder):
    """Whatever the first line is, reading it ends in a refusal."""
    store().save(key)
    path_of(folder, key.alias).write_bytes(b"[" * 200_000 + b"\n")
    assert refusal(store().load, key.alias).status is Status.Malformed


@pytest.mark.parametrize("cut", [1, 100, 1024, 1025, 1200])
def test_a_key_file_that_was_cut_is_damaged(cut, key, folder):
    """No part of a key file passes for the whole."""
    store().save(key)
    path = path_of(folder, key.alias)
    path.write_bytes(path.read_bytes()[:-cut])
    assert refusal(store().load, key.alias).status is Status.Malformed


@pytest.mark.parametrize("at", [0, 1, 511, 1023])
def test_a_changed_byte_of_the_cache_is_damage(at, key, folder):
    """The cache has a checksum."""
    store().save(key)
    path = path_of(folder, key.alias)
    data = bytearray(path.read_bytes())
    data[len(data) - len(CACHE) + at] ^= 1
    path.write_bytes(data)
    assert "checksum" in refusal(store().load, key.alias).detail


def test_a_changed_bit_of_the_first_line_is_damage(key, folder):
    """A key file with any bit of its first line flipped is refused, or is still the same key."""
    store().save(key)
    path = path_of(folder, key.alias)
    whole, unnoticed = path.read_bytes(), []
    for at, bit in itertools.product(range(len(whole) - len(CACHE)), range(8)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            if store().load(key.alias) != key:
                unnoticed.append(whole[at - 10 : at + 1])
        except StatusError as refused:
            assert refused.status is Status.Malformed
    assert unnoticed == []


FORGED = {
    "alias": [
        "",
        "A",
        "../a",
        "a\nVerify (alias: a): true",
        "\x1b[2J",
        "\u202e",
        "a" * 65,
        5,
        None,
    ],
    "signer": ["x", "AB", "abc", "ab\n", "ab" * 65, 5, None],
    "expcards": [-1, 26, True, "1", 24],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in FORGED.items() for value in values]
)
def test_a_forged_first_line_is_damage_though_its_checksum_is_right(field, value, key, folder):
    """Key files come from other hosts: an alias is an alias, a signer a hash, and cards and leases
    fit into the tree.
    """
    store().save(key)
    path_of(folder, key.alias).write_bytes(rewritten(folder, key, **{field: value}))

    refused = refusal(store().load, key.alias)
    assert refused.status is Status.Malformed
    assert is_printable(refused.detail)


@pytest.mark.parametrize("name", ["B", "a.bak", "a\nb", "\x1b[2J", "", "a" * 65])
def test_a_file_that_no_alias_names_is_not_listed(name, key, folder):
    """Nothing could ask for that key, and its name might be anything."""
    store().save(key)
    path_of(folder, name).write_bytes(path_of(folder, key.alias).read_bytes())
    assert store().aliases() == [key.alias]


# ---------------------------------------------------------------- folders that can't be written


def test_a_file_in_place_of_the_folder_is_refused(key, home):
    """Where no folder can be made, saving and the check before a generation say so."""
    (home / "kmdata").write_bytes(b"")
    for refused in (refusal(store().save, key), refusal(store().check_writable)):
        assert refused.status is Status.OSErrorErrno
        assert "kmdata" in refused.detail


def test_a_folder_without_permission_is_refused(monkeypatch):
    """The check before a generation asks the system, which may say no."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    refused = refusal(store().check_writable)
    assert refused.status is Status.OSErrorErrno
    assert refused.detail.endswith("kmdata/local: Permission denied; check its permissions")


def test_a_folder_that_can_be_written_is_made(folder):
    """The check makes the folder that saving needs."""
    store().check_writable()
    assert folder.is_dir()


@pytest.mark.parametrize("make", ["check", "save"])
def test_a_folder_that_is_made_is_for_its_user_alone(make, key, home):
    """Whatever the umask: the world may not have been there before, and holds more than keys."""
    umask = os.umask(0o022)
    try:
        made = keys.KeyStore(home / "world" / "kmdata" / "local")
        made.check_writable() if make == "check" else made.save(key)
    finally:
        os.umask(umask)
    folders = (made.folder.parents[1], made.folder.parent, made.folder)
    assert [each.stat().st_mode & 0o777 for each in folders] == [0o700] * 3


def test_a_failed_save_leaves_the_old_key(key, folder, monkeypatch):
    """When the disk fails in the middle, the file is what it was."""
    store().save(key)

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    refused = refusal(store().save, replace(key, cache=b"other"))
    assert refused.detail == (
        f"{path_of(folder, key.alias)}: No space left on device; make room there"
    )
    monkeypatch.undo()
    assert path_of(folder, key.alias).read_bytes().endswith(CACHE)
    assert [*folder.iterdir()] == [path_of(folder, key.alias)]


def test_two_that_save_one_alias_at_once_write_two_files(key, folder, monkeypatch):
    """The one that ends last is the key; nothing of the other is in it, and neither fails."""
    flush, other = os.fsync, replace(key, cache=b"other")

    def meanwhile(descriptor):
        flush(descriptor)
        monkeypatch.setattr(os, "fsync", flush)
        store().save(other)

    monkeypatch.setattr(os, "fsync", meanwhile)
    store().save(key)
    assert store().load(key.alias) == key
    assert [*folder.iterdir()] == [path_of(folder, key.alias)]


def test_an_lms_key_that_comes_at_the_same_moment_is_not_written_over(key, monkeypatch):
    """Its leaves would have nobody to name them; who comes second is told how to go on."""
    other, find = a_key_file(key.alias, cache=b"other"), keys.KeyStore.has

    def look(asked, alias):
        found = find(asked, alias)
        monkeypatch.setattr(keys.KeyStore, "has", find)
        store().save(other)
        return found

    monkeypatch.setattr(keys.KeyStore, "has", look)
    refused = refusal(making._saved, store(), key)
    assert (refused.status, refused.detail) == (
        Status.ObjectInUse,
        f"there is another key {key.alias} by now; move its file away and resume again",
    )
    assert store().load(key.alias) == other


def test_the_same_lms_key_saved_twice_keeps_its_maker(key):
    """Whoever resumed it comes second with the same key."""
    made = replace(key, made=keyfile.Made(1, "alice", "5F08-02E0-D947"))
    assert making._saved(store(), made) == made
    assert making._saved(store(), replace(key, made=keyfile.Made(2, "bob", ""))) == made
    assert store().load(key.alias) == made
