"""seemachine audit and what it can't read: nothing that may be evidence is passed over."""

import base64
import gzip
import os
import socket
import zlib
from textwrap import wrap

import pytest
from audit.piles import CHEAP, audit, key, key_file, ledger, public, row, sign
from pyhsslms import pyhsslms as p

from seemachine.audit.origins import WRAPPED_ENDINGS
from seemachine.encodings.readings import MAX_BYTES


def hss(levels=2):
    """An HSS key of pyhsslms."""
    return p.HssPrivateKey(levels, *(getattr(p, name) for name in CHEAP))


@pytest.fixture(scope="module")
def of_two_levels():
    """Public key and signature over `m` of two levels."""
    private = hss()
    return bytes(private.publicKey().serialize()), bytes(private.sign(b"m"))


@pytest.fixture
def good(pile):
    """One good signature with its key and message, beside which the odd ones lie."""
    pile.put("key.pub", public(key()))
    pile.signed("good", key(), 0, b"good")
    return pile


ENCODINGS = {
    "hex": lambda data: data.hex().encode(),
    "HEX in lines": lambda data: "\n".join(wrap(data.hex().upper(), 60)).encode(),
    "0x": lambda data: b"0x" + data.hex().encode() + b"\n",
    "0x each": lambda data: ", ".join(f"0x{byte:02x}" for byte in data).encode(),
    "colons": lambda data: data.hex(":").encode(),
    "words": lambda data: data.hex(" ", 4).encode() + b"\r\n",
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64 for URLs": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "BOM": lambda data: b"\xef\xbb\xbf" + base64.b64encode(data),
    "PEM": lambda data: pem("LMS SIGNATURE", data),
    "PEM with text": lambda data: "ö\n".encode() + pem("SIGNATURE", data, "Comment: mine\n\n"),
    "gzip": gzip.compress,
    "two gzips": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]) + bytes(9),
    "gzip of base64": lambda data: gzip.compress(base64.b64encode(data)),
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
}
ALL_ENCODINGS = pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)


def pem(label, data, headers=""):
    """A block of PEM."""
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{headers}{body}-----END {label}-----\n".encode()


class TestEncodings:
    """Signatures and keys as text and packed."""

    @ALL_ENCODINGS
    def test_a_signature(self, good, encode, of_two_levels):
        """One of one level, and one of two, is read and verified like the bytes themselves."""
        good.put("root.pub", of_two_levels[0])
        for name, signature in (("m", sign(key(), 1, b"m")), ("two", of_two_levels[1])):
            good.put(name, b"m")
            good.put(f"{name}.sig", encode(signature))
        verdict = good.judged()

        assert (verdict.code, verdict.document["findings"]) == (0, [])
        assert verdict.document["verified"] == 4

    @ALL_ENCODINGS
    def test_reuse(self, good, encode):
        """A second use of a leaf is found in it, whatever the file is called."""
        good.put("other", encode(sign(key(), 0, b"other")))

        assert (good.judged().code, good.judged().kinds()["reuse"]) == (1, 1)

    @ALL_ENCODINGS
    def test_a_public_key(self, pile, encode):
        """It is known, so the signature is verified."""
        pile.put("key", encode(public(key())))
        pile.signed("m", key(), 0, b"m")

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)

    @pytest.mark.parametrize("ending", [*WRAPPED_ENDINGS, ".b64.gz"])
    def test_the_message_beside_it(self, pile, ending):
        """It is found by the name without what says how the signature is wrapped, in any case."""
        pile.put("key.pub", public(key()))
        pile.put("m.bin", b"m")
        pile.put(f"m.SIG{ending.upper()}", base64.b64encode(sign(key(), 0, b"m")))

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)

    def test_a_ledger_in_gzip(self, pile):
        """Its rows count; those of a cut one count too, and the rest is said to be missing."""
        digests = (b"m" + bytes(32), b"m" + bytes(31) + b"1")
        packed = gzip.compress(ledger(row(key(), 3, digest) for digest in digests))
        path = pile.put("ledger.gz", packed)
        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1})

        path.write_bytes(packed[:-4])
        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1, "unread": 1})

    def test_what_unpacks_without_end(self, good):
        """No more than a bound is unpacked; named as a signature it is unread, else a message."""
        bomb = zlib.compressobj(wbits=31)
        packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(2 * (MAX_BYTES >> 20)))
        packed += bomb.flush()
        good.put("bomb", packed)
        assert (good.judged().code, good.judged().kinds()) == (0, {})

        good.put("bomb.sig", packed)
        assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})

    def test_a_ledger_that_unpacks_to_more_than_the_bound(self, pile):
        """What its beginning says counts, and that the rest was not read is said."""
        rows = [row(key(), 3, b"m" + bytes(32)), row(key(), 3, b"m" + bytes(31) + b"1")]
        pile.put("ledger.gz", gzip.compress(ledger(rows) + b" " * (MAX_BYTES + 1)))

        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1, "unread": 1})


