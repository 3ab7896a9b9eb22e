"""The form `base64` before the tools that everybody has, and theirs before us."""

import subprocess

import pytest
from judges.present import missing
from kit.message_keys import LmsSigner, MldsaSigner

from seemachine.encodings.forms import (
    recognized_key,
    recognized_signature,
    write_key,
    write_signature,
)

MESSAGE = b"firmware 1.0"
DECODERS = {
    "base64": ["base64", "--decode"],
    "OpenSSL": ["openssl", "base64", "-d", "-A"],
}
ENCODERS = {
    "base64": [["base64"], ["base64", "--wrap=0"]],
    "OpenSSL": [["openssl", "base64"], ["openssl", "base64", "-A"]],
}


def told(words: list[str], given: bytes) -> bytes:
    """What a tool makes of its input; nothing where it refuses that."""
    done = subprocess.run(words, input=given, capture_output=True, check=False)
    return b"" if done.returncode else done.stdout


@pytest.mark.parametrize("judge", DECODERS)
@pytest.mark.parametrize("signer", [LmsSigner.made(), MldsaSigner.made(44)], ids=["lms", "mldsa"])
def test_each_reads_the_other(judge: str, signer: LmsSigner | MldsaSigner) -> None:
    """Signatures of ours, to the byte; with one letter exchanged it is another one. Signatures and
    keys of theirs, in lines and in one.
    """
    if absent := missing(judge):
        pytest.skip(absent)
    _, signature = recognized_signature(signer.sign(MESSAGE))
    text = write_signature(signature, "base64")
    raw = write_signature(signature, "raw" if isinstance(signer, MldsaSigner) else "hss")
    assert told(DECODERS[judge], text) == raw
    exchanged = text[:500] + (b"A" if text[500:501] != b"A" else b"B") + text[501:]
    assert told(DECODERS[judge], exchanged) not in (raw, b"")
    for words in ENCODERS[judge]:
        assert recognized_signature(told(words, raw)).signature == signature
        assert recognized_key(told(words, write_key(signer.key, "der"))).key == signer.key
