"""seemachine audit, ledgers and leases: rows that contradict each other or a signature, and leaves
that were passed over.
"""

import hashlib

import pytest
from audit.piles import audit, key, key_file, ledger, public, row, sign

from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey, Signature

ESN, OTHER_ESN = "0000-0000-0001", "0000-0000-0002"


def of_message(message):
    """What a leaf is bound to that signs a message which the machine hashes."""
    return b"m" + hashlib.sha256(message).digest()


def of_hash(private, signature, message):
    """What a leaf is bound to that signs a message which the client hashed: Q, after the public key
    and the signature's randomizer.
    """
    made, parts = PublicKey.decode(public(private)), Signature.decode(signature)
    return b"q" + message_digest(made.ots, made.identifier, parts.leaf, parts.randomizer, message)


M, N = of_message(b"message"), of_message(b"another")


class TestRows:
    """Ledgers alone."""

    def test_one_ledger_in_two_files(self, pile):
        """Rows that were read twice, the second time with more of them, are one use each."""
        rows = [row(key(), leaf, of_message(b"%d" % leaf), leaf + 1) for leaf in range(5)]
        pile.put("monday.json", ledger(rows[:3]))
        pile.put("friday.json", ledger(rows))
        verdict = pile.judged()

        assert (verdict.code, verdict.document["findings"], verdict.document["rows"]) == (0, [], 8)

    def test_a_leaf_in_two_ledgers(self, pile):
        """A leaf that two machines handed out is reuse, whatever for."""
        pile.put("a", ledger([row(key(), 3, M)]))
        pile.put("b", ledger([row(key(), 3, M, esn=OTHER_ESN, nvram="bb" * 16)]))
        verdict = pile.judged()
        [finding] = verdict.of_kind("reuse")

        assert verdict.code == 1
        assert " was handed out 2 times: " in finding["what"]
        assert (
            f"{ESN} row 1 ({pile.folder / 'a'}), {OTHER_ESN} row 1 ({pile.folder / 'b'})"
            in finding["what"]
        )
        assert finding["sources"] == [str(pile.folder / "a"), str(pile.folder / "b")]

    @pytest.mark.parametrize(
        "changes", [{"number": 2}, {"token": "ff" * 16}, {"digest": N}, {"number": 9, "digest": N}]
    )
    def test_a_leaf_twice_in_ledgers_of_one_nvram(self, pile, changes):
        """A copy of an NVRAM has its identity, and its rows have the same numbers: any other row
        for a leaf is a second use.
        """
        given = {"leaf": 3, "digest": M, "number": 1}
        pile.put("a", ledger([row(key(), **given)]))
        pile.put("b", ledger([row(key(), **given | changes)]))

        assert pile.judged().kinds() == {"reuse": 1}

    def test_a_row_before_and_after_its_hash_was_known(self, pile):
        """A ledger that was read while Q was awaited and again later tells of one use; two
        different Q tell of two.
        """
        pile.put("before", ledger([row(key(), 3, b"q")]))
        pile.put("after", ledger([row(key(), 3, b"q" + bytes(24))]))
        assert pile.judged().code == 0

        pile.put("other", ledger([row(key(), 3, b"q" + bytes(23) + b"1")]))
        assert pile.judged().kinds() == {"reuse": 1}

    def test_other_keys_and_leaves(self, pile):
        """The same row number, token and message under other leaves, or the leaf of another key, is
        nothing.
        """
        pile.put(
            "a",
            ledger([row(key(), 3, M), row(key(), 4, M), row(key(number=1), 3, M, esn=OTHER_ESN)]),
        )

        assert pile.judged().code == 0

    def test_a_damaged_line(self, pile):
        """It is named with its number; what the other lines say counts all the same."""
        lines = ledger([row(key(), leaf, M, leaf + 1) for leaf in (0, 1, 1)]).splitlines(
            keepends=True
        )
        pile.put("a", lines[0] + b"\n" + lines[1] + lines[2][:40])
        verdict = pile.judged()
        assert [finding["what"] for finding in verdict.of_kind("unread")] == [
            f"{pile.folder / 'a'}: line 4 is not a row of a ledger"
        ]
        assert (verdict.code, verdict.document["rows"]) == (2, 2)

        pile.put("b", b"".join([*lines, b"{}\n"]))
        verdict = pile.judged()
        assert (verdict.code, verdict.kinds()) == (2, {"unread": 2})

    def test_a_large_ledger(self, pile):
        """Ledgers of any size are read to their end: 80,000 rows, the last one a second use."""
        rows = [row(key(), number, M, number + 1) for number in range(80_000)]
        path = pile.put("a", ledger([*rows, row(key(), 5, N, 80_001)]))
        assert path.stat().st_size > 16 << 20
        verdict = pile.judged()

        assert (verdict.code, verdict.document["rows"], verdict.kinds()) == (
            1,
            80_001,
            {"reuse": 1},
        )


