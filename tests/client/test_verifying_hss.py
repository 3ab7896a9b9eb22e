"""`verify=` and `key.verify` with HSS signatures: those of one level verify, and are called HSS."""

import json

import pytest
from client.screen import say
from kit.here import store
from pyhsslms import pyhsslms as p
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.local import LocalKey
from seeclient.message import Message
from seeclient.operations import verify

from seemachine.wire.status import Status, StatusError

SETS = (p.lms_sha256_m24_h5, p.lmots_sha256_n24_w2)
MESSAGE = b"firmware"


@pytest.fixture(scope="module")
def figures():
    """The public key of a tree, its plain signature, and the HSS ones of one and two levels."""
    private = p.HssPrivateKey(2, *SETS)
    top = private.prv[0]
    public, two = bytes(top.publicKey().serialize()), bytes(private.sign(MESSAGE))
    plain = bytes(top.sign(MESSAGE))
    return {"public": public, "plain": plain, "one": bytes(4) + plain, "two": two}


@pytest.fixture
def key(figures, home, monkeypatch):
    """A key file of that tree on this host, where no machine is."""
    monkeypatch.setenv("SEEMACHINE_FLEET", ",")
    file = LmsKeyFile("release", figures["public"], 0, 0, 0, b"")
    store().save(file)
    return file


def refusal(key, signature, message=MESSAGE):
    """Why a signature is refused."""
    with pytest.raises(StatusError) as refused:
        verify(key, Message(message), signature, "m.sig")
    assert refused.value.status is Status.VerifyFailed
    return refused.value.detail


def test_the_encoding_is_told(key, figures):
    """A plain signature is LMS; with a level word before it, it is HSS; both verify."""
    assert verify(key, Message(MESSAGE), figures["plain"]) == "LMS"
    assert verify(key, Message(MESSAGE), figures["one"]) == "HSS"
    LocalKey(key).verify(MESSAGE, figures["one"])


def test_two_levels_are_not_of_a_key_of_one(key, figures):
    """Though its top tree signed the key of the second level: a machine's key has one level."""
    assert refusal(key, figures["two"]) == "HSS: the signature has 2 levels, the key 1 level"


def test_another_message(key, figures):
    """The guide's words, and that it was HSS."""
    words = refusal(key, figures["plain"], b"other")

    assert words.startswith("expected ")
    assert refusal(key, figures["one"], b"other") == f"HSS: {words}"


@pytest.mark.parametrize("name", ["plain", "one", "two"])
def test_every_cut(key, figures, name):
    """Wherever it is cut, and with a byte after it, it is refused as a signature that is none."""
    whole = figures[name]
    for wrong in [*(whole[:size] for size in range(len(whole))), whole + b"\n"]:
        assert " is not an " in refusal(key, wrong)


def test_what_is_no_signature_is_called_by_what_it_was_meant_to_be(key, figures):
    """A cut HSS signature is not an HSS signature, anything else no LMS signature."""
    assert refusal(key, figures["two"][:-1]).startswith(
        "m.sig is not an HSS signature (a sha256_m24"
    )
    assert refusal(key, figures["plain"][:-1]).startswith(
        "m.sig is not an LMS signature (a sha256_m24"
    )
    assert refusal(key, b"root:x:0:0").startswith(
        "m.sig is not an LMS signature (unknown LM-OTS set "
    )


def test_pipsqueak(key, figures, tmp_path):
    """The line says HSS when it is given HSS, else it is the guide's; JSON says either."""
    for name, line, encoding in (("plain", "release", "LMS"), ("one", "release, HSS", "HSS")):
        path = tmp_path / name
        path.write_bytes(figures[name])
        words = ("alias=release", f"message={MESSAGE.decode()}", f"verify={path}")
        code, lines = say(*words)
        assert (code, lines[-1]) == (0, f"Verify (alias: {line}): true")
        code, lines = say("--json", *words)
        assert (code, json.loads("\n".join(lines))["encoding"]) == (0, encoding)


def test_pipsqueak_refuses(key, figures, tmp_path):
    """Two levels: exit code 1, with the reason."""
    (tmp_path / "two").write_bytes(figures["two"])
    code, lines = say("alias=release", "message=firmware", f"verify={tmp_path / 'two'}")

    assert (code, lines[-1]) == (1, "ERROR: verify failed")
    assert lines[-2].endswith("VerifyFailed(11): HSS: the signature has 2 levels, the key 1 level")
