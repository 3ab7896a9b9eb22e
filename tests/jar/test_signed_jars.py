"""Signed JARs: what is in them, what Java says of them, and which are refused before a leaf."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.flips import flipped_at
from kit.jars import ENTRIES, LONG, NAMED, contents, exchanged, jar, signed
from kit.message_keys import LmsSigner, MldsaSigner, certificate

from seemachine.cms import certificates
from seemachine.cms import signing as cms
from seemachine.cms.signing import Terms
from seemachine.jar import archive, checking, manifest, signing
from seemachine.jar.errors import JarError
from seemachine.wire.status import StatusError


def test_what_is_in_it(lms: LmsSigner) -> None:
    """Manifest, signature file and block before all else, which is as it was; attributes stay,
    digests of old signatures go.
    """
    data = signed(lms, jar(ENTRIES))
    found = contents(data)
    first = ["META-INF/MANIFEST.MF", "META-INF/CODE.SF", "META-INF/CODE.DSA"]
    others = [name for name, _ in ENTRIES if name != "META-INF/MANIFEST.MF"]
    assert list(found) == [*first, *others]
    assert all(found[name] == content for name, content in ENTRIES if name in others)
    read = manifest.read(found["META-INF/MANIFEST.MF"])
    assert read.main == {"Manifest-Version": "1.0", "Main-Class": "a.B"}
    assert read.sections["a/"] == {"Sealed": "true"}
    assert read.sections["a/B.class"].keys() == {"Kept", "SHA-256-Digest"}
    assert LONG in read.sections
    assert checking.check(lms.key, data) == 4
    for part in first[:2]:
        assert all(len(line) <= 72 for line in found[part].split(b"\r\n"))
        assert found[part].endswith(b"\r\n\r\n")


def test_a_jar_without_a_manifest_gets_one(lms: LmsSigner) -> None:
    """With the version that it must have."""
    found = contents(signed(lms, jar([("A.class", b"A")])))
    assert found["META-INF/MANIFEST.MF"].startswith(b"Manifest-Version: 1.0\r\n\r\nName: A.class")


def test_our_own_check_finds_what_was_changed(lms: LmsSigner) -> None:
    """An entry, one more, the manifest, the signature file, the block."""
    good = signed(lms, jar(ENTRIES))
    found = contents(good)
    changed = {
        "a/B.class": "its entry a/B.class is not what was signed",
        "more": "its entry more is not what was signed",
        NAMED: "its manifest is not what was signed",
    }
    for name, sentence in changed.items():
        with pytest.raises(StatusError, match=sentence):
            checking.check(lms.key, exchanged(good, name, found.get(name, b"") + b"A: b\r\n"))
    for name, place in (("META-INF/CODE.SF", 30), ("META-INF/CODE.DSA", -9)):
        with pytest.raises(StatusError):
            checking.check(lms.key, exchanged(good, name, flipped_at(found[name], place)))
    with pytest.raises(JarError, match="it has no manifest"):
        checking.check(lms.key, jar([("a", b"")]))
    with pytest.raises(JarError, match="it has 0 signatures"):
        checking.check(lms.key, jar(ENTRIES))
    with pytest.raises(JarError, match=r"B\.EC is there without its signature file"):
        checking.check(lms.key, jar([*found.items(), ("META-INF/B.EC", b"")]))
    more = [(f"META-INF/B{number}.EC", b"") for number in range(checking.MOST_SIGNERS)]
    with pytest.raises(JarError, match="it has 17 signatures, where 1 to 16 are expected"):
        checking.check(lms.key, jar([*found.items(), *more]))


def test_one_of_several_signers(lms: LmsSigner) -> None:
    """Each key finds its own, whatever the others are; a key that none of them has finds none."""
    mldsa, other = MldsaSigner.made(44), LmsSigner.made()
    found = contents(signed(lms, jar(ENTRIES)))
    theirs = contents(signed(mldsa, jar(ENTRIES)))
    second = [(f"META-INF/B.{end}", theirs[f"META-INF/CODE.{end}"]) for end in ("SF", "DSA")]
    strange = [("META-INF/A.SF", b"A: b\r\n"), ("META-INF/A.RSA", b"\x30\x00")]
    whole = jar([*strange, *found.items(), *second])
    assert checking.check(lms.key, whole) == checking.check(mldsa.key, whole) == 4
    with pytest.raises(StatusError):
        checking.check(other.key, whole)
    damaged = exchanged(whole, "META-INF/CODE.DSA", flipped_at(found["META-INF/CODE.DSA"], -9))
    with pytest.raises(StatusError):
        checking.check(lms.key, damaged)
    assert checking.check(mldsa.key, damaged) == 4


def test_longer_digests_of_others(lms: LmsSigner) -> None:
    """As of jarsigner. A digest that is there must be right, and one must be there."""
    content = b"class"
    right, wrong = (checking.digest([each], "sha384") for each in (content, b"other"))

    def judged(*digests: tuple[str, str]) -> int:
        listed = manifest.section([("Manifest-Version", "1.0")]) + manifest.section(
            [("Name", "A"), *digests]
        )
        named = ("SHA-384-Digest-Manifest", checking.digest([listed], "sha384"))
        signature = manifest.section([("Signature-Version", "1.0"), named])
        prepared = cms.prepare(lms.key, signature, Terms(by_key=True))
        block = prepared.finished(lms.sign(prepared.to_sign))
        files = [(NAMED, listed), ("META-INF/C.SF", signature), ("META-INF/C.EC", block)]
        return checking.check(lms.key, jar([*files, ("A", content)]))

    short = ("SHA-256-Digest", checking.digest([content]))
    assert judged(("SHA-384-Digest", right)) == 1
    assert judged(("SHA-384-Digest", right), short) == 1
    for digests in ([("SHA-384-Digest", wrong), short], [("SHA1-Digest", right)], []):
        with pytest.raises(StatusError, match="its entry A is not what was signed"):
            judged(*digests)


def test_the_same_jar_is_signed_alike(lms: LmsSigner) -> None:
    """Without a signing time nothing but the signature differs from one time to the next."""
    own = certificates.read(certificate(lms))
    data = jar(ENTRIES)
    again = [signing.prepare(data, lms.key, own, "CODE") for _ in range(2)]
    assert again[0].to_sign == again[1].to_sign
    assert again[0].finished(bytes(8)) == again[1].finished(bytes(8))


THEIRS = (
    b"Manifest-Version: 1.0\nCreated-By: 17 (others)\n\n\n"
    b"Name: A\nSHA-384-Digest: %s\n\nName: B\nSHA-256-Digest: %s\nKept: y\n es\n"
)


def test_a_jar_that_others_have_signed(lms: LmsSigner) -> None:
    """Their manifest, signature file and block stay byte for byte, so both signatures are good."""
    digests = checking.digest([b"a"], "sha384"), checking.digest([b"b"])
    listed = THEIRS % tuple(each.encode() for each in digests)
    main, sections = manifest.pieces(listed)
    assert main + b"".join(sections.values()) == listed
    theirs = [(NAMED, listed), ("META-INF/OLD.SF", b"A: b\n"), ("META-INF/OLD.RSA", b"block")]
    entries = [*theirs, ("A", b"a"), ("B", b"b")]
    found = contents(signed(lms, jar(entries)))
    assert all(found[name] == content for name, content in entries)
    assert list(found)[:4] == [NAMED, "META-INF/CODE.SF", "META-INF/CODE.DSA", "META-INF/OLD.SF"]
    named = manifest.read(found["META-INF/CODE.SF"]).sections
    assert {name: each["SHA-256-Digest"] for name, each in named.items()} == {
        name: checking.digest([each]) for name, each in sections.items()
    }
    both = signed(MldsaSigner.made(44), jar(list(found.items())), "SECOND")
    assert checking.check(lms.key, both) == 2


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_sections_as_they_stand(end: bytes) -> None:
    """Whatever ends their lines; all bytes are there again."""
    data = end.join([b"V: 1", b"", b"Name: A", b"B: c", b" d", b"", b"", b"Name: B", b""])
    main, sections = manifest.pieces(data)
    assert main + b"".join(sections.values()) == data
    assert [each.count(b"Name") for each in (main, *sections.values())] == [0, 1, 1]
    assert list(sections) == ["A", "B"]
    assert manifest.pieces(b"") == (b"", {})


@pytest.mark.parametrize(
    "listed",
    [
        THEIRS % (b"wrong", b"wrong"),
        b"\nName: A\nSHA-256-Digest: %s\n" % checking.digest([b"a"]).encode(),
        b"V: 1\n\n" + b"Name: A\nSHA-256-Digest: %s\n\n" % checking.digest([b"a"]).encode() * 2,
    ],
)
def test_what_others_have_signed_in_part(lms: LmsSigner, listed: bytes) -> None:
    """Or so that two readers find other sections in it."""
    entries = [(NAMED, listed), ("META-INF/OLD.SF", b""), ("A", b"a")]
    with pytest.raises(JarError, match=r"signed already|can't be told apart"):
        signed(lms, jar(entries))


@pytest.mark.parametrize(
    ("alias", "name"),
    [("release", "RELEASE"), ("a.b/ü", "A_B__"), ("firmware-2026", "FIRMWARE"), ("", "SIGNER")],
)
def test_the_name_of_a_signer(alias: str, name: str) -> None:
    """As jarsigner makes it: eight letters at most."""
    assert signing.signer_name(alias) == name


# ---- what is refused before a leaf is taken ------------------------------------------------------


def with_flag(data: bytes, flag: int) -> bytes:
    """A JAR whose first entry has a flag, in both of its headers."""
    made = bytearray(data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        made[made.index(mark) + place] |= flag
    return bytes(made)


def with_manifest(content: bytes) -> bytes:
    """A JAR with one entry and this manifest."""
    return jar([(NAMED, content), ("a", b"")])


def doubled() -> bytes:
    """A JAR with two entries of one name."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        return jar([("a", b"one"), ("a", b"two")])


