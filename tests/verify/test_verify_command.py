"""seemachine verify: what it says, where signatures are looked for, and its exit codes."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import seeclient
from kit import processes
from kit.message_keys import LmsSigner, certificate
from vectors.published import cases

from seemachine.chance.mark import MARK
from seemachine.cli.command import main
from seemachine.encodings.forms import recognized_key, write_key
from seemachine.encodings.readings import armored
from seemachine.signing_files import manifests
from seemachine.testing import make_key

TWO, ONE = cases("rfc")[0], cases("rfc")[2]
# How SignedData and COSE_Sign1 begin, in front of whatever is in them.
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
LONG = 1 << 18
MESSAGES = {
    "der": b"\x30\x82\x0b\xb8" + SIGNED_DATA + bytes(3000),
    "ber": b"\x30\x80" + SIGNED_DATA + bytes(3000),
    "pem": armored(b"\x30\x82\x0b\xb8" + SIGNED_DATA + bytes(3000), "CMS").encode(),
    "long": b"\x30\x83\x04\x93\xe0" + SIGNED_DATA + bytes(300_000),
    "too long": b"\x30\x83\x1e\x84\x80" + SIGNED_DATA + bytes(2_000_000),
    "cose": bytes.fromhex("d28443a10138") + bytes(3000),
    "untagged": bytes.fromhex("845825a20138") + bytes(3000),
}


class Shell:
    """Commands in a folder of their own."""

    def __init__(self, capture):
        self._capture = capture

    def verify(self, *words, code=0):
        """A command with this exit code: what it says, and to standard error."""
        assert main(["verify", *map(str, words)]) == code
        out, err = self._capture.readouterr()
        self.err = err.decode()
        return out.decode()

    def json(self, *words, code=0):
        """The document."""
        return json.loads(self.verify("--json", *words, code=code))


@pytest.fixture
def shell(tmp_path, monkeypatch, capsysbinary):
    """With the key `k`, the file `m` and its signature of two levels, `m.sig`; no world."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    put(TWO, "k", "m", "m.sig")
    return Shell(capsysbinary)


def put(case, key, message, signature):
    """The files of a published case."""
    for name, part in ((key, "public_key"), (message, "message"), (signature, "signature")):
        Path(name).write_bytes(bytes.fromhex(case[part]))


