"""loadLMS: a key file's node cache, taken into use only when it leads to the root."""

import pytest
from kit.commands import CHEAP, LEAVES, SETS, SLOT, ask, hash_key, make_key_on_cards, refuse, sign
from kit.verdicts import verifies

from seemachine.machine import Session
from seemachine.wire import messages as m
from seemachine.wire.status import Status

NODE = 24


@pytest.fixture
def key(session):
    """A singular key whose whole row of leaves is its cache."""
    return hash_key(session)


@pytest.fixture
def fresh(world, machine):
    """A connection to the same machine after a restart: the NVRAM is there, what it knew of trees
    is not.
    """
    return Session(world.machine(store=machine.store))


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
@pytest.mark.parametrize("expcache", range(6))
def test_every_leaf_signs_from_a_loaded_cache(world, machine, names, expcache):
    """With a cache of any depth every leaf gives a signature that verifies."""
    key = hash_key(Session(machine), names, expcache=expcache)
    assert len(key.cache) == (len(key.public_key) - 24) << expcache
    fresh = Session(world.machine(store=machine.store))
    assert ask(fresh, key.load()) == m.LmsLoaded(file=key.file, missing=0)

    signed = [ask(fresh, sign(key.file, b"%d" % leaf)) for leaf in range(LEAVES)]
    assert all(
        verifies(key.public_key, each.signature, b"%d" % leaf) for leaf, each in enumerate(signed)
    )


@pytest.mark.parametrize(("expcards", "explease"), [(1, 1), (1, 2), (0, 5)])
@pytest.mark.parametrize("expcache", [0, 2, 5])
def test_a_lease_signs_from_a_loaded_cache(world, session, expcards, explease, expcache):
    """On the machine that has but one lease the cache helps just as well, above and below the
    lease's own root.
    """
    key = make_key_on_cards(world, session, CHEAP, expcards, explease, expcache=expcache)
    fresh = Session(world.machine())
    moved = ask(fresh, m.ProvisionLms(slot=SLOT))
    ask(fresh, key.load())

    signed = [ask(fresh, sign(key.file)) for _ in range(moved.first, moved.end)]
    assert [each.leaf for each in signed] == list(range(moved.first, moved.end))
    assert all(verifies(key.public_key, each.signature) for each in signed)


def test_a_loaded_cache_spares_hashing(fresh, key):
    """With the whole row of leaves loaded a signature hashes one leaf at the first time and none
    after it.
    """
    ask(fresh, key.load())
    hashed, original = [], fresh.machine.engine.leaf_nodes
    fresh.machine.engine.leaf_nodes = lambda *arguments: (
        hashed.append(arguments[-1]) or original(*arguments)
    )
    for _ in range(5):
        ask(fresh, sign(key.file))

    assert sum(map(len, hashed)) == 1


