"""The native engine against the portable one, which is the definition, with every kernel that runs
on this processor.
"""

import functools
import hashlib
import json
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seemachine.lms.engines import EngineError, RecoverJob, SignJob
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import OTS_SETS, OtsParameters, TreeParameters, lmots, lms
from seemachine.lms.tree import levels_above
from seemachine.lms.verifying import candidate_root

if TYPE_CHECKING:
    from seemachine.lms.engines.native import NativeEngine

native = pytest.importorskip(
    "seemachine.lms.engines.native", reason="the native engine is not built"
)
_native = native._native

VECTORS = Path(__file__).parents[2] / "vectors"
KERNELS = ("scalar", "x4", "avx2", "avx512", "sha_ni")
PORTABLE = PortableEngine()
IDENTIFIER = bytes(range(16))
# Leaves that plain Python makes in about a tenth of a second.
MOST_LEAVES = {1: 31, 2: 31, 4: 31, 8: 4}

seeds = st.binary(min_size=24, max_size=32)
sets = st.sampled_from(OTS_SETS)


@pytest.fixture(params=("chosen", *KERNELS), scope="module")
def engine(request: pytest.FixtureRequest) -> "NativeEngine":
    """The engine with the kernels that it chooses, then with each one forced."""
    try:
        return native.NativeEngine(None if request.param == "chosen" else request.param)
    except EngineError as reason:
        pytest.skip(str(reason))


def tree_of(ots: OtsParameters, h: int = 10) -> TreeParameters:
    """The tree that goes with a one-time set."""
    return lms(f"{ots.hash}_m{ots.n}_h{h}")


def draw_jobs(data: st.DataObject, ots: OtsParameters) -> list[SignJob]:
    """Jobs for up to as many signatures as plain Python makes quickly, with digests of nothing but
    ends among them.
    """
    job = st.builds(
        SignJob,
        st.binary(min_size=16, max_size=16),
        seeds,
        st.integers(0, 2**25 - 1),
        st.binary(min_size=ots.n, max_size=ots.n)
        | st.sampled_from((bytes(ots.n), b"\xff" * ots.n)),
    )
    return data.draw(st.lists(job, max_size=MOST_LEAVES[ots.w]))


@settings(max_examples=25, deadline=None)
@given(data=st.data(), ots=sets, seed=seeds, identifier=st.binary(min_size=16, max_size=16))
def test_leaf_nodes_are_those_of_the_portable_engine(
    engine: "NativeEngine", data: st.DataObject, ots: OtsParameters, seed: bytes, identifier: bytes
) -> None:
    """For any set, seed and run of leaves, all bytes are the same."""
    h = data.draw(st.sampled_from((5, 10, 25)))
    count = data.draw(st.integers(0, min(1 << h, MOST_LEAVES[ots.w])))
    first = data.draw(st.integers(0, (1 << h) - count))
    asked = (tree_of(ots, h), ots, identifier, seed, range(first, first + count))

    assert PORTABLE.leaf_nodes(*asked) == engine.leaf_nodes(*asked)


@pytest.mark.parametrize("ots", OTS_SETS, ids=lambda ots: ots.name)
def test_whole_groups_of_leaves_agree_with_single_ones(
    engine: "NativeEngine", ots: OtsParameters
) -> None:
    """A run that fills all lanes, and more, has the first, some middle and the last node that plain
    Python makes.
    """
    tree, seed = tree_of(ots), bytes(range(100, 132))
    nodes = engine.leaf_nodes(tree, ots, IDENTIFIER, seed, range(900, 967))

    for leaf in (900, 915, 916, 931, 932, 963, 964, 966):
        [expected] = [PORTABLE.leaf_nodes(tree, ots, IDENTIFIER, seed, range(leaf, leaf + 1))]

        assert expected == nodes[(leaf - 900) * ots.n : (leaf - 899) * ots.n], leaf


