"""nvmemfile_sign and its reply between bytes and messages in a few steps: most of what a machine
and a client say to each other.

They are known here only in the form that `pack` gives them, and without a fault. Anything else is
None: codec.py and fields.py say what it is, or what is wrong with it.
"""

from struct import Struct

from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned
from seemachine.wire.messages.sizes import U32
from seemachine.wire.names import FILE_NAME_BYTES, TOKEN_BYTES

# MessagePack: how many bytes follow the first one of a number, or of the length of a byte string.
# A number below SMALL is one byte.
NUMBERS = {0xCC: 1, 0xCD: 2, 0xCE: 4}
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4}
SMALL = 0x80
NO_NUMBER = 0xC1
U8, U16 = 0xFF, 0xFFFF
IN_ONE, IN_TWO, IN_FOUR = (Struct(f">B{form}").pack for form in "BHI")

ENVELOPE = b"\x93"
NAME = b"\xaenvmemfile_sign\x84\xa4file\xc4" + bytes([FILE_NAME_BYTES])
TOKEN = b"\xa5token\xc4" + bytes([TOKEN_BYTES])
MESSAGE = b"\xa7message"
NO_REASON = b"\xabacknowledge\xa0"
# A signature of 256 bytes or more, as all are.
SIGNATURE = b"\xa2ok\x83\xa9signature\xc5"
LEAF, REMAINING = b"\xa4leaf", b"\xa9remaining"


def read_request(body: bytes, number: int) -> NvmemfileSign | None:
    """The request of that number, without a reason."""
    if number > U32:
        return None
    head = ENVELOPE + _written(number) + NAME
    file_end = len(head) + FILE_NAME_BYTES
    token = file_end + len(TOKEN)
    token_end = token + TOKEN_BYTES
    length = token_end + len(MESSAGE)
    if not (
        body.startswith(head)
        and body.startswith(TOKEN, file_end)
        and body.startswith(MESSAGE, token_end)
        and body.endswith(NO_REASON)
    ):
        return None
    start = length + 1 + LENGTHS.get(body[length], 0)
    end = start + int.from_bytes(body[length + 1 : start], "big")
    if start == length + 1 or end + len(NO_REASON) != len(body):
        return None
    return NvmemfileSign(body[len(head) : file_end], body[token:token_end], body[start:end], "")


def written_request(number: int, request: object) -> bytes | None:
    """The body of a request's frame."""
    if type(request) is not NvmemfileSign or request.acknowledge != "" or number > U32:
        return None
    file, token, message = request.file, request.token, request.message
    if not type(file) is type(token) is type(message) is bytes:
        return None
    if len(file) != FILE_NAME_BYTES or len(token) != TOKEN_BYTES:
        return None
    sized = _written_length(len(message)), message
    return b"".join(
        (ENVELOPE, _written(number), NAME, file, TOKEN, token, MESSAGE, *sized, NO_REASON)
    )


def read_reply(body: bytes, number: int) -> NvmemfileSigned | None:
    """The reply of that number."""
    if number > U32:
        return None
    head = ENVELOPE + _written(number) + SIGNATURE
    start = len(head) + 2
    end = start + int.from_bytes(body[len(head) : start], "big")
    if not (body.startswith(head) and body.startswith(LEAF, end) and start < end):
        return None
    leaf, before = _read_number(body, end + len(LEAF))
    if not body.startswith(REMAINING, before):
        return None
    remaining, over = _read_number(body, before + len(REMAINING))
    return NvmemfileSigned(body[start:end], leaf, remaining) if over == len(body) else None


def written_reply(number: int, reply: object) -> bytes | None:
    """The body of a reply's frame."""
    if type(reply) is not NvmemfileSigned or number > U32:
        return None
    signature, leaf, remaining = reply.signature, reply.leaf, reply.remaining
    if type(signature) is not bytes or not U8 < len(signature) <= U16:
        return None
    if not (type(leaf) is type(remaining) is int and 0 <= leaf <= U32 and 0 <= remaining <= U32):
        return None
    sized = len(signature).to_bytes(2, "big"), signature
    counted = LEAF, _written(leaf), REMAINING, _written(remaining)
    return b"".join((ENVELOPE, _written(number), SIGNATURE, *sized, *counted))


def _read_number(body: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; past the end of the body for what is none."""
    first = body[at] if at < len(body) else NO_NUMBER
    if first < SMALL:
        return first, at + 1
    end = at + 1 + NUMBERS.get(first, len(body))
    return int.from_bytes(body[at + 1 : end], "big"), end


def _written(number: int) -> bytes:
    if number < SMALL:
        return number.to_bytes(1, "big")
    if number <= U8:
        return IN_ONE(0xCC, number)
    return IN_TWO(0xCD, number) if number <= U16 else IN_FOUR(0xCE, number)


def _written_length(length: int) -> bytes:
    if length <= U8:
        return IN_ONE(0xC4, length)
    return IN_TWO(0xC5, length) if length <= U16 else IN_FOUR(0xC6, length)
