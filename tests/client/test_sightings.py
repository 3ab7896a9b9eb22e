"""memory.py: what a host remembers of machines and leases raises an alarm when one went back in
time, and never else.
"""

import contextlib
import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from client.ports import answering
from hypothesis import given
from hypothesis import strategies as st
from kit.frames import answered_frame
from kit.here import memory
from kit.stories import GREETING, a_key_file, a_peer
from seeclient import Status, StatusError, connecting, memory_files, sightings

from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages
from seemachine.wire.messages import NvmemfileInfo
from seemachine.world import OFF, SEEN_VARIABLE

NVRAM, OTHER_NVRAM = b"n" * 16, b"m" * 16
FIRST, SECOND = b"openings", b"another1"
# Four leases of eight leaves.
KEY = replace(a_key_file(), expcards=1, explease=1)


def greeting(epoch, opening=FIRST, nvram=NVRAM, esn=ESN):
    """What a machine says of itself."""
    return replace(GREETING, esn=esn, nvram=nvram, epoch=epoch, opening=opening)


def seen(home):
    """The files of the memory."""
    folder = home / "seen"
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def alarm(call):
    """The refusal that a call ends with."""
    with pytest.raises(StatusError) as refused:
        call()
    assert refused.value.status is Status.AccessDenied
    assert refused.value.where == sightings.WHERE
    return refused.value.detail


def note(leaf, esn=ESN):
    """A signature that nobody else's came across."""
    memory().check(esn, KEY, memory().recall(esn, KEY), leaf)


# ---------------------------------------------------------------- machines


def test_a_machine_that_was_started_again_is_welcome():
    """Its count goes up, each time with another opening; meeting the same one twice is nothing."""
    for epoch, opening in ((1, FIRST), (1, FIRST), (2, SECOND), (7, FIRST), (7, FIRST)):
        memory().meet(greeting(epoch, opening))


def test_a_count_that_went_down_is_an_alarm(home):
    """The sentence has machine, both counts, and where to look; what was known stays known."""
    memory().meet(greeting(7))
    before = seen(home)
    sentence = alarm(lambda: memory().meet(greeting(6, SECOND)))
    assert sentence.startswith(
        f"{ESN} counts 6 starts, but 7 were seen here: its NVRAM was put back; "
    )
    assert sentence.endswith(f"what was seen is in {home / 'seen'}")
    assert seen(home) == before
    memory().meet(greeting(7))


def test_the_same_count_of_another_opening_is_an_alarm(home):
    """Two that began alike and were started equally often are told apart."""
    memory().meet(greeting(3, FIRST))
    before = seen(home)
    assert f"two machines say that they are {ESN}" in alarm(
        lambda: memory().meet(greeting(3, SECOND))
    )
    assert seen(home) == before


def test_a_new_nvram_is_welcome():
    """A machine that was made anew under the same number counts from one; the old NVRAM is known
    all the same if it comes back.
    """
    memory().meet(greeting(7))
    memory().meet(greeting(1, SECOND, OTHER_NVRAM))
    memory().meet(greeting(2, FIRST, OTHER_NVRAM))
    assert "counts 6" in alarm(lambda: memory().meet(greeting(6, FIRST, NVRAM)))
    assert "counts 1" in alarm(lambda: memory().meet(greeting(1, SECOND, OTHER_NVRAM)))
    memory().meet(greeting(8, SECOND, NVRAM))


def test_machines_are_known_by_their_numbers():
    """What is known of one says nothing of another."""
    memory().meet(greeting(7, FIRST))
    memory().meet(greeting(1, SECOND, esn=OTHER_ESN))
    assert "counts 6" in alarm(lambda: memory().meet(greeting(6)))


def test_so_many_nvrams_of_a_machine_are_remembered(home):
    """The memory of a machine that is made anew all the time does not grow without end, and the
    last ones are in it.
    """
    nvrams = [bytes([number]) * 16 for number in range(sightings.KEPT_NVRAMS + 4)]
    for nvram in nvrams:
        memory().meet(greeting(9, nvram=nvram))
    assert len(seen(home)[ESN].splitlines()) == sightings.KEPT_NVRAMS
    for nvram in nvrams[-sightings.KEPT_NVRAMS :]:
        assert "counts 8" in alarm(lambda nvram=nvram: memory().meet(greeting(8, nvram=nvram)))