@settings(max_examples=25, deadline=None)
@given(data=st.data(), ots=sets, number=st.integers(1, 2**25 - 70))
def test_parents_are_those_of_the_portable_engine(
    engine: "NativeEngine", data: st.DataObject, ots: OtsParameters, number: int
) -> None:
    """For any even count of children, from none to more than fill the lanes, all bytes are the
    same.
    """
    count = data.draw(st.integers(0, 70))
    children = data.draw(st.randoms(use_true_random=False)).randbytes(2 * count * ots.n)

    assert PORTABLE.parents(tree_of(ots), IDENTIFIER, number, children) == engine.parents(
        tree_of(ots), IDENTIFIER, number, children
    )


@settings(max_examples=25, deadline=None)
@given(data=st.data(), ots=sets)
def test_signatures_are_those_of_the_portable_engine_and_lead_to_the_same_keys(
    engine: "NativeEngine", data: st.DataObject, ots: OtsParameters
) -> None:
    """For any batch of jobs, whatever their seeds' lengths, chains are the same, and so is what
    they lead to, right or wrong.
    """
    jobs = draw_jobs(data, ots)
    chains = PORTABLE.sign(ots, jobs)

    assert chains == engine.sign(ots, jobs)

    if chains and data.draw(st.booleans()):
        chains[0] = bytes(len(chains[0]))
    checks = [
        RecoverJob(job.identifier, job.leaf, job.digest, given)
        for job, given in zip(jobs, chains, strict=True)
    ]

    assert PORTABLE.recover(ots, checks) == engine.recover(ots, checks)


@functools.cache
def many_signatures(ots: OtsParameters) -> tuple[list[SignJob], list[bytes]]:
    """Jobs of as many keys, more than any kernel walks together, and what plain Python makes."""
    draw = random.Random(ots.name)
    jobs = [
        SignJob(draw.randbytes(16), draw.randbytes(24 + q % 9), q, draw.randbytes(ots.n))
        for q in range(70)
    ]
    return jobs, PORTABLE.sign(ots, jobs)


@pytest.mark.parametrize("ots", [ots for ots in OTS_SETS if ots.w == 4], ids=lambda ots: ots.name)
def test_jobs_that_are_walked_together_keep_their_own(
    engine: "NativeEngine", ots: OtsParameters
) -> None:
    """In a batch longer than what is walked together, each job has its own identifier, seed, leaf
    and digest, and each signature leads to its own key.
    """
    jobs, chains = many_signatures(ots)
    checks = [
        RecoverJob(job.identifier, job.leaf, job.digest, given)
        for job, given in zip(jobs, chains, strict=True)
    ]

    assert chains == engine.sign(ots, jobs)
    assert [engine.recover(ots, [check])[0] for check in checks] == engine.recover(ots, checks)
    assert PORTABLE.recover(ots, checks[:2]) == engine.recover(ots, checks)[:2]


