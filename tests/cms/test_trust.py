"""`seemachine cms verify --root`: whom a message is believed, and why others are not."""

import argparse
import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit.flips import flipped_at
from kit.message_keys import LmsSigner
from kit.typed import Told, at, typed

from seemachine import testing
from seemachine.cli import cms_trust
from seemachine.cli.command import main
from seemachine.cms.errors import CmsError
from seemachine.encodings.recognition import recognized_key
from seemachine.lms.hss import HssPublicKey
from seemachine.wire.status import StatusError
from seemachine.x509 import issuers

Command = Callable[..., Told]
MADE = """
cert root root --subject CN=Root --out root.pem
cert root code --subject CN=Other --out other.pem
cert root root --subject CN=Signer --usage digitalSignature --out signer.pem
cert request code --subject CN=Code --out code.csr
cert issue root code.csr --issuer root.pem --purpose codeSigning --out code.pem
cert issue root code.csr --issuer root.pem --usage cRLSign --out lists.pem
cert crl root --issuer root.pem --revoke 5 --out root.crl
cert crl root --issuer root.pem --revoke code.pem --out revoked.crl
cms sign code content --certificate code.pem --out good.p7s
cms sign code content --certificate code.pem --no-certificates --out bare.p7s
cms sign code content --by-key --out key.p7s
jar sign code a.jar --certificate code.pem --out good.jar
jar sign root good.jar --certificate signer.pem --out both.jar
jar sign root a.jar --certificate signer.pem --out root.jar
""".strip().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that certified a key, what that signed, and lists."""
    folder = tmp_path_factory.mktemp("trust")
    with testing.fleet() as fleet, at(folder, fleet):
        for alias in ("root", "code"):
            fleet.generate_lms(alias, lms="sha256_m32_h5", lmots="sha256_n32_w8")
        Path("content").write_bytes(b"firmware 1.0")
        Path("changed").write_bytes(b"firmware 1.1")
        with zipfile.ZipFile("a.jar", "w") as jar:
            jar.writestr("A.class", b"class")
        for line in MADE:
            assert main([*line.split(), "--yes"]) == 0, line
    good = Path(folder / "good.p7s").read_bytes()
    (folder / "flipped.p7s").write_bytes(flipped_at(good, -9))
    (folder / "both.pem").write_bytes(
        b"".join((folder / name).read_bytes() for name in ("other.pem", "root.pem"))
    )
    return folder


@pytest.fixture
def command(folder: Path, capsys: Any) -> Iterator[Command]:
    """Runs one in that folder, without a world; exit code, standard output, standard error."""
    capsys.readouterr()
    with contextlib.chdir(folder):
        yield lambda line, room="cms": typed(f"{room} verify {line}", capsys)


def test_a_message_whose_certificate_leads_to_a_root(command: Command) -> None:
    """With a list or without, which is said; the root may be one of several."""
    code, out, _ = command("good.p7s content --root root.pem")
    assert code == 0
    assert "good.p7s: verified; it names its signer by serial number" in out
    assert "\nsigned by CN=Code, certified by CN=Root\n" in out
    assert "whether a certificate is revoked was not looked at" in out
    code, out, _ = command("good.p7s content --root both.pem --crl root.crl")
    assert (code, "not looked at" in out) == (0, False)
    assert (
        '"path": [\n    "CN=Code",\n    "CN=Root"\n  ]'
        in (command("good.p7s content --root root.pem --json")[1])
    )


MARKED = {
    "good.p7s content --root root.pem": "cms",
    "good.p7s content --key code.pem": "cms",
    "good.jar --root root.pem": "jar",
    "root.jar --key root.pem": "jar",
}


@pytest.mark.parametrize("line", MARKED)
def test_a_key_that_anybody_can_make(
    command: Command, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a seeded world verifies, and proves nothing, which is noted; also where it is that of
    the root, which certified another.
    """
    code, _, told = command(line, MARKED[line])
    assert (code, told) == (0, "")
    key = recognized_key(Path(line.rsplit(maxsplit=1)[-1]).read_bytes()).key
    assert isinstance(key, HssPublicKey)
    marked = key.key.identifier
    monkeypatch.setattr("seemachine.cli.verify_output.is_marked", lambda found: found == marked)
    code, _, told = command(line, MARKED[line])
    assert code == 0
    assert "INSECURE: the key is of a world for tests" in told
    assert "INSECURE" in command(f"{line} --json", MARKED[line])[1]


def test_a_certificate_that_is_named(command: Command) -> None:
    """Beside a message that has none."""
    code, out, _ = command("bare.p7s content --root root.pem")
    assert (code, out) == (
        1,
        "NOT VERIFIED: the certificate of its signer is neither in it nor named with"
        " --certificate\n",
    )
    assert command("bare.p7s content --root root.pem --certificate code.pem")[0] == 0
    assert command("bare.p7s content --root root.pem --certificate root.pem")[0] == 1