class TestAgainstSignatures:
    """Ledgers and signatures."""

    @pytest.fixture
    def signature(self, pile):
        """A signature with leaf 3, with its key and message."""
        pile.put("key.pub", public(key()))
        pile.put("m", b"message")
        return pile.put("m.sig", sign(key(), 3, b"message")).read_bytes()

    @pytest.mark.parametrize("digest", [M, b"q", "Q"])
    def test_a_row_that_fits(self, pile, signature, digest):
        """The SHA-256 of the message, its Q, or a Q that was awaited when the ledger was read agree
        with the signature.
        """
        pile.put(
            "a",
            ledger(
                [row(key(), 3, of_hash(key(), signature, b"message") if digest == "Q" else digest)]
            ),
        )
        verdict = pile.judged()

        assert (verdict.code, verdict.document["findings"]) == (0, [])

    @pytest.mark.parametrize("digest", [N, "Q", b"q" + bytes(24), b"m", b"x" + bytes(32)])
    def test_a_row_that_does_not_fit(self, pile, signature, digest):
        """The leaf was handed out for another message than it signed: exit code 1, with ledger, row
        and file.
        """
        pile.put(
            "a",
            ledger(
                [
                    row(
                        key(),
                        3,
                        of_hash(key(), signature, b"another") if digest == "Q" else digest,
                        17,
                    )
                ]
            ),
        )
        verdict = pile.judged()
        [finding] = verdict.of_kind("reuse")

        assert verdict.code == 1
        assert (
            f"signed another message than the ledger of {ESN} ({pile.folder / 'a'}, row 17) says:"
            f" {pile.folder / 'm.sig'}" in finding["what"]
        )

    @pytest.mark.usefixtures("signature")
    def test_a_leaf_that_no_ledger_knows(self, pile):
        """It is noted where a ledger knows the key, and only there."""
        pile.put("a", ledger([row(key(), 4, M)]))
        pile.put("b", ledger([row(key(number=1), 9, M)]))
        verdict = pile.judged()

        assert verdict.code == 0
        assert [finding["what"] for finding in verdict.of_kind("note")] == [
            f"{pile.folder / 'm.sig'}: its leaf 3 is in none of the ledgers"
        ]

    @pytest.mark.usefixtures("signature")
    def test_without_its_message(self, pile):
        """A signature that can't be verified is not held against a ledger, but is no clean one."""
        pile.put("a", ledger([row(key(), 3, N)]))
        (pile.folder / "m").unlink()

        assert (pile.judged().code, pile.judged().kinds()) == (2, {"unread": 1})


class TestGaps:
    """Leaves between used ones."""

    def gaps(self, pile, leaves):
        pile.put("a", ledger([row(key(), leaf, M, leaf + 1) for leaf in leaves]))
        verdict = pile.judged()
        assert verdict.code == 0
        return [finding["what"].partition(" of ")[0] for finding in verdict.of_kind("gap")]

    def test_within_a_lease(self, pile):
        """With leases of 8 leaves: those behind the last used one are free, those between two were
        passed over.
        """
        pile.put("key", key_file(1, 1))

        assert self.gaps(pile, [0, 1, 4, 8, 10, 15, 31]) == [
            "leaves 2 to 3",
            "leaf 9",
            "leaves 11 to 14",
        ]

    def test_between_leases_is_none(self, pile):
        """A lease that was begun elsewhere, or not at all, is no gap; also with the plain public
        key beside the key file.
        """
        pile.put("key", key_file(2, 0))
        pile.put("key.pub", public(key()))

        assert self.gaps(pile, [0, 1, 8, 16, 17, 30]) == []

    def test_one_lease(self, pile):
        """A plain public key says of no leases: the whole tree is one."""
        pile.put("key.pub", public(key()))

        assert self.gaps(pile, [0, 30]) == ["leaves 1 to 29"]

    def test_without_the_key(self, pile):
        """Nobody knows where its leases end, so there is no gap to tell of."""
        assert self.gaps(pile, [0, 30]) == []

    def test_of_signatures(self, pile):
        """Verified signatures count as used, and fill the gaps of ledgers."""
        pile.put("key", key_file())
        pile.signed("m", key(), 2, b"m")
        assert self.gaps(pile, [1, 3]) == []

        pile.signed("n", key(), 6, b"n")
        assert self.gaps(pile, [1, 3]) == ["leaves 4 to 5"]


def test_what_is_printed(pile):
    """Names of NVRAM files are printed as pipsqueak prints them."""
    pile.put("a", ledger([row(key(), 3, M), row(key(), 3, N)]))
    name = (b"lms" + public(key())[24:32]).hex(":", -4)
    verdict = audit(pile.folder)

    assert (
        verdict.lines[0]
        == f"reuse  leaf 3 of {name} was handed out 2 times: {ESN} row 1 ({pile.folder / 'a'}),"
        f" {ESN} row 1 ({pile.folder / 'a'})"
    )
    assert verdict.lines[1:] == [
        "NOT CLEAN: 0 signatures (0 verified), 0 public keys, 2 rows of ledgers"
    ]
