"""The verdict does not depend on which evidence is read first, nor on where it lies."""

import random
from itertools import permutations

import pytest
from audit.piles import audit, key, ledger, public, row

from seemachine.audit import doubles
from seemachine.audit.evidence import Evidence
from seemachine.audit.gathering import gather
from seemachine.audit.judge import judge
from seemachine.audit.rows import handed_from, uses

AWAITED, ONE, OTHER = b"q", b"q" + bytes(24), b"q" + bytes(23) + b"1"
HASHED = b"m" + bytes(32)


def distinct(*rows):
    """How many uses of their leaf some rows tell of, in every order of them."""
    made = [handed_from(row(key(), 3, digest, **changes), "ledger") for digest, changes in rows]
    numbers = {len(uses(order)) for order in permutations(made)}
    assert len(numbers) == 1, numbers
    return numbers.pop()


class TestRowsOfALeaf:
    """Which rows are of one use: all pairs of what a row may say, and what differs between two."""

    @pytest.mark.parametrize(
        ("digests", "number"),
        [
            ((AWAITED,), 1),
            ((ONE,), 1),
            ((AWAITED, AWAITED), 1),
            ((AWAITED, ONE), 1),
            ((ONE, ONE), 1),
            ((HASHED, HASHED), 1),
            ((ONE, OTHER), 2),
            ((AWAITED, HASHED), 2),
            ((ONE, HASHED), 2),
            ((AWAITED, ONE, OTHER), 2),
            ((AWAITED, ONE, ONE), 1),
            ((AWAITED, ONE, HASHED), 2),
            ((AWAITED, AWAITED, ONE, OTHER, HASHED), 3),
        ],
    )
    def test_one_request(self, digests, number):
        """A row that awaited its hash is the one that has it now; two hashes are two uses."""
        assert distinct(*((digest, {}) for digest in digests)) == number

    @pytest.mark.parametrize("change", [{"nvram": "bb" * 16}, {"number": 2}, {"token": "ff" * 16}])
    @pytest.mark.parametrize("first", [AWAITED, ONE, HASHED])
    @pytest.mark.parametrize("second", [AWAITED, ONE, HASHED])
    def test_two_requests(self, change, first, second):
        """Another NVRAM, row or token is another use, whatever the two are for."""
        assert distinct((first, {}), (second, change)) == 2

    @pytest.mark.parametrize("order", list(permutations([AWAITED, ONE, OTHER])))
    def test_two_hashes_after_an_awaited_row(self, pile, order):
        """In one file or in three, whichever is read first: reuse."""
        rows = [row(key(), 3, digest) for digest in order]
        pile.put("ledger", ledger(rows))
        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1})

        (pile.folder / "ledger").unlink()
        for number, each in enumerate(rows):
            pile.put(f"ledger{number}", ledger([each]))
        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1})


def findings(evidence):
    """What is said, and in which order."""
    return [(finding.kind, finding.what, finding.sources) for finding in judge(evidence).findings]


def test_the_verdict_of_a_pile_in_any_order(pile):
    """Good, bad, damaged, doubled and unverified ones, with ledgers: the same sentences."""
    for number in (0, 1):
        pile.put(f"{number}.pub", public(key(number=number)))
        pile.put(f"{number}.hss", b"\0\0\0\x02" + public(key(number=number)))
        for leaf in (1, 4):
            pile.signed(f"m{number}{leaf}", key(number=number), leaf, b"%d" % leaf)
    for number in range(3):
        pile.signed(f"n{number}", key(), 4, b"n%d" % number)
    damaged = bytearray((pile.folder / "n1.sig").read_bytes())
    damaged[500] ^= 1
    pile.put("n9.sig", bytes(damaged))
    pile.put("copy.sig", (pile.folder / "n1.sig").read_bytes())
    rows = [row(key(), leaf, digest) for leaf in (1, 4, 9) for digest in (AWAITED, ONE, OTHER)]
    rows += [row(key(), 1, HASHED, nvram="bb" * 16)]
    pile.put("ledger", ledger(rows))
    found = gather([pile.folder], {})
    expected = findings(found)
    shuffle = random.Random(1).shuffle
    for _ in range(20):
        mixed = Evidence(*(list(part) for part in (found.signatures, found.keys, found.handed)))
        for part in (mixed.signatures, mixed.keys, mixed.handed):
            shuffle(part)
        assert sorted(findings(mixed)) == sorted(expected)
    assert {kind for kind, _, _ in expected} == {"reuse", "bad", "unread", "gap"}


def test_paths_in_any_order(pile):
    """Named one by one, in each order."""
    pile.put("key.pub", public(key()))
    for number in (1, 2):
        pile.signed(f"m{number}", key(), 3, b"%d" % number)
    names = [pile.folder / name for name in ("key.pub", "m1.sig", "m2.sig")]
    verdicts = [audit("--json", *order).document for order in permutations(names)]

    assert all(verdict == verdicts[0] for verdict in verdicts)
    assert verdicts[0]["verified"] == 2


def test_two_that_verify_are_two(monkeypatch, pile):
    """However near two signatures of a leaf are: when both verify, neither is a damaged one."""
    pile.put("key.pub", public(key()))
    for number in (1, 2):
        pile.signed(f"m{number}", key(), 3, b"%d" % number)
    monkeypatch.setattr(doubles, "_damaged", lambda _one, _other: True)

    assert pile.judged().kinds() == {"reuse": 1}


def test_a_chain_of_damaged_ones_hides_no_reuse(pile):
    """Between two signatures of a leaf, others that lead from one to the next in small steps."""
    pile.put("key.pub", public(key()))
    first, last = (pile.signed(f"m{number}", key(), 3, b"%d" % number) for number in (1, 2))
    one, other = first.read_bytes(), last.read_bytes()
    place = 8 + 24
    for step, cut in enumerate(range(place, place + 24 * 101, 24 * 20)):
        pile.put(f"a{step}.sig", other[:8] + other[8:cut] + one[cut:])
    verdict = pile.judged()

    assert verdict.code == 1
    [reuse] = verdict.of_kind("reuse")
    assert {str(first), str(last)} <= set(reuse["sources"])
