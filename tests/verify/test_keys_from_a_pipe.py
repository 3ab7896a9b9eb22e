"""`--key -`: every command that verifies with a key takes it from standard input too."""

from pathlib import Path

import pytest
from kit import jars
from kit.message_keys import LmsSigner
from kit.typed import pipe_in

from seemachine.cli.command import main
from seemachine.cms import signing as cms
from seemachine.cose import sign1
from seemachine.encodings.forms import write_key

COMMANDS = [
    "verify --key - --signature m.sig m",
    "cms verify --key - m.p7s m",
    "cose verify --key - m.cose",
    "jar verify --key - m.jar",
]


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    """A key, and a folder with what it signed for each command."""
    signer, folder = LmsSigner.made(), tmp_path_factory.mktemp("signed")
    prepared = {
        "m.p7s": cms.prepare(signer.key, b"m", cms.Terms(by_key=True)),
        "m.cose": sign1.prepare(signer.key, b"m", sign1.Terms()),
    }
    for name, each in prepared.items():
        (folder / name).write_bytes(each.finished(signer.sign(each.to_sign)))
    (folder / "m").write_bytes(b"m")
    (folder / "m.sig").write_bytes(signer.sign(b"m"))
    (folder / "m.jar").write_bytes(jars.signed(signer, jars.jar([("A.class", b"A")])))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield signer


@pytest.mark.parametrize("line", COMMANDS)
def test_a_key_from_a_pipe(signer, line, monkeypatch, capsys):
    """It verifies; what is no key is called standard input, and refused with exit code 2."""
    for data, code in ((write_key(signer.key, "pem"), 0), (b"garbage", 2)):
        pipe_in(monkeypatch, data)
        assert main(line.split()) == code, capsys.readouterr()
    command = line.partition(" --key")[0]
    assert capsys.readouterr().err == (
        f"seemachine {command}: standard input is not an LMS, HSS or ML-DSA public key, or a"
        " SubjectPublicKeyInfo or certificate with one\n"
    )
    assert not Path("-").exists()
