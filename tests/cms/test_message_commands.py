"""`seemachine cms`, `jar` and `cose`: what they make, say, ask and refuse, and which leaves they
take.
"""

import base64
import contextlib
import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.message_keys import LmsSigner, certificate
from kit.taken_leaves import since_last
from kit.typed import Command, at, done, pipe_in, typed
from seeclient import blocking

from seemachine import testing
from seemachine.cli import cms, out_files
from seemachine.cli.answer import Answer
from seemachine.cli.command import main
from seemachine.testing import BlockingFleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingFleet]:
    """A machine with a key for messages, an ML-DSA key, and a root that certifies the first."""
    folder = tmp_path_factory.mktemp("messages")
    with testing.fleet() as made, at(folder, made), pytest.MonkeyPatch.context() as patch:
        made.generate_lms("release", lms="sha256_m32_h5", lmots="sha256_n32_w4")
        made.generate_mldsa("lattice", "mldsa44")
        root = "cert root release --subject CN=Release --usage digitalSignature --out"
        assert main(f"{root} {folder}/release.pem --yes".split()) == 0
        for alias in ("release", "lattice"):
            (folder / f"{alias}.key").write_text(made.key(alias).public_key_pem)
        patch.setenv("KEYS", str(folder))
        yield made


@pytest.fixture
def command(fleet: BlockingFleet, capsys: Any, tmp_path: Path) -> Iterator[Command]:
    """Runs one in a folder of its own; exit code, standard output, standard error."""
    del fleet
    keys = os.environ["KEYS"]
    with contextlib.chdir(tmp_path):
        Path("content").write_bytes(b"firmware 1.0")
        with zipfile.ZipFile("a.jar", "w") as jar:
            jar.writestr("A.class", b"class")
        yield lambda line: typed(line.replace("KEYS", keys), capsys)


@pytest.fixture
def leaves(fleet: BlockingFleet) -> Callable[[], int]:
    """How many were taken since the last call."""
    return since_last(fleet, "release")


def test_cms(command: Command, leaves: Callable[[], int]) -> None:
    """Signed and verified, over what is said; one leaf each."""
    told = done(command("cms sign release content --certificate KEYS/release.pem --yes"))
    assert "content.p7s: signed with leaf" in told
    assert "over the DER of its signed attributes, which have the SHA-256 of the content" in told
    told = done(command("cms sign release content --attached --bare --format pem --yes"))
    assert "over the content itself" in told
    assert leaves() == 2
    assert Path("content.p7m").read_text().startswith("-----BEGIN CMS-----")
    for key in ("release.key", "release.pem"):
        verified = done(command(f"cms verify content.p7s content --key KEYS/{key}"))
        assert "content.p7s: verified; it names its signer by serial number" in verified
        assert "certificates in it were not judged" in verified
    done(command("cms verify content.p7m --key KEYS/release.key"))


def test_an_ml_dsa_key_is_not_asked_for(command: Command, leaves: Callable[[], int]) -> None:
    """It has no leaves to take."""
    told = command("cms sign lattice content")
    assert "signed with lattice" in done(told)
    assert told[2] == ""
    done(command("cose sign lattice content"))
    done(command("cms verify content.p7s content --key KEYS/lattice.key"))
    done(command("cose verify content.cose --key KEYS/lattice.key"))
    assert leaves() == 0


@pytest.mark.parametrize("line", ["cms verify m", "cose verify m", "jar verify a.jar"])
def test_an_alias_in_place_of_a_key(command: Command, line: str) -> None:
    """Who signed with it is told which command writes its public key."""
    done(command("cms sign lattice content --out m"))
    code, _, told = command(f"{line} --key lattice")
    assert code == 2
    assert told.endswith("seemachine key export lattice --out lattice.pem\n")