BAD: dict[str, Callable[[], bytes]] = {
    "it is not a JAR that can be read": lambda: b"hello",
    "it has two entries a;": doubled,
    "it has two entries META-INF/manifest.mf": lambda: jar(
        [(NAMED, b""), ("META-INF/manifest.mf", b"")]
    ),
    "is signed already (META-INF/old.rsa), but without its entry a;": lambda: jar(
        [("META-INF/old.rsa", b""), ("a", b"")]
    ),
    "it has a signer CODE already; name another": lambda: jar(
        [("meta-inf/code.rsa", b""), ("a", b"")]
    ),
    "which a manifest can't name": lambda: jar([("a\r\nName: b", b"")]),
    "it has no entry that could be signed": lambda: jar([(NAMED, b""), ("a/", b"")]),
    "18 bytes stand before its first entry": lambda: b"#!/bin/sh\nexit 0\n\n" + jar([("a", b"")]),
    "is compressed as Java can't read it": lambda: jar([("a", b"")], zipfile.ZIP_LZMA),
    "is encrypted": lambda: with_flag(jar([("a", b"one")]), 1),
    "its manifest is not UTF-8": lambda: with_manifest(b"A: \xff\r\n"),
    "a line that is not an attribute": lambda: with_manifest(b"nothing\r\n"),
    "a section without a name": lambda: with_manifest(b"A: b\r\n\r\nC: d\r\n"),
    "its entry a is damaged": lambda: flipped_at(jar([("a", bytes(range(256)))]), 60),
}