def test_a_machine_that_forgets_is_not_remembered(home):
    """One whose NVRAM ends with its process counts nothing, and is welcome each time."""
    for opening in (FIRST, SECOND):
        memory().meet(greeting(0, opening, opening * 2))
    assert seen(home) == {}


# ---------------------------------------------------------------- leaves


def test_leaves_that_go_up_are_welcome():
    """In each lease on its own, with gaps, and also the one that comes first anew after another
    lease.
    """
    for leaf in (0, 1, 5, 16, 6, 17, 31, 7):
        note(leaf)
    assert memory().recall(ESN, KEY) == {0: 7, 2: 17, 3: 31}


@pytest.mark.parametrize("leaf", [2, 3])
def test_a_leaf_that_was_seen_is_an_alarm(leaf, home):
    """The leaf itself, and one below it, may have signed something else; what was known stays
    known.
    """
    note(3)
    before = seen(home)
    sentence = alarm(lambda: note(leaf))
    assert sentence.startswith(f"{ESN} signed with leaf {leaf} of 6c6d73")
    assert "its leaf 3 was seen here before; the signature is not released" in sentence
    assert seen(home) == before


def test_a_slower_signature_is_no_alarm():
    """Two that are under way at once may come in either order; the memory keeps the higher leaf."""
    slow, fast = memory().recall(ESN, KEY), memory().recall(ESN, KEY)
    memory().check(ESN, KEY, fast, 5)
    memory().check(ESN, KEY, slow, 4)
    assert memory().recall(ESN, KEY) == {0: 5}
    alarm(lambda: note(5))


def test_a_lease_in_two_machines_is_an_alarm():
    """A lease is in one machine for life: whoever else signs with it has a copy, also with a leaf
    that nobody saw.
    """
    note(3)
    sentence = alarm(lambda: note(4, OTHER_ESN))
    assert sentence.startswith(f"{OTHER_ESN} signed with lease 0 of 6c6d73")
    assert f"which was in {ESN}: one of them has a copy" in sentence
    note(8, OTHER_ESN)
    note(4)
    alarm(lambda: note(9))


def test_keys_are_known_by_their_nvram_files():
    """The same leaf of another key is nobody's business."""
    other = replace(a_key_file("other"), expcards=1, explease=1)
    note(3)
    memory().check(OTHER_ESN, other, memory().recall(OTHER_ESN, other), 3)
    memory().check(OTHER_ESN, other, memory().recall(OTHER_ESN, other), 4)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.randoms())
