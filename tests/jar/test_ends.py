"""JARs that two readers take for two things are refused, however good their signature is."""

import io
import struct
import zipfile

import pytest
from kit.flips import flipped_at
from kit.jars import ENTRIES, NAMED, contents, jar, signed
from kit.message_keys import LmsSigner

from seemachine.jar import archive, checking
from seemachine.jar.errors import JarError

END = b"PK\5\6"
FIELDS = struct.Struct("<4s4H2LH")
# Of an entry, before its name.
LOCAL_HEADER_BYTES = 30
UNCLEAR = "others may find other entries in it"


class Unseekable:
    """A file to which is written alone."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """At the end."""
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is kept back."""


def taken_apart(data: bytes) -> tuple[bytes, bytes, list[int]]:
    """What is before the directory, the directory, and the numbers of the end."""
    _, *numbers = FIELDS.unpack(data[-FIELDS.size :])
    size, begin = numbers[4:6]
    return data[:begin], data[begin : begin + size], numbers


def moved(directory: bytes, by: int) -> bytes:
    """A directory whose entries begin later."""
    made, place = bytearray(directory), 0
    while place < len(made):
        [begin] = struct.unpack_from("<L", made, place + 42)
        struct.pack_into("<L", made, place + 42, begin + by)
        place += 46 + sum(struct.unpack_from("<3H", made, place + 28))
    return bytes(made)


def two_in_one(good: bytes, other: bytes) -> bytes:
    """For `zipfile` the good JAR; for Java, whose last end is in the remark, the other one."""
    (first, directory, numbers), (last, strange, theirs) = map(taken_apart, (good, other))
    far, body = 1 << 20, first + last + moved(strange, len(first))
    named, begin = moved(directory, far), len(first) + len(last)
    ours = [0, 0, *numbers[2:4], len(named), len(body) + FIELDS.size + far, 7]
    remark = named + FIELDS.pack(END, *ours)
    return body + FIELDS.pack(END, 0, 0, *theirs[2:4], len(strange), begin, len(remark)) + remark


def test_a_jar_that_is_another_one_for_java(lms: LmsSigner) -> None:
    """Java would run what nobody signed."""
    data = two_in_one(signed(lms, jar(ENTRIES)), jar([(NAMED, b"Main-Class: E\n\n"), ("E", b"")]))
    with pytest.raises(JarError, match=UNCLEAR):
        checking.check(lms.key, data)


def test_an_end_that_is_clear(lms: LmsSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it has a remark, or a second form for very many entries; no byte may follow it, and
    both forms must say the same.
    """
    good = signed(lms, jar(ENTRIES))
    remarked = good[:-2] + struct.pack("<H", 6) + b"remark"
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    many = jar(list(contents(good).items()))
    assert b"PK\6\6" in many
    for data in (good, remarked, many):
        assert checking.check(lms.key, data) == 4
    place = many.index(b"PK\6\6")
    pointed = many.index(b"PK\6\7") + 8
    strange = [good + b"\0", good[:-1] + b"\1", remarked[:-1], many[:-10] + b"\0" + many[-9:]]
    strange += [many[:each] + b"\7" + many[each + 1 :] for each in (place, place + 32, pointed)]
    for data in strange:
        with pytest.raises(JarError):
            checking.check(lms.key, data)


def test_what_is_not_of_a_signature(lms: LmsSigner) -> None:
    """Java takes META-INF/SIG-x.y for part of a signature where y has three letters at most: what
    has more must be signed.
    """
    found = contents(signed(lms, jar(ENTRIES)))
    for name in ("SIG-x", "sig-a.b_1", "SIG-a.b.TXT"):
        assert checking.check(lms.key, jar([*found.items(), (f"META-INF/{name}", b"")])) == 4
    for name in ("SIG-x.class", "SIG-x.", "SIG-a.ü", "SIG-a.b/c"):
        added = jar([*found.items(), (f"META-INF/{name}", b"")])
        with pytest.raises(Exception, match=f"its entry META-INF/{name} is not what was signed"):
            checking.check(lms.key, added)
    assert checking.check(lms.key, signed(lms, jar([*ENTRIES, ("META-INF/SIG-x.class", b"")]))) == 5


def test_folders_and_names_that_hide_something(lms: LmsSigner) -> None:
    """A folder with content, and an entry whose name is another one by an extra field."""
    with pytest.raises(JarError, match="its folder b/ has content, which no signature covers"):
        signed(lms, jar([*ENTRIES, ("b/", b"content")]))
    info = zipfile.ZipInfo("one")
    info.header_offset, info.orig_filename = 0, "other"
    with pytest.raises(JarError, match="it has an entry with two names, one and other"):
        archive._refuse([info])


def test_what_readers_of_streams_would_find(lms: LmsSigner) -> None:
    """An entry that the directory does not know, before, between and after those that it knows; and
    a length that is another one in an entry's own header.
    """
    good = signed(lms, jar(ENTRIES))
    body, directory, numbers = taken_apart(good)
    hidden, _, _ = taken_apart(jar([("Hidden.class", b"nobody signed this")]))
    first = body.index(b"PK\3\4", 4)

    def put_together(body: bytes, directory: bytes) -> bytes:
        return body + directory + FIELDS.pack(END, *numbers[:5], len(body), 0)

    later = directory[: directory.index(b"PK\1\2", 4)]
    between = later + moved(directory[len(later) :], len(hidden))
    inserted = put_together(body[:first] + hidden + body[first:], between)
    with pytest.raises(JarError, match="take for another entry"):
        checking.check(lms.key, inserted)
    with pytest.raises(JarError, match="bytes stand after its last entry"):
        checking.check(lms.key, put_together(body + hidden, directory))
    shorter = flipped_at(body, 18)
    with pytest.raises(JarError, match="two headers that contradict each other"):
        checking.check(lms.key, put_together(shorter, directory))
    with zipfile.ZipFile(io.BytesIO(good)) as archived:
        folder = archived.getinfo("a/").header_offset + LOCAL_HEADER_BYTES
    renamed = body[:folder] + b"A." + body[folder + 2 :]
    with pytest.raises(JarError, match="its entry a/ has two headers"):
        checking.check(lms.key, put_together(renamed, directory))


def test_a_jar_that_was_written_as_a_stream(lms: LmsSigner) -> None:
    """Its sizes follow each content, as of the tools of the JDK."""
    made = Unseekable()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in contents(signed(lms, jar(ENTRIES))).items():
            target.writestr(name, content)
    data = b"".join(made.pieces)
    assert data[6] & 8
    assert checking.check(lms.key, data) == 4
