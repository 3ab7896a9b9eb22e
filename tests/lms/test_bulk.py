"""bulk.py and the engines' `roots`: many signatures give the verdicts that each gives alone."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import CHEAP, H5_SETS, MESSAGE, set_name
from pyhsslms import pyhsslms as p

from seemachine.lms.bulk import Wrong, case_of, is_plain, judge, on_all_cores
from seemachine.lms.engines import RecoverJob
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.hashing import D_LEAF, digest
from seemachine.lms.hss import HssPublicKey, candidate_roots, decode_either
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import ParameterError, lms
from seemachine.lms.verifying import Candidate, climb, roots

SETS = pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
PORTABLE = PortableEngine()
FAMILIES = (
    ("lms_sha256_m24_h5", "lmots_sha256_n24_w2"),
    ("lms_sha256_m32_h5", "lmots_sha256_n32_w1"),
    ("lms_shake_m24_h5", "lmots_shake_n24_w1"),
)


def anything(tree, ots, leaf, rng):
    """A candidate whose every part is chance: it leads to some root."""
    n = ots.n
    parts = (rng.randbytes(n), rng.randbytes(n * ots.p), rng.randbytes(n * tree.h))
    made = Signature(tree, ots, leaf, *parts).encode()
    return Candidate(PublicKey(tree, ots, rng.randbytes(16), bytes(n)), rng.randbytes(n), made)


def alone(engine, candidate):
    """The root of a candidate, step by step as RFC 8554 5.4.2 has it."""
    key, q, signature = candidate
    made = Signature.decode(signature)
    [public] = engine.recover(key.ots, [RecoverJob(key.identifier, made.leaf, q, made.chains)])
    number = (1 << key.tree.h) + made.leaf
    head = key.identifier + u32(number) + D_LEAF
    node = digest(key.tree.hash, key.tree.m)(head + public)
    return climb(key.tree, key.identifier, number, node, made.path)


@SETS
@pytest.mark.parametrize("h", [5, 25])
def test_the_root_of_each_candidate(engine, tree, ots, h):
    """For each pair of sets and both ends of the trees: what recovering and climbing lead to."""
    tall, rng = lms(f"{tree.hash}_m{tree.m}_h{h}"), random.Random(ots.name)
    all_leaves = [0, 1, (1 << h) - 1, 1 << h - 1]
    candidates = [anything(tall, ots, leaf, rng) for leaf in all_leaves]

    assert roots(engine, candidates) == [alone(engine, each) for each in candidates]
    assert roots(engine, candidates[:1]) == roots(engine, candidates)[:1]


@pytest.mark.parametrize("count", [0, 1, 3, 63, 64, 65, 130])
def test_any_number_of_them(engine, count):
    """Less than the lanes of a kernel, as many, and more."""
    tree, ots = CHEAP
    rng = random.Random(count)
    candidates = [anything(tree, ots, rng.randrange(32), rng) for _ in range(count)]

    assert roots(engine, candidates) == [alone(engine, each) for each in candidates]


def test_sets_that_are_mixed(engine):
    """In any order of their parameter sets, each root is in its own place."""
    rng = random.Random(1)
    pairs = [pair for pair in H5_SETS if pair[1].w < 8] * 2
    rng.shuffle(pairs)
    candidates = [anything(*pair, rng.randrange(32), rng) for pair in pairs]

    assert roots(engine, candidates) == [alone(engine, each) for each in candidates]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda identifier, q, made: (identifier[1:], q, made),
        lambda identifier, q, made: (identifier, q + b"!", made),
        lambda identifier, q, made: (identifier, q, made[:-1]),
        lambda identifier, q, made: (identifier, q, u32(32) + made[4:]),
    ],
)
def test_a_claim_that_can_not_be(spoil):
    """The native engine refuses lengths and leaves that are none."""
    native = pytest.importorskip("seemachine.lms.engines.native").NativeEngine()
    candidate = anything(*CHEAP, 3, random.Random(1))
    claim = (candidate.key.identifier, candidate.digest, candidate.signature)

    assert native.roots(*CHEAP, [claim]) == [alone(PORTABLE, candidate)]
    with pytest.raises(ValueError, match=r"a claim has 16, 24 and \d+ bytes, not|has no leaf 32"):
        native.roots(*CHEAP, [claim, spoil(*claim)])
    for wrong in (None, (), claim[:2], [*claim], (*claim[:2], bytearray(claim[2]))):
        with pytest.raises(TypeError):
            native.roots(*CHEAP, [wrong])


@cache
def made(levels, names=FAMILIES[0]):
    """An HSS key of pyhsslms, and two signatures: in HSS encoding, and of its top tree alone."""
    private = p.HssPrivateKey(levels, *(getattr(p, name) for name in names))
    public, signed = bytes(private.publicKey().serialize()), bytes(private.sign(MESSAGE))
    return HssPublicKey.decode(public), signed, bytes(private.prv[0].sign(MESSAGE))


KEYS = [made(levels) for levels in (1, 2, 3)] + [made(1, names) for names in FAMILIES[1:]]


@st.composite
def questions(draw):
    """A key, a message and something that is nearly a signature, or is one."""
    key, hss, plain = draw(st.sampled_from(KEYS))
    if draw(st.booleans()):
        key = HssPublicKey(draw(st.sampled_from([1, 1, 2, 3])), key.key)
    data = bytearray(draw(st.sampled_from([hss, plain, draw(st.sampled_from(KEYS))[1]])))
    for place in draw(st.lists(st.integers(0, 8 * len(data) - 1), max_size=1)):
        data[place // 8] ^= 1 << place % 8
    cut = draw(st.sampled_from([0, 0, 0, 1, 5]))
    message = draw(st.sampled_from([MESSAGE, MESSAGE, b"other", None]))
    return key, message, bytes(data[: len(data) - cut])


class Unreadable(Exception):
    """A message that can't be had."""


