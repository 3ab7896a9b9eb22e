"""quarantine_list, quarantine_burn, quarantine_skip, and what a machine does at its start: no leaf
that may have been used elsewhere.
"""

import os
import shutil
from dataclasses import replace

import pytest
from kit.commands import (
    CHEAP,
    LEAVES,
    SLOT,
    ask,
    digest_for,
    generate,
    hash_key,
    make_key_on_cards,
    refuse,
    sign,
)
from kit.signatures import MESSAGE
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands.quarantine import inspect
from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.witness.folder import FolderWitness
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import printed_name
from seemachine.wire.record import from_fields, to_fields
from seemachine.wire.status import Status

UNKNOWN = b"lms" + bytes(8)
NVRAM = ("nvram.db", "nvram.db-wal", "nvram")
LABEL = "half-made"


@pytest.fixture(params=[SqliteStore, FileStore], ids=["sqlite", "file"])
def host(request, world):
    """A machine with a witness, its start, its end and backups of its NVRAM."""
    made = Host(world, request.param)
    yield made
    made.stop()


class Host:
    """See above."""

    def __init__(self, world, kind):
        self.world, self.kind, self.folder = world, kind, world.folder / "hsm" / ESN
        self.machine, self.reasons = None, []

    def start(self):
        """A connection to the machine after a start as the daemon does it."""
        self.stop()
        store = self.kind(self.folder, FolderWitness(self.world.folder / "witness", ESN))
        self.machine = self.world.machine(
            store=store, checkpoints=FolderCheckpoints(self.folder), random=os.urandom
        )
        self.reasons = inspect(self.machine)
        return Session(self.machine)

    def stop(self):
        """Stop the machine, if it runs."""
        if self.machine is not None:
            self.machine.store.close()
            self.machine = None

    def backup(self):
        """A copy of the NVRAM."""
        kept = self.world.folder / "backup"
        copied(self.folder, kept)
        return kept

    def put_back(self, kept):
        """Start on an older NVRAM."""
        self.stop()
        for path in [self.folder / name for name in NVRAM if (self.folder / name).exists()]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        copied(kept, self.folder)
        return self.start()

    def with_old_nvram(self):
        """A key with an NVRAM that was put back, and a connection: 3 leaves are known to be gone, 5
        are gone.
        """
        session = self.start()
        key = hash_key(session)
        for _ in range(3):
            ask(session, sign(key.file))
        kept = self.backup()
        session = self.start()
        for _ in range(2):
            ask(session, sign(key.file))
        return key, self.put_back(kept)


def copied(source, target):
    """Copy the NVRAM of a folder."""
    target.mkdir(exist_ok=True)
    for name in NVRAM:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            shutil.copy2(source / name, target / name)


def listed(session, after=0):
    """What is in quarantine."""
    reply = ask(session, m.ListQuarantine(after=after))
    assert from_fields(type(reply), to_fields(reply)) == reply
    return reply.suspects


def burn(file=b"", label=""):
    """The request that destroys."""
    return m.BurnQuarantined(file=file, label=label)


def skip(file, leaf):
    """The request that goes on at a later leaf."""
    return m.SkipQuarantined(file=file, leaf=leaf)


def finish(file, token, digest):
    """The request that brings a digest."""
    return m.NvmemfileSignDigest(file=file, token=token, digest=digest)


class TestAnOldNvram:
    """An NVRAM that was put back."""

    def test_nothing_is_signed(self, host):
        """No request of any kind gets a signature or a leaf of a file in quarantine; the refusal
        says whom to ask.
        """
        key, session = host.with_old_nvram()
        requests = [sign(key.file), m.NvmemfileReserve(file=key.file, token=new_token())]
        for request in requests * 2:
            refused = refuse(session, request)
            assert refused.status is Status.AccessDenied
            assert "is in quarantine: it was opened 2 times as its witness knows" in refused.detail

        assert "; see: seemachine quarantine explain" in refused.detail
        assert host.machine.store.get(key.file).next == 3

    def test_nothing_is_signed_again(self, host):
        """Also what was signed before is not signed again, and a leaf that waits takes
        no digest.
        """
        session = host.start()
        key = hash_key(session)
        signing, token = sign(key.file), new_token()
        ask(session, signing)
        ask(session, m.NvmemfileReserve(file=key.file, token=token))
        kept = host.backup()
        host.start()
        session = host.put_back(kept)

        assert refuse(session, signing).status is Status.AccessDenied
        assert refuse(session, finish(key.file, token, bytes(24))).status is Status.ObjectInUse

    def test_it_is_shown(self, host):
        """The list has the file with its numbers and the reason; so has what the daemon logs; info
        says that it is in quarantine.
        """
        key, session = host.with_old_nvram()
        [suspect] = listed(session)

        assert (suspect.file, suspect.label, suspect.first, suspect.next, suspect.end) == (
            key.file,
            "",
            0,
            3,
            LEAVES,
        )
        assert host.reasons == [suspect.reason]
        assert "it was put back, or copied" in suspect.reason
        assert ask(session, m.GetNvmemfileInfo(file=key.file)).quarantined
        assert [info.quarantined for info in ask(session, m.ListNvmemfiles()).files] == [True]

    def test_it_stays_so(self, host):
        """Start after start the file is in quarantine."""
        _, session = host.with_old_nvram()
        before = listed(session)
        for _ in range(2):
            assert listed(host.start()) == before

    def test_a_new_key_is_not_suspect(self, host):
        """A key that is made afterwards signs."""
        key, session = host.with_old_nvram()
        other = hash_key(session)
        signed = ask(session, sign(other.file))

        assert (signed.leaf, verifies(other.public_key, signed.signature)) == (0, True)
        assert [suspect.file for suspect in listed(session)] == [key.file]


