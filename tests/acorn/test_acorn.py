"""libacorn on a real machine, called as hsmtool calls it."""

import ctypes
import hashlib
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from acorn.compiling import HERE, SANITIZED, compile_c, linked_with
from acorn.helpers_of import helpers_of, kill
from acorn.interface import RESPONSES, VENDORS, Acorn, refusal
from kit.processes import RunningMachine, Shell, environment
from kit.waiting import watched
from seeclient import verify

from seemachine.testing import ESN
from seemachine.wire.names import SDK_VERSION

numbers = count()
H5 = b"lms:sha256_m32_h5:sha256_n32_w8"
H10 = b"lms:sha256_m32_h10:sha256_n32_w8"
# What hsmtool puts before a message that is signed as it is.
PURE = b"\0\0"
SIZES = {
    "getKeyInfo": 48,
    "generate": 48,
    "list": 16,
    "importKeypair": 32,
    "sign": 16,
    "verify": 4,
}


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield


def make(acorn: Acorn, algorithm: bytes = H5) -> bytes:
    """A new key; its alias."""
    alias = b"key-%d" % next(numbers)
    acorn.generate(alias, algorithm, None, 0)
    return alias


def leaf(signature: bytes) -> int:
    """Which leaf made an LMS signature."""
    return int.from_bytes(signature[:4])


def test_structures_of_ctypes_have_the_sizes_of_the_header() -> None:
    """Else the other tests would test something else."""
    assert {name: ctypes.sizeof(RESPONSES[name]) for name in SIZES} == SIZES
    assert len(VENDORS) == 12


def test_a_session_of_hsmtool(acorn: Acorn) -> None:
    """Version, list with the info of each key, sign and verify by label, then what fails."""
    assert acorn.getVersion() == {"version": SDK_VERSION.encode()}
    assert acorn.see_getVersion() == {"version": SDK_VERSION.encode()}
    alias = make(acorn)
    rows = acorn.list()["entries"]
    assert (alias, b"LMS") in rows
    infos = {name: acorn.getKeyInfo(name) for name, _ in rows}
    assert infos[alias]["algorithm"] == b"LMS"
    assert len(infos[alias]["publicKey"]) == 56
    signature = acorn.sign(alias, None, PURE + b"firmware")["signature"]
    assert acorn.verify(alias, None, PURE + b"firmware", signature) == {"verified": 1}
    assert acorn.verify(alias, None, b"firmware", signature) == {"verified": 0}
    folder = Path(os.environ["SEEMACHINE_HOME"], "kmdata", "local")
    unknown = f"UnknownID(4): there is no key named nope in {folder}; see them with: pipsqueak list"
    assert refusal(acorn.getKeyInfo, b"nope") == (4, unknown)
    assert refusal(acorn.sign, b"nope", None, b"") == (4, unknown)


