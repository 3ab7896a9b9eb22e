"""Published signatures, of RFC 8554 and of other implementations, through `seemachine verify` and
`seeclient.verify`: what is valid is verified in each form, what is not is not.
"""

import itertools
import json
from pathlib import Path

import pytest
import seeclient
from pyhsslms import pyhsslms as p
from vectors.published import cases

from seemachine.cli.command import main
from seemachine.encodings.forms import (
    KEY_FORMS,
    SIGNATURE_FORMS,
    FormError,
    recognized_key,
    recognized_signature,
    write_key,
    write_signature,
)

PUBLISHED = [
    {"valid": True, "context": "", **each}
    for name in ("rfc", "implementations", "acvp_sigver", "wycheproof_mldsa_verify")
    for each in cases(name)
]
VALID = [each for each in PUBLISHED if each["valid"] in (True, "True")]
PARTS = ("message", "signature", "public_key")


def parts(case):
    """Message, signature, public key."""
    return [bytes.fromhex(case[name]) for name in PARTS]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to be in, and no world."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    return tmp_path


def test_there_are_signatures_of_several_levels():
    """Otherwise the others would prove less than they say."""
    keys = [recognized_key(parts(each)[2]).key for each in VALID if len(parts(each)[2]) < 100]
    assert {key.levels for key in keys} >= {1, 2}


def test_each_published_signature(folder, capsys):
    """The command and the library agree with who published it."""
    for case in PUBLISHED:
        message, signature, key = parts(case)
        for name, data in zip(PARTS, (message, signature, key), strict=True):
            Path(name).write_bytes(data)
        context = bytes.fromhex(case["context"])
        words = ["--key", "public_key", "--signature", "signature", "message"]
        # Of a context only what is text can be typed.
        typed = [f"--context={context.decode()}"] if context.isascii() and context else []
        good = case["valid"] in (True, "True")
        if not context or typed:
            code = main(["verify", *typed, *words])
            # A context that none can be is wrong usage.
            wrong = 1 if len(context) < 256 else 2
            assert code == (0 if good else wrong), (case, capsys.readouterr())
        refused = refusal(message, signature, key, context=context)
        assert (refused is None) == good, case


def refusal(*words, **options):
    """Why `seeclient.verify` refuses, if it does."""
    try:
        seeclient.verify(*words, **options)
    except seeclient.StatusError as error:
        return error
    return None


def forms(table, value, write):
    """A value in each form that can hold it, by its name."""
    found = {}
    for name in table:
        try:
            found[name] = write(value, name)
        except FormError:
            continue
    return found


@pytest.mark.parametrize("case", [VALID[0], VALID[2], VALID[-1]], ids=["hss-2", "lms", "mldsa"])
def test_each_form_of_key_and_signature(folder, case):
    """Each with each, as bytes, text where it is, and a file."""
    message, signature, key = parts(case)
    context = bytes.fromhex(case["context"])
    keys = forms(KEY_FORMS, recognized_key(key).key, write_key)
    made = forms(SIGNATURE_FORMS, recognized_signature(signature).signature, write_signature)
    assert len(keys) >= 4
    assert len(made) >= 3
    for (of_key, one), (of_made, two) in itertools.product(keys.items(), made.items()):
        Path("k").write_bytes(one)
        Path("s").write_bytes(two)
        seeclient.verify(message, two, one, context=context)
        seeclient.verify(message, Path("s"), Path("k"), context=context)
        texts = [
            data.decode() if table[form].is_text else data.hex()
            for data, table, form in ((two, SIGNATURE_FORMS, of_made), (one, KEY_FORMS, of_key))
        ]
        seeclient.verify(message, *texts, context=context)


@pytest.mark.parametrize("levels", [3, 8])
def test_more_levels(folder, levels):
    """Another implementation's; the key of another number of levels is another one."""
    private = p.HssPrivateKey(levels, p.lms_sha256_m24_h5, p.lmots_sha256_n24_w2)
    key, made = bytes(private.publicKey().serialize()), bytes(private.sign(b"m"))
    Path("k").write_bytes(key)
    Path("m").write_bytes(b"m")
    Path("m.sig").write_bytes(made)
    assert main(["verify", "--key", "k", "m"]) == 0
    fewer = bytes([0, 0, 0, levels - 1]) + key[4:]
    assert type(refusal(b"m", made, fewer)) is seeclient.OfAnotherKey
    assert type(refusal(b"n", made, key)) is seeclient.NotVerified


def test_truncated_at_each_byte(folder):
    """Of two levels: no beginning of a key or a signature verifies, nor one with more behind it;
    which of the two is no such thing is said.
    """
    message, signature, key = parts(VALID[0])
    for cut in (*(signature[:size] for size in range(len(signature))), signature + b"\0"):
        assert type(refusal(message, cut, key)) is seeclient.SignatureNotRecognized
    for cut in (*(key[:size] for size in range(len(key))), key + b"\0"):
        assert type(refusal(message, signature, cut)) is seeclient.KeyNotRecognized


def test_each_bit_of_a_level(folder):
    """One flipped bit in any eleventh byte: refused, and with nothing but the named errors."""
    message, signature, key = parts(VALID[0])
    for place in range(0, len(signature), 11):
        wrong = bytearray(signature)
        wrong[place] ^= 1 << place % 8
        assert type(refusal(message, wrong, key)) in (
            seeclient.NotVerified,
            seeclient.OfAnotherKey,
            seeclient.SignatureNotRecognized,
        )


def test_many_at_once(folder, capsys):
    """A folder of messages of one key: what is wrong among them is named, and counted."""
    message, signature, key = parts(VALID[0])
    Path("k").write_bytes(key)
    for number in range(300):
        Path(f"{number}").write_bytes(message if number != 277 else b"other")
        Path(f"{number}.sig").write_bytes(signature)
    names = [str(number) for number in range(300)]
    assert main(["verify", "--json", "--key", "k", *names]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in told["files"]] == names
    assert [each["why"] for each in told["files"] if not each["verified"]] == ["not-verified"]
    assert not told["files"][277]["verified"]
    assert told["error"]["message"] == "299 of 300 verified"