class TestSkip:
    """quarantine_skip."""

    def test_the_file_goes_on(self, host):
        """The file goes on at the leaf that was named, and the signatures verify; it is in no list
        any more.
        """
        key, session = host.with_old_nvram()
        assert ask(session, skip(key.file, 7)).remaining == LEAVES - 7
        signed = ask(session, sign(key.file))

        assert (signed.leaf, verifies(key.public_key, signed.signature)) == (7, True)
        assert listed(session) == []
        assert ask(host.start(), sign(key.file)).leaf == 8
        assert host.reasons == []

    @pytest.mark.parametrize("leaf", [1, 3, 4, LEAVES + 1, 0xFFFFFFFF])
    def test_never_back(self, host, leaf):
        """A leaf before what the witness saw, or beyond the lease, is refused, and the file stays
        in quarantine.
        """
        key, session = host.with_old_nvram()
        refused = refuse(session, skip(key.file, leaf))

        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith(
            f"{printed_name(key.file)} can go on at a leaf from 5 to {LEAVES}, not {leaf}"
        )
        assert len(listed(session)) == 1

    def test_to_the_end(self, host):
        """Skipped to its end the file is gone, and its lease does not come back."""
        key, session = host.with_old_nvram()
        assert ask(session, skip(key.file, LEAVES)).remaining == 0

        assert listed(session) == []
        assert refuse(session, sign(key.file)).status is Status.NotAvailable

    def test_at_least_one_leaf(self, session, machine):
        """Without a witness that knows more a skip loses at least the next leaf."""
        key = hash_key(session)
        machine.store._files[key.file] = replace(
            machine.store.get(key.file), quarantine="a doubt", next=4
        )

        assert refuse(session, skip(key.file, 4)).status is Status.InvalidParameter
        assert ask(session, skip(key.file, 5)).remaining == LEAVES - 5

    def test_earlier_orders(self, host):
        """What was signed before the backup is signed again after the skip, with the same bytes."""
        session = host.start()
        key = hash_key(session)
        signing, token = sign(key.file), new_token()
        first = ask(session, signing)
        reserved = ask(session, m.NvmemfileReserve(file=key.file, token=token))
        finishing = finish(key.file, token, digest_for(key.public_key, reserved))
        second = ask(session, finishing)
        kept = host.backup()
        host.start()
        session = host.put_back(kept)
        ask(session, skip(key.file, 10))

        again = [ask(session, request) for request in (signing, finishing)]
        assert [each.signature for each in again] == [first.signature, second.signature]
        assert (
            refuse(session, sign(key.file, b"another", signing.token)).status is Status.ObjectInUse
        )
        assert ask(session, sign(key.file)).leaf == 10

    def test_orders_that_the_backup_lacks(self, host):
        """An order from after the backup is a new one: its leaf lies behind the skip."""
        session = host.start()
        key = hash_key(session)
        kept = host.backup()
        session = host.start()
        signing = sign(key.file)
        assert ask(session, signing).leaf == 0
        session = host.put_back(kept)
        ask(session, skip(key.file, 1))

        assert ask(session, signing).leaf == 1


