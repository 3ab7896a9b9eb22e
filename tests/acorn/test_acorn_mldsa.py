"""ML-DSA keys over libacorn, on a real machine, called as hsmtool calls it."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from acorn.helpers_of import kill
from acorn.interface import Acorn, refusal
from kit import processes
from kit.cardsets import deal_cards
from kit.processes import RunningMachine
from seeclient import verify

from seemachine.testing import ESN
from seemachine.world import World

numbers = count()
# Its programs import what these tests share.
TESTS = Path(__file__).parent.parent
OVERWRITE, EXPORT = 1, 2
# Bytes that a private key is made of (FIPS 204 algorithm 1).
SEED = 32
# Bytes of public key and signature (FIPS 204 table 2).
SIZES = {b"mldsa44": (1312, 2420), b"mldsa65": (1952, 3309), b"mldsa87": (2592, 4627)}
LMS = b"lms:sha256_m32_h5:sha256_n32_w8"
# A program of its own, which finds what preload loaded in its environment.
PROTECTED = """
import sys
from acorn.interface import Acorn, Refused
acorn, token = Acorn(sys.argv[1]), sys.argv[2].encode()
try:
    made = acorn.generate(b"guarded", b"mldsa44", token, 2)
    print("made", end=" ")
    public = acorn.getPublic(b"guarded")["publicKey"]
    acorn.importKeypair(b"again", b"mldsa44", public, made["privateKey"], token, 0)
    print("taken", end=" ")
    for signed in (
        acorn.sign(b"guarded", None, b"message"),
        acorn.sign(b"again", None, b"message"),
        acorn.signImmediate(made["privateBlob"], token, b"message"),
    ):
        acorn.verify(b"guarded", None, b"message", signed["signature"])["verified"] or sys.exit(1)
        print("signed", end=" ")
    print("done")
except Refused as refused:
    print("refused", refused.status, refused.reason)
