"""Stories of the client driven by hand, with machines that are only described."""

from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
from kit.here import memory, store
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Address, Ask, AskAll, AskEach, Peer, Roster, Work, resume

from seemachine.testing import ESN, make_key
from seemachine.wire.messages import Greeting, Limits
from seemachine.wire.names import PROTOCOL, TOKEN_BYTES
from seemachine.wire.status import StatusError

WORK = "work"
LIMITS = Limits(frame=1 << 20, message=1000, idle_seconds=300, request_seconds=120)
GREETING = Greeting(
    protocol=PROTOCOL,
    esn=ESN,
    model="5c",
    version="1.4.1",
    software="seemachine 0.1.0",
    engine="portable/portable",
    signer=b"",
    nvram=b"n" * 16,
    epoch=1,
    opening=b"o" * 8,
    operator="manual",
    insecure="",
    faults="",
    limits=LIMITS,
)


def a_peer(esn: str = ESN, module: int = 1, **changes: Any) -> Peer:
    """A machine that answered hello, without a machine."""
    return Peer(Address("127.0.0.1", 8888, module, esn), replace(GREETING, esn=esn, **changes))


def a_roster(*peers: Peer) -> Roster:
    """The machines that a story can ask."""
    return Roster(store(), memory(), list(peers))


def a_key_file(
    alias: str = "release", expcache: int = 0, cache: bytes = b"", **choice: Any
) -> LmsKeyFile:
    """A key file whose key exists nowhere else."""
    return LmsKeyFile(alias, make_key(**choice).public_key.encode(), 0, 0, expcache, cache)


def shown(effect: Any) -> Any:
    """An effect in a form that compares: (peer, request), ([peers], request), a list of the first,
    the pause itself, or WORK.
    """
    if isinstance(effect, Ask):
        return effect.peer, untokened(effect.request)
    if isinstance(effect, AskEach):
        return [shown(ask) for ask in effect.asks]
    if isinstance(effect, AskAll):
        return list(effect.peers), effect.request
    return WORK if isinstance(effect, Work) else effect


def untokened(request: Any) -> Any:
    """A request with a token that compares: tokens are random, and each of them has its
    16 bytes.
    """
    if hasattr(request, "tokens"):
        assert {len(token) for token in request.tokens} == {TOKEN_BYTES}
        assert len(set(request.tokens)) == len(request.tokens)
        return replace(request, tokens=[bytes(TOKEN_BYTES)] * len(request.tokens))
    if not hasattr(request, "token"):
        return request
    assert len(request.token) == TOKEN_BYTES
    return replace(request, token=bytes(TOKEN_BYTES))


def _called(outcome: Any, effect: Any) -> Any:
    return outcome(effect) if signature(outcome).parameters else outcome()


def play(story: Any, *steps: Any) -> Any:
    """Drive a story through exactly these (effect, outcome) and return its result.

    An outcome is a reply, a StatusError to refuse with, or a function to call for either when it is
    asked for, with the effect if it takes one. Work is done.
    """
    value, refused = None, None
    for expected, outcome in steps:
        effect = resume(story, value, refused)
        assert shown(effect) == expected
        answer = (
            effect.call()
            if isinstance(effect, Work)
            else _called(outcome, effect)
            if callable(outcome)
            else outcome
        )
        value, refused = (
            (None, answer)
            if isinstance(effect, Ask) and isinstance(answer, StatusError)
            else (answer, None)
        )
    with pytest.raises(StopIteration) as end:
        resume(story, value, refused)
    return end.value.value
