"""lock.py: one process per folder, for as long as it lives."""

import fcntl
import os
import resource
import signal
from pathlib import Path

import pytest
from kit.leases import lease
from kit.stores import SQLITE
from state.killing import child

from seemachine.process import identity
from seemachine.process.identity import Process
from seemachine.state.disk import lock
from seemachine.state.disk.lock import FolderLock, asking, holder, listens
from seemachine.state.errors import StateLocked


@pytest.fixture
def folder(tmp_path):
    """A machine's folder that nobody made yet."""
    return tmp_path / "hsm" / "7852-268D-3BF9"


@pytest.fixture
def other(folder):
    """Another process that holds the folder."""
    identity = child("hold", folder)
    assert identity.stdout.readline() == "held\n"
    yield identity
    identity.kill()
    identity.communicate()


def test_a_second_process_is_refused(folder):
    """While one process holds the folder another is refused, with the process to stop and the
    folder in the sentence.
    """
    held = FolderLock(folder, "7852-268D-3BF9")
    said, _ = child("hold", folder).communicate(timeout=30)

    assert (
        said == f"the machine is already in use by process {os.getpid()} ({folder}); stop that one"
        " first\n"
    )
    held.release()


def test_a_process_that_came_first_is_named(folder, other):
    """The refusal here names the process there, and what it is that is in use."""
    with pytest.raises(
        StateLocked, match=f"^7852-268D-3BF9 is already in use by process {other.pid} "
    ):
        FolderLock(folder, "7852-268D-3BF9")


def test_one_process_has_it_once(folder):
    """Not even the same process gets a folder twice."""
    held = FolderLock(folder, "this")
    with pytest.raises(StateLocked, match=f"process {os.getpid()} "):
        FolderLock(folder, "this")

    held.release()
    FolderLock(folder, "this").release()


def test_a_refusal_keeps_nothing(folder, other):
    """Who was refused neither holds the lock nor writes its own number into it."""
    with pytest.raises(StateLocked):
        FolderLock(folder, "this")

    assert holder(folder).is_same(identity.child(other.pid))


def test_the_lock_ends_with_its_process(folder, other):
    """A killed process holds nothing: the folder is free at once, though the lock file still shows
    its number.
    """
    other.send_signal(signal.SIGKILL)
    other.wait(timeout=30)

    assert f'"pid": {other.pid}, ' in (folder / "lock").read_text()
    assert holder(folder) is None
    FolderLock(folder, "this").release()


def test_the_lock_ends_with_its_release(folder):
    """A released folder is free for another process."""
    FolderLock(folder, "this").release()
    identity = child("hold", folder)

    assert identity.stdout.readline() == "held\n"
    identity.communicate(timeout=30)


def test_two_folders_are_two_locks(folder, tmp_path):
    """Machines of one world do not stand in each other's way."""
    first, second = FolderLock(folder, "this"), FolderLock(tmp_path / "hsm" / "other", "that")

    for held in (folder, tmp_path / "hsm" / "other"):
        assert identity.current().is_same(holder(held))
    first.release()
    assert holder(folder) is None
    second.release()


def test_the_holder_is_known_elsewhere(folder, other):
    """Any process can see who holds a folder, and that nobody does."""
    held = FolderLock(folder.parent, "this")
    said, _ = child("look", folder.parent).communicate(timeout=30)

    assert said == f"process {os.getpid()}\n"
    assert holder(folder).is_same(identity.child(other.pid))
    held.release()
    said, _ = child("look", folder.parent).communicate(timeout=30)
    assert said == "None\n"


def test_no_folder_has_no_holder(folder):
    """To look at a folder that was never locked, or is not there, makes nothing."""
    assert holder(folder) is None
    assert not folder.exists()


def test_a_holder_that_wrote_no_number_yet(folder):
    """Between taking the lock and writing its number a process is a holder without a number, not
    nobody.
    """
    held = FolderLock(folder, "this")
    (folder / "lock").write_text("")

    assert holder(folder) == Process()
    with pytest.raises(StateLocked, match="by process unknown "):
        FolderLock(folder, "this")
    held.release()


