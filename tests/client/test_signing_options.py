"""Options of one signature: a caller that asks again, and what LMS keys do not have."""

import errno
from dataclasses import replace

import pytest
from kit.stories import GREETING, a_peer, a_roster, shown
from seeclient import connecting
from seeclient.algorithms.lms.algorithm import ALGORITHM
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.persisting import RETRY_PAUSES
from seeclient.effects import Pause, resume
from seeclient.message import Message
from seeclient.refusals import Unreachable
from seeclient.results import Signed
from seeclient.sightings import Sightings
from seeclient.signing_options import SigningOptions

from seemachine.testing import ESN, OTHER_ESN, make_key
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    LoadLms,
    NvmemfileInfo,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSignDigest,
    NvmemfileSigned,
)
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

PUBLIC_KEY = make_key().public_key.encode()
FILE = nvram_name(PUBLIC_KEY)
TOKEN = b"a token of sixt."
NOTE = f"{ESN} {GREETING.opening.hex()}"
GONE = StatusError(Status.NotAvailable, "no NVRAM file")
DENIED = StatusError(Status.AccessDenied, "role 'user' may not")
BROKEN = StatusError(Status.OSErrorErrno, "connection broken", connecting.CONNECT)
NOT_LOADED = StatusError(Status.NotAvailable, "the tree is not loaded")
SIGNED = NvmemfileSigned(signature=(7).to_bytes(4, "big") + b"signature", leaf=7, remaining=24)
INFO = NvmemfileInfo(
    file=FILE,
    public_key=PUBLIC_KEY,
    first=0,
    next=0,
    end=32,
    loaded=True,
    quarantined=False,
)


@pytest.fixture
def key():
    """A key file of the key that the machines of these tests know."""
    return LmsKeyFile("release", PUBLIC_KEY, 0, 1, 0, b"")


def begun(peers, key, options):
    """The story of a signature, and its first effect."""
    story = ALGORITHM.sign(a_roster(*peers), key, Message(b"message"), options)
    return story, resume(story, None, None)


def unreached(peer):
    """Why a machine can't be reached."""
    return connecting.connect_failure(peer.address, ConnectionRefusedError(errno.ECONNREFUSED, ""))


def test_a_callers_token_is_sent_and_who_is_asked_is_said_before(key):
    """The caller can name the machine that may have taken a leaf, before that is asked."""
    asked: list[str] = []
    peer = a_peer(ESN)
    story, first = begun([peer], key, SigningOptions(token=TOKEN, asking=asked.append))
    assert (shown(first), asked) == (([peer], GetNvmemfileInfo(file=FILE)), [])
    request = resume(story, [INFO], None).request
    assert (request.token, asked) == (TOKEN, [NOTE])
    with pytest.raises(StopIteration) as end:
        resume(story, SIGNED, None)
    assert end.value.value == Signed(SIGNED.signature, ESN, 7, 24)


def test_who_was_asked_is_asked_first_and_gives_what_it_made(key):
    """Though another machine comes before it: only that one knows whether it took a leaf."""
    peers = [a_peer(OTHER_ESN), a_peer(ESN, 2)]
    story, first = begun(peers, key, SigningOptions(token=TOKEN, asked=NOTE))
    assert (first.peer, first.request.token) == (peers[1], TOKEN)
    with pytest.raises(StopIteration):
        resume(story, SIGNED, None)


def test_after_one_that_took_no_leaf_the_next_is_asked_under_the_same_token(key):
    """A machine that says that it has none has not signed."""
    peers = [a_peer(OTHER_ESN), a_peer(ESN, 2)]
    story, _ = begun(peers, key, SigningOptions(token=TOKEN, asked=NOTE))
    assert shown(resume(story, None, GONE)) == (peers, GetNvmemfileInfo(file=FILE))
    second = resume(story, [INFO, GONE], None)
    assert (second.peer, second.request.token) == (peers[0], TOKEN)


def test_while_nobody_knows_whether_a_leaf_is_taken_no_other_is(key):
    """The machine that was asked does not answer: the signature is refused, not made elsewhere."""
    peers = [a_peer(OTHER_ESN), a_peer(ESN, 2)]
    story, effect = begun(peers, key, SigningOptions(token=TOKEN, asked=NOTE))
    for pause in RETRY_PAUSES:
        assert effect.peer is peers[1]
        assert resume(story, None, BROKEN) == Pause(pause)
        effect = resume(story, None, None)
    with pytest.raises(StatusError) as refused:
        resume(story, None, BROKEN)
    assert refused.value is BROKEN


def test_who_asks_again_compares_with_what_was_known_at_first(key, tmp_path):
    """Whoever asked before may have remembered the leaf of this signature, and then died: that is
    no reason to keep it back. A leaf that was known before the first time is.
    """
    memory = Sightings(tmp_path)
    memory.check(ESN, key, {}, 5)
    notes: list[str] = []
    for asked, leaf in (("", 7), (f"{NOTE} 0:5", 7), (f"{NOTE} 0:5", 5)):
        options = SigningOptions(token=TOKEN, asked=asked, asking=notes.append)
        roster = replace(a_roster(a_peer(ESN)), sightings=memory)
        story = ALGORITHM.sign(roster, key, Message(b"message"), options)
        if not asked:
            resume(story, None, None)
        resume(story, [INFO] if not asked else None, None)
        made = NvmemfileSigned(signature=leaf.to_bytes(4, "big") + b"s", leaf=leaf, remaining=1)
        with pytest.raises(StatusError if leaf == 5 else StopIteration, match=r"seen here|Signed"):
            resume(story, made, None)
    assert notes == [f"{NOTE} 0:5"] * 3


