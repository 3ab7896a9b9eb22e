"""Until when certificates are valid, without a library that reads them."""

import datetime as dt

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples

from seemachine.encodings.validity import Validity, validities
from seemachine.pki import authority

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
MOMENTS = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=dt.UTC)
)
DAY = dt.timedelta(days=1)


@given(st.lists(MOMENTS, min_size=2, max_size=2, unique=True).map(sorted))
@examples(40)
def test_any_moments(moments: list[dt.datetime]) -> None:
    """Of this century or another, to the second: what a certificate says is what is read."""
    begin, end = moments
    made = authority.make_ca("a CA", authority.Validity(begin, end))
    pem = made.certificate.public_bytes(Encoding.PEM)
    assert validities(b"words before\n" + 2 * pem) == [Validity(begin, end)] * 2


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [
        (-1, 31, ""),
        (-1, 29, "expires on 2026-12-28 12:00 UTC"),
        (-2, -1, "has expired on 2026-11-28 12:00 UTC"),
        (1, 99, "is not valid before 2026-11-30 12:00 UTC"),
    ],
)
def test_what_is_said_of_one(begin: int, end: int, said: str) -> None:
    """In days from now."""
    assert Validity(NOW + begin * DAY, NOW + end * DAY).trouble(NOW) == said


@pytest.mark.parametrize("pem", [b"", b"\x00", b"-----BEGIN CERTIFICATE-----\n"])
def test_where_there_is_no_certificate(pem: bytes) -> None:
    """None is found."""
    assert validities(pem) == []


@pytest.mark.parametrize("inner", [b"", b"AAAA", b"MAA=", b"MAIwAA==", b"MAQwAjAA", b"!"])
def test_one_that_is_damaged(inner: bytes) -> None:
    """It is refused."""
    damaged = b"-----BEGIN CERTIFICATE-----\n" + inner + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match=r"."):
        validities(damaged)
