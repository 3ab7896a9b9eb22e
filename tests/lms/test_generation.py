"""generation.py against published keys, and the promises about chunks, caches and stopping."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import CHEAP, H5_SETS, finish, forced, never, peel, set_name
from vectors.published import cases, load

from seemachine.lms.generation import STRIDE, Generation, Stopped, default_expchunk
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import OTS_SETS, TREE_SETS, ParameterError, lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.lms.tree import table_from_cache
from seemachine.testing import repeatable

TREE, OTS = CHEAP
EXPONENTS = [
    (expcards, explease)
    for expcards in range(TREE.h + 1)
    for explease in range(TREE.h + 1 - expcards)
]
heights = st.integers(0, TREE.h)


def begin(expcards=0, explease=0, expchunk=3, expcache=0, label="key"):
    """A cheap key of height 5, not begun."""
    return Generation(
        TREE, OTS, Sectors(TREE.h, expcards, explease), expchunk, expcache, repeatable(label)
    )


def acvp_name(name):
    """The name of this project for a name of ACVP's."""
    return name.lower().removeprefix("lms_").removeprefix("lmots_")


def published_keys():
    """ACVP's keys and those of the RFCs' examples: public key, identifier, seed."""
    for number, case in enumerate(cases("acvp_keygen")):
        key = PublicKey.decode(bytes.fromhex(case["public_key"]))
        assert (key.tree, key.ots) == (lms(acvp_name(case["lms"])), lmots(acvp_name(case["lmots"])))
        yield pytest.param(
            key,
            bytes.fromhex(case["i"]),
            bytes.fromhex(case["seed"]),
            id=f"ACVP {number} {key.tree.name} {key.ots.name}",
        )
    signed = {case["source"]: case for case in cases("rfc")}
    for case in cases("rfc_seeds"):
        levels = peel(
            *(
                bytes.fromhex(signed[case["source"]][figure])
                for figure in ("public_key", "signature")
            )
        )
        key = PublicKey.decode(levels[case["level"]][0])
        yield pytest.param(
            key,
            bytes.fromhex(case["i"]),
            bytes.fromhex(case["seed"]),
            id=f"{case['source']}, level {case['level']}",
        )


@pytest.mark.parametrize(("key", "identifier", "seed"), list(published_keys()))
def test_published_seeds_give_the_published_keys(engine, key, identifier, seed):
    """The key of each published I and seed is the published one; ACVP's seeds are 32 bytes for
    n=24, too.
    """
    generation = Generation(
        key.tree, key.ots, Sectors(key.tree.h, 0, 0), 5, 0, forced(identifier, seed)
    )
    finish(engine, generation)

    assert generation.public_key == key


def test_a_real_hsm_s_root_from_its_children(engine):
    """The two nodes under the root that the guide's machine printed give the root in its public
    key.
    """
    printed = load("guide")["root_from_children"]
    key = PublicKey.decode(bytes.fromhex(printed["public_key"]))
    children = bytes.fromhex(printed["node_2"] + printed["node_3"])

    assert key.identifier.hex() == printed["I"]
    assert (
        engine.parents(key.tree, key.identifier, 1, children).hex()
        == printed["root"]
        == key.root.hex()
    )
    assert table_from_cache(engine, key, 1, children)[1] == key.root


def test_the_guide_s_key_takes_five_steps(engine):
    """An h5 key in chunks of 8 leaves has 5 steps at first, then 4, 3, 2, 1 and 0."""
    generation = begin()
    counted = [generation.remaining]
    while generation.remaining:
        generation.step(engine, never)
        counted.append(generation.remaining)

    assert counted == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(("expcards", "explease"), EXPONENTS)
def test_the_chunk_size_does_not_change_the_key(engine, made, expcards, explease):
    """From the same random bytes every expchunk gives the same public key and the same leases."""
    first = made(TREE, OTS, expcards, explease)
    leases = [first.lease(number) for number in range(first.sectors.leases)]
    for expchunk in range(TREE.h + 1):
        generation = begin(expcards, explease, expchunk, label=f"{TREE.name} {OTS.name}")
        finish(engine, generation)

        assert generation.public_key == first.public_key
        assert [generation.lease(number) for number in range(generation.sectors.leases)] == leases


