"""names.py against the names that real machines printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from vectors.published import load

from seemachine.lms.keys import PublicKey
from seemachine.wire.names import FILE_NAME_BYTES, is_esn, nvram_name, printed_name


@pytest.mark.parametrize("printed", load("guide")["nvram_names"], ids=lambda case: case["printed"])
def test_a_file_name_is_the_guide_s(printed):
    """The name that the guide prints follows from the public key that it prints."""
    name = nvram_name(bytes.fromhex(printed["public_key"]))
    assert PublicKey.decode(bytes.fromhex(printed["public_key"])).file_name == name

    assert printed_name(name) == printed["printed"]
    assert name.startswith(b"lms")
    assert len(name) == FILE_NAME_BYTES == 11


@given(head=st.binary(min_size=24, max_size=24), root=st.binary(min_size=24, max_size=24))
@examples(50)
def test_a_short_key_has_a_name_of_the_same_kind(head, root):
    """A key with 24-byte nodes is named by the first 8 bytes of its root, whatever the rest."""
    assert nvram_name(head + root) == b"lms" + root[:8]


@pytest.mark.parametrize(
    "esn", ["7852-268D-3BF9", "5F08-02E0-D947", "0000-0000-0000", "FFFF-FFFF-FFFF"]
)
def test_the_guide_s_serial_numbers_are_taken(esn):
    """Three groups of four upper-case hex digits."""
    assert is_esn(esn)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7852-268d-3bf9",
        "7852-268D-3BF",
        "7852-268D-3BF99",
        "7852268D3BF9",
        "7852-268D",
        "7852-268D-3BF9-0000",
        "7852-268D-3BFG",
        "7852-268D-3BF9\n",
        " 7852-268D-3BF9",
        "7852\u2010268D\u20103BF9",
        "\uff17852-268D-3BF9",
        "\u0667852-268D-3BF9",
        "../8-268D-3BF9",
    ],
)
def test_anything_else_is_no_serial_number(text):
    """Not lower case, not longer or shorter, no line end, and no digits of other scripts: an ESN
    becomes a file name.
    """
    assert not is_esn(text)