class TestBurn:
    """quarantine_burn."""

    def test_the_file_is_gone(self, host):
        """The reply says how many leaves are lost, as far as known; afterwards there is no such
        file, also after a start.
        """
        key, session = host.with_old_nvram()
        assert ask(session, burn(key.file)).lost == LEAVES - 3
        for _ in range(2):
            assert ask(session, m.ListNvmemfiles()).files == []
            assert listed(session) == []
            assert refuse(session, sign(key.file)).status is Status.NotAvailable
            session = host.start()

    def test_the_next_lease_comes_in(self, world, host):
        """With a burned file out of the way the next lease of the key is installed from its card;
        the burned leaves stay gone.
        """
        session = host.start()
        key = make_key_on_cards(world, session, CHEAP, 0, 1)
        ask(session, m.ProvisionLms(slot=SLOT))
        kept = host.backup()
        host.start()
        session = host.put_back(kept)
        assert refuse(session, m.ProvisionLms(slot=SLOT)).status is Status.ObjectInUse
        ask(session, burn(key.file))

        assert ask(session, m.ProvisionLms(slot=SLOT)).first == LEAVES // 2
        assert ask(session, sign(key.file)).leaf == LEAVES // 2

    def test_burning_is_final(self, host):
        """An NVRAM from before the burn, put back, gives no leaf of the file, and a skip can only
        end it.
        """
        session = host.start()
        key = hash_key(session)
        host.machine.store.quarantine(key.file, "a doubt")
        kept = host.backup()
        ask(session, burn(key.file))
        session = host.put_back(kept)

        assert refuse(session, sign(key.file)).status is Status.AccessDenied
        assert refuse(session, skip(key.file, LEAVES - 1)).status is Status.InvalidParameter


@pytest.mark.parametrize("request_of", [burn, lambda file: skip(file, 5)], ids=["burn", "skip"])
class TestRefusals:
    """Both requests, for what is not in quarantine."""

    def test_a_file_in_order(self, session, request_of):
        """A file that is not in quarantine is refused, and goes on as it was."""
        key = hash_key(session)
        refused = refuse(session, request_of(key.file))

        assert refused.status is Status.UnknownID
        assert f"no NVRAM file {printed_name(key.file)} is in quarantine on {ESN}" in refused.detail
        assert ask(session, sign(key.file)).leaf == 0

    def test_no_such_file(self, session, request_of):
        """So is one that is not here."""
        assert refuse(session, request_of(UNKNOWN)).status is Status.UnknownID


class TestHalfMadeKeys:
    """Keys in the making beside an NVRAM that is not to be believed."""

    def begun(self, session, label=LABEL, expcards=0):
        """A half-made key."""
        started = ask(session, generate(CHEAP, expcards, label=label))
        ask(session, m.ContinueLms(handle=started.handle))

    def test_they_are_destroyed(self, host):
        """With the NVRAM put back all half-made keys are gone from the disk, and the list says
        which they were.
        """
        session = host.start()
        for label in (LABEL, "another"):
            self.begun(session, label)
        kept = host.backup()
        host.start()
        session = host.put_back(kept)

        assert [(suspect.label, suspect.file, suspect.end) for suspect in listed(session)] == [
            ("another.1", b"", 0),
            (f"{LABEL}.1", b"", 0),
        ]
        assert "it was put back, or copied" in listed(session)[0].reason
        assert refuse(session, m.ResumeLms(label=LABEL)).status is Status.UnknownID
        assert list((host.folder / "making").glob("*.key")) == []

    def test_the_label_is_free(self, host):
        """A new key may have the label, and is nobody's suspect, also after the next start."""
        session = host.start()
        self.begun(session)
        kept = host.backup()
        host.start()
        session = host.put_back(kept)
        self.begun(session)
        session = host.start()

        assert ask(session, m.ResumeLms(label=LABEL)).remaining > 0
        assert [suspect.label for suspect in listed(session)] == [f"{LABEL}.1"]

    def test_the_longest_label(self, host):
        """A label of 64 characters is shown by its beginning, each time with a number of its own,
        and can be acknowledged.
        """
        session = host.start()
        for number in (1, 2):
            self.begun(session, "x" * 64)
            kept = host.backup()
            host.start()
            session = host.put_back(kept)
            shutil.rmtree(kept)
            assert [suspect.label for suspect in listed(session)] == [
                f"{'x' * 62}.{each}" for each in range(1, number + 1)
            ]
        for number in (1, 2):
            ask(session, burn(label=f"{'x' * 62}.{number}"))

        assert listed(session) == []

    def test_they_are_acknowledged(self, host):
        """A burn takes the line off the list; a second one, and a key that never was,
        are refused.
        """
        session = host.start()
        self.begun(session)
        kept = host.backup()
        host.start()
        session = host.put_back(kept)
        assert ask(session, burn(label=f"{LABEL}.1")).lost == 0

        assert listed(session) == []
        for label in (f"{LABEL}.1", LABEL, "nobody", "../x"):
            assert refuse(session, burn(label=label)).status is Status.UnknownID

    def test_a_start_that_dies_in_between(self, host, monkeypatch):
        """When the machine dies before its half-made keys are destroyed the next start destroys
        them: the doubt is still there.
        """
        session = host.start()
        self.begun(session)
        kept = host.backup()
        host.start()
        with monkeypatch.context() as patch:
            patch.setattr(FolderCheckpoints, "suspend", self.die)
            with pytest.raises(KeyboardInterrupt):
                host.put_back(kept)
        session = host.start()

        assert [suspect.label for suspect in listed(session)] == [f"{LABEL}.1"]
        assert refuse(session, m.ResumeLms(label=LABEL)).status is Status.UnknownID

    @staticmethod
    def die(*_arguments):
        """What ends a process."""
        raise KeyboardInterrupt

    def test_of_an_nvram_in_order(self, host):
        """Without a doubt half-made keys are resumed after a start."""
        self.begun(host.start())
        session = host.start()

        assert ask(session, m.ResumeLms(label=LABEL)).remaining > 0
        assert listed(session) == []


