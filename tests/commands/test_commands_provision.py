"""provisionLMS: a lease moves from a card into NVRAM (guide 2.7.2.1), once, whatever happens on the
way.
"""

import threading
from dataclasses import replace

import pytest
from kit.commands import (
    CHEAP,
    LEAVES,
    SETS,
    SLOT,
    ask,
    hash_key,
    leaves_on,
    make_key_on_cards,
    refuse,
    sign,
)
from kit.faults import STEPS, break_at
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state.cards.smartcard import read_card, write_card
from seemachine.state.errors import StateFailed
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

PROVISION = m.ProvisionLms(slot=SLOT)


def card_in(machine, slot=SLOT):
    """The card in a slot."""
    return read_card(machine.slots.occupant(slot))


@pytest.fixture
def key(world, session):
    """A key of one card with four leases of eight leaves, in slot 2 of the first machine."""
    return make_key_on_cards(world, session, CHEAP, 0, 2)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_the_guides_story(world, names):
    """Two machines, two cards of two leases: every leaf of the tree signs once, in one place, and
    the empty cards say so.
    """
    maker, other = Session(world.machine()), Session(world.machine(OTHER_ESN))
    key = make_key_on_cards(world, maker, names, 1, 1)
    world.move(key.cards[0], ESN)
    world.move(key.cards[1], OTHER_ESN)
    signed = []
    for session, start in ((maker, 0), (other, 16)):
        for lease in (0, 1):
            first = start + 8 * lease
            moved = ask(session, PROVISION)
            assert moved == m.LmsProvisioned(
                file=key.file,
                public_key=key.public_key,
                first=first,
                end=first + 8,
                leases=1 - lease,
            )
            [listed] = ask(session, m.ListNvmemfiles()).files
            assert (listed.first, listed.next, listed.end) == (first, first, first + 8)
            signed += [
                ask(session, sign(key.file, b"%d" % leaf)) for leaf in range(first, first + 8)
            ]
            assert ask(session, m.ListNvmemfiles()).files == []
        refused = refuse(session, PROVISION)
        assert (
            str(refused)
            == "UseLimitExceeded(7): no leases remaining on card in command_see_provisionLMS"
        )
        assert refused.where == "command_see_provisionLMS"
        [slot] = ask(session, m.ListSlots()).slots
        assert (slot.kind, slot.card, slot.leases) == ("lms", key.cards[start // 16], 0)

    assert [each.leaf for each in signed] == list(range(LEAVES))
    assert all(verifies(key.public_key, each.signature, b"%d" % each.leaf) for each in signed)


def test_a_second_lease_waits(session, key):
    """While NVRAM has leaves of the key the next lease is refused as ObjectInUse and stays on the
    card, leaf for leaf.
    """
    ask(session, PROVISION)
    ask(session, sign(key.file))
    before = card_in(session.machine)
    refused = refuse(session, PROVISION)

    assert refused.status is Status.ObjectInUse
    assert refused.detail.endswith(" still holds 7 signatures in command_see_provisionLMS")
    assert card_in(session.machine) == before
    assert len(before.leases) == 3
    for _ in range(7):
        ask(session, sign(key.file))
    assert ask(session, PROVISION).first == 8


def test_a_lease_follows_its_card(world, session, key):
    """A card that travels gives its next lease wherever it is, and the machines sign side by side
    with different leaves.
    """
    other = Session(world.machine(OTHER_ESN))
    assert ask(session, PROVISION).first == 0
    world.move(key.cards[0], OTHER_ESN, 5)
    assert ask(other, m.ProvisionLms(slot=5)).first == 8
    world.move(key.cards[0], ESN, 0)

    signed = [ask(where, sign(key.file, b"x")).leaf for where in (session, other, session, other)]
    assert signed == [0, 8, 1, 9]
    assert refuse(session, m.ProvisionLms(slot=0)).status is Status.ObjectInUse


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (
            "empty",
            (
                "there is no card in slot 2 in command_see_provisionLMS; insert one with:"
                " seemachine card insert CARD"
            ),
        ),
        (
            "blank",
            "the card in slot 2 is blank in command_see_provisionLMS; insert a card of the key",
        ),
    ],
)
def test_no_card_no_lease(world, session, what, sentence):
    """Without a card of a key the refusal says what to do, and nothing is installed."""
    if what == "blank":
        world.feed_blank()
    refused = refuse(session, PROVISION)

    assert refused.status is Status.NotAvailable
    assert refused.detail.startswith(sentence)
    assert session.machine.store.names() == []