def test_whatever_order_signers_come_in(tmp_path_factory, turns, chance):
    """Signers each ask, get their leaf and look at it, in any interleaving: no alarm while no leaf
    is given twice.

    A leaf that is given again to somebody who asked after it was looked at is always an alarm.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SEEN_VARIABLE, str(tmp_path_factory.mktemp("seen")))
        asked, given_out, looked_at, following = {}, {}, [], 0
        for signer, goes_back in turns:
            if signer not in asked:
                asked[signer] = memory().recall(ESN, KEY)
                if goes_back and looked_at:
                    with pytest.raises(StatusError):
                        memory().check(ESN, KEY, asked.pop(signer), chance.choice(looked_at))
            elif signer not in given_out and following < 32:
                given_out[signer], following = following, following + 1
            elif signer in given_out:
                leaf = given_out.pop(signer)
                memory().check(ESN, KEY, asked.pop(signer), leaf)
                looked_at.append(leaf)


# ---------------------------------------------------------------- when a person has decided


def held(following, first=0, key=KEY):
    """What a machine says of a lease of eight leaves of the key."""
    return NvmemfileInfo(
        file=key.name,
        public_key=key.public_key,
        first=first,
        next=following,
        end=first + 8,
        loaded=True,
        quarantined=False,
    )


def test_an_accepted_machine_is_welcome_as_it_is():
    """The opening that was refused is the known one from then on: what was known before is the
    stranger now.
    """
    memory().meet(greeting(7, FIRST))
    alarm(lambda: memory().meet(greeting(3, SECOND)))
    memory().accept(greeting(3, SECOND), [])
    memory().meet(greeting(3, SECOND))
    alarm(lambda: memory().meet(greeting(3, FIRST)))
    memory().meet(greeting(7, FIRST))


def test_leaves_outlive_an_acceptance():
    """Whatever a person says of a machine, a leaf that was seen is not released again."""
    note(3)
    memory().accept(greeting(1), [held(4)])
    alarm(lambda: note(3))
    note(4)


@pytest.mark.parametrize(("following", "first", "highest"), [(0, 0, 5), (5, 0, 5), (20, 16, 20)])
def test_a_machine_that_would_repeat_leaves_is_not_accepted(following, first, highest, home):
    """It has to be put behind all leaves that were seen before; another machine's and other leases'
    say nothing of it.
    """
    for leaf in (5, 20):
        note(leaf)
    memory().meet(greeting(7, FIRST))
    before = seen(home)
    with pytest.raises(StatusError) as refused:
        memory().accept(greeting(3), [held(8, 8), held(following, first)])
    assert refused.value.status is Status.AccessDenied
    assert (
        f"stands at leaf {following}, but its leaf {highest} was seen here" in refused.value.detail
    )
    assert seen(home) == before
    memory().accept(greeting(3, esn=OTHER_ESN), [held(following, first)])
    memory().accept(greeting(3), [held(8, 8), held(6), held(21, 16)])


def test_nothing_is_accepted_without_a_memory(home, monkeypatch):
    """Neither where it is off, nor of a machine that forgets."""
    memory().accept(greeting(0), [])
    monkeypatch.setenv(SEEN_VARIABLE, OFF)
    memory().accept(greeting(7), [])
    assert seen(home) == {}


MAY_BE_ASKED = {
    "hello",
    # ML-DSA has no leaves.
    "generateMLDSA",
    "importMLDSA",
    "infoMLDSA",
    "signMLDSA",
    # Nor has a card set.
    "loadToken",
    # What is destroyed signs nothing, whichever of two machines it is.
    "destroyLMS",
    "discardLMS",
    "nvmemfile_info",
    "nvmemfile_list",
    "nvmemfile_warn",
    "slot_list",
    "slot_wait",
    "nvram_ledger",
    "quarantine_list",
    "quarantine_burn",
    "quarantine_skip",
    "fault_add",
    "fault_list",
    "fault_clear",
}


@pytest.mark.parametrize("request_class", messages.REQUESTS.values(), ids=messages.REQUESTS)
def test_a_doubted_machine_is_asked_for_no_leaf(request_class):
    """Of all requests those alone go out that take, make and move no leaf; to a machine without a
    doubt each of them does.
    """
    request = object.__new__(request_class)
    doubt = StatusError(Status.AccessDenied, "a doubt", sightings.WHERE)
    peer = a_peer()
    connecting.refuse_doubted(peer, request)
    peer.doubt = doubt
    with (
        pytest.raises(StatusError) if request.NAME not in MAY_BE_ASKED else contextlib.nullcontext()
    ):
        connecting.refuse_doubted(peer, request)


# ---------------------------------------------------------------- where it is kept


def test_only_the_user_can_read_it(home):
    """It tells which keys sign where, and how much."""
    memory().meet(greeting(1))
    note(1)
    assert oct((home / "seen").stat().st_mode & 0o777) == "0o700"
    assert {oct(path.stat().st_mode & 0o777) for path in (home / "seen").iterdir()} == {"0o600"}


def test_another_folder_can_be_named(home, tmp_path, monkeypatch):
    """Several hosts may share one memory, and one may have several."""
    monkeypatch.setenv(SEEN_VARIABLE, str(tmp_path / "shared" / "seen"))
    memory().meet(greeting(7))
    assert f"what was seen is in {tmp_path / 'shared' / 'seen'}" in alarm(
        lambda: memory().meet(greeting(6))
    )
    assert seen(home) == {}
    monkeypatch.delenv(SEEN_VARIABLE)
    memory().meet(greeting(6))


def test_it_can_be_off(home, monkeypatch):
    """Then nothing is kept, and nothing compared."""
    memory().meet(greeting(7))
    note(3)
    before = seen(home)
    monkeypatch.setenv(SEEN_VARIABLE, OFF)
    memory().meet(greeting(1))
    note(3)
    assert seen(home) == before


def test_who_deletes_it_begins_anew(home):
    """Also while a program that looked into it goes on."""
    memory().meet(greeting(7))
    note(3)
    for path in (home / "seen").iterdir():
        path.unlink()
    memory().meet(greeting(1))
    note(0)
    assert seen(home)[ESN].split()[1] == "1"


ASKED = {
    "a machine": lambda: memory().meet(greeting(7)),
    "a lease": lambda: memory().recall(ESN, KEY),
}


def unusable(call, path):
    """The sentence with which a call refuses what it can't read or write."""
    with pytest.raises(StatusError) as refused:
        call()
    assert (refused.value.status, refused.value.where) == (Status.OSErrorErrno, sightings.WHERE)
    assert refused.value.detail.startswith(f"{path}: ")
    assert refused.value.detail.endswith(
        f"choose another folder by {SEEN_VARIABLE}, or {SEEN_VARIABLE}=off"
    )