def damaged(signature):
    """What may have become of a signature."""
    return {
        "empty": b"",
        "one byte": signature[:1],
        "cut in the header": signature[:11],
        "cut in the middle": signature[: len(signature) // 2],
        "cut at the end": signature[:-1],
        "of no leaf": (32).to_bytes(4, "big") + signature[4:],
        "of a leaf far away": b"\x80" + signature[1:],
        "of no set": signature[:4] + b"\0\0\0\x63" + signature[8:],
        "zeros": bytes(len(signature)),
        "text": b"signature to follow\n",
        "half of its hex": signature.hex().encode()[:-101],
        "half of its base64": base64.b64encode(signature)[:-101],
        "half of its PEM": pem("SIGNATURE", signature)[:-200],
        "half of its gzip": gzip.compress(signature)[:-200],
        "gzip with a bit turned over": gzip.compress(signature)[:-6] + bytes(6),
    }


DAMAGES = pytest.mark.parametrize("damage", damaged(bytes(2580)))


class TestNamedAsSignatures:
    """What is called a signature and can't be read as one."""

    @DAMAGES
    @pytest.mark.parametrize("ending", [".sig", ".HSS", ".sig.gz"])
    def test_by_its_ending(self, good, damage, ending):
        """It is unread, and named; with good ones beside it that is not clean: exit code 2."""
        path = good.put(f"m{ending}", damaged(sign(key(), 1, b"m"))[damage])
        good.put("m", b"m")
        verdict = good.judged()

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})
        assert verdict.of_kind("unread")[0]["what"].startswith(f"{path}: ")
        assert (verdict.document["clean"], verdict.document["complete"]) == (False, False)

    @DAMAGES
    def test_by_message(self, good, damage):
        """The same for what --message calls a signature, whatever its name."""
        path = good.put("m.out", damaged(sign(key(), 1, b"m"))[damage])
        message = good.put("m", b"m")
        verdict = good.judged("--message", f"{path}={message}")

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})

    @pytest.mark.parametrize("more", [b"\n", b"\0", b"\r\n", bytes(1000)])
    @pytest.mark.parametrize("name", ["m.sig", "m"])
    def test_with_something_after_its_end(self, good, more, name):
        """It is not taken as it is, and still shows that its leaf was used before."""
        path = good.put(name, sign(key(), 1, b"m") + more)
        verdict = good.judged("--reuse-only")
        assert (verdict.code, verdict.kinds()["unread"]) == (2, 1)
        many = "1 byte follows" if len(more) == 1 else f"{len(more)} bytes follow"
        assert verdict.of_kind("unread")[0]["what"] == f"{path}: {many} the signature"

        good.put("twice.sig", sign(key(), 1, b"twice"))
        assert (good.judged().code, good.judged().kinds()["reuse"]) == (1, 1)

    @pytest.mark.parametrize("levels", [1, 2])
    @pytest.mark.parametrize("cut", [1, 4, 12, 100, 2000])
    def test_a_cut_hss_signature(self, good, levels, cut):
        """Of one level and of two, wherever it is cut, unread by its name and by its bytes."""
        signature = bytes(hss(levels).sign(b"m"))[:-cut]
        for name in ("m.sig", "renamed"):
            path = good.put(name, signature)
            assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})
            path.unlink()

    @pytest.mark.parametrize("name", ["m.sig", "m.out"])
    def test_a_key_where_a_signature_should_be(self, good, name):
        """A public key in its place is not a signature."""
        path, message = good.put(name, public(key(number=1))), good.put("m", b"m")
        verdict = good.judged("--message", f"{path}={message}")

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})

    def test_the_endings_that_keys_have_too(self, pile):
        """.lms and .hss are also what public keys are called."""
        pile.put("key.lms", public(key()))
        pile.put("root.hss", b"\0\0\0\1" + public(key(number=1)))
        pile.put("root.hss.b64", base64.b64encode(b"\0\0\0\1" + public(key(number=2))))
        pile.signed("m", key(), 0, b"m")

        assert pile.judged().code == 0


