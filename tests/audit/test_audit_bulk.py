"""seemachine audit of large piles: what is found does not depend on how the pile is cut, nor on
what is kept in memory; and it is what each signature gives alone.
"""

import random
import tracemalloc
from collections.abc import Iterator

import pytest
from audit.piles import SETS, audit, key, ledger, public, row, sign
from pyhsslms import pyhsslms as p
from seeclient import StatusError, verify

from seemachine.audit import gathering
from seemachine.audit.gathering import gather
from seemachine.audit.judge import judge
from seemachine.lms import engines


@pytest.fixture(scope="module")
def levels():
    """A key of two levels."""
    return p.HssPrivateKey(2, *(getattr(p, name) for name in SETS[0]))


def random_pile(pile, rng, levels):
    """Signatures of several keys: good, damaged, cut, doubled, over other messages or none, with
    their keys before or after them, or nowhere; and a ledger.
    """
    keys = [key(number=number) for number in range(3)] + [key(SETS[1])]
    for number, private in enumerate(keys):
        if rng.random() < 0.8:
            pile.put(f"{rng.choice('az')}{number}.pub", public(private))
    pile.put(f"{rng.choice('az')}root.pub", bytes(levels.publicKey().serialize()))
    for number in range(rng.randrange(25)):
        message = b"%d" % rng.randrange(5)
        private = rng.choice([*keys, levels])
        made = (
            sign(private, rng.randrange(5), message)
            if private is not levels
            else bytes(levels.sign(message))
        )
        put_signature(pile, rng, f"m{number:02}", made, message)
    rows = [row(keys[0], leaf, b"m" + bytes(32)) for leaf in range(rng.randrange(3))]
    pile.put("ledger", ledger(rows))


def put_signature(pile, rng, name, made, message):
    """One of them, in any state."""
    data = bytearray(made)
    if rng.random() < 0.2:
        data[rng.randrange(len(data))] ^= 1
    if rng.random() < 0.1:
        del data[-1]
    pile.put(f"{name}.sig", bytes(data).hex().encode() if rng.random() < 0.2 else bytes(data))
    if rng.random() < 0.8:
        pile.put(name, message if rng.random() < 0.9 else b"other")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cut", [(1, 1, 0), (7, 3, 0), (5, 2, 4000)])
def test_however_it_is_cut(pile, monkeypatch, levels, seed, cut):
    """Windows and tasks of any size, signatures kept or read again: the same document."""
    random_pile(pile, random.Random(seed), levels)
    expected = pile.judged().document
    for name, value in zip(("WINDOW", "SHARE", "KEPT_BYTES"), cut, strict=True):
        monkeypatch.setattr(gathering, name, value)

    assert pile.judged().document == expected


@pytest.mark.parametrize("seed", range(6, 12))
def test_each_signature_alone(pile, levels, seed):
    """What verifies is what `seeclient.verify` takes with one of the keys; what it refuses with all
    keys of its kind is bad.
    """
    random_pile(pile, random.Random(seed), levels)
    evidence = gather([pile.folder], {})
    bad = {
        source for each in judge(evidence).findings if each.kind == "bad" for source in each.sources
    }

    for signature in evidence.signatures:
        keys = [known for known in evidence.keys if known.kind == signature.kind]
        takers = [known for known in keys if takes(known, signature, pile)]
        assert (signature.owner is not None) is bool(takers), signature.source
        if keys and signature.message is not None and not takers:
            assert signature.source in bad


def takes(known, signature, pile):
    """Whether a signature verifies with a key."""
    if signature.message is None:
        return False
    data = (pile.folder / signature.source).read_bytes()
    data = bytes.fromhex(data.decode()) if data[:1] == b"0" else data
    try:
        verify((pile.folder / signature.message).read_bytes(), data, known.key.encode())
    except StatusError:
        return False
    return True


class TestMemory:
    """What is kept of a pile."""

    def test_signatures_are_let_go(self, pile, monkeypatch):
        """Once they are proven, or nothing can be proven; others up to a bound."""
        pile.put("a.pub", public(key()))
        for leaf in range(4):
            pile.signed(f"good{leaf}", key(), leaf, b"%d" % leaf)
            pile.signed(f"bad{leaf}", key(number=1), leaf, b"%d" % leaf)
            pile.signed(f"lonely{leaf}", key(), leaf, None)
        monkeypatch.setattr(gathering, "KEPT_BYTES", 5000)
        found = gather([pile.folder], {}).signatures

        kept = [each.source.rpartition("/")[2] for each in found if each.data is not None]
        assert kept == ["bad0.sig", "bad1.sig"]

    def test_a_pile_of_hundreds(self, pile, monkeypatch):
        """Each takes a part of the memory that its files take."""
        count, made = 500, sign(key(), 0, b"m")
        pile.put("a.pub", public(key()))
        for number in range(count):
            pile.put(f"m{number}", b"m")
            pile.put(f"m{number}.sig", made)
        monkeypatch.setattr(gathering, "WINDOW", 32)
        audit(pile.folder)  # what is imported or cached for good
        tracemalloc.start()
        try:
            verdict = judge(gather([pile.folder], {}))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert verdict.verified == count
        assert peak < count * len(made) / 2