def standard_input(monkeypatch, data):
    """What comes from a pipe."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


class TestVerified:
    """Exit code 0."""

    def test_it_says_what_they_are(self, shell):
        """The key, and the signature beside the file; no world is made."""
        sets = "sha256_m32_h5 sha256_n32_w8"
        assert shell.verify("--key", "k", "m") == (
            f"k: public key of HSS with 2 levels, {sets}, as hss\n"
            f"m: verified: m.sig is a signature of HSS with 2 levels, {sets}, leaf 10, as hss\n"
        )
        assert not Path("world").exists()

    @pytest.mark.parametrize("given", [["-", "m.sig", "m"], ["k", "-", "m"], ["k", "m.sig", "-"]])
    def test_standard_input(self, shell, monkeypatch, given):
        """As key, signature or file."""
        place = ("k", "m.sig", "m")[given.index("-")]
        standard_input(monkeypatch, Path(place).read_bytes())
        key, signature, file = given
        told = shell.json("--key", key, "--signature", signature, file)
        assert told["verified"]
        assert "standard input" in (
            told["key"]["file"],
            told["files"][0]["signature"],
            told["files"][0]["file"],
        )

    def test_a_named_pipe(self, shell):
        """It is read once, and not kept."""
        os.mkfifo("pipe")
        data = Path("m").read_bytes()
        writer = threading.Thread(target=lambda: Path("pipe").write_bytes(data))
        writer.start()
        assert "pipe: verified" in shell.verify("--key", "k", "--signature", "m.sig", "pipe")
        writer.join()

    def test_a_folder_of_signatures(self, shell):
        """Below it as below the current folder, or under the bare name; of several suffixes."""
        Path("a").mkdir()
        Path("sigs/a").mkdir(parents=True)
        put(TWO, "k", "a/m", "sigs/a/m.b64")
        put(TWO, "k", "n", "sigs/n.json")
        words = ("--key", "k", "--signature", "sigs", "a/m", "n", Path("n").resolve())
        assert [each["signature"] for each in shell.json(*words)["files"]] == [
            "sigs/a/m.b64",
            "sigs/n.json",
            "sigs/n.json",
        ]

    def test_a_folder_of_files(self, shell):
        """All that is in it, and nothing beside what is verified."""
        for name in ("a/m", "b"):
            Path("files", name).parent.mkdir(parents=True, exist_ok=True)
            Path("sigs", name).parent.mkdir(parents=True, exist_ok=True)
            put(TWO, "k", f"files/{name}", f"sigs/{name}.sig")
        words = ("--key", "k", "--signature", "sigs", "files")
        assert [each["file"] for each in shell.json(*words)["files"]] == ["files/b", "files/a/m"]
        Path("files/new").write_bytes(b"")
        said = shell.verify(*words, code=2)
        assert "files/new: NO SIGNATURE: there is no sigs/new.sig, nor" in said
        Path("files/new").unlink()
        Path("files/link").symlink_to("b")
        assert "files/link: skipped, it is a link to b" in shell.verify(*words)
        Path("files/link").unlink()
        Path("files/link").symlink_to("../sigs/b.sig")
        shell.verify(*words, code=2)
        assert "files/link is a link, which is not verified; take it out of files" in shell.err

    def test_a_list_without_end(self, shell, monkeypatch):
        """It is not read for longer than a list may be."""
        monkeypatch.setattr(manifests, "MOST_BYTES", 2 << 20)

        class Endless(io.RawIOBase):
            left = 3 << 20

            def readable(self):
                return True

            def readinto(self, into):
                self.left -= len(into)
                assert self.left > 0, "it goes on reading"
                into[:] = b"0" * len(into)
                return len(into)

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
        shell.verify("--key", "k", "--manifest", "-", code=2)
        assert "standard input has more than 2 MiB, which no list of digests has" in shell.err

    def test_how_many(self, shell):
        """Of several files it is said at the end, of one it is not."""
        said = shell.verify("--key", "k", "--signature", ".", "m", "./m")
        assert said.endswith("\n2 of 2 verified\n")
        assert "of 1" not in shell.verify("--key", "k", "m")

    def test_a_list(self, shell, monkeypatch):
        """Files and digests as they are listed; where one differs, the signature does not help."""
        digest = hashlib.sha256(Path("m").read_bytes()).hexdigest()
        Path("list").write_text(f"{digest}  m\n")
        assert shell.json("--key", "k", "--manifest", "list")["verified"]
        standard_input(monkeypatch, f"{digest} *m\n".encode())
        assert shell.json("--key", "k", "--manifest", "-")["verified"]
        Path("list").write_text(f"{digest[::-1]}  m\n")
        [row] = shell.json("--key", "k", "--manifest", "list", code=1)["files"]
        assert row["why"] == "not-as-listed"
        assert "m has another SHA-256 than the list states" in row["sentence"]
        Path("list").write_text(f"{digest}  .\n")
        assert ".: UNREADABLE: .: Is a directory" in shell.verify(
            "--key", "k", "--manifest", "list", code=2
        )
        Path("list").write_text("")
        shell.verify("--key", "k", "--manifest", "list", code=2)
        assert "list lists no files" in shell.err

    @pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
    def test_over_a_digest(self, shell, digest):
        """With --digest it is verified; without, the line says which it is over."""
        signer = LmsSigner.made()
        Path("lms").write_bytes(write_key(signer.key, "pem"))
        Path("m.sig").write_bytes(signer.sign(hashlib.new(digest, Path("m").read_bytes()).digest()))
        assert shell.json("--key", "lms", "--digest", digest, "m")["digest"] == digest
        assert f"m.sig is over the {digest} of the file" in shell.verify(
            "--key", "lms", "m", code=1
        )
        other = "sha256" if digest != "sha256" else "sha512"
        shell.verify("--key", "lms", "--digest", other, "m", code=1)

    def test_a_certificate(self, shell):
        """Its key counts, and it is said that nothing else of it was looked at."""
        signer = LmsSigner.made()
        Path("c.pem").write_text(armored(certificate(signer), "CERTIFICATE"))
        Path("m.sig").write_bytes(signer.sign(Path("m")))
        shell.verify("--key", "c.pem", "m")
        assert "the key is that of a certificate; its dates, and who signed it" in shell.err

    def test_an_insecure_key(self, shell):
        """It verifies, and everybody is told what that is worth."""
        made = make_key(random=lambda size: (MARK + bytes(8)) if size == 16 else os.urandom(size))
        signer = LmsSigner(recognized_key(made.public_key.encode()).key, made.lease(0))
        Path("lms").write_bytes(write_key(signer.key, "hss"))
        Path("m.sig").write_bytes(signer.sign(Path("m")))
        told = shell.json("--key", "lms", "m")
        assert told["key"]["insecure"]
        assert told["notes"] == [told["notes"][0]]
        assert "INSECURE" in told["notes"][0]
        assert "INSECURE: the key is of a world for tests" in shell.err
        assert not shell.json("--key", "k", "--signature", "m.sig", "m", code=1)["key"]["insecure"]


class TestNotVerified:
    """Exit code 1."""

    def test_another_message(self, shell):
        """In words, not in hashes."""
        Path("m").write_bytes(b"other")
        said = shell.verify("--key", "k", "m", code=1)
        assert said.endswith("m: NOT VERIFIED: m.sig is of another key, or over other bytes\n")
        assert shell.json("--key", "k", "m", code=1)["files"][0]["why"] == "not-verified"

    def test_other_levels(self, shell):
        """Both are said."""
        put(ONE, "one", "m", "m.sig")
        [row] = shell.json("--key", "k", "m", code=1)["files"]
        assert (row["why"], row["levels"]) == ("of-another-key", 1)
        assert row["sentence"] == "HSS: the signature has 1 level, the key 2 levels"

    def test_another_algorithm(self, shell):
        """Of a key of ML-DSA, and the other way round."""
        mldsa = next(each for each in cases("wycheproof_mldsa_verify") if each["valid"] is True)
        put(mldsa, "mldsa", "n", "n.sig")
        for key, file in (("mldsa", "m"), ("k", "n")):
            [row] = shell.json("--key", key, file, code=1)["files"]
            assert row["why"] == "of-another-key"
        assert row["sentence"] == "it is a signature of ML-DSA-44, as raw, and the key is of LMS"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "m.sig is not an LMS, HSS or ML-DSA signature"),
            (os.urandom(1 << 20), "m.sig is not an LMS, HSS or ML-DSA signature"),
            (os.urandom((1 << 20) + 1), "m.sig has more than 1048576 bytes"),
            (gzip.compress(bytes(100 << 20)), "m.sig is cut off, or damaged"),
            (bytes.fromhex(TWO["public_key"]), "m.sig is a public key, and not a signature"),
            (bytes.fromhex(TWO["signature"]) * 2, "m.sig is not an LMS signature"),
        ],
        ids=["empty", "garbage", "too large", "bomb", "key", "twice"],
    )
    def test_what_is_no_signature(self, shell, data, said):
        """The sentence says what it is instead, or what is wrong."""
        Path("m.sig").write_bytes(data)
        [row] = shell.json("--key", "k", "m", code=1)["files"]
        assert row["why"] == "signature-not-recognized"
        assert said in row["sentence"]

    def test_two_signatures_in_one_file(self, shell):
        """None of them is chosen."""
        blocks = [armored(bytes.fromhex(each["signature"]), "SIGNATURE") for each in (TWO, ONE)]
        Path("m.sig").write_text("".join(blocks))
        [row] = shell.json("--key", "k", "m", code=1)["files"]
        assert row["sentence"] == "m.sig holds 2 signatures; name a file that has one"

    def test_one_among_several(self, shell):
        """The others are verified all the same; what is wrong outweighs what is missing."""
        Path("n").write_bytes(b"other")
        Path("n.sig").write_bytes(Path("m.sig").read_bytes())
        said = shell.verify("--key", "k", "m", "n", "gone", "m", code=1)
        assert [line.split(":")[:2] for line in said.splitlines()[1:]] == [
            ["m", " verified"],
            ["n", " NOT VERIFIED"],
            ["gone", " UNREADABLE"],
            ["m", " verified"],
            ["2 of 4 verified"],
        ]


class TestUnreadable:
    """Exit code 2."""

    def test_what_is_missing(self, shell):
        """A file, a signature, a key."""
        assert "gone: UNREADABLE: gone: No such" in shell.verify(
            "--key", "k", "--signature", "m.sig", "gone", code=2
        )
        assert "UNREADABLE: gone: No such" in shell.verify(
            "--key", "k", "--signature", "gone", "m", code=2
        )
        assert "gone: UNREADABLE: gone: No such" in shell.verify("--key", "k", "gone", code=2)
        Path("n").touch()
        assert shell.verify("--key", "k", "n", code=2).endswith(
            "\nn: NO SIGNATURE: there is no n.sig, nor one with .b64 or .json; say where with"
            " --signature\n"
        )
        assert shell.json("--key", "k", "n", code=2)["files"][0]["why"] == "no-signature"
        assert shell.verify("--key", "gone", "m", code=2) == ""
        assert "seemachine verify: gone: No such file" in shell.err

    @pytest.mark.parametrize("name", ["der", "ber", "pem", "long", "too long", "cose", "untagged"])
    def test_a_message_in_place_of_a_signature(self, shell, name):
        """It is told which command verifies it, and nothing is said against the file."""
        Path("m.sig").write_bytes(MESSAGES[name])
        room, what = ("cose", "COSE") if name in ("cose", "untagged") else ("cms", "CMS")
        said = shell.verify("--key", "k", "m", code=2)
        message = f"m.sig is a {what} message; verify it with: seemachine {room} verify"
        assert said.endswith(f"m: NO SIGNATURE: {message}\n")
        assert shell.verify("--key", "m.sig", "m", code=2) == ""
        assert f"m.sig is a {'signed' if len(MESSAGES[name]) < LONG else what} message" in shell.err

    @pytest.mark.parametrize("begin", ["der", "cose", "untagged"])
    def test_a_signature_that_begins_like_a_message(self, shell, begin):
        """One in some 30,000 of ML-DSA begins like COSE; it is a signature all the same."""
        mldsa = next(each for each in cases("wycheproof_mldsa_verify") if each["valid"] is True)
        put(mldsa, "k", "m", "m.sig")
        made = Path("m.sig").read_bytes()
        Path("m.sig").write_bytes(MESSAGES[begin][:20] + made[20:])
        assert shell.json("--key", "k", "m", code=1)["files"][0]["why"] == "not-verified"

    def test_a_folder(self, shell):
        """It is neither a key nor a file to verify."""
        Path("d").mkdir()
        shell.verify("--key", "d", "m", code=2)
        assert "d: Is a directory" in shell.err
        assert "d: Is a directory" in shell.verify(
            "--key", "k", "--signature", "m.sig", "d", code=2
        )

    def test_swapped(self, shell):
        """It says so."""
        shell.verify("--key", "m.sig", "--signature", "k", "m", code=2)
        assert shell.err == (
            "seemachine verify: m.sig is a signature, and not a public key; --key and --signature"
            " are swapped\n"
        )

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--key k --signature m.sig m m", "m.sig is one signature, and 2 files are named"),
            ("--key k", "name either files, or a list of them with --manifest"),
            ("--key k --manifest l m", "name either files, or a list"),
            ("--key k .", ". is a folder; name that of its signatures with --signature"),
            ("--key k -", "name the file of its signature"),
            ("--key - --signature m.sig -", "standard input is only one of"),
            ("--key k --context c m", "--context is for ML-DSA"),
            (f"--key k --context {'c' * 256} m", "--context takes at most 255 bytes"),
        ],
    )
    def test_usage(self, shell, words, said):
        """Wrong in itself."""
        told = shell.json(*words.split(), code=2)
        assert told["error"]["code"] == "usage"
        assert said in told["error"]["message"]

    def test_a_private_key(self, shell):
        """It is told from a public one."""
        Path("k").write_bytes(bytes(8) + b"\x64" + b"\xff" * 7 + os.urandom(48))
        shell.verify("--key", "k", "m", code=2)
        assert "k is a private LMS key" in shell.err


class TestLibrary:
    """What a program sees of the same."""

    def test_another_order(self):
        """Key, signature, message: the refusal says which order is meant."""
        parts = [bytes.fromhex(TWO[name]) for name in ("public_key", "signature", "message")]
        with pytest.raises(seeclient.KeyNotRecognized, match="the message is one: give message"):
            seeclient.verify(*parts)
        with pytest.raises(seeclient.KeyNotRecognized, match="is a signature, and not"):
            seeclient.verify(parts[2], parts[0], parts[1])

    def test_statuses_stay(self):
        """Who looks at them finds what was there before."""
        message, signature, key = (
            bytes.fromhex(TWO[name]) for name in ("message", "signature", "public_key")
        )
        for wrong, status in (
            ((b"", signature, key), "VerifyFailed"),
            ((message, b"s", key), "VerifyFailed"),
            ((message, bytes.fromhex(ONE["signature"]), key), "VerifyFailed"),
            ((message, signature, b"k"), "InvalidParameter"),
        ):
            with pytest.raises(seeclient.StatusError) as refused:
                seeclient.verify(*wrong)
            assert refused.value.name == status

    def test_text_that_is_no_text(self):
        """Letters that no encoding has are no key, rather than a failure within."""
        with pytest.raises(seeclient.KeyNotRecognized):
            seeclient.verify(b"", b"", "\udc80")


@pytest.mark.parametrize("words", ["", "--json "])
def test_an_answer_that_cannot_be_written_is_no_verdict(words, shell, monkeypatch):
    """A full disk, or a reader that left, has the exit code 2, not that of a bad signature."""
    line = f"{words}--key k --signature m.sig m".split()
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        shell.verify(*line, code=2)
    assert shell.err == (
        "seemachine verify: standard output: No space left on device; make room there; the rest of"
        " the answer is lost\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", closed)
        shell.verify(*line, code=2)
    assert shell.err == ""


def test_it_starts_light(shell):
    """In a process of its own, without a world, no package that it does not need is loaded, and
    nothing of machines; a pipe is not kept in memory.
    """
    code = (
        "import sys\n"
        "from seemachine.cli.command import main\n"
        "main('verify --key k --signature m.sig -'.split())\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "print(*sys.modules)"
    )
    run = [sys.executable, "-c", code]
    environ = processes.environment(Path("world"))
    with subprocess.Popen(
        run, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for _ in range(128):
            process.stdin.write(bytes(1 << 20))
        out = process.communicate()[0].decode().splitlines()
    heavy = {
        "trio",
        "asyncio",
        "ssl",
        "cryptography",
        "rich",
        "structlog",
        "msgpack",
        "dataclasses",
    }
    assert set(out[-1].split()) & (heavy | {"seemachine.server", "seemachine.fleet"}) == set()
    assert "NOT VERIFIED" in out[1]
    peak = next(line for line in out if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 60 << 10


def test_each_form_has_a_suffix_that_is_looked_for():
    """Else a signature that `seemachine` wrote would not be found."""
    from seemachine.cli.verify_pairs import SUFFIXES

    assert SUFFIXES[0] == ".sig"
    assert set(SUFFIXES) == {".sig", ".b64", ".json"}
