"""codec.py: one MessagePack array of three, with every limit set."""

import os
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from wire.contract import anything

from seemachine.wire.codec import MAX_LIST, MAX_MAP, pack, unpack
from seemachine.wire.status import PeerMisuse, Status

HEAD = b"\x93\x01\xa5hello"

REFUSED = {
    "nothing": b"",
    "nil": b"\xc0",
    "a number": b"\x01",
    "a map": b"\x80",
    "text": b"\xa3abc",
    "an array of none": b"\x90",
    "an array of two": b"\x92\x01\xa5hello",
    "an array of four": b"\x94\x01\xa5hello\x80\x80",
    "a byte after the array": HEAD + b"\x80\x00",
    "two arrays": HEAD + b"\x80" + HEAD + b"\x80",
    "an array without its end": HEAD,
    "the byte that MessagePack never uses": HEAD + b"\xc1",
    "text that is not UTF-8": b"\x93\x01\xa2\xff\xfe\x80",
    "text with a surrogate": b"\x93\x01\xa3\xed\xa0\x80\x80",
    "an extension of one byte": HEAD + b"\xd4\x05\x00",
    "an extension without bytes": HEAD + b"\xc7\x00\x05",
    "a time of four bytes": HEAD + b"\xd6\xff\x00\x00\x00\x00",
    "a time of eight bytes": HEAD + b"\xd7\xff" + bytes(8),
    "a time of twelve bytes": HEAD + b"\xc7\x0c\xff" + bytes(12),
    "a number as a key": HEAD + b"\x81\x01\x02",
    "nil as a key": HEAD + b"\x81\xc0\x02",
    "an array as a key": HEAD + b"\x81\x91\x01\x02",
    "a map as a key": HEAD + b"\x81\x80\x02",
    "an array that says it has 2^32 - 1 members": b"\xdd\xff\xff\xff\xff",
    "a map that says it has 2^32 - 1 members": b"\xdf\xff\xff\xff\xff",
    "text that says it has 2^32 - 1 bytes": HEAD + b"\xdb\xff\xff\xff\xff",
    "bytes that say they are 2^32 - 1": HEAD + b"\xc6\xff\xff\xff\xff",
    "an extension that says it has 2^32 - 1 bytes": HEAD + b"\xc9\xff\xff\xff\xff\x05",
    "a list over the limit": msgpack.packb([1, "x", [0] * (MAX_LIST + 1)]),
    "a map over the limit": msgpack.packb([1, "x", {str(n): n for n in range(MAX_MAP + 1)}]),
    "too many empty maps": msgpack.packb([1, "x", [[{}] * MAX_LIST] * 2]),
    "too many empty arrays": msgpack.packb([1, "x", [[[]] * MAX_LIST] * 2]),
    "arrays 100,000 deep": HEAD + b"\x91" * 100_000 + b"\xc0",
    "maps 100,000 deep": HEAD + b"\x81\xa1a" * 100_000 + b"\xc0",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_anything_but_three_plain_values_is_refused(body):
    """PeerMisuse, with Malformed as its status and no request to blame."""
    with pytest.raises(PeerMisuse) as misuse:
        unpack(body)

    assert (misuse.value.status, misuse.value.number) == (Status.Malformed, 0)


@pytest.mark.parametrize(
    "fields", [{}, {str(n): n for n in range(MAX_MAP)}, [0] * MAX_LIST, None, {"a": [{"b": b"c"}]}]
)
def test_three_plain_values_within_the_limits_are_taken(fields):
    """The limits themselves are allowed."""
    assert unpack(msgpack.packb([1, "x", fields])) == [1, "x", fields]


@given(parts=st.tuples(anything, anything, anything).map(list))
@examples(200)
def test_what_is_packed_is_what_is_unpacked(parts):
    """Bytes stay bytes and text stays text."""
    assert unpack(pack(parts)) == parts


@given(body=st.binary(max_size=80) | st.binary(max_size=60).map(HEAD.__add__))
@examples(400)
def test_any_bytes_are_three_values_or_a_misuse(body):
    """Nothing but PeerMisuse comes out."""
    try:
        parts = unpack(body)
    except PeerMisuse:
        return
    assert len(parts) == 3


def test_the_link_s_tests_hold_with_msgpack_in_plain_python():
    """The container has no compiled msgpack; the fallback must refuse the same bytes."""
    here = Path(__file__).parent
    code = (
        "import sys, pytest, msgpack, msgpack.fallback\n"
        "assert msgpack.Unpacker is msgpack.fallback.Unpacker\n"
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    tests = [str(here / "test_link.py"), __file__]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "not plain_python",
            *tests,
        ],
        env=os.environ | {"MSGPACK_PUREPYTHON": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
