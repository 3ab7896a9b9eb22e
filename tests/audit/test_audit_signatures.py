"""seemachine audit, and signatures of other makers: a leaf that was used twice is found, and
nothing else is taken for one.
"""

import os
import random

import hsslms
import pytest
from audit.piles import CHEAP, SETS, audit, key, public, rewind, sign
from kit.signatures import OneProcess
from pyhsslms import pyhsslms as p

ALL_SETS = pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])


@ALL_SETS
class TestSets:
    """For each kind of parameter set."""

    def test_a_clean_pile(self, pile, names):
        """Signatures of different leaves verify, and nothing is found."""
        pile.put("key.pub", public(key(names)))
        for leaf in range(3):
            pile.signed(f"m{leaf}", key(names), leaf, b"message %d" % leaf)
        verdict = pile.judged()

        assert verdict.code == 0
        assert (
            verdict.document["signatures"],
            verdict.document["verified"],
            verdict.document["keys"],
        ) == (3, 3, 1)
        assert (
            verdict.document["clean"],
            verdict.document["complete"],
            verdict.document["findings"],
        ) == (True, True, [])

    @pytest.mark.parametrize("messages", [True, False])
    @pytest.mark.parametrize("keys", [True, False])
    def test_a_leaf_that_signed_twice(self, pile, names, messages, keys):
        """With and without the messages, with and without the key: one finding that names both
        files, and exit code 1.
        """
        if keys:
            pile.put("key.pub", public(key(names)))
        paths = [
            pile.signed(f"m{leaf}{number}", key(names), leaf, b"%d" % number if messages else None)
            for leaf, number in ((3, 1), (3, 2), (4, 3))
        ]
        verdict = pile.judged()

        [finding] = verdict.of_kind("reuse")
        assert finding["sources"] == sorted(map(str, paths[:2]))
        assert finding["what"].startswith("leaf 3 of one key made 2 different signatures: ")
        assert verdict.code == 1
        assert verdict.document["verified"] == (3 if messages and keys else 0)
        assert verdict.kinds()["bad"] == 0

    def test_a_bit_that_fell_over(self, pile, names):
        """A copy with one bit changed, wherever that is, is not a second use of its leaf, with or
        without its message and key.
        """
        good = sign(key(names), 5, b"message")
        pile.put("m.sig", good)
        rng = random.Random(names[1])
        for number in range(40):
            damaged = bytearray(good)
            bit = rng.randrange(len(good) * 8)
            damaged[bit // 8] ^= 1 << bit % 8
            pile.put(f"copy{number}.sig", bytes(damaged))
        assert pile.judged().kinds()["reuse"] == 0

        pile.put("key.pub", public(key(names)))
        for number in range(40):
            pile.put(f"copy{number}", b"message")
        pile.put("m", b"message")
        verdict = pile.judged()
        unread = [finding["what"].partition(":")[0] for finding in verdict.of_kind("unread")]
        bad = [finding["sources"][0] for finding in verdict.of_kind("bad")]

        assert verdict.kinds()["reuse"] == 0
        assert verdict.document["verified"] == 1
        assert len({*bad, *unread} - {str(pile.folder / "m.sig")}) == 40
        assert verdict.code == 1


class TestOneKey:
    """What does not depend on the set."""

    def test_the_same_file_twice(self, pile):
        """A copy of a signature, also with another name, as text, and as a link, is no
        second use.
        """
        pile.put("key.pub", public(key()))
        first = pile.signed("m", key(), 0, b"message")
        for name in ("m2", "m3"):
            pile.put(name, b"message")
        pile.put("m2.sig", first.read_bytes())
        pile.put("m3.sig", first.read_bytes().hex(" ", 4).encode() + b"\n")
        (pile.folder / "m4.sig").symlink_to(first)
        verdict = audit("--json", first, pile.folder, first)

        assert (verdict.code, verdict.document["findings"]) == (0, [])
        assert (verdict.document["signatures"], verdict.document["verified"]) == (3, 3)

    def test_the_same_message_twice_by_another_leaf(self, pile):
        """One message under two leaves is not reuse."""
        for leaf in (0, 1):
            pile.put(f"{leaf}.sig", sign(key(), leaf, b"message"))

        assert pile.judged().kinds()["reuse"] == 0

    def test_the_same_leaf_of_two_keys(self, pile):
        """Leaves of different keys are different leaves."""
        for number in (0, 1):
            pile.put(f"{number}.pub", public(key(number=number)))
            pile.signed(f"m{number}", key(number=number), 7, b"message %d" % number)
        verdict = pile.judged()

        assert (verdict.code, verdict.document["verified"], verdict.document["keys"]) == (0, 2, 2)

    def test_reuse_beside_a_foreign_key(self, pile):
        """Signatures that verify with no key that is here are bad, and still show that their leaf
        was used twice.
        """
        pile.put("other.pub", public(key(number=1)))
        for number in (1, 2):
            pile.signed(f"m{number}", key(), 3, b"%d" % number)
        verdict = pile.judged()

        assert (verdict.code, verdict.kinds()) == (1, {"reuse": 1, "bad": 2})
        assert verdict.of_kind("bad")[0]["what"].endswith(
            "damaged, over another message, or of a key that is not here"
        )

    def test_reuse_behind_messages_that_were_changed(self, pile):
        """A message that was edited later makes its signature bad, and hides no second use."""
        pile.put("key.pub", public(key()))
        for number in (1, 2):
            pile.signed(f"m{number}", key(), 3, b"%d" % number)
            pile.put(f"m{number}", b"edited")

        assert pile.judged().kinds() == {"reuse": 1, "bad": 2}

    def test_three_uses_and_a_damaged_copy(self, pile):
        """They are one finding with the three, and the damaged copy is named for itself."""
        for number in (1, 2, 3):
            pile.signed(f"m{number}", key(), 3, None)
        damaged = bytearray((pile.folder / "m2.sig").read_bytes())
        damaged[500] ^= 1
        pile.put("m9.sig", bytes(damaged))
        verdict = pile.judged()

        assert verdict.of_kind("reuse")[0]["what"].startswith(
            "leaf 3 of one key made 3 different signatures"
        )
        assert [finding["sources"][0] for finding in verdict.of_kind("bad")] == [
            str(pile.folder / "m9.sig")
        ]

    @pytest.mark.parametrize("ending", ["", ".msg", ".message", ".bin", ".txt"])
    @pytest.mark.parametrize("signature", [".sig", ".signature", ".lms", ".hss"])
    def test_the_message_beside_a_signature(self, pile, ending, signature):
        """It is found by its name."""
        pile.put("key.pub", public(key()))
        pile.put(f"firmware{ending}", b"message")
        pile.put(f"firmware{signature}", sign(key(), 0, b"message"))

        assert pile.judged().document["verified"] == 1

    def test_a_message_that_is_named(self, pile, tmp_path, monkeypatch):
        """--message SIG=FILE goes before what lies beside it; the signature need not be named
        again, and paths may be relative.
        """
        pile.put("key.pub", public(key()))
        signature = pile.signed("m", key(), 0, b"another message")
        (tmp_path / "real").write_bytes(b"real")
        signature.write_bytes(sign(key(), 0, b"real"))
        assert pile.judged().kinds() == {"bad": 1}
        monkeypatch.chdir(pile.folder)

        for words in (
            [pile.folder, "--message", f"m.sig={tmp_path / 'real'}"],
            ["key.pub", "--message", f"./m.sig={tmp_path / 'real'}"],
        ):
            verdict = audit("--json", *words)
            assert (verdict.code, verdict.document["verified"], verdict.document["signatures"]) == (
                0,
                1,
                1,
            )

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            *(
                (text, f"--message takes SIGNATURE=MESSAGE, two files or two folders, not {text!r}")
                for text in ("", "m.sig", "m.sig=", "=m")
            ),
            ("m.sig=gone", "gone: No such file, in --message m.sig=gone"),
            ("gone=m", "gone: No such file, in --message gone=m"),
            ("m.sig=.", ".: not a file, in --message m.sig=."),
        ],
    )
    def test_a_pair_that_is_none(self, pile, text, sentence, monkeypatch):
        """It is wrong usage, in one line, which names the file that is missing."""
        pile.signed("m", key(), 0, b"message")
        monkeypatch.chdir(pile.folder)
        verdict = audit(".", "--message", text)

        assert (verdict.code, verdict.lines) == (2, [])
        assert verdict.errors == f"seemachine audit: {sentence}\n"

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b"\xff\x00", b'{"format": "seemachine key file 1"}']
    )
    def test_a_damaged_key_file_is_not_passed_over(self, pile, content):
        """What has the name of a key file and is none makes the verdict incomplete."""
        pile.signed("m", key(), 0, b"message")
        pile.put("key_pqsdk_firmware", content)

        verdict = pile.judged("--reuse-only")
        assert verdict.kinds()["unread"] == 1
        assert not verdict.document["complete"]


