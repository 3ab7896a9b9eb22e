"""ML-DSA keys over libacorn, on a real machine, called as hsmtool calls it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from acorn.helpers_of import kill
from acorn.interface import Acorn, refusal
from kit.processes import RunningMachine
from seeclient import verify

numbers = count()
OVERWRITE = 1
# Bytes of public key and signature (FIPS 204 table 2).
SIZES = {b"mldsa44": (1312, 2420), b"mldsa65": (1952, 3309), b"mldsa87": (2592, 4627)}
LMS = b"lms:sha256_m32_h5:sha256_n32_w8"


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
    """A blob signs; a public key verifies under each name of its algorithm,
    and under no other.
    """
    alias = fresh()
    made = acorn.generate(alias, b"ML-DSA-65", None, 0)
    public = acorn.getPublic(alias)["publicKey"]
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