def test_a_signature_of_a_key_file(pile):
    """What begins with the name of a key file, and is named a signature, is one."""
    pile.put("key.pub", public(key()))
    pile.put("key_pqsdk_release", key_file())
    pile.put("key_pqsdk_release.sig", sign(key(), 0, key_file()))

    assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)


class TestByTheirBytes:
    """What begins like evidence and is none, under any name."""

    @pytest.mark.parametrize("cut", [1, 8, 700])
    def test_a_cut_signature(self, good, cut):
        """It begins with a leaf and a known set: unread."""
        good.put("renamed", sign(key(), 1, b"m")[:-cut])

        assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})

    @pytest.mark.parametrize("levels", [b"", b"\0\0\0\1", b"\0\0\0\2"])
    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\n"])
    def test_a_damaged_public_key(self, good, levels, change):
        """A key that is too short or too long is unread, with or without its levels."""
        path = good.put("k", change(levels + public(key(number=1))))
        verdict = good.judged()

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})
        sentence = f"{path}: a sha256_m24_h5 public key has 48 bytes, not "
        assert verdict.of_kind("unread")[0]["what"].startswith(sentence)

    @pytest.mark.parametrize(
        "text",
        [
            b'{"esn": "0000-0000-00',
            b'junk\n{"esn": "0000-0000-0001", "leaf": 3, "digest": "6d"}\n',
            b'[\n {"leaf": 3,\n "digest": "6d00",\n "esn": "0000-0000-0001"}\n]',
        ],
    )
    def test_a_ledger_without_a_single_row(self, good, text):
        """It has the names of a ledger's values, and is no other file."""
        good.put("ledger", text)

        assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})

    def test_many_damaged_lines(self, pile):
        """They are one finding, with the number of the first and of all the others."""
        [good] = ledger([row(key(), 3, b"m" + bytes(32))]).splitlines()
        path = pile.put("ledger", b"\n".join([good, good[:-1], b"", b"x", b"{}", good]))
        verdict = pile.judged()

        assert (verdict.code, verdict.document["rows"]) == (2, 2)
        sentence = "line 2 is not a row of a ledger, nor are 2 others"
        assert [finding["what"] for finding in verdict.of_kind("unread")] == [f"{path}: {sentence}"]

    def test_a_ledger_whose_first_line_is_damaged(self, pile):
        """The other lines count all the same."""
        rows = ledger(row(key(), 3, b"m" + bytes(31) + digit) for digit in (b"1", b"2", b"3"))
        pile.put("ledger", rows[9:])

        assert (pile.judged().code, pile.judged().kinds()) == (1, {"reuse": 1, "unread": 1})

    @pytest.mark.parametrize(
        "changes",
        [
            {"esn": "../../victim"},
            {"esn": "0000-0000-000\u202e"},
            {"file": "6c6d73"},
            {"leaf": -1},
            {"leaf": "x"},
            {"row": 1.5},
            {"digest": "6"},
        ],
    )
    def test_a_row_that_can_not_be(self, pile, changes):
        """A row with a value that no machine writes is none, and is said to be none."""
        digest = b"m" + bytes(32)
        pile.put("ledger", ledger([row(key(), 3, digest), row(key(), 4, digest) | changes]))

        assert (pile.judged().code, pile.judged().kinds()) == (2, {"unread": 1})

    @pytest.mark.parametrize("place", [50, 100, 150, -1])
    def test_a_key_file_with_a_bit_turned_over(self, good, place):
        """It has a checksum, and is damaged without it: its key and leases count for nothing."""
        changed = bytearray(key_file(1, 1))
        changed[place] ^= 1
        good.put("k", bytes(changed))

        assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})

    def test_a_key_file_with_more_leases_than_leaves(self, good):
        """Its checksum fits, and it can't be."""
        good.put("k", key_file(3, 3))

        assert (good.judged().code, good.judged().kinds()) == (2, {"unread": 1})