def test_readers_that_do_not_agree(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two read a certificate; were its key another to one of them, nothing would be believed."""
    other = issuers.SubjectKey.of(LmsSigner.made().key.encode())
    monkeypatch.setattr(issuers, "key_of", lambda _certificate: other)
    code, out, _ = command("good.p7s content --root code.pem")
    assert code == 1
    assert "the certificate of CN=Code has a key that is neither LMS nor ML-DSA" in out


def test_a_purpose(command: Command) -> None:
    """The signer's certificate has it, or not; that of a root says nothing of purposes."""
    good = "good.p7s content --root root.pem --purpose codeSigning"
    assert command(good)[0] == 0
    code, out, _ = command(f"{good} --purpose serverAuth")
    assert (code, out) == (1, "NOT VERIFIED: the certificate of CN=Code is not for serverAuth\n")
    told = command("root.jar --root signer.pem --purpose 1.2.3", "jar")
    assert told[:2] == (1, "NOT VERIFIED: the certificate of CN=Signer is not for 1.2.3\n")
    assert "'sign' is not a purpose" in command(f"{good} --purpose sign")[2]


def test_signers_of_a_jar_with_very_many_certificates(folder: Path) -> None:
    """Of each signer a hundred, of all together no more: to read one takes milliseconds."""
    options = argparse.Namespace(root=[folder / "root.pem"], certificate=[], crl=[], purpose=[])
    some, more = (
        SimpleNamespace(signers=(), certificates=[bytes([0x30, 2, 5, each]) for each in numbers])
        for numbers in (range(100), range(99, 101))
    )
    with pytest.raises(StatusError, match="the certificate of its signer is neither in it"):
        cms_trust.signer([some, some], options)
    with pytest.raises(CmsError, match="its signers have more than 100 certificates together"):
        cms_trust.signer([some, more], options)


def test_a_jar(command: Command) -> None:
    """By the certificate of any of its signers; another root, and a revoked one, are found."""
    for name in ("good.jar", "both.jar"):
        code, out, _ = command(f"{name} --root root.pem --crl root.crl", "jar")
        assert (code, out) == (
            0,
            f"{name}: verified, 1 entry\nsigned by CN=Code, certified by CN=Root\n",
        )
    code, out, _ = command("both.jar --root signer.pem", "jar")
    assert (code, "signed by CN=Signer, which is a root itself" in out) == (0, True)
    for words in ("--root other.pem", "--root root.pem --crl revoked.crl"):
        code, out, told = command(f"good.jar {words}", "jar")
        assert (code, out.startswith("NOT VERIFIED: "), told) == (1, True, "")
    assert '"path": null' in command("good.jar --root other.pem --json", "jar")[1]
    assert command("a.jar --root root.pem", "jar")[0] == 1


NOT_VERIFIED = {
    "good.p7s content --root other.pem": "no root that is trusted leads to the certificate of",
    "good.p7s content --root root.pem --crl revoked.crl": "CN=Code was revoked on",
    "good.p7s changed --root root.pem": "the content is not the one that was signed",
    "flipped.p7s content --root root.pem": "",
    "key.p7s content --root root.pem": "the certificate of its signer is neither in it",
    # Its identifier is that of the key, which both certificates have.
    "key.p7s content --root root.pem --certificate lists.pem": "is not for messages",
}


@pytest.mark.parametrize("line", NOT_VERIFIED)
def test_what_is_not_believed(command: Command, line: str) -> None:
    """Exit code 1, why, and in the document neither a path nor a signer."""
    code, out, told = command(line)
    assert (code, told) == (1, "")
    assert out.startswith("NOT VERIFIED: ")
    assert NOT_VERIFIED[line] in out
    document = command(f"{line} --json")[1]
    assert '"path": null' in document
    assert '"signer": null' in document


def test_the_certificate_of_the_key_by_its_identifier(command: Command) -> None:
    """A message that names its signer so has as many as there are of the key."""
    line = "key.p7s content --root root.pem --certificate lists.pem --certificate code.pem"
    assert command(line)[0] == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("good.p7s content", 2, "one of the arguments --key --root is required"),
        ("good.p7s content --key code.pem --root root.pem", 2, "not allowed with argument"),
        ("good.p7s content --key code.pem --crl root.crl", 2, "are for --root"),
        ("good.p7s content --root content", 2, "content is not a certificate"),
        ("good.p7s content --root nosuch", 2, "nosuch: No such file"),
        ("good.p7s content --root root.pem --crl root.pem", 2, "root.pem is not a revocation list"),
        ("- content --root -", 2, "standard input can be one thing"),
        ("good.p7s --root root.pem --out root.pem --force", 2, "root.pem is what is read"),
        ("good.p7s --key code.pem --out code.pem --force", 2, "code.pem is what is read"),
    ],
)
def test_what_can_not_be_looked_at(command: Command, line: str, code: int, said: str) -> None:
    """Exit code 2, for nothing was judged."""
    found, out, told = command(line)
    assert (found, out) == (code, "")
    assert said in told
