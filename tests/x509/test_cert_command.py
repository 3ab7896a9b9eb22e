"""`seemachine cert`: what it makes, says, asks and refuses; and which leaves it takes."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kit.flips import flipped_at
from kit.taken_leaves import since_last
from kit.typed import Command, at, done, pipe_in, typed

from seemachine import testing
from seemachine.cli import leaves as leaves_of
from seemachine.cli.answer import Refused
from seemachine.testing import BlockingFleet
from seemachine.x509 import asn1
from seemachine.x509.profile import Profile

ROOT = "cert root root --subject CN=Root,O=Example --out"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingFleet]:
    """A machine with a key."""
    with testing.fleet() as made, at(tmp_path_factory.mktemp("cert"), made):
        made.generate_lms("root", lms="sha256_m24_h10", lmots="sha256_n24_w4")
        yield made


@pytest.fixture
def leaves(fleet: BlockingFleet) -> Callable[[], int]:
    """How many were taken since the last call."""
    return since_last(fleet, "root")


@pytest.fixture
def command(fleet: BlockingFleet, capsys: Any, tmp_path: Path) -> Command:
    """Runs one in a folder of its own; exit code, standard output, standard error."""
    del fleet
    os.chdir(tmp_path)
    return partial(typed, capsys=capsys)


def test_a_ca_from_root_to_list(command: Command, leaves: Callable[[], int]) -> None:
    """Four documents, four leaves; each is shown, and its signature is right."""
    done(command(f"{ROOT} root.pem --yes"))
    done(command("cert request root --subject CN=End --name a.example --out end.csr --yes"))
    issue = "cert issue root end.csr --issuer root.pem --out end.pem --as-asked"
    assert "names        a.example" in done(command(f"{issue} --purpose codeSigning --yes"))
    crl = "cert crl root --issuer root.pem --yes --form der"
    done(command(f"{crl} --revoke end.pem=keyCompromise --out a.crl"))
    after = done(command(f"{crl} --after a.crl --revoke 0b:ad --out b.crl"))
    assert "number       2" in after
    assert after.splitlines()[-1] == "b.crl"
    assert leaves() == 5
    assert "key          LMS sha256_m24_h10 sha256_n24_w4" in done(command("cert show end.csr"))
    shown = done(command("cert show root.pem end.csr end.pem a.crl b.crl --issuer root.pem"))
    assert shown.count("signature    good") == 5
    assert shown.count("keyCompromise") == 2
    assert shown.count("key          LMS") == 3
    assert "signature    unchecked" in done(command("cert show end.pem"))


def test_it_says_how_many_leaves_it_takes_and_asks(
    command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal it wants --yes; on one, a yes. Nothing is signed before."""
    code, out, told = command(f"{ROOT} a.pem")
    assert (code, out) == (2, "")
    assert "  subject      CN=Root,O=Example" in told
    assert "the certificate takes 1 of the 10" in told
    assert "nobody can be asked before" in told
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, wanted, taken in (("\n", 1, 0), ("no\n", 1, 0), ("y\n", 0, 1)):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer, raising=False)
        code, _, told = command(f"{ROOT} a.pem")
        assert (code, leaves(), Path("a.pem").exists()) == (wanted, taken, bool(taken))
        assert "Go on? [y/N]" in told