def hashing(message):
    """Hashes a message, or says why not."""

    def update(running):
        if message is None:
            return Unreadable("gone")
        running.update(message)
        return None

    return update


def pieces(message):
    """The same message to a reader that raises."""
    if message is None:
        raise Unreadable("gone")
    yield message


def alone_said(engine, key, message, data):
    """What hss.py says of one signature: an error with its text, a wrong level, or None."""
    try:
        _, signature = decode_either(data)
        found = candidate_roots(engine, key, pieces(message), signature)
        for level, (expected, computed) in enumerate(found):
            if expected != computed:
                return Wrong(expected, computed, level)
    except (ParameterError, Unreadable) as error:
        return type(error), str(error)
    return None


def together_said(engine, asked):
    """The same of many by bulk.py."""
    said, cases = [], []
    for place, (key, message, data) in enumerate(asked):
        said.append(None)
        try:
            cases.append((place, case_of(key, data, hashing(message))))
        except ParameterError as error:
            said[place] = ParameterError, str(error)
    verdicts = judge(engine, [case for _, case in cases])
    for (place, _), verdict in zip(cases, verdicts, strict=True):
        error = isinstance(verdict, Exception)
        said[place] = (type(verdict), str(verdict)) if error else verdict
    return said


@given(asked=st.lists(questions(), max_size=8))
@examples(60)
def test_the_verdicts_are_those_of_each_alone(engine, asked):
    """Of any pile of plain and HSS signatures, whole, damaged, cut, of other keys, with messages
    that can't be read.
    """
    assert together_said(engine, asked) == [alone_said(engine, *each) for each in asked]


def test_each_outcome_is_met(engine):
    """The pile above has what verifies, and each way in which something does not."""
    key, hss, plain = KEYS[1]
    of_one = HssPublicKey(1, key.key)
    [good, plain_good, levels, wrong, gone] = together_said(
        engine,
        [
            (key, MESSAGE, hss),
            (of_one, MESSAGE, plain),
            (of_one, MESSAGE, hss),
            (key, b"other", hss),
            (key, None, hss),
        ],
    )
    assert (good, plain_good, gone) == (None, None, (Unreadable, "gone"))
    assert levels == (ParameterError, "the signature has 2 levels, the key 1 level")
    assert (type(wrong), wrong.proven) == (Wrong, 1)


def test_an_upper_level_that_is_wrong_counts_before_a_message_that_is_gone(engine):
    """As alone: the message is of no interest then."""
    key, hss, _ = KEYS[1]
    broken = bytearray(hss)
    broken[100] ^= 1
    asked = (key, None, bytes(broken))

    [said] = together_said(engine, [asked])
    assert (type(said), said.proven) == (Wrong, 0)
    assert said == alone_said(engine, *asked)


@pytest.mark.parametrize("index", range(len(KEYS)))
def test_what_is_plain(index):
    """Exactly a signature that its key's sets fit: no other length, type or leaf."""
    key, hss, plain = KEYS[index]
    place = 4 + key.key.ots.signature_bytes

    assert is_plain(key.key, plain)
    for wrong in (hss, plain[:-1], plain + b"!", u32(32) + plain[4:], b"", plain[:7]):
        assert not is_plain(key.key, wrong)
    for at in (4, 7, place, place + 3):
        changed = bytearray(plain)
        changed[at] ^= 1
        assert not is_plain(key.key, bytes(changed))


def test_work_on_all_cores():
    """Results are in the order of the things, whatever the shares; the first failure is raised."""
    for count in (0, 1, 5, 6, 7, 60):
        doubled = on_all_cores(lambda share: [2 * each for each in share], range(count), 6)
        assert doubled == [2 * each for each in range(count)]

    def failing(share):
        raise OSError(f"{len(share)}")

    with pytest.raises(OSError, match="6"):
        on_all_cores(failing, range(60), 6)