@pytest.mark.parametrize(("token", "goes_on"), [(TOKEN, False), (b"", True)])
def test_a_callers_token_takes_no_leaf_of_a_second_machine(token, goes_on, key):
    """The connection broke after the first was asked, and it may have taken one, though by the end
    it can't be reached at all. Whoever gave no token gets a signature of the next, if at the price
    of a leaf.
    """
    peers = [a_peer(ESN), a_peer(OTHER_ESN, 2)]
    story, _ = begun(peers, key, SigningOptions(token=token))
    effect = resume(story, [INFO, INFO], None)
    for failure in (connecting.lost(peers[0].address, "broken"), *[unreached(peers[0])] * 4):
        assert type(resume(story, None, failure)) is Pause
        effect = resume(story, None, None)
    assert effect.peer is peers[0]
    if goes_on:
        assert resume(story, None, unreached(peers[0])).peer is peers[1]
        return
    with pytest.raises(Unreachable, match="Connection refused"):
        resume(story, None, unreached(peers[0]))


def test_a_machine_that_was_never_reached_has_taken_no_leaf(key):
    """Nothing was sent to it, so the next is asked under the caller's token."""
    peers = [a_peer(ESN), a_peer(OTHER_ESN, 2)]
    story, _ = begun(peers, key, SigningOptions(token=TOKEN))
    effect = resume(story, [INFO, INFO], None)
    while effect.peer is peers[0]:
        effect = resume(story, None, unreached(peers[0]))
        effect = resume(story, None, None) if isinstance(effect, Pause) else effect
    assert (effect.peer, effect.request.token) == (peers[1], TOKEN)


def test_who_was_asked_and_has_lost_its_tree_gets_it_before_another_is_asked(key):
    """A machine that was started anew meanwhile makes the signature again once it has the node
    cache of the key file; it may have the leaf of this signature.
    """
    peers = [a_peer(OTHER_ESN), a_peer(ESN, 2)]
    cached = replace(key, expcache=1, cache=bytes(72))
    story, first = begun(peers, cached, SigningOptions(token=TOKEN, asked=NOTE))
    loading = resume(story, None, NOT_LOADED)
    assert (loading.peer, type(loading.request)) == (peers[1], LoadLms)
    again = resume(story, None, None)
    assert (again.peer, again.request) == (peers[1], first.request)


def test_a_note_of_before_a_machine_was_started_anew_hides_no_leaf(key, tmp_path):
    """Its NVRAM may have been put back meanwhile: a leaf that others were seen to get after the
    note is not released again.
    """
    memory = Sightings(tmp_path)
    memory.check(ESN, key, {}, 6)
    peer = a_peer(ESN, opening=b"another.")
    roster = replace(a_roster(peer), sightings=memory)
    options = SigningOptions(token=TOKEN, asked=f"{NOTE} 0:5")
    story = ALGORITHM.sign(roster, key, Message(b"message"), options)
    resume(story, None, None)
    made = NvmemfileSigned(signature=(6).to_bytes(4, "big") + b"s", leaf=6, remaining=1)
    with pytest.raises(StatusError, match="its leaf 6 was seen here before"):
        resume(story, made, None)


@pytest.mark.parametrize("asked", [" ", ESN, f"{NOTE} 0", f"{NOTE} 0:a", "x" * 1_000_000])
def test_what_is_no_note_is_refused_before_a_machine_is_asked(asked, key):
    """In a sentence that is not as long."""
    with pytest.raises(StatusError, match="not a note") as refused:
        begun([a_peer(ESN)], key, SigningOptions(token=TOKEN, asked=asked))
    assert len(str(refused.value)) < 300


def test_one_that_was_asked_and_is_not_there_is_no_reason_to_ask_another(key):
    """Its ESN is in the refusal."""
    with pytest.raises(StatusError, match=f"no HSM {ESN} is reachable"):
        begun([a_peer(OTHER_ESN)], key, SigningOptions(token=TOKEN, asked=NOTE))


BURNED = StatusError(Status.ObjectInUse, "leaf 7 waits for no digest any more, and is burned")
RESERVED = NvmemfileReserved(
    identifier=bytes(16), leaf=7, randomizer=bytes(len(PUBLIC_KEY) - 24), remaining=24
)


@pytest.mark.parametrize(
    ("options", "refusal"), [(SigningOptions(token=TOKEN), BURNED), (SigningOptions(), DENIED)]
)
def test_a_long_message_is_hashed_once_more_for_a_burned_leaf_alone(key, options, refusal):
    """Under the caller's token there is one leaf; and another refusal is no lost leaf."""
    roster = a_roster(a_peer(ESN))
    story = ALGORITHM.sign(roster, key, Message(b"x" * 1001), options)
    resume(story, None, None)
    assert type(resume(story, [INFO], None).request) is NvmemfileReserve
    digest = resume(story, RESERVED, None).call()
    assert type(resume(story, digest, None).request) is NvmemfileSignDigest
    with pytest.raises(StatusError) as refused:
        resume(story, None, refusal)
    assert refused.value is refusal


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (SigningOptions(context=b"c"), "context"),
        (SigningOptions(deterministic=True, passphrases=("p",)), "deterministic and passphrases"),
    ],
)
def test_what_lms_has_not_is_refused_before_a_machine_is_asked(options, named, key):
    """An option of another algorithm is not left out in silence."""
    with pytest.raises(StatusError, match=f"LMS takes no {named}; "):
        begun([a_peer(ESN)], key, options)


def test_lms_verifies_under_no_context(key):
    """A context can't be checked where there is none."""
    with pytest.raises(StatusError, match="LMS takes no context"):
        ALGORITHM.verify(key, Message(b"m"), b"signature", "it", b"context")


def test_passphrases_are_not_shown():
    """In a traceback that shows values, or a log."""
    assert "hunter2" not in repr(SigningOptions(passphrases=("hunter2",)))