def test_a_damaged_card(session, key):
    """A card that can't be read gives nothing and is left as it is."""
    path = session.machine.slots.occupant(SLOT)
    path.write_bytes(path.read_bytes()[:-1])
    before = path.read_bytes()
    refused = refuse(session, PROVISION)

    assert refused.status in (Status.Malformed, Status.NotAvailable)
    assert f"card {key.cards[0]}: the checksum does not fit" in refused.detail
    assert path.read_bytes() == before
    assert session.machine.store.names() == []


class TestDamagedLeases:
    """Leases that a card holds under a right checksum, though no machine wrote them so."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda lease: replace(lease, path=lease.path[:-24]),
            lambda lease: replace(lease, path=lease.path + bytes(24)),
            lambda lease: replace(lease, path=b""),
            lambda lease: replace(lease, first=32, end=40),
            lambda lease: replace(lease, first=0, end=16),
            lambda lease: replace(lease, first=0, end=64, path=b""),
        ],
        ids=[
            "short path",
            "long path",
            "no path",
            "outside the tree",
            "too many leaves",
            "more than the tree",
        ],
    )
    @pytest.mark.usefixtures("key")
    def test_a_lease_that_does_not_fit(self, session, change):
        """A lease whose lengths or range do not fit its key is refused while it is on the card, and
        stays there.
        """
        path = session.machine.slots.occupant(SLOT)
        card = read_card(path)
        write_card(path.parent, replace(card, leases=(change(card.leases[0]), *card.leases[1:])))
        before = path.read_bytes()
        refused = refuse(session, PROVISION)

        assert refused.status is Status.Malformed
        assert "the next lease on the card can't be used" in refused.detail
        assert path.read_bytes() == before
        assert session.machine.store.names() == []

    @pytest.mark.parametrize("types", ["0000000a00000099", "0000006300000006", "0000000500000006"])
    @pytest.mark.usefixtures("key")
    def test_a_lease_of_no_key(self, session, types):
        """A lease whose public key is of unknown or mixed sets is refused while it is
        on the card.
        """
        path = session.machine.slots.occupant(SLOT)
        card = read_card(path)
        public_key = bytes.fromhex(types) + card.leases[0].public_key[8:]
        write_card(
            path.parent, replace(card, leases=(replace(card.leases[0], public_key=public_key),))
        )

        refused = refuse(session, PROVISION)
        assert refused.status in (Status.InvalidParameter, Status.Malformed)
        assert len(card_in(session.machine).leases) == 1
        assert session.machine.store.names() == []

    @pytest.mark.parametrize(
        ("field", "loaded"),
        [
            *((field, False) for field in ("seed", "path", "identifier", "root", "swapped seeds")),
            ("seed", True),
            ("swapped seeds", True),
        ],
    )
    def test_a_lease_that_leads_nowhere_signs_nothing(self, world, session, key, field, loaded):
        """A lease with one flipped bit, or with another lease's seed, never gives a signature nor a
        reservation, and no leaf is taken.
        """
        path = session.machine.slots.occupant(SLOT)
        card = read_card(path)
        good = card.leases[0]
        wrong = {
            "seed": replace(good, seed=bytes([good.seed[0] ^ 1]) + good.seed[1:]),
            "path": replace(good, path=good.path[:-1] + bytes([good.path[-1] ^ 1])),
            "identifier": replace(
                good,
                public_key=good.public_key[:9]
                + bytes([good.public_key[9] ^ 1])
                + good.public_key[10:],
            ),
            "root": replace(
                good, public_key=good.public_key[:-1] + bytes([good.public_key[-1] ^ 1])
            ),
            "swapped seeds": replace(good, seed=card.leases[1].seed),
        }[field]
        write_card(path.parent, replace(card, leases=(wrong,)))
        fresh = Session(world.machine())
        ask(fresh, PROVISION)
        if loaded:
            ask(fresh, key.load())

        for request in (
            sign(key.file),
            m.NvmemfileReserve(file=key.file, token=new_token()),
            sign(key.file),
        ):
            refused = refuse(fresh, request)
            assert refused.status is Status.Malformed
            assert "the NVRAM file is damaged" in refused.detail
        assert fresh.machine.store.get(key.file).next == 0


class TestNeverTwice:
    """Ways to have the same leaves in two places, all of which fail."""

    @pytest.mark.parametrize("esn", [ESN, OTHER_ESN])
    @pytest.mark.parametrize("how", ["into the file", "as a new file"])
    def test_a_card_that_was_copied_back(self, world, esn, how):
        """A card file from before its lease was taken is refused by every machine, however it came
        back to where it was.
        """
        session = Session(world.machine(esn=ESN))
        key = make_key_on_cards(world, session, CHEAP, 0, 2)
        path = session.machine.slots.occupant(SLOT)
        old = world.folder / "old"
        old.write_bytes(path.read_bytes())
        ask(session, PROVISION)
        if how == "into the file":
            path.write_bytes(old.read_bytes())
        else:
            old.replace(path)
        if esn != ESN:
            Session(world.machine(esn=esn))
            world.move(key.cards[0], esn)
        refused = refuse(Session(world.machine(esn=esn)), PROVISION)

        assert refused.status is Status.Malformed
        assert (
            refused.detail
            == f"card {key.cards[0]} is a copy or was restored from a backup: its leases may have"
            " been used since in command_see_provisionLMS; take another card of the key, and"
            f" make this one blank with: seemachine card format --esn {esn} --slot {SLOT}"
            " --force"
        )

    @pytest.mark.parametrize("kind", [SqliteStore, FileStore])
    def test_a_card_that_was_restored_with_its_witness(self, world, kind):
        """A card from before its lease was taken is refused by the machine that had the lease even
        if the witness takes it for good.
        """
        folder = world.folder / "hsm" / ESN
        session = Session(world.machine(store=kind(folder)))
        key = make_key_on_cards(world, session, CHEAP, 0, 1)
        path = session.machine.slots.occupant(SLOT)
        before = read_card(path)
        ask(session, PROVISION)
        for _ in range(16):
            ask(session, sign(key.file))
        write_card(path.parent, before)
        refused = refuse(session, PROVISION)
        assert (refused.status, refused.detail.split()[0]) == (Status.UseLimitExceeded, "leaves")
        session.machine.store.close()

        again = Session(world.machine(store=kind(folder)))
        assert refuse(again, PROVISION).status is Status.UseLimitExceeded
        assert read_card(path) == before
        assert again.machine.store.names() == []
        again.machine.store.close()

    def test_the_card_changes_hands_in_between(self, world, session, key, monkeypatch):
        """A card that is exchanged after its lease was read is refused, and neither card nor
        machine has changed.
        """
        other = make_key_on_cards(world, session, CHEAP, 0, 2)
        world.move(key.cards[0], ESN)
        original = session.machine.store.check_install

        def exchange(lease):
            original(lease)
            world.move(other.cards[0], ESN)

        monkeypatch.setattr(session.machine.store, "check_install", exchange)
        refused = refuse(session, PROVISION)

        assert refused.status is Status.NotAvailable
        assert "was changed meanwhile" in refused.detail
        assert session.machine.store.names() == []
        held = {found.card: found.leases for found in world.rack.listing() if found.kind == "lms"}
        assert held == {key.cards[0]: 4, other.cards[0]: 4}

    def test_the_card_gives_a_lease_elsewhere_in_between(self, world, session, key, monkeypatch):
        """A card that went to another machine, gave its lease there and came back is
        refused here.
        """
        other = Session(world.machine(OTHER_ESN))
        original = session.machine.store.check_install

        def travel(lease):
            original(lease)
            world.move(key.cards[0], OTHER_ESN)
            assert ask(other, PROVISION).first == 0
            world.move(key.cards[0], ESN)

        with monkeypatch.context() as patch:
            patch.setattr(session.machine.store, "check_install", travel)
            assert refuse(session, PROVISION).status is Status.NotAvailable

        assert session.machine.store.names() == []
        assert ask(session, PROVISION).first == 8

    def test_many_at_once(self, machine, key):
        """Of many sessions that provision at once one gets the lease, and the card loses one."""
        replies = at_once(lambda: answer_of(Session(machine)))

        assert sorted(replies) == ["ObjectInUse"] * 7 + ["moved"]
        assert len(card_in(machine).leases) == 3
        assert machine.store.get(key.file).next == 0

    def test_two_machines_at_one_card(self, world, machine, key):
        """A machine that has no card in its slot gets none of the leases that the other one's card
        has.
        """
        other = world.machine(OTHER_ESN)
        turns = iter([machine, other] * 4)
        replies = at_once(lambda: answer_of(Session(next(turns))))

        assert sorted(replies) == ["NotAvailable"] * 4 + ["ObjectInUse"] * 3 + ["moved"]
        assert other.store.names() == []
        assert machine.store.names() == [key.file]

    @pytest.mark.usefixtures("key")
    @pytest.mark.parametrize("place", STEPS)
    def test_a_card_that_can_not_be_written(self, session, place, monkeypatch):
        """When taking the lease off the card fails it is not installed; it is on the card or lost,
        and what comes next is another leaf.
        """
        with monkeypatch.context() as patch:
            break_at(patch, place)
            refused = refuse(session, PROVISION)

        assert refused.status is Status.OSErrorErrno
        assert session.machine.store.names() == []
        left = {leaf for _, leaf in leaves_on(card_in(session.machine))}
        moved = ask(session, PROVISION)
        assert left == set(range(moved.first, LEAVES))
        assert not {leaf for _, leaf in leaves_on(card_in(session.machine))} & set(
            range(moved.first, moved.end)
        )

    @pytest.mark.usefixtures("key")
    def test_an_installation_that_fails(self, session, monkeypatch):
        """When NVRAM fails after the card was written the lease is lost: it is on no card, and the
        machine has it not.
        """

        def fail(_lease):
            raise StateFailed("the disk: no")

        monkeypatch.setattr(session.machine.store, "_write_install", fail)
        refused = refuse(session, PROVISION)

        assert (refused.status, refused.detail) == (
            Status.OSErrorErrno,
            "the disk: no in command_see_provisionLMS",
        )
        assert session.machine.store.names() == []
        assert [lease.first for lease in card_in(session.machine).leases] == [8, 16, 24]

    @pytest.mark.usefixtures("key")
    def test_a_store_that_failed_eats_no_leases(self, session, monkeypatch):
        """After a failure that stopped the store provisioning is refused while the lease is still
        on its card.
        """

        def fail(_lease):
            raise StateFailed("the disk: no")

        monkeypatch.setattr(session.machine.store, "_write_install", fail)
        refuse(session, PROVISION)
        for _ in range(3):
            assert refuse(session, PROVISION).status is Status.OSErrorErrno

        assert [lease.first for lease in card_in(session.machine).leases] == [8, 16, 24]

    def test_a_key_in_the_machine_that_made_it(self, session):
        """A sectorized key is not in the NVRAM of its maker: what it signs with has to come from a
        card.
        """
        key = hash_key(session, CHEAP, 0, 1)

        assert refuse(session, sign(key.file)).status is Status.NotAvailable


def answer_of(session):
    """The name of the status, or "moved"."""
    reply = answer(session, PROVISION)
    return "moved" if isinstance(reply, m.LmsProvisioned) else reply.name


def at_once(act, threads_count=8):
    """What `act` gives in each of many threads that begin together."""
    given, start = [], threading.Barrier(threads_count)

    def run():
        start.wait()
        given.append(act())

    threads = [threading.Thread(target=run) for _ in range(threads_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given
