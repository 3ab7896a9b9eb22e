"""commands/leases.py: a stored lease is taken apart once, and what that gave goes when it goes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from kit.commands import ask, hash_key, sign
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands.leases import from_store, to_store
from seemachine.lms.keys import PublicKey
from seemachine.machine import DecodedLeases, Session
from seemachine.testing import make_key
from seemachine.wire import messages as m


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The public keys that were decoded from here on."""
    seen: list[bytes] = []
    decode: Callable[[bytes], PublicKey] = PublicKey.decode

    def noted(data: bytes) -> PublicKey:
        seen.append(data)
        return decode(data)

    monkeypatch.setattr(PublicKey, "decode", noted)
    return seen


def test_three_signatures_decode_one_key(session: Session, decoded: list[bytes]) -> None:
    """The lease of an NVRAM file is decoded for the first signature, and for no other."""
    key = hash_key(session)
    decoded.clear()
    for _ in range(3):
        ask(session, sign(key.file))
    assert decoded == [key.public_key]


def test_what_a_client_hashes_decodes_one_key(session: Session, decoded: list[bytes]) -> None:
    """Also where the leaf is set aside in one request and used in another."""
    key = hash_key(session)
    decoded.clear()
    token = new_token()
    ask(session, m.NvmemfileReserve(file=key.file, token=token))
    ask(session, m.NvmemfileSignDigest(file=key.file, token=token, digest=bytes(24)))
    assert decoded == [key.public_key]


def test_a_lease_that_is_gone_leaves_no_seed(session: Session) -> None:
    """With a file of the NVRAM goes what was decoded of it."""
    key = hash_key(session)
    ask(session, sign(key.file))
    assert len(session.machine.decoded) == 1
    session.machine.store.delete(key.file)
    assert len(session.machine.decoded) == 0


def test_leases_are_told_apart(session: Session) -> None:
    """By what they are and not by what is in them: an equal one is decoded by itself, and none
    comes up in place of one that is gone.
    """
    stored = to_store(make_key().lease(0))
    equal, leases = replace(stored), DecodedLeases()
    leases.keep(stored, from_store(stored))
    assert leases.get(stored) == from_store(stored)
    assert leases.get(equal) is None
    number = id(stored)
    del stored
    assert len(leases) == 0
    assert number not in leases._leases