@pytest.mark.parametrize("expcache", range(TREE.h + 1))
@pytest.mark.parametrize("expchunk", range(TREE.h + 1))
def test_the_cache_is_the_row_of_the_tree(engine, made, expchunk, expcache):
    """Joined in order, what the steps return is all nodes at depth expcache, whatever
    the chunks.
    """
    whole = made(TREE, OTS, 0, 0, TREE.h)
    generation = begin(0, 0, expchunk, expcache, f"{TREE.name} {OTS.name}")
    parts = finish(engine, generation)

    assert len(parts) == generation.chunks + 1
    assert b"".join(parts) == whole.table.row(1 << expcache, 1 << expcache)
    assert (
        table_from_cache(engine, generation.public_key, expcache, b"".join(parts)).row(1, 1)
        == whole.public_key.root
    )


@pytest.mark.parametrize("expcache", range(TREE.h + 1))
@pytest.mark.parametrize("expchunk", range(TREE.h + 1))
def test_a_node_comes_with_the_step_that_completes_it(engine, expchunk, expcache):
    """After each chunk exactly those nodes have come whose last leaf was hashed; closing brings
    none.
    """
    generation, come = begin(0, 0, expchunk, expcache), 0
    for chunk in range(generation.chunks):
        come += len(generation.step(engine, never)) // TREE.m
        assert come == ((chunk + 1) << expchunk) >> (TREE.h - expcache)

    assert come == 1 << expcache
    assert generation.step(engine, never) == b""


@given(
    expchunk=heights,
    expcache=heights,
    exponents=st.sampled_from(EXPONENTS),
    stops=st.lists(st.integers(0, 12), max_size=6),
)
@examples(60)
def test_a_stopped_chunk_can_be_done_again(engine, expchunk, expcache, exponents, stops):
    """Stopped at any look and at any step, generation goes on to the same cache and the
    same key.
    """
    undisturbed = begin(*exponents, expchunk, expcache)
    expected = finish(engine, undisturbed)
    disturbed = begin(*exponents, expchunk, expcache)
    looks, given = iter(stops), []
    while disturbed.remaining:
        left = next(looks, None)
        before = disturbed.remaining
        try:
            given.append(disturbed.step(engine, countdown(left)))
        except Stopped:
            assert disturbed.remaining == before

    assert given == expected
    assert disturbed.public_key == undisturbed.public_key
    assert disturbed.seeds == undisturbed.seeds


def countdown(looks):
    """Say "stop" at the look after `looks` looks; None never does."""
    if looks is None:
        return never
    answers = iter([False] * looks + [True])
    return lambda: next(answers)


@pytest.mark.parametrize(
    ("expcards", "explease", "looks"), [(0, 0, 1), (0, 3, 2), (2, 1, 2), (3, 2, 8)]
)
def test_every_seed_gives_a_chance_to_stop(engine, expcards, explease, looks):
    """A chunk of 8 leaves asks once for each seed that it needs, so a chunk of many leases stays
    stoppable.
    """
    generation, asked = begin(expcards, explease), []
    generation.step(engine, lambda: bool(asked.append(None)))

    assert len(asked) == looks


def test_a_long_chunk_gives_chances_to_stop(engine):
    """A chunk of 1,024 leaves of one seed asks once a stride, and a stop before its last stride
    leaves nothing done.
    """
    tree = lms("sha256_m24_h10")
    generation, asked = Generation(tree, OTS, Sectors(10, 0, 0), 10, 0, repeatable("long")), []

    def stop_at_last():
        asked.append(None)
        return len(asked) == 1024 // STRIDE

    with pytest.raises(Stopped):
        generation.step(engine, stop_at_last)
    assert len(asked) == 1024 // STRIDE > 1
    assert (generation.done, generation.remaining) == (0, 2)


