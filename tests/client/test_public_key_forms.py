"""seeclient.verify: a public key alone, in the forms in which keys are given out."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import seeclient
from pyhsslms import pyhsslms
from seeclient import Status, StatusError
from seeclient.public_keys import read_public_key
from vectors.published import cases

from seemachine import testing
from seemachine.encodings.der import element, only
from seemachine.encodings.keyforms import certificate

# SEQUENCE { SEQUENCE { id-alg-hss-lms-hashsig }, BIT STRING } (RFC 9802 3).
ALGORITHM = bytes.fromhex("300d060b2a864886f70d0109100311")


def der(tag: int, content: bytes) -> bytes:
    """One element of less than 128 bytes."""
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


def spki(key: bytes) -> bytes:
    """A SubjectPublicKeyInfo around the bytes of a key."""
    return der(0x30, ALGORITHM + der(0x03, b"\0" + key))


def pem(data: bytes) -> str:
    """Armored as a public key."""
    return (
        f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(data).decode()}-----END PUBLIC KEY-----\n"
    )


def hss(key: bytes) -> bytes:
    """An HSS key of one level."""
    return bytes([0, 0, 0, 1]) + key


FORMS: dict[str, Callable[[bytes], bytes | str]] = {
    "plain": lambda key: key,
    "HSS": hss,
    "hex": lambda key: key.hex(),
    "hex in upper case with 0x": lambda key: "0x" + key.hex().upper(),
    "hex in words, as pipsqueak prints it": lambda key: key.hex(" ", -4),
    "hex with colons": lambda key: hss(key).hex(":"),
    "hex as bytes": lambda key: key.hex().encode(),
    "base64": lambda key: base64.b64encode(key).decode(),
    "SPKI": lambda key: spki(hss(key)),
    "SPKI with an octet string": lambda key: spki(der(0x04, hss(key))),
    "SPKI of a plain key": spki,
    "PEM": lambda key: pem(spki(hss(key))),
    "PEM as bytes": lambda key: pem(spki(hss(key))).encode(),
}


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A public key and its signature of `m`."""
    rig = testing.Rig(tmp_path_factory.mktemp("world"))
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        return key.public_key, key.sign(b"m")


def refusal(*arguments: Any) -> StatusError:
    """What a verification is refused with."""
    with pytest.raises(StatusError) as refused:
        seeclient.verify(*arguments)
    return refused.value


@pytest.mark.parametrize("form", FORMS)
def test_a_key_in_any_form(form: str, signed: Any, tmp_path: Path) -> None:
    """The good signature verifies and another message does not, with the key and with a file of it;
    the signature may be HSS of one level too.
    """
    key, signature = signed
    given = FORMS[form](key)
    path = tmp_path / "key"
    path.write_bytes(given.encode() if isinstance(given, str) else given)
    for public_key in (given, path):
        seeclient.verify(b"m", signature, public_key)
        seeclient.verify(b"m", bytes(4) + signature, public_key)
        assert refusal(b"n", signature, public_key).status is Status.VerifyFailed
        assert refusal(b"m", signature[:-1], public_key).status is Status.VerifyFailed


def test_a_key_is_given_out(tmp_path: Path) -> None:
    """In PEM, as RFC 9802 has it: whoever gets it verifies with it."""
    rig = testing.Rig(tmp_path)
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
    der_form = base64.b64decode("".join(key.public_key_pem.splitlines()[1:-1]))
    assert der_form == spki(hss(key.public_key))
    assert max(map(len, key.public_key_pem.splitlines())) == 64
    assert read_public_key(key.public_key_pem).key == key.file.key


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70_000])
def test_lengths_are_in_their_shortest_form(size: int) -> None:
    """What is written is what the strict reader takes."""
    assert only(element(0x04, bytes(size))).content == bytes(size)


def test_a_message_in_a_file(signed: Any, tmp_path: Path) -> None:
    """Read in pieces, as a key's own `verify` does."""
    key, signature = signed
    (tmp_path / "message").write_bytes(b"m")
    seeclient.verify(tmp_path / "message", signature, key)


def test_a_key_of_two_levels() -> None:
    """HSS of other makers, by a key of as many levels; the top tree alone is another key."""
    sets = {"lms_type": pyhsslms.lms_sha256_m24_h5, "lmots_type": pyhsslms.lmots_sha256_n24_w4}
    key = pyhsslms.HssPrivateKey(levels=2, **sets)
    signature, public = key.sign(b"m"), key.publicKey().serialize()
    seeclient.verify(b"m", signature, public)
    seeclient.verify(b"m", signature, pem(spki(public)))
    assert refusal(b"m", signature, public[4:]).status is Status.VerifyFailed


def test_the_certificate_of_rfc_9802() -> None:
    """It is signed by the key that it certifies."""
    pem_form = next(iter(cases("published_keys")))["pem"]
    encoded = base64.b64decode("".join(pem_form.splitlines()[1:-1]))
    made = certificate(encoded)
    assert made.signature is not None
    for given in (pem_form, encoded):
        seeclient.verify(made.signed, made.signature.encode(), given)
        refused = refusal(made.signed + b"\0", made.signature.encode(), given)
        assert refused.status is Status.VerifyFailed


@pytest.mark.parametrize(
    "given",
    [b"", "", "a key", b"\0" * 56, "00" * 48, pem(b"\x30\x00")],
)
def test_what_is_no_key(given: bytes | str, signed: Any) -> None:
    """It is refused as a value, before the signature is looked at."""
    refused = refusal(b"m", b"", given)
    assert refused.status is Status.InvalidParameter
    assert refused.detail.startswith("public_key is not an LMS, HSS or ML-DSA public key")


def test_a_damaged_key() -> None:
    """It is said what is wrong with it."""
    refused = refusal(b"m", b"", pem(spki(b"\1" * 20)))
    assert refused.status is Status.InvalidParameter
    assert refused.detail == "public_key is a damaged public key: unknown LMS set 16843009"


def test_a_chain_with_two_keys(signed: Any) -> None:
    """Nobody can say which one is meant."""
    key, signature = signed
    other = key[:-1] + bytes([key[-1] ^ 1])
    chain = pem(spki(key)) + pem(spki(other))
    assert "holds 2 public keys" in refusal(b"m", signature, chain).detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    assert str(tmp_path / "none") in refusal(b"m", b"", tmp_path / "none").detail


def test_a_key_file_of_a_host(signed: Any, tmp_path: Path) -> None:
    """That is not a public key, and is said to be none."""
    path = tmp_path / "key_pqsdk_release"
    path.write_bytes(b'{"format": "seemachine key file 2"}\n')
    assert refusal(b"m", signed[1], path).detail == (
        f"{path} is a key file of a host; its public key is written by: seemachine key export"
    )


@pytest.mark.parametrize("signature", [7, [b"s"], None], ids=repr)
def test_a_signature_is_bytes(signature: Any) -> None:
    """Or a text, or the Path of a file; anything else is said to be none, before a key is read."""
    with pytest.raises(TypeError, match="a signature is bytes, text or the Path of a file, not "):
        seeclient.verify(b"m", signature, b"a key")