def hss(levels=2, names=CHEAP):
    """An HSS key of pyhsslms."""
    tree, ots = (getattr(p, name) for name in names)
    return p.HssPrivateKey(levels, tree, ots)


class TestHss:
    """Signatures of several levels."""

    @pytest.mark.parametrize("levels", [1, 2, 3])
    def test_a_clean_pile(self, pile, levels):
        """Every level of every signature is verified, each key of a level with the signature above
        it.
        """
        private = hss(levels)
        pile.put("root.pub", private.publicKey().serialize())
        for number in range(3):
            pile.put(f"m{number}", b"%d" % number)
            pile.put(f"m{number}.sig", private.sign(b"%d" % number))
        verdict = pile.judged()

        assert (verdict.code, verdict.document["findings"]) == (0, [])
        assert (
            verdict.document["signatures"],
            verdict.document["verified"],
            verdict.document["keys"],
        ) == (3 * levels, 3 * levels, levels)

    @pytest.mark.parametrize("keys", [True, False])
    def test_a_last_level_that_signed_twice(self, pile, keys):
        """As with one level."""
        private = hss()
        if keys:
            pile.put("root.pub", private.publicKey().serialize())
        for number in range(2):
            rewind(private.prv[-1], 9)
            pile.put(f"m{number}", b"%d" % number)
            pile.put(f"m{number}.sig", private.sign(b"%d" % number))
        [finding] = pile.judged().of_kind("reuse")

        assert finding["what"].startswith("leaf 9 of one key made 2 different signatures")
        assert [source.rpartition("/")[2] for source in finding["sources"]] == [
            "m0.sig (level 1)",
            "m1.sig (level 1)",
        ]

    def test_an_upper_level_that_signed_two_keys(self, pile):
        """A restored HSS key whose upper leaf signs a second key is found, though no message is
        here and its last level is new.
        """
        private = hss()
        pile.put("m0.sig", private.sign(b"0"))
        rewind(private.prv[0], 0)
        for level in (private.prv, private.pub, private.sig):
            level.pop()
        other = p.LmsPrivateKey(private.lms_type, private.lmots_type)
        private.prv.append(other)
        private.pub.append(other.publicKey())
        private.sig.append(private.prv[0].sign(private.pub[1].serialize()))
        pile.put("m1.sig", private.sign(b"1"))
        [finding] = pile.judged().of_kind("reuse")

        assert finding["what"].startswith("leaf 0 of one key made 2 different signatures")
        assert [source.rpartition("/")[2] for source in finding["sources"]] == [
            "m0.sig (level 0)",
            "m1.sig (level 0)",
        ]

    def test_a_forged_upper_level(self, pile):
        """A key of a lower level that nobody above it signed is bad."""
        private, mallory = hss(), hss()
        pile.put("root.pub", private.publicKey().serialize())
        signature, forged = private.sign(b"m"), mallory.sign(b"m")
        cut = 4 + len(private.sig[0])
        pile.put("m", b"m")
        pile.put("m.sig", signature[:cut] + forged[cut:])
        verdict = pile.judged()

        [finding] = verdict.of_kind("bad")
        assert (verdict.code, finding["sources"]) == (1, [str(pile.folder / "m.sig")])
        assert "does not verify with the one key of its kind" in finding["what"]

    @pytest.mark.parametrize("cut", [1, 4, 100, 5000])
    def test_a_signature_that_ends_too_early(self, pile, cut):
        """It is none, and is named."""
        path = pile.put("m.sig", hss().sign(b"m")[:-cut])
        verdict = audit(pile.folder, "--json")

        assert verdict.code == 2
        assert str(path) not in verdict.errors or "nothing to judge" in verdict.errors