REFUSED = {
    "--out there.pem": "there.pem is there already; replace it with --force",
    "--out nosuch/a.pem": "there is no folder nosuch; make it first",
    "--out .": ". is a folder; name a file",
    "--out a.pem --usage keyAgreement": "key usage keyAgreement can't be in",
    "--out a.pem --subject XX=a": "'XX' is not a part of a name; use CN, L",
    "--out a.pem --name a_b": "is neither an address, a URI",
    "--out a.pem --subject DC=ü": "has letters that this part of a name can't have",
    "--out - --json": "--json has standard output; name a file with --out",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_takes_no_leaf(
    words: str, command: Command, leaves: Callable[[], int]
) -> None:
    """Of a root."""
    Path("there.pem").write_text("precious")
    code, _, told = command(f"cert root root --subject CN=a --yes {words}")
    assert code in (1, 2)
    assert REFUSED[words] in told
    assert leaves() == 0
    assert Path("there.pem").read_text() == "precious"


def test_what_is_read_is_not_written_over(command: Command, leaves: Callable[[], int]) -> None:
    """Not with --force either."""
    done(command(f"{ROOT} root.pem --yes"))
    kept = Path("root.pem").read_bytes()
    leaves()
    told = command("cert crl root --issuer root.pem --out ./root.pem --yes --force")
    assert "root.pem is what is read" in told[2]
    assert (leaves(), Path("root.pem").read_bytes()) == (0, kept)


def test_a_wrong_issuer_takes_no_leaf(command: Command, leaves: Callable[[], int]) -> None:
    """A request where a certificate is wanted, a file of something else, or none."""
    done(command("cert request root --subject CN=a --out a.csr --yes"))
    Path("text").write_text("text")
    leaves()
    for name, said in (("a.csr", "is not a certificate"), ("text", "is not a certificate")):
        told = command(f"cert issue root a.csr --issuer {name} --out a.pem --yes")
        assert f"{name} {said}" in told[2]
    told = command("cert issue root a.csr --issuer nosuch --out a.pem --yes")
    assert "nosuch: No such file" in told[2]
    told = command("cert crl root --issuer a.csr --revoke x --out a.crl --yes")
    assert "a.csr is not a certificate" in told[2]
    assert leaves() == 0


def test_what_an_issuer_can_not_wish(command: Command, leaves: Callable[[], int]) -> None:
    """Places where no list can be, an empty subject; and what would revoke another certificate
    than is meant.
    """
    done(command(f"{ROOT} root.pem --yes"))
    done(command("cert request root --subject CN=a --out a.csr --yes"))
    Path("cafe").write_bytes(Path("root.pem").read_bytes())
    leaves()
    issue, crl = "cert issue root a.csr", "cert crl root"
    refused = {
        f"{issue} --crl-url ä": "is not where a list can be",
        f"{issue} --subject=": "the name is empty",
        f"{crl} --revoke=": "--revoke takes a serial number or the file",
        f"{crl} --revoke==superseded": "--revoke takes a serial number or the file",
        f"{crl} --revoke cafe": "write ./cafe for the file, 0cafe for the number",
        f"{crl} --revoke 0": "0 is not a serial number",
    }
    for line, sentence in refused.items():
        code, _, told = command(f"{line} --issuer root.pem --out made --yes")
        assert (code, Path("made").exists()) == (2, False)
        assert sentence in told
    assert leaves() == 0
    told = done(command(f"{crl} --revoke ./cafe --issuer root.pem --out made --yes"))
    assert "revoked      cafe" not in told


def test_critical_extensions_of_an_issuer_are_told(
    command: Command, fleet: BlockingFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here applies them, so whoever issues hears of them before."""
    limits = x509.NameConstraints([x509.DNSName("a.example")], None)
    more, usual = asn1.extension(limits, critical=True), Profile.extensions
    with monkeypatch.context() as patch:
        patch.setattr(Profile, "extensions", lambda made, key: [*usual(made, key), more])
        done(command(f"{ROOT} root.pem --yes"))
    done(command("cert request root --subject CN=a --out a.csr --yes"))
    told = command("cert issue root a.csr --issuer root.pem --out a.pem --yes")[2]
    assert "the issuer's certificate has nameConstraints" in told


def test_what_a_request_asks_for(command: Command, leaves: Callable[[], int]) -> None:
    """Usages, purposes and names, which --as-asked takes over; a usage that the key can't have is
    refused before its leaf.
    """
    request = "cert request root --subject CN=a --yes --out a.csr"
    told = command(f"{request} --usage keyAgreement")[2]
    assert "key usage keyAgreement can't be in a certificate" in told
    assert leaves() == 0
    usages = "--usage digitalSignature --usage cRLSign"
    told = done(command(f"{request} {usages} --purpose codeSigning --name a.example"))
    assert "extensions   keyUsage, extendedKeyUsage, subjectAltName" in told
    done(command(f"{ROOT} root.pem --yes"))
    told = done(command("cert issue root a.csr --issuer root.pem --as-asked --out a.pem --yes"))
    for line in ("usages       digitalSignature, cRLSign", "purposes     codeSigning", "a.example"):
        assert line in told


def test_a_request_from_standard_input(
    command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As other tools pass it on; what was made goes through a pipe again."""
    done(command(f"{ROOT} root.pem --yes"))
    done(command("cert request root --subject CN=a --out a.csr --yes"))
    leaves()
    issue = "cert issue root - --out a.pem --yes --issuer"
    assert "standard input can be one thing" in command(f"{issue} -")[2]
    pipe_in(monkeypatch, Path("root.pem").read_bytes())
    told = command(f"{issue} root.pem")[2]
    assert "standard input is not a certificate signing request" in told
    assert leaves() == 0
    pipe_in(monkeypatch, Path("a.csr").read_bytes())
    done(command(f"{issue} root.pem"))
    pipe_in(monkeypatch, Path("a.pem").read_bytes())
    assert "signature    good" in done(command("cert show - --issuer root.pem"))
    assert "standard input can be one thing" in command("cert show - -")[2]


def test_a_list_is_not_forgotten(command: Command, leaves: Callable[[], int]) -> None:
    """Another list in its place takes it over; then it may have its name."""
    done(command(f"{ROOT} root.pem --yes"))
    crl = "cert crl root --issuer root.pem --out a.crl --yes"
    done(command(f"{crl} --revoke 5"))
    leaves()
    told = command(f"{crl} --force --revoke 6")
    assert "a.crl is a list already; the one after it takes --after a.crl" in told[2]
    assert leaves() == 0
    after = done(command(f"{crl} --force --after a.crl --revoke 6"))
    assert "number       2" in after
    assert after.count("revoked  ") == 2


def test_few_signatures_need_a_reason(command: Command, fleet: BlockingFleet) -> None:
    """The refusal names the option; no leaf is taken before."""
    key = fleet.generate_lms("few", **testing.QUICK)
    key.warn_at(1)
    key.sign_many([b"m"] * 31)
    line = "cert root few --subject CN=a --out a.pem --yes"
    code, _, told = command(f"{line} --force")
    assert code == 1
    assert "--acknowledge REASON" in told
    done(command(f"{line} --force --acknowledge last"))
    code, _, told = command(f"{line} --force")
    assert (code, "make another key" in told) == (1, True)


def test_what_is_public_is_for_whom_its_user_says(command: Command) -> None:
    """A certificate is no secret: its file has the mode that the umask leaves."""
    before = os.umask(0o022)
    try:
        done(command(f"{ROOT} a.pem --yes"))
    finally:
        os.umask(before)
    assert Path("a.pem").stat().st_mode & 0o777 == 0o644


def test_a_file_is_replaced_with_force(command: Command) -> None:
    """All of it."""
    done(command(f"{ROOT} a.pem --yes"))
    before = x509.load_pem_x509_certificate(Path("a.pem").read_bytes())
    done(command(f"{ROOT} a.pem --yes --force"))
    after = x509.load_pem_x509_certificate(Path("a.pem").read_bytes())
    assert before.serial_number != after.serial_number
    assert [each.name for each in Path().iterdir()] == ["a.pem"]


def test_a_terminal_takes_no_bytes(
    command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text it takes; to a pipe goes either."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    told = command(f"{ROOT} - --form der --yes")
    assert "binary output is not written to a terminal" in told[2]
    assert leaves() == 0
    assert done(command(f"{ROOT} - --yes")).startswith("-----BEGIN")


def test_fewer_leaves_than_are_needed(fleet: BlockingFleet) -> None:
    """Refused before the first is taken."""
    key = fleet.generate_lms("little", **testing.QUICK)
    with pytest.raises(Refused, match="has 32 signatures left here, and 33 are needed"):
        leaves_of.ask(key, 33, "a release", yes=True)
    leaves_of.ask(key, 32, "a release", yes=True)


def test_standard_output_has_the_certificate_alone(command: Command) -> None:
    """In PEM, for a pipe; what is said goes to standard error."""
    out = done(command(f"{ROOT} - --yes"))
    assert x509.load_pem_x509_certificate(out.encode()).subject.rfc4514_string() == (
        "CN=Root,O=Example"
    )
    assert out.startswith("-----BEGIN")
    assert out.endswith("-----END CERTIFICATE-----\n")


def test_a_pipe_that_has_a_name_takes_it(command: Command) -> None:
    """Such as /dev/stdout before a `|`: what its name stands for is nothing in a folder."""
    reading, writing = os.pipe()
    try:
        done(command(f"{ROOT} /dev/fd/{writing} --yes"))
        assert os.read(reading, 1 << 15).startswith(b"-----BEGIN CERTIFICATE-----")
    finally:
        os.close(reading)
        os.close(writing)


def test_form_and_format_are_one_option(command: Command) -> None:
    """Other commands have --format alone."""
    done(command(f"{ROOT} a.der --format der --yes"))
    assert Path("a.der").read_bytes().startswith(b"\x30")


def test_what_can_not_be_written_is_printed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leaf is spent; a full disk does not take the certificate too."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seeclient.files.written_aside", full)
    code, out, told = command(f"{ROOT} a.pem --yes")
    assert code == 1
    assert "a.pem: No space left on device; make room there; it is printed here" in told
    _, mark, rest = out.partition("-----BEGIN")
    assert x509.load_pem_x509_certificate((mark + rest).encode())
    assert not Path("a.pem").exists()


def test_a_file_that_somebody_makes_meanwhile_stays(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the question was open; the certificate is printed."""
    monkeypatch.setattr("seemachine.cli.leaves.ask", lambda *_, **__: Path("a.pem").write_text("x"))
    code, out, told = command(f"{ROOT} a.pem")
    assert (code, Path("a.pem").read_text()) == (1, "x")
    assert "a.pem: File exists" in told
    assert "-----BEGIN CERTIFICATE-----" in out
    assert [each.name for each in Path().iterdir()] == ["a.pem"]


def test_a_file_system_without_links(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file takes its name all the same."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    done(command(f"{ROOT} a.pem --yes"))
    assert [each.name for each in Path().iterdir()] == ["a.pem"]


def test_a_flipped_bit_is_shown(command: Command) -> None:
    """Exit code 1, and which file."""
    done(command(f"{ROOT} a.der --form der --yes"))
    data = Path("a.der").read_bytes()
    Path("b.der").write_bytes(flipped_at(data, -9))
    code, out, _ = command("cert show a.der b.der")
    assert code == 1
    assert out.count("signature    good") == out.count("signature    wrong") == 1
    assert command("cert show nosuch")[0] == 1
    Path("text").write_text("text")
    assert "has no certificate, request or revocation list" in command("cert show text")[2]


def test_words_of_others_stay_in_their_line(command: Command) -> None:
    """A request may have any name; a terminal gets no control characters of it."""
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\x1b[31m\n  signature    good")]
    )
    names = [
        x509.DNSName("a\x1b[2J"),
        x509.DirectoryName(name),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.4"), b"\x0c\x01a"),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    asking = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = asking.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    Path("a.csr").write_bytes(made.public_bytes(Encoding.PEM))
    out = done(command("cert show a.csr"))
    assert "\x1b" not in out
    assert out.count("\n  signature ") == 1
    assert "1.2.3, 1.2.4=0c0161" in out


def test_a_key_without_leaves_is_not_asked_about(command: Command, fleet: BlockingFleet) -> None:
    """An ML-DSA key signs as often as it is asked to."""
    fleet.generate_mldsa("pq")
    code, out, told = command("cert root pq --subject CN=PQ --out pq.pem")
    assert (code, "leaves" in told, "leaf" in out) == (0, False, False)


@pytest.mark.parametrize("name", ["cryptography", "pyasn1", "pyasn1_modules"])
def test_without_the_extra_it_says_what_to_install(name: str) -> None:
    """One advice, whichever package is missing first; a command that needs one names that."""
    from seemachine.cli.refusals import failure_of

    missing = ModuleNotFoundError(f"No module named {name!r}", name=name)
    told = failure_of(missing, "cert show").message
    package = name.replace("_", "-")
    advice = "install it with: pip install 'seemachine[formats]'"
    assert told == f"the package {package} is missing; {advice}"
    if name == "cryptography":
        assert failure_of(missing, "pki init").message.endswith("pip install cryptography")


def test_a_certificate_is_shown_once(
    command: Command, fleet: BlockingFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To whoever is asked before he answers, on standard error; else on standard output."""
    fleet.generate_mldsa("once")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    lines = {
        "asked": f"{ROOT} a.pem",
        "unasked": f"{ROOT} b.pem --yes",
        "without leaves": "cert root once --subject CN=Root,O=Example --out c.pem",
    }
    for name, line in lines.items():
        code, out, told = command(line)
        shown = [text.count("  subject      CN=Root,O=Example") for text in (told, out)]
        assert (code, shown) == (0, [1, 0] if name == "asked" else [0, 1])
    assert out.endswith("c.pem\n")


def test_a_key_that_anybody_can_make(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a seeded world: what is signed with it is noted, though the signature is good."""
    done(command(f"{ROOT} a.pem --yes"))
    assert "INSECURE" not in command("cert show a.pem")[2]
    monkeypatch.setattr("seemachine.cli.verify_output.is_marked", lambda _: True)
    code, out, told = command("cert show a.pem")
    assert (code, "signature    good" in out) == (0, True)
    assert "INSECURE: the key is of a world for tests" in told


@pytest.mark.parametrize("words", ["", " --json"])
def test_a_leaf_is_named_though_standard_output_is_full(
    words: str, command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard error has it, and the file that was written."""
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code, _, told = command(f"{ROOT} full.pem --yes{words}")
    assert (code, leaves(), Path("full.pem").exists()) == (1, 1, True)
    assert "signed with leaf " in told
    assert "full.pem\n" in told
    assert "standard output: No space left on device" in told


def test_a_leaf_that_is_lost_is_named(
    command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the certificate goes to standard output, which takes nothing."""
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code, _, told = command(f"{ROOT} - --yes")
    assert (code, leaves()) == (1, 1)
    assert (
        "No space left on device; make room there; the signature is lost, and so is leaf " in told
    )
