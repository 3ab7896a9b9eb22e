"""`signatures.json`: ours is added, and all else stays."""

import json
import re

import pytest

from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.signatures import Signatures

THERE = {
    "signer": {"name": "Zoë", "when": 1.5, "serial": 12345678901234567890},
    "owner_imc_signatures": {"note": "first", "ecc_sig": "AA" * 96, "by": [1, None, True]},
    "vendor_imc_signatures": None,
    "vendor_pub_keys_signatures": {"ecc_sig": "bb" * 96, "pqc_sig": "CC"},
}


def read(document: object) -> Signatures:
    """What a file of this document says."""
    return Signatures.read(json.dumps(document).encode())


def test_all_that_is_there_stays() -> None:
    """Fields, unknown ones too, their values and their order; a signature of ours is after them."""
    found = read(THERE).with_pqc("owner_imc_signatures", b"\x01\xff")
    written = json.loads(found.encode())
    assert written == THERE | {
        "owner_imc_signatures": THERE["owner_imc_signatures"] | {"pqc_sig": "01ff"}
    }
    assert list(written) == list(THERE)
    assert list(written["owner_imc_signatures"]) == ["note", "ecc_sig", "by", "pqc_sig"]
    assert "Zoë" in found.encode().decode()


def test_one_in_its_place_is_replaced_there() -> None:
    """In the order that it had."""
    entry = {"pqc_sig": "00", "ecc_sig": "11"}
    found = read({"owner_imc_signatures": entry}).with_pqc("owner_imc_signatures", b"\x02")
    assert list(json.loads(found.encode())["owner_imc_signatures"].items()) == [
        ("pqc_sig", "02"),
        ("ecc_sig", "11"),
    ]


def test_what_has_no_value_may_be_null_or_empty() -> None:
    """As a template has it."""
    found = read({"owner_imc_signatures": {"ecc_sig": None, "pqc_sig": ""}} | {"a": 1})
    assert (found.pqc("owner_imc_signatures"), found.has_ecc("owner_imc_signatures")) == (
        b"",
        False,
    )
    assert read(THERE).pqc("vendor_imc_signatures") == b""
    assert read(THERE).pqc("vendor_pub_keys_signatures") == b"\xcc"
    assert Signatures({}).pqc("owner_imc_signatures") == b""


def test_it_does_not_change() -> None:
    """A signature makes another one."""
    found = read(THERE)
    found.with_pqc("owner_imc_signatures", b"\x01")
    assert json.loads(found.encode()) == THERE


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"vendor_imc_signatures": []}', "vendor_imc_signatures is not an object"),
        (b'{"vendor_img_signatures": {}}', "did you mean vendor_imc_signatures?"),
        (b'{"a": 1, "a": 2}', "it has 'a' twice"),
        (b'{"a": 1e999}', "it holds a number or a text that can't be written again"),
        (b'{"a": "\\ud800"}', "it holds a number or a text that can't be written again"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, sentence: str) -> None:
    """When it is read, which is before a leaf is taken."""
    with pytest.raises(CaliptraError, match=re.escape(sentence)):
        Signatures.read(data)


@pytest.mark.parametrize("value", [7, "xy", ["00"]])
def test_a_signature_that_is_not_hexadecimal_is_refused(value: object) -> None:
    """With its target."""
    with pytest.raises(CaliptraError, match="pqc_sig of owner_imc_signatures is not"):
        read({"owner_imc_signatures": {"pqc_sig": value}}).pqc("owner_imc_signatures")