@pytest.mark.parametrize("sentence", BAD)
def test_a_jar_that_is_not_signed(lms: LmsSigner, sentence: str) -> None:
    """Each with its sentence, before the certificate is looked at."""
    data = BAD[sentence]()
    own: Any = None
    with pytest.raises(JarError, match=re.escape(sentence)):
        signing.prepare(data, lms.key, own, "CODE")


def test_a_key_that_java_does_not_verify() -> None:
    """The refusal says how to make one that it does."""
    signer = LmsSigner.made("sha256_m24_h5", "sha256_n24_w2")
    with pytest.raises(JarError, match="lmscode=sha256_m32_h10"):
        signed(signer, jar(ENTRIES))


@pytest.mark.parametrize("name", ["", "code", "TOOLONGNAME", "A/B", "A.B"])
def test_a_name_that_is_none(lms: LmsSigner, name: str) -> None:
    """It would not be found, or be somewhere else."""
    own: Any = None
    with pytest.raises(JarError, match="is not the name of a signer"):
        signing.prepare(jar(ENTRIES), lms.key, own, name)


def test_sizes(lms: LmsSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a JAR, and of its manifest."""
    own: Any = None
    monkeypatch.setattr(archive, "MOST_WHOLE", 8)
    with pytest.raises(JarError, match=r"its entry META-INF/MANIFEST.MF has more than"):
        signing.prepare(jar(ENTRIES), lms.key, own, "CODE")
    monkeypatch.setattr(signing, "MOST_BYTES", 8)
    with pytest.raises(JarError, match="it has more than"):
        signing.prepare(jar(ENTRIES), lms.key, own, "CODE")


@settings(max_examples=40)
@given(st.data())
def test_damaged_archives_are_refused_in_a_sentence(data: st.DataObject) -> None:
    """Overwritten anywhere: nothing but the refusal of the room comes out."""
    good = jar(ENTRIES[:4])
    place = data.draw(st.integers(0, len(good) - 1))
    broken = good[:place] + data.draw(st.binary(max_size=4)) + good[place + 4 :]
    try:
        with archive.read(broken) as opened:
            for entry in opened.entries:
                list(opened.pieces(entry))
    except JarError as error:
        assert str(error)


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_lines_are_folded_and_joined(name: str) -> None:
    """Also within a character."""
    folded = manifest.section([("Name", name), ("A", "b")])
    assert all(len(line) <= 72 for line in folded.split(b"\r\n"))
    assert manifest.read(b"V: 1\r\n\r\n" + folded).sections == {name: {"A": "b"}}


def test_a_value_that_would_be_a_line() -> None:
    """It is refused, not written."""
    with pytest.raises(JarError, match="can't stand in a manifest"):
        manifest.section([("Name", "a\r\nName: b")])


def test_stored_entries_stay_stored(lms: LmsSigner) -> None:
    """And their times and modes are kept."""
    made = io.BytesIO()
    info = zipfile.ZipInfo("tool.sh", (2020, 2, 2, 2, 2, 2))
    info.external_attr = 0o755 << 16
    with zipfile.ZipFile(made, "w") as target:
        target.writestr(info, b"#!")
        target.comment = b"remark"
    with zipfile.ZipFile(io.BytesIO(signed(lms, made.getvalue()))) as found:
        copy = found.getinfo("tool.sh")
        assert (copy.compress_type, copy.date_time) == (zipfile.ZIP_STORED, info.date_time)
        assert copy.external_attr == info.external_attr
        assert found.comment == b"remark"
