"""`signing_request.json`, read strictly: what is wrong is said, with the target that it is in."""

import hashlib
import re

import pytest
from caliptra.making import WANTED, encoded, request

from seemachine.caliptra import requests
from seemachine.caliptra.documents import MOST_BYTES
from seemachine.caliptra.errors import CaliptraError

FIRST = "vendor_pub_keys_signatures"


def test_the_targets_come_in_the_order_of_the_file() -> None:
    """Each with its labels, its payload, and the digest as it is."""
    found = requests.read(encoded(request()))
    assert [each.name for each in found.targets] == list(WANTED)
    first = found.targets[0]
    assert (first.ecc_key, first.pqc_key) == ("vendor_fw_ecc_key", "vendor_fw_pqc_key")
    assert first.payload == WANTED[FIRST][1]
    assert first.digest == hashlib.sha384(first.payload).digest()


def test_digits_may_be_in_upper_case() -> None:
    """And have blanks at their ends, as Caliptra's own tools take them."""
    document = request(FIRST)
    entry = document["requests"][FIRST]
    plain = requests.read(encoded(document))
    entry["digest_sha384"] = f" {entry['digest_sha384'].upper()}\n"
    entry["payload_hex"] = entry["payload_hex"].upper()
    assert requests.read(encoded(document)) == plain


def test_some_targets_can_be_chosen() -> None:
    """In the order of the file; one that is not there is refused with what may have been meant."""
    found = requests.read(encoded(request()))
    chosen = found.chosen(["vendor_imc_signatures", FIRST])
    assert [each.name for each in chosen] == [FIRST, "vendor_imc_signatures"]
    assert found.chosen([]) == found.targets
    with pytest.raises(CaliptraError, match="did you mean vendor_imc_signatures"):
        found.chosen(["vendor_imc"])


def with_entry(**fields: object) -> bytes:
    """A request whose first target has other values; None takes one away."""
    document = request(FIRST)
    entry = document["requests"][FIRST] | fields
    document["requests"][FIRST] = {name: v for name, v in entry.items() if v is not None}
    return encoded(document)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is not JSON: Expecting value"),
        (b"\xff{}", "it is not UTF-8"),
        (b"[]", "it is not a JSON object"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"version": 1, "version": 1, "requests": {}}', "it has 'version' twice"),
        (b'{"version": 1}', "it has no requests"),
        (encoded(request() | {"version": 2}), "it is of version 2; this reads version 1"),
        (encoded(request() | {"version": True}), "it is of version True"),
        (encoded(request() | {"version": "1"}), "it is of version '1'"),
        (encoded(request() | {"hash": "sha512"}), "it has the field 'hash'"),
        (encoded(request() | {"requests": []}), "not an object with at least one target"),
        (encoded(request() | {"requests": {}}), "not an object with at least one target"),
        (
            encoded({"version": 1, "requests": {"vendor_imc": {}}}),
            "'vendor_imc' is not a target of Caliptra; did you mean vendor_imc_signatures?",
        ),
        (encoded({"version": 1, "requests": {FIRST: []}}), f"{FIRST} is not an object"),
        (with_entry(payload_hex=None), f"{FIRST} has no payload_hex"),
        (with_entry(context="00"), f"{FIRST} has the field 'context'"),
        (with_entry(pqc_key=""), f"pqc_key of {FIRST} is not a name"),
        (with_entry(pqc_key="a\nb"), f"pqc_key of {FIRST} is not a name"),
        (with_entry(ecc_key=7), f"ecc_key of {FIRST} is not a name"),
        (with_entry(digest_sha384="00" * 32), "is not the SHA-384 of its payload_hex"),
        (with_entry(digest_sha384="01" * 48), "is not the SHA-384 of its payload_hex"),
        (with_entry(payload_hex="0"), f"payload_hex of {FIRST} is not hexadecimal"),
        (with_entry(payload_hex="0x00"), f"payload_hex of {FIRST} is not hexadecimal"),
        (with_entry(payload_hex="\u0661\u0661"), f"payload_hex of {FIRST} is not hexadecimal"),
        (with_entry(payload_hex=[]), f"payload_hex of {FIRST} is not a text"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(data: bytes, sentence: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(CaliptraError, match=re.escape(sentence)):
        requests.read(data)


def test_a_request_may_be_large() -> None:
    """One of 10 MB is read; one that nobody wrote is not."""
    document = request(FIRST)
    payload = bytes(5 << 20)
    document["requests"][FIRST] |= {
        "payload_hex": payload.hex(),
        "digest_sha384": hashlib.sha384(payload).hexdigest(),
    }
    assert requests.read(encoded(document)).targets[0].payload == payload
    with pytest.raises(CaliptraError, match="more than 64 MiB"):
        requests.read(bytes(MOST_BYTES + 1))
