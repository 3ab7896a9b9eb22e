"""What a file is beside its bytes: packed, and in text, as often as that may be."""

import base64
import gzip

from kit import formed

from seemachine.encodings.forms import write_signature
from seemachine.encodings.readings import MAX_DEPTH, Reading, gunzip, readings


def test_what_was_packed_several_times():
    """It is unpacked as often as that may be, and no further."""
    data = write_signature(formed.signature(), "lms")
    packed = data
    for number in range(MAX_DEPTH):
        packed = gzip.compress(packed) if number % 2 else base64.b64encode(packed)
    assert readings(packed)[-1].data == data
    assert data not in [each.data for each in readings(gzip.compress(packed))]


def test_what_is_longer_than_it_may_be_is_not_whole():
    """Of gzip the first bytes are given, and that there are more."""
    assert gunzip(gzip.compress(bytes(10)), 10) == Reading(bytes(10))
    assert gunzip(gzip.compress(bytes(11)), 10) == Reading(bytes(10), whole=False)
    assert gunzip(gzip.compress(bytes(99)), 10) == Reading(bytes(10), whole=False)