def test_a_world_without_keys_lists_none(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No machine is needed for it either; the slice of no entries is one."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path))
    acorn = Acorn(path)
    try:
        assert acorn.list() == {"n_entries": 0, "entries": []}
        assert acorn.getVersion() == {"version": SDK_VERSION.encode()}
        assert refusal(acorn.see_getVersion)[0] == 73
    finally:
        acorn.library.acorn_cleanup()


def test_a_key_has_the_same_hash_everywhere(acorn: Acorn) -> None:
    """Made, shown and computed; with it alone the key signs and verifies."""
    alias = b"key-%d" % next(numbers)
    made = acorn.generate(alias, H5, b"", 0)
    assert made["alias"] == alias
    assert made["privateKey"] == b""
    public = acorn.getPublic(alias)["publicKey"]
    info = acorn.getKeyInfo(alias)
    assert made["hash"] == info["hash"] == acorn.getPublicHash(public)["hash"]
    assert made["hash"].decode() == hashlib.sha256(public).hexdigest()
    assert made["privateBlob"] == info["privateBlob"] != b""
    for missing in (None, b""):
        signature = acorn.sign(missing, made["hash"], b"message")["signature"]
        assert acorn.verify(missing, made["hash"], b"message", signature)["verified"] == 1
    # An alias wins, whatever the hash.
    assert acorn.verify(alias, b"beef", b"message", signature)["verified"] == 1
    assert refusal(acorn.sign, None, b"beef", b"message")[0] == 4
    assert refusal(acorn.sign, None, None, b"message")[0] == 24


def test_keys_and_signatures_without_an_alias(acorn: Acorn) -> None:
    """The immediate forms take what getKeyInfo gives: blob, public key and algorithm."""
    made = acorn.generate(None, H5, None, 0)
    assert made["alias"].startswith(b"key-")
    info = acorn.getKeyInfo(made["alias"])
    signature = acorn.signImmediate(info["privateBlob"], None, b"message")["signature"]
    verify(b"message", signature, info["publicKey"])
    for algorithm in (info["algorithm"], H5):
        asked = (info["publicKey"], algorithm, b"message", signature)
        assert acorn.verifyImmediate(*asked)["verified"] == 1
    asked = (info["publicKey"], b"LMS", b"another", signature)
    assert acorn.verifyImmediate(*asked)["verified"] == 0


def test_what_lms_keys_cannot_have(acorn: Acorn) -> None:
    """Flags, tokens and imports that would break a promise are refused, and say why."""
    alias = make(acorn)
    overwrite, export = 1, 2
    assert refusal(acorn.generate, alias, H5, None, 0)[0] != 0
    assert refusal(acorn.generate, alias, H5, None, overwrite) != (0, "")
    assert "never leaves" in refusal(acorn.generate, b"other", H5, None, export)[1]
    assert "module" in refusal(acorn.generate, b"other", H5, b"cards", 0)[1]
    assert refusal(acorn.importKeypair, b"other", H5, b"public", b"private", None, 0)[0] == 24
    status, reason = refusal(acorn.generate, b"other", b"LMS", None, 0)
    assert (status, "lms:sha256_m32_h10:sha256_n32_w8" in reason) == (24, True)
    assert b"other" not in dict(acorn.list()["entries"])


def test_sectorized_keys(acorn: Acorn, machine: RunningMachine) -> None:
    """One lease of four: none before provision, and after it as many as the card gave."""
    shell = Shell(machine.home)
    assert shell.seemachine("card", "new")[0] == 0
    alias = b"sectorized"
    acorn.generate(alias, H5 + b":0:3", None, 0)
    assert acorn.see_infoLMS(alias, None) == {
        "parameters": b"sha256_m32_h5 sha256_n32_w8",
        "remaining": 0,
    }
    assert refusal(acorn.sign, alias, None, b"message")[0] == 73
    assert refusal(acorn.see_provisionLMS, b"0000-0000-0000", 2)[0] == 4
    acorn.see_provisionLMS(ESN.encode(), 2)
    assert acorn.see_infoLMS(alias, None)["remaining"] == 4
    signatures = [acorn.sign(alias, None, b"message")["signature"] for _ in range(4)]
    assert [leaf(each) for each in signatures] == [0, 1, 2, 3]
    assert refusal(acorn.sign, alias, None, b"message")[0] == 73


def test_messages_and_signatures_of_any_size(acorn: Acorn) -> None:
    """An empty message is one; so is one of 20 MB with zeros in it."""
    alias = make(acorn)
    for message in (b"", b"\0", bytes(20_000_000)):
        signature = acorn.sign(alias, None, message)["signature"]
        assert acorn.verify(alias, None, message, signature)["verified"] == 1
    for damaged in (b"", b"\0", signature[:-1], signature + b"\0", bytes(len(signature))):
        assert acorn.verify(alias, None, message, damaged)["verified"] == 0


def test_texts_that_are_not_utf_8_are_refused(acorn: Acorn) -> None:
    """With a reason, and nothing else happens."""
    assert refusal(acorn.getPublic, b"\xff\xfe")[0] == 24
    assert refusal(acorn.getPublic, None)[0] == 24
    assert refusal(acorn.generate, b"no spaces", H5, None, 0)[0] == 24


def test_two_hundred_threads(acorn: Acorn, machine: RunningMachine) -> None:
    """Each gets a signature of its own, of its own message; no leaf is taken for nothing."""
    alias = make(acorn, H10)

    def work(number: int) -> bytes:
        message = b"message %d" % number
        signature = bytes(acorn.sign(alias, None, message)["signature"])
        assert acorn.verify(alias, None, message, signature)["verified"] == 1
        assert acorn.getKeyInfo(alias)["algorithm"] == b"LMS"
        assert refusal(acorn.getPublic, b"nope-%d" % number)[1].startswith("UnknownID(4): ")
        return signature

    gate = threading.Barrier(200)

    def at_once(number: int) -> bytes:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(200) as pool:
        leaves = sorted(leaf(each) for each in pool.map(at_once, range(200)))
    assert leaves == list(range(200))
    assert acorn.see_infoLMS(alias, None)["remaining"] == 1024 - 200
    assert len(list(helpers_of(machine.home))) == 1


def test_a_helper_that_is_killed_in_the_middle(acorn: Acorn, machine: RunningMachine) -> None:
    """Every signature comes all the same, each of its own leaf, and none is taken for nothing."""
    alias, killed = make(acorn, H10), []
    public = acorn.getPublic(alias)["publicKey"]
    chance = random.Random(20)
    leaves = []
    for number in range(60):
        message = b"message %d" % number
        killer = threading.Timer(chance.random() / 50, lambda: killed.extend(kill(machine.home)))
        if number % 3 == 0:
            killer.start()
        signature = acorn.sign(alias, None, message)["signature"]
        verify(message, signature, public)
        leaves.append(leaf(signature))
        if number % 3 == 0:
            killer.join()
    assert len(set(killed)) >= 15
    assert leaves == list(range(60))
    assert acorn.see_infoLMS(alias, None)["remaining"] == 1024 - 60


def test_a_helper_that_is_killed_while_a_key_is_made(acorn: Acorn, machine: RunningMachine) -> None:
    """The key is finished by the next helper, whenever it happens after the HSM has begun."""
    killed: list[int] = []
    for number, seconds in enumerate((0.4, 0.8, 1.2)):
        alias = b"long-%d" % number
        killer = threading.Timer(seconds, lambda: killed.extend(kill(machine.home)))
        killer.start()
        hashed = acorn.generate(alias, b"lms:sha256_m24_h15:sha256_n24_w8", None, 0)["hash"]
        killer.join()
        assert acorn.getKeyInfo(alias)["hash"] == hashed
        assert acorn.see_infoLMS(alias, None)["remaining"] == 1 << 15
    assert killed


def test_children_of_a_fork_sign_too(
    acorn: Acorn, path: Path, machine: RunningMachine, tmp_path: Path
) -> None:
    """Parent and children at one time, each with a helper of its own, and each leaf once."""
    acorn.generate(b"forked", H5, None, 0)
    program = compile_c(tmp_path / "fork", [HERE / "fork.c"], *linked_with(path), *SANITIZED)
    # What the bridge had of the parent's helper, a child leaves alone.
    env = environment(machine.home, ASAN_OPTIONS="detect_leaks=0")
    done = subprocess.run([program], env=env, capture_output=True, check=True)
    leaves = sorted(int(line) for line in done.stdout.split())
    assert (leaves, done.stderr) == (list(range(3 + 2 * 4)), b"")
    assert acorn.see_infoLMS(b"forked", None)["remaining"] == 32 - len(leaves)