class TestWhatIsMissing:
    """Signatures that can't be verified."""

    def test_without_its_message(self, pile):
        """Not clean: exit code 2, with what would help; asked for reuse alone it is a note."""
        pile.put("key.pub", public(key()))
        path = pile.signed("m", key(), 0, None)
        verdict = pile.judged()
        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})
        what = f"not verified: the message of {path} is not here; name it with --message"
        assert verdict.of_kind("unread")[0]["what"] == what
        assert audit(pile.folder).lines[-1].startswith("INCOMPLETE: 1 signature (0 verified), ")

        verdict = pile.judged("--reuse-only")
        assert (verdict.code, verdict.kinds()) == (0, {"note": 1})
        assert (verdict.document["clean"], verdict.document["complete"]) == (True, True)

    def test_without_its_key(self, pile):
        """The same, also with a key of another set beside it."""
        pile.put("other.pub", public(key(("lms_sha256_m32_h5", "lmots_sha256_n32_w4"))))
        pile.signed("m", key(), 0, b"m")

        assert (pile.judged().code, pile.judged().kinds()) == (2, {"unread": 1})
        verdict = pile.judged("--reuse-only")
        assert (verdict.code, verdict.kinds()) == (0, {"note": 1})

    def test_many_without_their_messages(self, pile):
        """Asked for reuse alone, one note has them all; else each is a finding."""
        pile.put("key.pub", public(key()))
        paths = [pile.signed(f"m{leaf}", key(), leaf, None) for leaf in range(3)]
        assert pile.judged().kinds() == {"unread": 3}

        [note] = pile.judged("--reuse-only").document["findings"]
        what = "3 signatures are not verified: their messages or keys are not here"
        assert (note["kind"], note["what"]) == ("note", what)
        assert note["sources"] == list(map(str, paths))

    def test_reuse_and_bad_ones_are_found_all_the_same(self, pile):
        """Asked for reuse alone, what can be verified is, and what was used twice is found."""
        pile.put("key.pub", public(key()))
        pile.signed("m", key(), 0, b"m")
        pile.put("m", b"edited")
        verdict = pile.judged("--reuse-only")
        assert (verdict.code, verdict.kinds()) == (1, {"bad": 1})

        pile.put("n.sig", sign(key(), 0, b"n"))
        assert pile.judged("--reuse-only").kinds()["reuse"] == 1

    def test_a_key_that_another_signature_brings(self, pile):
        """The key of a lower level proves nothing but the signature that it stands in."""
        private = hss()
        pile.put("two.sig", bytes(private.sign(b"two")))
        pile.put("m", b"m")
        pile.put("m.sig", bytes(private.prv[1].sign(b"m")))

        assert (pile.judged().code, pile.judged().document["verified"]) == (2, 0)


class TestLevels:
    """An HSS key and the signatures of its number of levels."""

    @pytest.mark.parametrize("said", [1, 2, 3, 4, 8])
    @pytest.mark.parametrize("signed", [1, 2, 3])
    def test_the_levels_of_the_key(self, pile, said, signed):
        """RFC 8554 6.3: under any other number of levels it does not verify: bad, exit code 1."""
        private = hss(signed)
        encoded = bytes(private.publicKey().serialize())
        root = pile.put("root.pub", said.to_bytes(4, "big") + encoded[4:])
        pile.put("m", b"m")
        path = pile.put("m.sig", bytes(private.sign(b"m")))
        verdict = pile.judged()
        if said == signed:
            assert (verdict.code, verdict.document["verified"]) == (0, signed)
            return

        assert (verdict.code, verdict.kinds(), verdict.document["verified"]) == (1, {"bad": 1}, 0)
        plural = ["", "s"]
        assert (
            verdict.of_kind("bad")[0]["what"]
            == f"{path} has {signed} level{plural[signed > 1]}, its key in {root} {said} "
            f"level{plural[said > 1]}: it is not a signature of that key (RFC 8554 6.3)"
        )

    def test_a_top_tree_that_signs_a_message(self, pile):
        """A plain signature of the top tree is none of a key of two levels."""
        private = hss()
        pile.put("root.pub", bytes(private.publicKey().serialize()))
        pile.put("m", b"m")
        pile.put("m.sig", bytes(private.prv[0].sign(b"m")))

        assert (pile.judged().code, pile.judged().kinds()) == (1, {"bad": 1})

    def test_plain_and_hss_of_one_level(self, pile):
        """A plain key and an HSS key of one level are one key, and so are both encodings."""
        plain = sign(key(), 1, b"m")
        for name, made in (("a", public(key())), ("b", b"\0\0\0\1" + public(key()))):
            folder = pile.folder / name
            folder.mkdir()
            (folder / "key").write_bytes(made)
            for ending, signature in ((".sig", plain), (".hss", bytes(4) + plain)):
                (folder / f"m{ending}").write_bytes(signature)
            (folder / "m").write_bytes(b"m")
            verdict = audit("--json", folder)
            counts = verdict.document["verified"], verdict.document["keys"]
            assert (verdict.code, counts) == (0, (2, 1))

    def test_which_level_is_bad(self, pile):
        """A message that was edited leaves the upper levels good, and the finding says so."""
        private = hss(3)
        pile.put("root.pub", bytes(private.publicKey().serialize()))
        pile.put("m", b"edited")
        pile.put("m.sig", bytes(private.sign(b"m")))
        [finding] = pile.judged().of_kind("bad")

        assert finding["what"].endswith("m: level 2 of 3 does not verify with the one above")