@pytest.mark.parametrize("at", [0, NODE * LEAVES // 2, NODE * LEAVES - 1])
def test_a_flipped_byte_is_refused(fresh, key, at):
    """A cache with one wrong byte is refused, nothing of it is used, and the right one is taken
    after it.
    """
    wrong = key.cache[:at] + bytes([key.cache[at] ^ 1]) + key.cache[at + 1 :]
    refused = refuse(fresh, key.load(nodes=wrong))
    assert refused.status is Status.InvalidParameter
    assert refused.detail == "the node cache does not lead to the root of the public key in loadLMS"
    assert not fresh.machine.keys.has_table(key.public_key[24:])

    ask(fresh, key.load())
    assert verifies(key.public_key, ask(fresh, sign(key.file)).signature)


def test_a_wrong_cache_harms_no_right_one(fresh, key):
    """After a good cache a bad one is refused, and the signatures stay good."""
    ask(fresh, key.load())
    refuse(fresh, key.load(nodes=bytes(len(key.cache))))

    assert all(
        verifies(key.public_key, ask(fresh, sign(key.file)).signature) for _ in range(LEAVES)
    )


def test_the_cache_of_another_key(fresh, session, key):
    """Nodes of one key are refused for another."""
    other = hash_key(session)

    assert refuse(fresh, key.load(nodes=other.cache)).status is Status.InvalidParameter


@pytest.mark.parametrize("expcache", [0, 4, 6, 15])
def test_nodes_of_another_depth(fresh, key, expcache):
    """Nodes of another depth than is said are refused, or wait for more that will not come, and are
    not used.
    """
    replies = [fresh, key.load(expcache=expcache)]
    if expcache > key.expcache:
        assert ask(*replies).missing > 0
    else:
        assert refuse(*replies).status is Status.InvalidParameter
    assert not fresh.machine.keys.has_table(key.public_key[24:])


def test_a_tree_deeper_than_the_key(fresh, key):
    """A cache that claims more levels than the tree has is refused."""
    nodes = bytes(NODE << 6)

    assert refuse(fresh, key.load(expcache=6, nodes=nodes)).status is Status.InvalidParameter


def test_a_shallow_cache_does_not_replace_a_deep_one(fresh, key):
    """The root alone is a cache too; loading it after the real one takes nothing away."""
    ask(fresh, key.load())
    ask(fresh, sign(key.file))
    ask(fresh, key.load(expcache=0, nodes=key.public_key[24:]))
    hashed, original = [], fresh.machine.engine.leaf_nodes
    fresh.machine.engine.leaf_nodes = lambda *arguments: (
        hashed.append(arguments[-1]) or original(*arguments)
    )

    assert verifies(key.public_key, ask(fresh, sign(key.file)).signature)
    assert hashed == []


class TestParts:
    """A cache that comes in several messages."""

    def test_parts_come_in_order(self, fresh, key):
        """Each part says how much is missing; only with the last one is the cache
        checked and used.
        """
        for offset in range(0, len(key.cache), 100):
            part = key.cache[offset : offset + 100]
            missing = len(key.cache) - offset - len(part)
            assert not fresh.machine.keys.has_table(key.public_key[24:])
            assert ask(fresh, key.load(offset=offset, nodes=part)).missing == missing

        assert fresh.machine.keys.has_table(key.public_key[24:])
        assert verifies(key.public_key, ask(fresh, sign(key.file)).signature)

    @pytest.mark.parametrize("offset", [1, 99, 101, 200])
    def test_a_part_out_of_order(self, fresh, key, offset):
        """A part that does not begin where the last one ended is refused with where to go on, and
        the good parts are kept.
        """
        ask(fresh, key.load(nodes=key.cache[:100]))
        refused = refuse(fresh, key.load(offset=offset, nodes=key.cache[offset : offset + 100]))
        assert refused.status is Status.InvalidParameter
        assert f"expected the node cache from byte 100 of {len(key.cache)} on" in refused.detail

        assert ask(fresh, key.load(offset=100, nodes=key.cache[100:])).missing == 0

    def test_too_much(self, fresh, key):
        """More nodes than the depth has are refused."""
        ask(fresh, key.load(nodes=key.cache[:100]))

        assert (
            refuse(fresh, key.load(offset=100, nodes=key.cache[100:] + bytes(24))).status
            is Status.InvalidParameter
        )
        assert (
            refuse(fresh, key.load(nodes=key.cache + bytes(24))).status is Status.InvalidParameter
        )

    def test_beginning_anew(self, fresh, key):
        """Offset 0 forgets what came before."""
        ask(fresh, key.load(nodes=bytes(100)))

        assert ask(fresh, key.load()).missing == 0

    def test_parts_of_two_keys(self, fresh, session, key):
        """Parts of one key's cache that go on with another's are refused in the end, whichever is
        named.
        """
        other = hash_key(session)
        ask(fresh, key.load(nodes=key.cache[:100]))

        assert (
            refuse(fresh, other.load(offset=100, nodes=other.cache[100:])).status
            is Status.InvalidParameter
        )
        assert not fresh.machine.keys.has_table(key.public_key[24:])
        assert not fresh.machine.keys.has_table(other.public_key[24:])

    def test_parts_are_of_their_connection(self, fresh, key):
        """What one connection began no other one finishes."""
        ask(fresh, key.load(nodes=key.cache[:100]))

        assert (
            refuse(Session(fresh.machine), key.load(offset=100, nodes=key.cache[100:])).status
            is Status.InvalidParameter
        )


def test_an_unknown_file(fresh, key):
    """A cache for a file that is not here is refused: a machine keeps nothing for keys that it
    can't sign with.
    """
    refused = refuse(fresh, key.load(file=b"lms" + bytes(8)))

    assert refused.status is Status.NotAvailable
