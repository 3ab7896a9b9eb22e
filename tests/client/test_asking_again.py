"""signing.py and persisting.py, without machines: what is asked again, of whom, and what a machine
that was started anew needs before it can answer.
"""

import pytest
from kit.stories import a_peer, a_roster, play
from seeclient.algorithms.lms import persisting, signing
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.connecting import CONNECT
from seeclient.effects import Pause, resume
from seeclient.message import Message

from seemachine.testing import ESN, OTHER_ESN, make_key
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    LmsLoaded,
    LoadLms,
    NvmemfileInfo,
    NvmemfileSign,
    NvmemfileSigned,
)
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

PUBLIC_KEY = make_key().public_key.encode()
FILE = nvram_name(PUBLIC_KEY)
KEY = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 5, b"nodes")
WITHOUT_CACHE = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 0, b"")
LOST = StatusError(Status.OSErrorErrno, "connection to 127.0.0.1 on port 8888: broken", CONNECT)
NOT_LOADED = StatusError(
    Status.NotAvailable,
    "the tree is not loaded; send the key file's cache with loadLMS",
    "nvmemfile_sign",
)
MESSAGE = Message(b"message")
SIGN = NvmemfileSign(file=FILE, token=bytes(16), message=b"message")
ASK_INFO = GetNvmemfileInfo(file=FILE)
LOAD = LoadLms(file=FILE, expcache=5, offset=0, nodes=b"nodes")
LOADED = LmsLoaded(file=FILE, missing=0)
PAUSE = Pause(0.05)


def signed(leaf=7):
    """A signature."""
    return NvmemfileSigned(
        signature=leaf.to_bytes(4, "big") + b"signature", leaf=leaf, remaining=31 - leaf
    )


def info(*, loaded=True):
    """What a machine says of the file."""
    return NvmemfileInfo(
        file=FILE, public_key=PUBLIC_KEY, first=0, next=0, end=32, loaded=loaded, quarantined=False
    )


@pytest.fixture(autouse=True)
def one_pause(monkeypatch):
    """A lost reply is asked for once more."""
    monkeypatch.setattr(persisting, "RETRY_PAUSES", (PAUSE.seconds,))


@pytest.fixture
def peer():
    """The one machine."""
    return a_peer()


def test_a_machine_that_was_started_anew_gets_the_node_cache_first(peer):
    """It can't answer without, and whoever came with another token instead would burn the leaf that
    was taken before.
    """
    made = play(
        signing.sign(a_roster(peer), KEY, MESSAGE),
        (([peer], ASK_INFO), [info()]),
        ((peer, SIGN), LOST),
        (PAUSE, None),
        ((peer, SIGN), NOT_LOADED),
        ((peer, LOAD), LOADED),
        ((peer, SIGN), signed()),
    )
    assert made.leaf == 7


def test_it_is_the_same_request_that_comes_again(peer):
    """The token is the one under which the leaf was taken."""
    asked = signing.sign(a_roster(peer), KEY, MESSAGE)
    resume(asked, None, None)
    first = resume(asked, [info()], None).request
    resume(asked, None, LOST)
    assert resume(asked, None, None).request == first
    assert resume(asked, None, NOT_LOADED).request == LOAD
    assert resume(asked, LOADED, None).request == first


def test_a_file_that_is_gone_is_no_reason_to_load(peer):
    """A machine without the file says so again when it is sent the cache, and the next one is
    asked.
    """
    other = a_peer(OTHER_ESN, 2)
    made = play(
        signing.sign(a_roster(peer, other), KEY, MESSAGE),
        (([peer, other], ASK_INFO), [info(), info()]),
        ((peer, SIGN), LOST),
        (PAUSE, None),
        ((peer, SIGN), NOT_LOADED),
        ((peer, LOAD), StatusError(Status.NotAvailable, "no NVRAM file", "loadLMS")),
        ((other, SIGN), signed()),
    )
    assert made.esn == OTHER_ESN


def test_without_a_cache_there_is_nothing_to_send(peer):
    """Then the machine's word is the last, as it is for a request that was not lost before."""
    refusals = [
        (WITHOUT_CACHE, [((peer, SIGN), LOST), (PAUSE, None), ((peer, SIGN), NOT_LOADED)]),
        (KEY, [((peer, SIGN), NOT_LOADED)]),
    ]
    for key, steps in refusals:
        with pytest.raises(StatusError) as refused:
            play(signing.sign(a_roster(peer), key, MESSAGE), (([peer], ASK_INFO), [info()]), *steps)
        assert (refused.value.status, refused.value.where) == (
            Status.NotAvailable,
            "dispatch_see_nvmemfile",
        )


def test_a_machine_that_is_lost_while_it_loads_is_passed_over(peer):
    """No leaf was asked for yet; the next holder signs, and without one the loss is the refusal."""
    other = a_peer(OTHER_ESN, 2)
    steps = [((peer, LOAD), LOST)]
    made = play(
        signing.sign(a_roster(peer, other), KEY, MESSAGE),
        (([peer, other], ASK_INFO), [info(loaded=False), info()]),
        *steps,
        ((other, SIGN), signed()),
    )
    assert made.esn == OTHER_ESN
    with pytest.raises(StatusError) as refused:
        play(
            signing.sign(a_roster(peer), KEY, MESSAGE),
            (([peer], ASK_INFO), [info(loaded=False)]),
            *steps,
        )
    assert refused.value is LOST


def test_the_machine_that_signed_last_is_known_to_all_who_sign_at_once(peer):
    """Two that are under way over one roster both ask it directly; a loss makes it one of many
    again.
    """
    roster = a_roster(peer)
    play(
        signing.sign(roster, KEY, MESSAGE),
        (([peer], ASK_INFO), [info()]),
        ((peer, SIGN), signed(1)),
    )
    one, other = signing.sign(roster, KEY, MESSAGE), signing.sign(roster, KEY, MESSAGE)
    assert [type(resume(asked, None, None).request) for asked in (one, other)] == [
        NvmemfileSign
    ] * 2
    with pytest.raises(StopIteration):
        resume(other, signed(2), None)
    assert roster.signers == {FILE: peer}
    assert isinstance(resume(one, None, LOST), Pause)
    resume(one, None, None)
    assert resume(one, None, LOST).request == ASK_INFO
    assert roster.signers == {}
    assert peer.esn == ESN