@pytest.mark.parametrize(
    ("sizes", "windows"),
    [
        ([], [0]),
        ([5] * 7, [3, 3, 1]),
        ([5] * 6, [3, 3, 0]),
        ([60, 60, 5, 5, 5], [2, 3, 0]),
        ([100, 100, 100, 5], [1, 1, 1, 1]),
        ([5, 101, 1 << 40, 60, 60], [3, 2, 0]),
    ],
)
def test_windows(monkeypatch, sizes, windows):
    """Each has so many files, or so many bytes of such as may be kept; a long one is a message."""
    for name, value in (("WINDOW", 3), ("WINDOW_BYTES", 100), ("LONGEST", 100)):
        monkeypatch.setattr(gathering, name, value)
    found = list(gathering._windows(sizes))

    assert [len(numbers) for numbers in found] == windows
    assert [number for numbers in found for number in numbers] == list(range(len(sizes)))


class TestReadAgain:
    """Signatures that were let go before their keys were found."""

    @pytest.fixture(autouse=True)
    def nothing_kept(self, monkeypatch):
        """Not even the first one."""
        monkeypatch.setattr(gathering, "KEPT_BYTES", -1)
        monkeypatch.setattr(gathering, "WINDOW", 1)

    @pytest.mark.parametrize("encode", [bytes, bytes.hex])
    def test_keys_that_come_last(self, pile, encode):
        """All verify, whatever their encoding, several of a file too."""
        data = encode(sign(key(), 3, b"m"))
        pile.put("m.sig", data if isinstance(data, bytes) else data.encode())
        pile.put("m", b"m")
        pile.put("zz.pub", public(key()))

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)

    @pytest.mark.parametrize("change", ["gone", "another", "cut"])
    def test_a_file_that_changes_meanwhile(self, pile, change):
        """It is unread: neither bad nor clean."""
        path = pile.signed("m", key(), 3, b"m")
        pile.put("zz.pub", public(key()))
        evidence = gather([pile.folder], {})
        if change == "gone":
            path.unlink()
        else:
            path.write_bytes(sign(key(), 4, b"m") if change == "another" else b"x")
        verdict = judge(evidence)

        [finding] = verdict.findings
        why = "No such file or directory" if change == "gone" else "changed while it was audited"
        assert (finding.kind, finding.what) == ("unread", f"{path}: {why}")
        assert not verdict.clean

    def test_two_signatures_of_which_one_is_gone(self, pile):
        """A leaf that made both is a leaf that signed twice, as nobody can say otherwise."""
        for number in (1, 2):
            pile.signed(f"m{number}", key(), 3, b"%d" % number)
        evidence = gather([pile.folder], {})
        (pile.folder / "m1.sig").unlink()

        assert "reuse" in {finding.kind for finding in judge(evidence).findings}


class Counting:
    """An engine that counts what it is asked to check."""

    def __init__(self) -> None:
        self.engine, self.claims = engines.select(), 0

    def roots(self, tree, ots, claims) -> list[bytes]:
        """As an engine has it."""
        self.claims += len(claims)
        return self.engine.roots(tree, ots, claims)


@pytest.fixture
def counting(monkeypatch) -> Iterator[Counting]:
    """The engine of all audits."""
    found = Counting()
    monkeypatch.setattr(engines, "select", lambda: found)
    return found


class TestManyKeys:
    """Keys of one kind: which one to try first."""

    KEYS, LEAVES = 5, (0, 1, 30, 31)

    def signed(self, pile, folder_of_keys):
        """A folder of signatures for each key, the keys where they are told to be."""
        for number in range(self.KEYS):
            for folder in (f"release{number}", folder_of_keys(number)):
                (pile.folder / folder).mkdir(exist_ok=True)
            private = key(number=number)
            pile.put(f"{folder_of_keys(number)}/{number}.pub", public(private))
            for leaf in self.LEAVES:
                pile.signed(f"release{number}/m{leaf}", private, leaf, b"%d" % leaf)

    def test_beside_their_signatures(self, pile, counting):
        """Each signature is tried with one key."""
        self.signed(pile, lambda number: f"release{number}")

        assert pile.judged().document["verified"] == counting.claims == 20

    def test_elsewhere(self, pile, counting, monkeypatch):
        """One signature of each half of a tree is tried with all, the others with theirs."""
        monkeypatch.setattr(gathering, "SHARE", 1)
        monkeypatch.setattr(gathering, "WINDOW", 1)
        self.signed(pile, lambda number: f"keys{number}")

        assert pile.judged().document["verified"] == 20
        assert counting.claims <= 20 + 2 * self.KEYS * (self.KEYS + 1)