class TestDamagedLeases:
    """A lease under a right checksum that can't be one of its key."""

    @pytest.fixture
    def damaged(self, world, session, machine):
        """A machine with a file whose key has parameter sets that nobody knows, and with a good
        one.
        """
        bad, good = hash_key(session), hash_key(session)
        file = machine.store.get(bad.file)
        public_key = (99).to_bytes(4, "big") + file.lease.public_key[4:]
        machine.store._files[bad.file] = replace(
            file, lease=replace(file.lease, public_key=public_key)
        )
        started = world.machine(store=machine.store)
        return Session(started), inspect(started), bad, good

    def test_it_is_put_into_quarantine(self, damaged):
        """At its start the machine sees it and goes on without it."""
        session, reasons, bad, good = damaged

        assert [suspect.file for suspect in listed(session)] == [bad.file]
        assert reasons[0].startswith(listed(session)[0].reason)
        assert refuse(session, sign(bad.file)).status is Status.AccessDenied
        assert ask(session, sign(good.file)).leaf == 0

    def test_it_hides_no_other(self, damaged):
        """It is in the list of all files, and described, like the others."""
        session, _, bad, good = damaged
        files = {info.file: info.quarantined for info in ask(session, m.ListNvmemfiles()).files}

        assert files == {bad.file: True, good.file: False}
        assert ask(session, m.GetNvmemfileInfo(file=bad.file)).quarantined

    def test_nothing_breaks(self, damaged):
        """No request about it is an internal error."""
        session, _, bad, _ = damaged
        token = new_token()
        requests = [
            m.NvmemfileReserve(file=bad.file, token=token),
            finish(bad.file, token, bytes(24)),
            m.LoadLms(file=bad.file, expcache=0, offset=0, nodes=bytes(24)),
            sign(bad.file),
            skip(bad.file, LEAVES + 1),
        ]

        assert Status.Failed not in [refuse(session, request).status for request in requests]
        assert ask(session, burn(bad.file)).lost == LEAVES


class TestParts:
    """A long list."""

    def test_it_comes_in_parts(self, session, machine, monkeypatch):
        """The list comes in order, in parts of a bounded length, each behind the one before."""
        monkeypatch.setattr("seemachine.commands.quarantine.MAX_SUSPECTS", 2)
        keys = sorted(hash_key(session).file for _ in range(5))
        for file in keys:
            machine.store.quarantine(file, "a doubt")
        parts = [[suspect.file for suspect in listed(session, after)] for after in (0, 2, 4, 5, 6)]

        assert parts == [keys[:2], keys[2:4], keys[4:], [], []]

    def test_nothing_is_an_empty_list(self, session):
        """A machine whose NVRAM is in order lists nothing, and has no reasons."""
        hash_key(session)

        assert listed(session) == []
        assert inspect(session.machine) == []


class TestRetries:
    """An order that comes again, where the machine would have to hash for it."""

    def test_a_page_too_large_to_hash(self, world, session, machine, monkeypatch):
        """A repeated order does not hash more than any other: without the node cache it is refused,
        with it the signature is the same.
        """
        key = hash_key(session)
        signing = sign(key.file, MESSAGE)
        first = ask(session, signing)
        for _ in range(LEAVES - 1):
            ask(session, sign(key.file))
        monkeypatch.setattr("seemachine.commands.pages.MAX_PAGE_EXPONENT", 4)
        fresh = world.machine(store=machine.store)
        refused = refuse(Session(fresh), signing)
        assert refused.status is Status.NotAvailable
        assert "; send the key file's cache with loadLMS" in refused.detail

        assert ask(session, signing).signature == first.signature

    def test_an_expired_order(self, session, machine):
        """After the time for it the last signature of a lease can't be had again, and the refusal
        says so.
        """
        key = hash_key(session)
        signing = sign(key.file)
        ask(session, signing)
        for _ in range(LEAVES - 1):
            ask(session, sign(key.file))
        now = machine.store._clock()
        machine.store._clock = lambda: now + 3600
        machine.store.tidy()
        refused = refuse(session, signing)

        assert refused.status is Status.UseLimitExceeded
        assert "was given to this request, but its lease is no longer kept" in refused.detail


def test_a_machine_that_forgets():
    """An ephemeral NVRAM has no doubt."""
    assert MemoryStore().doubt == ""