class TestHsslms:
    """Signatures of a second maker."""

    def test_lms(self, pile, hsslms_key):
        """Clean, and with a leaf that signed twice."""
        private = hsslms_key(
            hsslms.LMS_ALGORITHM_TYPE.LMS_SHA256_M24_H5,
            hsslms.LMOTS_ALGORITHM_TYPE.LMOTS_SHA256_N24_W4,
        )
        pile.put("key.pub", private.gen_pub().get_pubkey())
        for number in range(2):
            pile.put(f"m{number}", b"%d" % number)
            pile.put(f"m{number}.sig", private.sign(b"%d" % number))
        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 2)

        private.q = 1
        pile.put("m2.sig", private.sign(b"2"))
        assert pile.judged().kinds() == {"reuse": 1, "unread": 1}

    def test_hss(self, pile, monkeypatch):
        """An HSS key of two different trees, clean, and its last level signing twice."""
        monkeypatch.setattr(hsslms.lms, "Pool", OneProcess)
        trees = [hsslms.LMS_ALGORITHM_TYPE.LMS_SHA256_M32_H5] * 2
        private = hsslms.HSS_Priv(trees, hsslms.LMOTS_ALGORITHM_TYPE.LMOTS_SHA256_N32_W2, 1)
        pile.put("root.pub", private.gen_pub().get_pubkey())
        for number in range(3):
            pile.put(f"m{number}", b"%d" % number)
            pile.put(f"m{number}.sig", private.sign(b"%d" % number))
        verdict = pile.judged()
        assert (verdict.code, verdict.document["verified"], verdict.document["findings"]) == (
            0,
            6,
            [],
        )

        private.priv[-1].q = 2
        pile.put("m3.sig", private.sign(b"other"))
        assert pile.judged().kinds() == {"reuse": 1, "unread": 1}


