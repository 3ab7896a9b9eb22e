"""Signatures that others published, valid and not: each is judged as its publisher says."""

import pytest
from kit.signatures import leads_to_root
from vectors.published import cases

from seemachine.lms import hss
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError


def figures(case):
    """Public key, message and signature."""
    return tuple(bytes.fromhex(case[name]) for name in ("public_key", "message", "signature"))


def takes_plain(engine, public_key, message, signature):
    """The verdict over a plain LMS signature."""
    try:
        return leads_to_root(engine, PublicKey.decode(public_key), message, signature)
    except ParameterError:
        return False


def takes_hss(engine, public_key, message, signature):
    """The verdict over an HSS signature."""
    try:
        key, made = HssPublicKey.decode(public_key), HssSignature.decode(signature)
        return hss.verifies(engine, key, [message], made)
    except ParameterError:
        return False


def named(case):
    """What pytest prints for a case."""
    return ", ".join(str(case[name]) for name in ("source", "lmots", "reason") if name in case)


@pytest.mark.parametrize("case", cases("acvp_sigver"), ids=named)
def test_acvp(engine, case):
    """NIST's cases, and the same ones as HSS of one level, with the level words before them."""
    public_key, message, signature = figures(case)
    wrapped = b"\0\0\0\1" + public_key, message, bytes(4) + signature

    assert takes_plain(engine, public_key, message, signature) is case["valid"]
    assert takes_hss(engine, *wrapped) is case["valid"]


def test_acvp_has_each_family_and_each_reason():
    """Four kinds of hash and length, each valid and with message, signature and header changed."""
    seen = {(case["lmots"], case["reason"]) for case in cases("acvp_sigver")}

    assert len(seen) == len(cases("acvp_sigver")) == 16
    assert sum(case["valid"] for case in cases("acvp_sigver")) == 4


@pytest.mark.parametrize("case", cases("implementations"), ids=named)
def test_other_implementations(engine, case):
    """What the test suites of Botan, Mbed TLS, Caliptra and liboqs take and refuse."""
    takes = takes_hss if case["form"] == "hss" else takes_plain

    assert takes(engine, *figures(case)) is case["valid"]


@pytest.mark.parametrize("case", cases("rfc"), ids=named)
def test_rfc(engine, case):
    """RFC 8554 appendix F and RFC 9858, and with bytes after the end, as Botan's suite has it."""
    public_key, message, signature = figures(case)

    assert takes_hss(engine, public_key, message, signature)
    assert not takes_hss(engine, public_key, message, signature + b"\xad\xda\xdd")
    assert not takes_hss(engine, public_key, message + b".", signature)