def split_hss(public_key: bytes, signature: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """(LMS key, message, LMS signature) of each level; the message of the last one is empty."""
    checks, key, levels = [], public_key[4:], int.from_bytes(signature[:4], "big")
    rest = signature[4:]
    for _ in range(levels):
        ots = lmots(int.from_bytes(rest[4:8], "big"))
        path = 8 + ots.n * (ots.p + 1)
        tree = lms(int.from_bytes(rest[path : path + 4], "big"))
        size = path + 4 + tree.h * tree.m
        following = lms(int.from_bytes(rest[size : size + 4], "big")).public_key_bytes
        checks.append((key, rest[size : size + following], rest[:size]))
        key, rest = rest[size : size + following], rest[size + following :]
    return [*checks, (key, b"", rest)]


@pytest.mark.parametrize(
    "case", json.loads((VECTORS / "rfc.json").read_text())["cases"], ids=lambda case: case["source"]
)
def test_published_signatures_verify(engine: "NativeEngine", case: dict[str, str]) -> None:
    """The test cases of RFC 8554 appendix F and of RFC 9858 lead to the roots of their keys."""
    levels = split_hss(bytes.fromhex(case["public_key"]), bytes.fromhex(case["signature"]))
    for level, (encoded, message, signature) in enumerate(levels):
        key = PublicKey.decode(encoded)
        signed = bytes.fromhex(case["message"]) if level == len(levels) - 1 else message

        assert key.root == candidate_root(engine, key, [signed], signature)


@pytest.mark.parametrize(
    "case",
    json.loads((VECTORS / "acvp_keygen.json").read_text())["cases"],
    ids=lambda case: case["lmots"],
)
def test_published_seeds_give_their_public_keys(
    engine: "NativeEngine", case: dict[str, str]
) -> None:
    """The seeds of NIST's ACVP lead to its public keys; the seeds of the 24-byte sets have 32
    bytes.
    """
    key = PublicKey.decode(bytes.fromhex(case["public_key"]))
    leaves = engine.leaf_nodes(
        key.tree,
        key.ots,
        bytes.fromhex(case["i"]),
        bytes.fromhex(case["seed"]),
        range(1 << key.tree.h),
    )

    assert key.root == levels_above(engine, key.tree, key.identifier, 1 << key.tree.h, leaves)[-1]


def test_an_own_signature_verifies_with_another_implementation(engine: "NativeEngine") -> None:
    """A signature of this engine is accepted by pyhsslms."""
    pyhsslms = pytest.importorskip("pyhsslms")
    ots, tree, seed, message = lmots("sha256_n32_w8"), lms("sha256_m32_h5"), b"s" * 32, b"message"
    levels = levels_above(
        engine, tree, IDENTIFIER, 32, engine.leaf_nodes(tree, ots, IDENTIFIER, seed, range(32))
    )
    key = PublicKey(tree, ots, IDENTIFIER, levels[-1])
    path = b"".join(level[(3 >> up ^ 1) * 32 :][:32] for up, level in enumerate(levels[:-1]))
    digest = hashlib.sha256(
        IDENTIFIER + (3).to_bytes(4, "big") + b"\x81\x81" + b"c" * 32 + message
    ).digest()
    [chains] = engine.sign(ots, [SignJob(IDENTIFIER, seed, 3, digest)])
    signature = Signature(tree, ots, 3, b"c" * 32, chains, path)

    assert pyhsslms.LmsPublicKey.deserialize(key.encode()).verify(message, signature.encode())


class TestGlue:
    """What a caller gets wrong is refused, never computed."""

    kernels = (_native.find("scalar", "sha256"),) * 2
    good = SignJob(IDENTIFIER, bytes(32), 0, bytes(32))

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ((32, 8, 10, bytes(15), bytes(32), 0, 1), "identifier must have 16 bytes, not 15"),
            ((32, 8, 10, bytes(16), bytes(23), 0, 1), "seed must have 24 to 32 bytes, not 23"),
            ((32, 8, 10, bytes(16), bytes(33), 0, 1), "seed must have 24 to 32 bytes, not 33"),
            ((31, 8, 10, bytes(16), bytes(32), 0, 1), "no LM-OTS set with n=31 and w=8"),
            ((32, -1, 10, bytes(16), bytes(32), 0, 1), "no LM-OTS set with n=32 and w=-1"),
            ((32, 8, 0, bytes(16), bytes(32), 0, 1), "no trees of height 0"),
            ((32, 8, 26, bytes(16), bytes(32), 0, 1), "no trees of height 26"),
            ((32, 8, 5, bytes(16), bytes(32), 31, 2), "no 2 leaves from 31 on"),
            ((32, 8, 5, bytes(16), bytes(32), -1, 2), "no 2 leaves from -1 on"),
            ((32, 8, 5, bytes(16), bytes(32), 0, 2**62), "leaves from 0 on"),
        ],
    )
    def test_leaves_of_no_tree(self, arguments: tuple[object, ...], complaint: str) -> None:
        """Lengths, sets and ranges are checked before anything is hashed."""
        with pytest.raises(ValueError, match=complaint):
            _native.leaf_nodes(self.kernels, *arguments)

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ((32, bytes(17), 1, bytes(64)), "identifier must have 16 bytes, not 17"),
            ((16, bytes(16), 1, bytes(64)), "no nodes of 16 bytes"),
            ((32, bytes(16), 1, bytes(63)), "63 bytes are not pairs"),
            ((24, bytes(16), 1, bytes(64)), "64 bytes are not pairs"),
            ((32, bytes(16), 0, bytes(64)), "no tree has 1 inner nodes from 0 on"),
            ((32, bytes(16), 2**25, bytes(64)), "no tree has 1 inner nodes"),
        ],
    )
    def test_parents_of_no_nodes(self, arguments: tuple[object, ...], complaint: str) -> None:
        """Children must come in pairs, under nodes that exist."""
        with pytest.raises(ValueError, match=complaint):
            _native.parents(self.kernels, *arguments)

    @pytest.mark.parametrize(
        ("job", "complaint"),
        [
            (SignJob(bytes(8), bytes(32), 0, bytes(32)), "identifier must have 16 bytes, not 8"),
            (SignJob(bytes(16), bytes(20), 0, bytes(32)), "seed must have 24 to 32 bytes, not 20"),
            (SignJob(bytes(16), bytes(32), 0, bytes(24)), "digest must have 32 bytes, not 24"),
            (SignJob(bytes(16), bytes(32), 2**25, bytes(32)), "no tree has a leaf 33554432"),
            (SignJob(bytes(16), bytes(32), -1, bytes(32)), "no tree has a leaf -1"),
        ],
    )
    def test_jobs_that_cannot_be_signed(self, job: SignJob, complaint: str) -> None:
        """One bad job refuses the batch, wherever it stands."""
        with pytest.raises(ValueError, match=complaint):
            _native.sign(self.kernels, 32, 8, [self.good, job, self.good])

    def test_chains_of_the_wrong_length(self) -> None:
        """A signature to check has exactly p values of n bytes."""
        with pytest.raises(ValueError, match="chains must have 1088 bytes, not 1087"):
            _native.recover(
                self.kernels, 32, 8, [RecoverJob(IDENTIFIER, 0, bytes(32), bytes(1087))]
            )

    @pytest.mark.parametrize(
        "job",
        [
            None,
            object(),
            SignJob("text", bytes(32), 0, bytes(32)),
            SignJob(bytes(16), bytes(32), "0", bytes(32)),
        ],
    )
    def test_things_that_are_not_jobs(self, job: object) -> None:
        """A missing attribute or one of the wrong type is an error of Python's usual kind."""
        with pytest.raises((TypeError, AttributeError)):
            _native.sign(self.kernels, 32, 8, [job])

    def test_kernels_that_have_not_been_proven(self) -> None:
        """Numbers that `find` did not give are not used."""
        for number in (-1, 1000):
            with pytest.raises(ValueError, match="no proven kernels"):
                _native.leaf_nodes((number, number), 32, 8, 5, bytes(16), bytes(32), 0, 1)

    def test_kernels_that_do_not_exist(self) -> None:
        """An unknown name is refused with the name."""
        with pytest.raises(ValueError, match="this build has no kernel mmx for sha256"):
            _native.find("mmx", "sha256")

    def test_nothing_asked_nothing_given(self) -> None:
        """Empty requests have empty answers."""
        assert _native.leaf_nodes(self.kernels, 32, 8, 5, bytes(16), bytes(32), 32, 0) == b""
        assert _native.parents(self.kernels, 32, bytes(16), 1, b"") == b""
        assert _native.sign(self.kernels, 32, 8, []) == []
        assert _native.recover(self.kernels, 32, 8, []) == []


class TestInterpreterLock:
    """Kernels work without Python's lock and hold on to what they read."""

    def start(self, seed: bytes | bytearray) -> threading.Thread:
        """Three hundred leaves in plain C, in another thread."""
        kernels = (_native.find("scalar", "sha256"),) * 2
        thread = threading.Thread(
            target=_native.leaf_nodes, args=(kernels, 32, 8, 10, IDENTIFIER, seed, 0, 300)
        )
        thread.start()
        return thread

    def test_other_threads_run_meanwhile(self) -> None:
        """While one thread makes leaves for some tenths of a second, another goes on."""
        thread, turns = self.start(bytes(32)), 0
        while thread.is_alive():
            time.sleep(0.001)
            turns += 1

        assert turns > 10

    def test_a_seed_cannot_be_resized_under_the_kernel(self) -> None:
        """A bytearray that is being read refuses to change its size."""
        seed = bytearray(32)
        thread = self.start(seed)
        time.sleep(0.02)
        with pytest.raises(BufferError):
            seed.extend(b"more")
        thread.join()