@pytest.mark.parametrize("room", ["cms", "cose"])
def test_verify_says_which_command_a_message_is_for(command: Command, room: str) -> None:
    """Its exit code is not that of a forged file, and the command that it names verifies it."""
    done(command(f"{room} sign lattice content --out made"))
    code, out, _ = command("verify --key KEYS/lattice.key --signature made content")
    assert code == 2
    advised = out.rpartition("verify it with: seemachine ")[2].strip()
    content = "content" if room == "cms" else ""
    done(command(f"{advised} made {content} --key KEYS/lattice.key"))


def test_a_content_that_was_changed_is_found(command: Command) -> None:
    """Exit code 1, and the document says it was found, not refused."""
    done(command("cms sign lattice content"))
    done(command("cose sign lattice content --detached"))
    Path("content").write_bytes(b"firmware 1.1")
    for line in ("cms verify content.p7s content", "cose verify content.cose content"):
        code, out, told = command(f"{line} --key KEYS/lattice.key")
        assert (code, out.partition(":")[0], told) == (1, "NOT VERIFIED", "")
        assert '"code": "found"' in command(f"{line} --key KEYS/lattice.key --json")[1]


def test_cose(command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With data that both sides know, and a type of content."""
    Path("device").write_bytes(b"device 7")
    done(
        command("cose sign lattice content --content-type text/plain;charset=utf-8 --key-id \udcff")
    )
    assert b"\x78\x18text/plain;charset=utf-8\xa1\x04\x41\xff" in Path("content.cose").read_bytes()
    options = "--force --detached --external device --content-type 42 --key-id k --untagged"
    assert "over the Sig_structure" in done(command(f"cose sign release content {options} --yes"))
    assert leaves() == 1
    verify = "cose verify content.cose content --key KEYS/release.key"
    told = "content.cose: verified, content type 42\n"
    assert done(command(f"{verify} --external device")) == told
    with monkeypatch.context() as patch:
        patch.setattr("seemachine.cli.verify_output.is_marked", lambda _: True)
        assert "INSECURE" in command(f"{verify} --external device")[2]
    assert command(verify)[0] == 1


def test_jar(command: Command, leaves: Callable[[], int]) -> None:
    """One leaf for all entries; a signer signs once, unless it has another name."""
    line = "jar sign release a.jar --certificate KEYS/release.pem --yes"
    assert "a-signed.jar: signed with leaf" in done(command(line))
    with zipfile.ZipFile("a-signed.jar") as found:
        assert "META-INF/RELEASE.DSA" in found.namelist()
    verify = "jar verify a-signed.jar --key KEYS/release.key"
    assert done(command(verify)) == "a-signed.jar: verified, 1 entry\n"
    again = command(line.replace("a.jar", "a-signed.jar"))[2]
    assert "it has a signer RELEASE already; name another with --name" in again
    assert leaves() == 1
    with zipfile.ZipFile("a-signed.jar", "a") as found:
        found.writestr("B.class", b"another")
    code, out, _ = command(verify)
    assert (code, out) == (1, "NOT VERIFIED: its entry B.class is not what was signed\n")
    code, out, told = command(verify.replace("a-signed", "a"))
    assert (code, out, told) == (
        1,
        "NOT VERIFIED: a.jar: it has no manifest, so it is not signed\n",
        "",
    )


@pytest.mark.parametrize("line", ["cms sign release content", "cose sign release content"])
def test_it_asks(
    command: Command, leaves: Callable[[], int], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal it wants --yes; on one, a yes."""
    code, _, told = command(line)
    assert (code, leaves()) == (2, 0)
    assert "the message takes 1 of the" in told
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    assert "nothing was signed" in command(line)[2]
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    done(command(line))
    assert leaves() == 1


REFUSED = {
    "cms sign release nosuch": "nosuch: No such file",
    "cms sign nosuch content": "nosuch",
    "cms sign release content --out there": "there is there already; replace it with --force",
    "cms sign release content --out content --force": "content is what is read",
    "cms sign release content --out no/p7s": "there is no folder no; make it first",
    "cms sign release content --certificate content": "content: it is not a certificate",
    "cms sign release content --certificate other.pem": "the certificate is of another key",
    "cms sign release content --certificate authority.pem": "neither digitalSignature nor",
    "cms sign release content --bare --content-type 1.2.3": "needs signed attributes",
    "cms sign release attributes --bare": "sign it with signed attributes",
    "cms sign release content --out - --json": "--json has standard output",
    "cms sign release content --content-type firmware": "takes an object identifier",
    "cms sign release content --content-type 1.99.1": "takes an object identifier",
    "cms sign release content --content-type 0.40": "takes an object identifier",
    "cose sign release content --content-type text": "takes a media type such as text/plain, or a",
    "cose sign release content --content-type=": "takes a media type such as text/plain, or a",
    "cose sign release content --content-type 65536": "or a number from 0 to 65535, not '65536'",
    "cose sign release content --content-type 9999999999999999999999": "or a number from 0 to",
    "cose sign release content --key-id=": "takes a text, not nothing",
    "jar sign release content --certificate KEYS/release.pem": "it is not a JAR that can be read",
    "jar sign release a.jar": "the following arguments are required: --certificate",
    "jar sign release a.jar --certificate KEYS/release.pem --name a.b": "is not the name of a",
    "cose sign release content --external nosuch": "nosuch: No such file",
    "cose sign release . ": "Is a directory",
    "cms sign release /dev/zero": "/dev/zero has more than 64 MiB",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused_takes_no_leaf(
    line: str, command: Command, leaves: Callable[[], int]
) -> None:
    """And writes nothing."""
    Path("there").write_text("precious")
    Path("other.pem").write_bytes(certificate(LmsSigner.made("sha256_m24_h5", "sha256_n24_w2")))
    Path("authority.pem").write_bytes(authority())
    Path("attributes").write_bytes(
        bytes.fromhex("312e301806092a864886f70d010903310b06092a864886f70d010701")
        + bytes.fromhex("301206092a864886f70d01090431050403616263")
    )
    before = sorted(Path().iterdir())
    code, _, told = command(f"{line} --yes")
    assert code in (1, 2)
    assert REFUSED[line] in told
    assert leaves() == 0
    assert sorted(Path().iterdir()) == before
    assert Path("there").read_text() == "precious"


def authority() -> bytes:
    """A certificate of the key that is for certificates alone."""
    from seemachine.cms import certificates

    own, _ = cms.certificates([Path(os.environ["KEYS"]) / "release.pem"])
    assert own is not None
    data = own.data.replace(b"\x03\x02\x07\x80", b"\x03\x02\x02\x04")
    assert certificates.read(data).for_messages is False
    return data


def test_a_message_that_can_not_be_written_is_printed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leaf is spent; it verifies once it is put into a file by hand."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(out_files.OutFile, "_write", full)
    code, out, told = command("cose sign release content --yes")
    assert code == 1
    assert "No space left on device; make room there; it is printed here in base64" in told
    monkeypatch.undo()
    Path("saved").write_bytes(base64.b64decode(out.split()[0]))
    done(command("cose verify saved --key KEYS/release.key"))


@pytest.mark.parametrize("package", ["pyasn1", "pyasn1_modules"])
@pytest.mark.parametrize("line", ["cms sign release content", "jar sign release a.jar"])
def test_without_the_extra(
    command: Command,
    leaves: Callable[[], int],
    line: str,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The refusal names what to install, before a leaf is taken. COSE needs nothing of it."""
    for name in [
        name for name in sys.modules if name.startswith(("seemachine.cms", "seemachine.jar"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, told = command(f"{line} --certificate KEYS/release.pem --yes")
    assert code == 1
    advice = "is missing; install it with: pip install 'seemachine[formats]'"
    assert advice in told
    for verify in ("cms verify m content --key KEYS/release.key", "jar verify a.jar --root m"):
        code, _, told = command(verify)
        assert (code, advice in told) == (2, True)
    assert leaves() == 0
    done(command("cose sign lattice content"))


UNREADABLE = [
    "cms verify nosuch content --key KEYS/release.key",
    "cms verify content.p7s nosuch --key KEYS/release.key",
    "cms verify content.p7s content --key nosuch",
    "cms verify content.p7s content --key content",
    "cms verify content.p7s . --key KEYS/lattice.key",
    "cose verify nosuch content --key KEYS/release.key",
    "cose verify content.cose nosuch --key KEYS/release.key",
    "cose verify content.cose content --key KEYS/lattice.key --external nosuch",
    "jar verify nosuch --key KEYS/release.key",
    "jar verify a.jar --key nosuch",
]


@pytest.mark.parametrize("line", UNREADABLE)
def test_what_can_not_be_read_is_not_said_to_be_wrong(command: Command, line: str) -> None:
    """Exit code 2, as of `seemachine verify`: 1 is a signature that is not good."""
    done(command("cms sign lattice content"))
    done(command("cose sign lattice content --detached"))
    code, out, told = command(line)
    assert (code, out) == (2, "")
    assert told
    assert '"exit_code": 2' in command(f"{line} --json")[1]


ILL_NAMED = {
    "cms verify content.p7s --key KEYS/lattice.key": "is detached; name the file with its content",
    "cms verify content.p7m content --key KEYS/lattice.key": "has its content in it; leave out con",
    "cose verify apart --key KEYS/lattice.key": "apart is detached; name the file with its payload",
    "cose verify content.cose nosuch --key KEYS/lattice.key": "has its payload in it; leave out no",
}


@pytest.mark.parametrize("line", ILL_NAMED)
def test_a_content_that_is_not_named_or_named_twice(command: Command, line: str) -> None:
    """Nothing is judged, so nothing is called wrong: the command line is invalid."""
    done(command("cms sign lattice content"))
    done(command("cms sign lattice content --attached"))
    done(command("cose sign lattice content"))
    done(command("cose sign lattice content --detached --out apart"))
    code, out, told = command(line)
    assert (code, out) == (2, "")
    assert ILL_NAMED[line] in told
    assert '"verified"' not in command(f"{line} --json")[1]


def test_a_content_that_can_not_be_read_to_its_end(command: Command) -> None:
    """As of a disk that fails: the message may be good, which exit code 1 would deny."""
    done(command("cms sign lattice content"))
    code, out, told = command("cms verify content.p7s /proc/self/mem --key KEYS/lattice.key")
    assert (code, out) == (2, "")
    assert "/proc/self/mem: Input/output error" in told


@pytest.mark.parametrize("line", ["cms verify content.p7s content", "cose verify content.cose"])
def test_a_verdict_that_nobody_gets_is_not_that_of_a_forgery(
    command: Command, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 where standard output is full, or closed."""
    done(command("cms sign lattice content"))
    done(command("cose sign lattice content"))
    for name in ("/dev/full", "pipe"):
        if name == "pipe":
            reading, writing = os.pipe()
            os.close(reading)
        with open(writing if name == "pipe" else name, "w") as closed:  # noqa: PTH123
            monkeypatch.setattr(sys, "stdout", closed)
            code = main(f"{line} --key {os.environ['KEYS']}/lattice.key".split())
            monkeypatch.undo()
        assert code == 2


@pytest.mark.parametrize("verb", ["cms", "cose"])
def test_standard_input(command: Command, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be signed, and be the message or the content that is verified."""
    detached = "--detached" if verb == "cose" else ""
    pipe_in(monkeypatch, b"piped")
    done(command(f"{verb} sign lattice - --out m {detached}"))
    verify = f"{verb} verify m - --key KEYS/lattice.key"
    pipe_in(monkeypatch, b"piped")
    assert "m: verified" in done(command(verify))
    pipe_in(monkeypatch, b"other")
    assert command(verify)[0] == 1
    Path("piped").write_bytes(b"piped")
    pipe_in(monkeypatch, Path("m").read_bytes())
    told = done(command(f"{verb} verify - piped --key KEYS/lattice.key"))
    assert "standard input: verified" in told
    pipe_in(monkeypatch, b"\xffno message")
    told = command(f"{verb} verify - piped --key KEYS/lattice.key")
    assert (told[0], "NOT VERIFIED: standard input: " in told[1]) == (1, True)
    Path("none").write_bytes(b"\xffno message")
    _, out, told = command(f"{verb} verify none piped --key KEYS/lattice.key --json")
    assert ('"verified": false' in out, '"code": "found"' in out, told) == (True, True, "")


def test_a_jar_from_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is signed and verified as one in a file."""
    pipe_in(monkeypatch, Path("a.jar").read_bytes())
    done(command("jar sign release - --certificate KEYS/release.pem --yes --out s.jar"))
    pipe_in(monkeypatch, Path("s.jar").read_bytes())
    told = done(command("jar verify - --key KEYS/release.key"))
    assert told == "standard input: verified, 1 entry\n"


@pytest.mark.parametrize(
    ("sign", "verify"),
    [
        ("cms sign lattice content --attached --out m", "cms verify m --key KEYS/lattice.key"),
        ("cose sign lattice content --out m", "cose verify m --key KEYS/lattice.key"),
    ],
)
def test_what_is_in_a_message(
    command: Command, sign: str, verify: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written once it is verified, alone to standard output, and not before."""
    done(command(sign))
    assert ": verified" in done(command(f"{verify} --out found"))
    assert Path("found").read_bytes() == b"firmware 1.0"
    assert "found is there already; replace it with --force" in command(f"{verify} --out found")[2]
    assert '"out": "found"' in done(command(f"{verify} --out found --force --json"))
    assert "m is what is read" in command(f"{verify} --out m --force")[2]
    written = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(written, write_through=True))
        assert main([*verify.replace("KEYS", os.environ["KEYS"]).split(), "--out", "-"]) == 0
        assert written.getvalue() == b"firmware 1.0"
    damaged = Path("m").read_bytes().replace(b"firmware 1.0", b"firmware 1.1")
    Path("m").write_bytes(damaged)
    code, out, _ = command(f"{verify} --out other")
    assert (code, out.partition(":")[0], Path("other").exists()) == (1, "NOT VERIFIED", False)


def test_what_is_in_a_message_can_not_be_written(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is detached, or the disk is full; exit code 2, for the message may be good."""
    done(command("cose sign lattice content --detached --out m"))
    verify = "cose verify m content --key KEYS/lattice.key --out found"
    code, out, told = command(verify)
    assert (code, out) == (2, "")
    assert "m is detached, so there is no payload for --out to write" in told
    done(command("cose sign lattice content --out m --force"))
    monkeypatch.setattr(out_files.OutFile, "put", lambda *_: "found: No space left on device")
    code, _, told = command(verify.replace("content ", ""))
    assert (code, Path("found").exists()) == (2, False)
    assert "it is verified, but could not be written: found: No space left on device" in told


def test_the_key_from_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all three, as of `seemachine verify`; what is no key is refused by the same name."""
    done(command("cms sign lattice content"))
    done(command("cose sign lattice content"))
    done(command("jar sign release a.jar --certificate KEYS/release.pem --yes"))
    verify = {
        "cms verify content.p7s content": "lattice.key",
        "cose verify content.cose": "lattice.key",
        "jar verify a-signed.jar": "release.pem",
    }
    for line, key in verify.items():
        pipe_in(monkeypatch, (Path(os.environ["KEYS"]) / key).read_bytes())
        assert "verified" in done(command(f"{line} --key -"))
        pipe_in(monkeypatch, b"no key")
        code, out, told = command(f"{line} --key -")
        assert (code, out) == (2, "")
        assert "standard input is not an LMS, HSS or ML-DSA public key" in told


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("cms verify - content --key -", "standard input can be one thing"),
        ("jar verify - --key -", "standard input can be one thing"),
        ("cms sign release - --yes", "say with --out where it goes, - is standard output"),
        ("cose sign release - --yes", "say with --out where it goes, - is standard output"),
        ("cose sign release - --out m --external - --yes", "standard input can be one thing"),
        ("cms verify - - --key KEYS/release.key", "standard input can be one thing"),
    ],
)
def test_standard_input_is_one_thing_with_a_name(
    command: Command, leaves: Callable[[], int], line: str, sentence: str
) -> None:
    """Refused before it is read."""
    code, _, told = command(line)
    assert (code, leaves()) == (2, 0)
    assert sentence in told
    assert not list(Path().glob("-*"))


INTERRUPTED = [
    "cms sign release content",
    "cose sign release content",
    "jar sign release a.jar --certificate KEYS/release.pem",
    "cert root release --subject CN=R --out r.pem",
]


@pytest.mark.parametrize("line", INTERRUPTED)
def test_ctrl_c_says_that_a_leaf_may_be_gone(
    command: Command, leaves: Callable[[], int], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the request went out; what to do, too."""
    signs = blocking.Key.sign_with

    def broken(*words: Any, **options: Any) -> None:
        signs(*words, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(blocking.Key, "sign_with", broken)
    code, out, told = command(f"{line} --yes")
    assert (code, out, leaves()) == (130, "", 1)
    assert "a leaf of release may be gone; if nothing was written, give the same command" in told


@pytest.mark.parametrize("line", INTERRUPTED)
def test_what_is_signed_is_written_before_it_is_told(
    command: Command, leaves: Callable[[], int], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody reads what is printed, as before `| head`, the leaf has not gone for nothing."""

    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    before = set(Path().iterdir())
    monkeypatch.setattr(Answer, "say", closed)
    command(f"{line} --yes")
    assert leaves() == 1
    [made] = set(Path().iterdir()) - before
    assert made.stat().st_size > 1000


def test_ctrl_c_while_it_is_asked_says_nothing_of_leaves(
    command: Command, leaves: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is gone yet; nor is one with a key that has none."""

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", broken, raising=False)
    code, _, told = command("cms sign release content")
    assert (code, leaves()) == (130, 0)
    assert "may be gone" not in told
    monkeypatch.setattr(blocking.Key, "sign_with", broken)
    assert "may be gone" not in command("cms sign lattice content")[2]


def test_a_message_goes_to_a_pipe(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """As bytes, alone; a terminal gets none."""
    made = io.BytesIO()
    pipe = io.TextIOWrapper(made)
    monkeypatch.setattr(sys, "stdout", pipe)
    code = main(["cms", "sign", "lattice", "content", "--out", "-"])
    monkeypatch.undo()
    assert code == 0
    Path("m").write_bytes(made.getvalue())
    done(command("cms verify m content --key KEYS/lattice.key"))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    refusal = command("cms sign lattice content --out -")[2]
    assert "binary output is not written to a terminal" in refusal


def test_leaves_that_need_a_reason(command: Command, fleet: BlockingFleet) -> None:
    """--acknowledge gives it; without, nothing is signed. The last test: it can't be undone."""
    fleet.key("release").warn_at(32)
    line = "cose sign release content --yes"
    code, _, told = command(line)
    assert code == 1
    assert "acknowledge" in told
    done(command(f"{line} --acknowledge urgent"))


@pytest.mark.parametrize("words", ["--out made", "--out made --json", "--out -"])
def test_what_is_signed_is_said_though_standard_output_is_full(
    command: Command, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, with the file, or that it is lost."""
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code, _, told = command(f"cms sign lattice content --by-key --yes {words}")
    lost = words == "--out -"
    assert (code, Path("made").exists()) == (1, not lost)
    assert ("the signature is lost" if lost else "made: signed with lattice on ") in told
    assert "standard output: No space left on device" in told