class TestOddFiles:
    """What else may lie in a folder."""

    def test_other_files_are_counted(self, pile):
        """Random files, empty ones, JSON and text are none of ours and do no harm, whatever their
        size.
        """
        rng = random.Random(1)
        for number in range(50):
            pile.put(f"random{number}", rng.randbytes(rng.randrange(3000)))
        odd = (
            b"",
            b"\n\n",
            b"{}",
            b"[]",
            b"3",
            b"null",
            b'"text"',
            b"[" * 100_000,
            b"0000000a",
            b"\xff" * 60,
            b'{"row": "x"}',
            b"{" * 9,
        )
        for number, data in enumerate(odd):
            pile.put(f"odd{number}", data)
        pile.signed("m", key(), 0, None)
        verdict = pile.judged("--reuse-only")

        assert (verdict.code, len(verdict.document["unknown"])) == (0, 50 + len(odd))

    def test_a_huge_file(self, pile):
        """It is not read as a whole, and is nothing but a message: a signature over it
        is verified.
        """
        size = 64 << 20
        with (pile.folder / "huge").open("wb") as file:
            file.truncate(size)
        pile.put("key.pub", public(key()))
        pile.put("huge.sig", sign(key(), 0, bytes(size)))
        verdict = pile.judged()

        assert (verdict.code, verdict.document["verified"], verdict.document["unknown"]) == (
            0,
            1,
            [str(pile.folder / "huge")],
        )

    def test_unknown_sets_and_wrong_pairs(self, pile):
        """Signatures of sets that nobody defined, and of a SHAKE tree over SHA-256, are unread."""
        good = sign(key(), 0, b"m")
        pile.put("ots.sig", good[:4] + (99).to_bytes(4, "big") + good[8:])
        at = 8 + 24 * 102
        for name, code in (("tree", 99), ("pair", int.from_bytes(p.lms_shake_m24_h5, "big"))):
            pile.put(f"{name}.sig", good[:at] + code.to_bytes(4, "big") + good[at + 4 :])
        pile.put("leaf.sig", (32).to_bytes(4, "big") + good[4:])
        pile.put("good.sig", good)
        verdict = pile.judged()

        unread = [finding["what"].partition(": ")[0] for finding in verdict.of_kind("unread")]
        names = sorted(what.rpartition("/")[2] for what in unread if what.startswith("/"))
        assert names == ["leaf.sig", "ots.sig", "pair.sig", "tree.sig"]
        assert (verdict.code, verdict.document["signatures"]) == (2, 1)

    def test_folders(self, pile):
        """All that is below is read, hidden or not; loops of links are not followed."""
        below = pile.folder / "a" / ".b"
        below.mkdir(parents=True)
        (below / "c.sig").write_bytes(sign(key(), 0, b"1"))
        pile.put("d.sig", sign(key(), 0, b"2"))
        (below / "loop").symlink_to(pile.folder)
        (below / "dangling.sig").symlink_to(pile.folder / "gone")

        assert pile.judged().kinds()["reuse"] == 1

    def test_nothing_there(self, pile, tmp_path):
        """An empty folder, one without evidence, and a path that is not there are wrong usage:
        nothing was shown to be clean.
        """
        assert (
            audit(pile.folder).errors
            == "seemachine audit: nothing to judge: no LMS or HSS signature and no ledger was"
            " found\n"
        )
        pile.put("key.pub", public(key()))
        assert audit(pile.folder).code == 2
        assert (
            audit(tmp_path / "gone").errors
            == f"seemachine audit: {tmp_path / 'gone'}: No such file or directory\n"
        )
        assert audit(pile.folder, tmp_path / "gone").code == 2
        assert audit().code == 2

    def test_what_cannot_be_read(self, pile, monkeypatch):
        """It is named, the verdict is incomplete and the exit code 2; a leaf that was used twice is
        1 all the same.
        """
        pile.put("key.pub", public(key()))
        pile.signed("m", key(), 0, b"m")
        closed = pile.put("closed", b"")
        (pile.folder / "shut").mkdir()
        scandir = os.scandir
        opened = os.open

        def failing(path, *arguments, **more):
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path, *arguments, **more)

        def shut(path):
            if str(path).endswith("shut"):
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "open", failing)
        monkeypatch.setattr(os, "scandir", shut)
        verdict = pile.judged()
        assert {finding["what"] for finding in verdict.of_kind("unread")} == {
            f"{closed}: Permission denied",
            f"{pile.folder / 'shut'}: Permission denied",
        }
        document = verdict.document
        assert (verdict.code, document["clean"], document["complete"]) == (2, False, False)
        assert audit(pile.folder).lines[-1].startswith("INCOMPLETE: 1 signature (1 verified), ")

        pile.signed("n", key(), 0, b"n")
        assert pile.judged().code == 1

    def test_a_message_that_cannot_be_read(self, pile, monkeypatch):
        """The signature over it was not checked; nobody calls that clean."""
        pile.put("key.pub", public(key()))
        pile.signed("m", key(), 0, b"m")
        monkeypatch.setattr("seemachine.audit.evidence.KnownSignature.hash_into", failing)
        verdict = pile.judged()

        assert (verdict.code, verdict.of_kind("unread")[0]["what"]) == (
            2,
            f"{pile.folder / 'm'}: Input/output error",
        )

    def test_a_damaged_key_file(self, pile):
        """It is named, and the verdict is incomplete."""
        pile.signed("m", key(), 0, None)
        for number, data in enumerate(
            (b'", "public_key": "zz"}', b'"}', b'", "public_key": 3}', b"")
        ):
            pile.put(f"key{number}", b'{"format": "seemachine key file 1' + data)
        verdict = pile.judged()

        assert (verdict.code, verdict.kinds()["unread"]) == (2, 5)


def failing(_signature, _running):
    """A message on a broken disk."""
    raise OSError(5, "Input/output error")


def test_what_is_printed(pile):
    """A finding a line, the worst first, and a last line that says how much was looked at."""
    pile.put("key.pub", public(key()))
    for number in (1, 2):
        pile.signed(f"m{number}", key(), 3, b"%d" % number)
    pile.signed("lonely", key(), 6, None)
    verdict = audit(pile.folder)

    assert [line.split()[0] for line in verdict.lines] == ["reuse", "unread", "note", "NOT"]
    assert (
        verdict.lines[-1] == "NOT CLEAN: 3 signatures (2 verified), 1 public key, 0 rows of ledgers"
    )