class TestPlaces:
    """Links, and what is not a file."""

    def test_a_folder_behind_a_link(self, pile, tmp_path):
        """It is entered, once; a signature in it counts."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for number in (1, 2):
            (elsewhere / f"{number}.sig").write_bytes(sign(key(), 0, b"%d" % number))
        (pile.folder / "link").symlink_to(elsewhere)
        (pile.folder / "again").symlink_to(elsewhere)
        (elsewhere / "back").symlink_to(pile.folder)
        verdict = pile.judged("--reuse-only")

        assert (verdict.code, verdict.kinds()["reuse"]) == (1, 1)
        assert verdict.document["signatures"] == 2

    def test_what_may_not_be_looked_at(self, good, monkeypatch):
        """A name whose file may not be asked for is unread; no such message is a missing one."""
        good.put("hidden", b"x")
        good.put("m.sig", sign(key(), 1, b"m"))
        good.put("m", b"m")
        looked = os.stat

        def refusing(path, **more):
            if str(path) in (str(good.folder / "hidden"), str(good.folder / "m")):
                raise PermissionError(13, "Permission denied", str(path))
            return looked(path, **more)

        monkeypatch.setattr(os, "stat", refusing)
        verdict = good.judged()

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 3})

    def test_links_to_nothing(self, good):
        """One that leads nowhere, and one that leads to itself, are unread."""
        (good.folder / "gone").symlink_to("nothing")
        (good.folder / "itself").symlink_to("itself")
        verdict = good.judged()

        assert verdict.code == 2
        assert sorted(finding["what"] for finding in verdict.of_kind("unread")) == [
            f"{good.folder / 'gone'}: No such file or directory",
            f"{good.folder / 'itself'}: Too many levels of symbolic links",
        ]

    def test_what_is_no_file_in_a_folder(self, good):
        """A FIFO and a socket are unread, and nothing waits for them."""
        os.mkfifo(good.folder / "m.sig")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(good.folder / "s"))
            verdict = good.judged()

        assert verdict.code == 2
        what = sorted(finding["what"].partition(": ")[2] for finding in verdict.of_kind("unread"))
        assert what == ["a FIFO, which is not read", "a socket, which is not read"]

    def test_what_is_no_file_on_the_command_line(self, good):
        """It is refused with a sentence, and nothing waits for it."""
        os.mkfifo(good.folder / "fifo")
        for path, kind in ((good.folder / "fifo", "a FIFO"), ("/dev/null", "a device")):
            verdict = audit(good.folder / "good.sig", path)
            assert verdict.code == 2
            sentence = f"{path} is {kind}; audit reads files and folders"
            assert verdict.errors == f"seemachine audit: {sentence}\n"

    def test_a_file_that_becomes_a_fifo(self, good, monkeypatch):
        """Between looking and opening: it is unread."""
        path = good.put("m.sig", sign(key(), 1, b"m"))
        opened = os.open

        def replacing(name, *arguments, **more):
            if name == str(path):
                path.unlink()
                os.mkfifo(path)
            return opened(name, *arguments, **more)

        monkeypatch.setattr(os, "open", replacing)
        verdict = good.judged()

        assert path.is_fifo()
        assert verdict.code == 2
        assert verdict.of_kind("unread")[0]["what"] == f"{path}: not a file, or no longer one"

    def test_names_of_one_file(self, pile):
        """Hard links of a signature are one; each name may have a message beside it."""
        pile.put("key.pub", public(key()))
        first = pile.put("a.sig", sign(key(), 0, b"m"))
        (pile.folder / "b.sig").hardlink_to(first)
        pile.put("b", b"m")
        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)

        pile.put("a", b"another")
        assert (pile.judged().code, pile.judged().kinds()) == (1, {"bad": 1})

    def test_a_message_that_is_gone_before_the_ledger_asks(self, good, monkeypatch):
        """It was there to be verified and is not to be compared: unread, not a traceback."""
        good.put("ledger", ledger([row(key(), 0, b"m" + bytes(32))]))
        opened, times = os.open, []

        def once(name, *arguments, **more):
            if name == str(good.folder / "good"):
                times.append(name)
                if len(times) == 3:
                    raise FileNotFoundError(2, "No such file or directory", name)
            return opened(name, *arguments, **more)

        monkeypatch.setattr(os, "open", once)
        verdict = good.judged()

        assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})