def test_a_short_look_stops_nobody(folder, monkeypatch):
    """Somebody who only looks, and so has the lock for an instant, does not make a start fail."""
    FolderLock(folder, "this").release()
    looking = os.open(folder, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    waits = []

    def pause(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            os.close(looking)

    monkeypatch.setattr(lock.time, "sleep", pause)
    FolderLock(folder, "this").release()

    assert len(waits) == 2


def test_a_shorter_number_leaves_no_rest(folder):
    """The number in the lock file is the holder's alone, whatever stood there before."""
    FolderLock(folder, "this").release()
    (folder / "lock").write_text("9" * 3000)
    held = FolderLock(folder, "this")

    assert identity.current().is_same(holder(folder))
    held.release()


# ---------------------------------------------------------------- requests


def test_whoever_finds_a_folder_held_can_ask(folder, monkeypatch):
    """The file that asks is there before the folder is held: no request goes unheard."""
    there, taken = [], lock._taken

    def look(descriptor, how):
        there.append(sorted(path.name for path in folder.iterdir()))
        return taken(descriptor, how)

    monkeypatch.setattr(lock, "_taken", look)
    FolderLock(folder, "this").release()

    assert there == [["lock", "stop"]]


@pytest.fixture
def listening(folder):
    """This process holds the folder and looks for requests."""
    held = FolderLock(folder, "this")
    held.listen()
    yield held
    held.release()


def test_a_request_is_heard_as_long_as_somebody_asks(folder, listening):
    """Not before, not after, and with two who ask until both have ended."""
    assert not listening.asked()
    with asking(folder):
        with asking(folder):
            assert listening.asked()
        assert listening.asked()
    assert not listening.asked()


def test_a_request_ends_with_who_asks(folder, listening):
    """Another process asks and is killed: no request stays for a machine that is started later."""
    identity = child("ask", folder)
    assert identity.stdout.readline() == "asking\n"
    assert listening.asked()

    identity.kill()
    identity.communicate(timeout=30)

    assert not listening.asked()


@pytest.mark.parametrize("how", ["removed", "made anew"])
def test_requests_follow_the_name(folder, listening, how):
    """Files that were removed, or put back in place, do not make a machine deaf."""
    (folder / "stop").unlink()
    assert not listening.asked()
    if how == "made anew":
        (folder / "stop").touch()
        assert not listening.asked()

    with asking(folder):
        assert listening.asked()
    assert not listening.asked()


def test_a_request_is_heard_beside_a_name_that_can_not_be_followed(folder, listening):
    """Whatever lies in place of the file that asks ends no machine."""
    asking_before = os.open(folder / "stop", os.O_RDWR)
    (folder / "stop").unlink()
    (folder / "stop").mkdir()
    assert not listening.asked()

    fcntl.flock(asking_before, fcntl.LOCK_SH)
    assert listening.asked()
    os.close(asking_before)


def test_requests_follow_the_folder(folder, listening):
    """A world that was moved while it is up is asked where it is now, and not where it was."""
    moved = folder.rename(folder.with_name("moved"))
    other = FolderLock(folder, "another")
    other.listen()

    with asking(folder):
        assert (listening.asked(), other.asked()) == (False, True)
    with asking(moved):
        assert (listening.asked(), other.asked()) == (True, False)
    other.release()


def test_a_request_comes_before_the_holder_looks(folder):
    """A machine that is asked while it starts finds the request when it first looks."""
    held = FolderLock(folder, "this")
    with asking(folder):
        held.listen()
        assert held.asked()
    held.release()


def test_to_ask_makes_nothing(folder):
    """Who asks may be another user, whose files a machine could not open later."""
    folder.mkdir(parents=True)
    with asking(folder):
        assert list(folder.iterdir()) == []


def test_a_request_is_heard_without_a_descriptor(folder, listening):
    """A machine whose descriptors are all in use can be stopped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with asking(folder):
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                os.open(folder, os.O_RDONLY)
            assert listening.asked()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_holder_that_looks_for_requests_is_known(folder):
    """Who looks is told from who merely holds the folder, and not by what is written."""
    held = FolderLock(folder, "this")
    assert not listens(folder)

    held.listen()
    (folder / "lock").write_text("")
    assert listens(folder)

    held.release()
    assert not listens(folder)


@pytest.mark.parametrize("kind", ["text", "folder", "pipe"])
def test_whatever_is_in_place_of_the_text_is_an_unknown_holder(folder, kind):
    """A pipe that nobody writes to is not waited for."""
    FolderLock(folder, "this").release()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    (folder / "lock").unlink()
    {"text": Path.touch, "folder": Path.mkdir, "pipe": os.mkfifo}[kind](folder / "lock")

    assert holder(folder) == Process()
    os.close(descriptor)


def test_a_stop_file_that_can_not_be_made_again_is_named_whole(folder, monkeypatch):
    """While the machine is up it is opened by its name in the folder."""
    held = FolderLock(folder, "it")
    (folder / "stop").unlink()
    (folder / "stop").mkdir()
    with pytest.raises(IsADirectoryError) as refused:
        held._follow()
    assert refused.value.filename == str(folder / "stop")
    held.release()


def test_a_second_user_of_a_database_is_refused(tmp_path):
    """SQLite itself keeps a second process out, even one that does not ask the lock."""
    store = SQLITE.open(tmp_path)
    store.install(lease())
    said, _ = child("use", "sqlite", tmp_path).communicate(timeout=30)

    assert said == f"{tmp_path}/nvram.db: database is locked\n"
    store.close()


def test_who_holds_a_folder_again_is_another_holder(folder):
    """In one process too, where the number and the start are the same."""
    first = FolderLock(folder, "it")
    held = holder(folder)
    assert held == first.holder
    first.release()
    FolderLock(folder, "it")
    again = holder(folder)
    assert not again.is_same(held)
    assert identity.current().is_same(again)