"""


def fresh() -> bytes:
    """An alias that no key has."""
    return b"mldsa-%d" % next(numbers)


@pytest.mark.parametrize("name", SIZES)
def test_a_key_lives_its_life(acorn: Acorn, name: bytes) -> None:
    """Made, listed, shown, signed with and verified, by alias and by hash; seeclient agrees."""
    alias = fresh()
    made = acorn.generate(alias, name, None, 0)
    assert (alias, b"ML-DSA") in acorn.list()["entries"]
    info = acorn.getKeyInfo(alias)
    public = info["publicKey"]
    assert info["algorithm"] == b"ML-DSA"
    assert made == {
        "alias": alias,
        "hash": acorn.getPublicHash(public)["hash"],
        "privateBlob": info["privateBlob"],
        "privateKey": b"",
    }
    signature = acorn.sign(None, made["hash"], b"message")["signature"]
    assert (len(public), len(signature)) == SIZES[name]
    assert acorn.verify(alias, None, b"message", signature)["verified"] == 1
    assert acorn.verify(alias, None, b"another", signature)["verified"] == 0
    assert acorn.sign(alias, None, b"message")["signature"] != signature, "it is hedged"
    verify(b"message", signature, public)


def test_the_immediate_forms(acorn: Acorn) -> None:
    """A blob signs without its key file; a public key verifies under each name of its algorithm,
    and under no other.
    """
    alias = fresh()
    made = acorn.generate(alias, b"ML-DSA-65", None, 0)
    public = acorn.getPublic(alias)["publicKey"]
    acorn.generate(alias, b"mldsa44", None, OVERWRITE)
    signature = acorn.signImmediate(made["privateBlob"], None, b"message")["signature"]
    for algorithm in (b"ML-DSA", b"ML-DSA-65", b"mldsa65", b"", None):
        checked = acorn.verifyImmediate(public, algorithm, b"message", signature)
        assert checked["verified"] == 1, algorithm
    assert acorn.verifyImmediate(public, b"mldsa65", b"another", signature)["verified"] == 0
    for other in (b"mldsa87", b"LMS", LMS):
        assert refusal(acorn.verifyImmediate, public, other, b"message", signature)[0] == 24
    damaged = made["privateBlob"][:-1] + bytes([made["privateBlob"][-1] ^ 1])
    assert refusal(acorn.signImmediate, damaged, None, b"message")[0] != 0
    assert refusal(acorn.signImmediate, b"", None, b"message")[0] != 0


def test_overwriting(acorn: Acorn) -> None:
    """Only with its flag, and never an LMS key."""
    alias, lms = fresh(), b"leaves"
    first = acorn.generate(alias, b"mldsa44", None, 0)["hash"]
    assert refusal(acorn.generate, alias, b"mldsa44", None, 0)[0] == 6
    assert acorn.getKeyInfo(alias)["hash"] == first
    assert acorn.generate(alias, b"mldsa44", None, OVERWRITE)["hash"] != first
    acorn.generate(lms, LMS, None, 0)
    assert refusal(acorn.generate, lms, b"mldsa44", None, OVERWRITE)[0] != 0
    assert acorn.getKeyInfo(lms)["algorithm"] == b"LMS"


def test_a_pair_is_exported_and_imported(acorn: Acorn) -> None:
    """The private key is given out if that is asked for, and is the whole of the key."""
    alias, again = fresh(), fresh()
    made = acorn.generate(alias, b"mldsa65", None, EXPORT)
    public = acorn.getPublic(alias)["publicKey"]
    assert len(made["privateKey"]) == SEED
    taken = acorn.importKeypair(again, b"ML-DSA", public, made["privateKey"], None, 0)
    assert (taken["alias"], taken["hash"]) == (again, made["hash"])
    signature = acorn.sign(again, None, b"message")["signature"]
    assert acorn.verify(alias, None, b"message", signature)["verified"] == 1
    pair = (b"mldsa65", public, made["privateKey"], None)
    assert refusal(acorn.importKeypair, again, *pair, 0)[0] == 6
    assert acorn.importKeypair(again, *pair, 1)["hash"] == made["hash"]
    other = bytes(reversed(made["privateKey"]))
    assert refusal(acorn.importKeypair, fresh(), b"mldsa65", public, other, None, 0)[0] != 0
    assert acorn.importKeypair(None, *pair, 0)["alias"].startswith(b"key-")


def test_an_ml_dsa_key_has_no_leaves(acorn: Acorn) -> None:
    """What shows an LMS key refuses it."""
    alias = fresh()
    acorn.generate(alias, b"mldsa44", None, 0)
    assert refusal(acorn.see_infoLMS, alias, None)[0] == 24


def test_threads_and_a_helper_that_is_killed(acorn: Acorn, machine: RunningMachine) -> None:
    """Each of them gets its signature."""
    alias = fresh()
    acorn.generate(alias, b"mldsa44", None, 0)
    killer = threading.Timer(0.1, kill, [machine.home])
    killer.start()

    def work(number: int) -> bool:
        message = b"message %d" % number
        signature = acorn.sign(alias, None, message)["signature"]
        return bool(acorn.verify(alias, None, message, signature)["verified"])

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(work, range(60)))
    killer.join()


def card_set(world: World) -> str:
    """One card with a passphrase in slot 2 of the machine, and what kmdata has of the set; its
    name.
    """
    dealt = deal_cards(world, passphrases=(b"sesame",), slots=(2,))
    values = {"version": 1, "name": dealt.name, "hash": dealt.hash.hex(), "token": "operator"}
    values |= {"quorum": 1, "cards": 1}
    world.keys.mkdir(parents=True, exist_ok=True)
    (world.keys / f"cards_{dealt.hash.hex()}").write_text(json.dumps(values))
    return dealt.name


def run(home: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    """A program in that world, to which the passphrase is typed."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env=processes.environment(home, PYTHONPATH=os.pathsep.join([str(TESTS), *sys.path])),
        input="sesame\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_card_set_protects_a_key(path: Path, tmp_path: Path) -> None:
    """Loaded by preload, as the vendor's header advises, it makes keys, takes them in and signs;
    without that, programs are refused: nobody is there to type a passphrase.
    """
    home = tmp_path / "world"
    with processes.machines(home, (ESN,)):
        name = card_set(World.at(home))
        program = ("-c", PROTECTED, path, name)
        preload = ("-m", "seemachine.nfast.tools.preload", "-c", name, sys.executable)
        alone, loaded = run(home, *program), run(home, *preload, *program)
    assert (loaded.returncode, loaded.stdout) == (0, "made taken signed signed signed done\n"), (
        loaded
    )
    assert (alone.returncode, alone.stdout[:10]) == (0, "refused 5 "), alone
    assert "preload -c CARDSET PROGRAM" in alone.stdout