@pytest.mark.parametrize("what", ASKED)
def test_a_folder_that_cannot_be_written_is_a_refusal(what, home):
    """Before any leaf is asked for: signing without a memory is the user's choice, not an
    accident's.
    """
    (home / "seen").write_text("a file")
    unusable(
        ASKED[what], home / "seen" / (ESN if what == "a machine" else f"{KEY.name.hex()}-{ESN}")
    )


@pytest.mark.parametrize("what", ASKED)
def test_a_full_disk_is_a_refusal_before_a_leaf_is_asked_for(what, monkeypatch):
    """Else each try would cost a leaf, whose signature is kept back because it can't be remembered.
    Once there is room all is well, and what is remembered needs no more of it.
    """
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", no_room)
        with pytest.raises(StatusError, match="left on device; make room there, or choose"):
            ASKED[what]()
    ASKED[what]()


def no_room(*_words):
    """Write on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
@pytest.mark.parametrize("what", ASKED)
def test_a_folder_without_leave_to_write_is_a_refusal(what, home):
    """The same, by its mode."""
    (home / "seen").mkdir(mode=0o500)
    unusable(
        ASKED[what], home / "seen" / (ESN if what == "a machine" else f"{KEY.name.hex()}-{ESN}")
    )


DAMAGE = {
    "words": b"once upon a time\n",
    "too few": b"7\n",
    "no numbers": b"x y z\n",
    "no text": b"\xff\xfe 1 2\n",
    "zeros": bytes(40),
    "an empty line": b"0 1 2\n\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("what", ASKED)
def test_a_damaged_file_is_a_refusal(what, damage, home):
    """With its name in the sentence; it is left as it is."""
    path = home / "seen" / (ESN if what == "a machine" else f"{KEY.name.hex()}-{ESN}")
    path.parent.mkdir()
    path.write_bytes(DAMAGE[damage])
    unusable(ASKED[what], path)
    assert path.read_bytes() == DAMAGE[damage]


def open_files():
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_few_files_are_open_at_once():
    """However many machines and keys a program sees."""
    memory_files._forget_files()
    before, most = open_files(), 0
    for number in range(2 * memory_files.MAX_OPEN + 1):
        memory().meet(greeting(1, esn=f"{number:04X}-0000-0000"))
        most = max(most, open_files() - before)
    assert most == memory_files.MAX_OPEN
    assert "two machines" in alarm(lambda: memory().meet(greeting(1, SECOND, esn="0000-0000-0000")))


def test_threads_take_turns(home):
    """Each of many threads that count up together finds its own turn in order, and none is lost."""
    lock, handed_out, alarms = threading.Lock(), iter(range(200)), []

    def sign():
        for _ in range(20):
            before = memory().recall(ESN, wide)
            with lock:
                leaf = next(handed_out)
            try:
                memory().check(ESN, wide, before, leaf)
            except StatusError as refused:
                alarms.append(refused)

    wide = replace(a_key_file(tree="sha256_m24_h10", ots="sha256_n24_w1"))
    threads = [threading.Thread(target=sign) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alarms == []
    assert memory().recall(ESN, wide) == {0: 199}


# ---------------------------------------------------------------- in a conversation


async def met_meanwhile(stream, answers):
    """A machine that somebody else meets after a restart while its first answer is
    still under way.
    """
    memory().meet(greeting(8, SECOND))
    for number in range(1, answers + 1):
        if not await stream.receive_some(1 << 16):
            return
        await stream.send_all(answered_frame(number, greeting(7)))


@pytest.mark.parametrize(
    ("answers", "status"), [(1, Status.OSErrorErrno), (2, Status.AccessDenied)]
)
async def test_a_late_greeting_is_no_alarm(answers, status, open_fleet):
    """A greeting from before a restart is late, and its connection dead; who says it again after
    the restart went back.
    """

    async def talk(stream):
        await met_meanwhile(stream, answers)

    async with answering(talk) as machine, open_fleet(machine.text) as fleet:
        assert fleet.roster.peers == []
        assert [failure.status for failure in fleet.roster.failures] == [status]