@pytest.mark.parametrize("explease", [0, 2])
def test_i_and_seeds_are_drawn_once_and_have_their_lengths(engine, explease):
    """A key takes 16 bytes for I and n bytes for each lease, all different, and takes no more
    later.
    """
    asked, source = [], repeatable("drawn")

    def random(size):
        asked.append(size)
        return source(size)

    generation = Generation(TREE, OTS, Sectors(TREE.h, 1, explease), 3, 0, random)
    assert asked == []
    finish(engine, generation)

    assert sorted(asked) == [16] + [OTS.n] * (2 << explease)
    assert len(generation.identifier) == 16
    assert len(set(generation.seeds)) == 2 << explease


def test_a_key_that_is_not_finished_has_no_public_key_and_no_lease(engine):
    """Both raise ParameterError at every step but the last."""
    generation = begin(1, 1)
    while generation.remaining:
        with pytest.raises(ParameterError, match="not finished"):
            _ = generation.public_key
        if generation.seeds:
            with pytest.raises(ParameterError, match="not finished"):
                generation.lease(0)
        generation.step(engine, never)

    assert generation.lease(3).key == generation.public_key


@pytest.mark.parametrize("name", ["expchunk", "expcache"])
@pytest.mark.parametrize("exponent", [-1, TREE.h + 1, 1000])
def test_an_exponent_outside_the_height_is_refused(name, exponent):
    """Both expchunk and expcache go from 0 to the height; the text says so."""
    with pytest.raises(
        ParameterError,
        match=rf"{name} must be from 0 to the height of the tree, {TREE.h}, not {exponent}",
    ):
        replace(begin(), **{name: exponent})


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_mixed_pair_is_refused(tree, ots):
    """A key begins with an LM-OTS set of its own hash and length only."""
    for other in OTS_SETS:
        if (other.hash, other.n) != (tree.hash, tree.m):
            with pytest.raises(ParameterError, match="differ in hash or in length"):
                Generation(tree, other, Sectors(tree.h, 0, 0), 3, 0, repeatable("mixed"))
    assert Generation(tree, ots, Sectors(tree.h, 0, 0), 3, 0, repeatable("matched")).remaining == 5


def test_too_large_exponents_are_refused_in_the_first_step(engine):
    """As in the guide, the key can be started; the first continue gives the sentence, every time,
    and draws nothing.
    """
    drawn = []
    generation = Generation(
        TREE, OTS, Sectors(TREE.h, 4, 3), 3, 0, lambda size: drawn.append(size) or bytes(size)
    )

    assert generation.remaining == 5
    for _ in range(2):
        with pytest.raises(
            ParameterError, match=r"^private key tree height is less than .* \(5 < 4 \+ 3\)$"
        ):
            generation.step(engine, never)
    assert drawn == []
    assert generation.remaining == 5


@pytest.mark.parametrize("tree", TREE_SETS, ids=set_name)
def test_the_default_chunk_is_one_that_a_key_takes(engine, tree):
    """Every set begins with its default; h5 has the guide's chunk, and slower sets never have
    larger ones.
    """
    sets = [ots for ots in OTS_SETS if (ots.hash, ots.n) == (tree.hash, tree.m)]
    chosen = {ots.w: default_expchunk(engine, tree, ots) for ots in sets}
    for ots in sets:
        assert (
            Generation(
                tree, ots, Sectors(tree.h, 0, 0), chosen[ots.w], 0, repeatable("default")
            ).remaining
            >= 2
        )

    assert chosen[8] <= chosen[4] <= tree.h
    assert tree.h != 5 or set(chosen.values()) == {3}


def test_a_slow_engine_still_makes_chunks():
    """An engine that takes longer than half a second for one leaf does one leaf at a time; a very
    fast one does the whole key.
    """

    class Snail:
        hashes_per_second = 1

    class Lightning:
        hashes_per_second = 1 << 60

    tree, ots = lms("sha256_m32_h10"), lmots("sha256_n32_w8")
    assert default_expchunk(Snail(), tree, ots) == 0
    assert default_expchunk(Lightning(), tree, ots) == 10


def test_a_generation_prints_without_its_secrets(engine):
    """No seed shows in a log line that holds a generation."""
    generation = begin(1, 1)
    finish(engine, generation)

    assert "seed" not in repr(generation)
    assert all(
        seed.hex() not in repr(generation) and repr(seed)[2:-1] not in repr(generation)
        for seed in generation.seeds
    )
