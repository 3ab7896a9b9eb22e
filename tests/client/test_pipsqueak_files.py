"""What `pipsqueak` reads and writes: signatures in files and pipes, messages that are not there,
files that the system refuses, readers who leave.
"""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from client.screen import LMS, SIGNATURE_BYTES, say
from kit import processes
from kit.daemons import slow_machine
from kit.here import store
from kit.verdicts import verifies as is_good
from seeclient import files, pipsqueak, sigfile
from seeclient import message as messages

from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.world import World

PIPSQUEAK = [sys.executable, "-m", "seeclient.pipsqueak"]
BANNER = f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine of this module."""
    with slow_machine(tmp_path_factory.mktemp("files") / "world") as running:
        yield running


def remaining(alias):
    """What `showinfo` says is left."""
    [line] = [line for line in say("showinfo", f"alias={alias}")[1] if "Remaining" in line]
    return int(line.split()[1])


def verifies(alias, signature, message):
    """Whether it is a good signature of the key."""
    return is_good(store().load(alias).public_key, signature, message)


def run(world, *words, **options):
    """Run pipsqueak in a process, both streams apart, as bytes."""
    environment = processes.environment(world)
    command = [*PIPSQUEAK, *words]
    return subprocess.run(command, env=environment, capture_output=True, check=False, **options)


# ---------------------------------------------------------------- where a signature goes


def test_a_signature_takes_the_place_of_an_earlier_one(alias, tmp_path):
    """As in the guide, whose 2.9.4 step 4 writes to the file of 2.7.1 step 4; an empty file may be
    filled too.
    """
    path = tmp_path / "message.sig"
    path.touch()
    for message in ("first", "second"):
        assert say(f"alias={alias}", f"message={message}", f"sigfile={path}")[0] == 0
        assert verifies(alias, path.read_bytes(), message.encode())


@pytest.fixture
def short_of_room():
    """Of what this process writes, files take 1000 bytes and no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("earlier", [None, b"", b"an earlier signature"])
def test_a_sigfile_has_all_of_a_signature_or_what_it_had(earlier, tmp_path, short_of_room):
    """A disk that fills up in the middle leaves no half signature, and an earlier one stays."""
    path = tmp_path / "message.sig"
    if earlier is not None:
        path.write_bytes(earlier)
    assert sigfile.write(str(path), bytes(SIGNATURE_BYTES), spent=True) is not None
    assert list(tmp_path.glob("*sig*")) == ([] if earlier is None else [path])
    assert earlier is None or path.read_bytes() == earlier


def test_a_sigfile_keeps_its_mode_and_the_link_to_it(tmp_path):
    """Who could read an earlier signature can read the next, under the same names."""
    path, link = tmp_path / "message.sig", tmp_path / "link.sig"
    path.write_bytes(b"an earlier signature")
    path.chmod(0o640)
    link.symlink_to(path.name)
    assert sigfile.write(str(link), b"signature", spent=True) is None
    assert link.is_symlink()
    assert path.read_bytes() == b"signature"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.glob("*sig*")) == [link, path]


def test_a_sigfile_may_be_a_pipe(tmp_path):
    """A reader of a named pipe gets the signature, and the pipe stays one."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert sigfile.write(str(path), b"signature", spent=True) is None
    assert os.read(reader, 100) == b"signature"
    os.close(reader)
    assert path.is_fifo()


@pytest.mark.parametrize("content", [b"firmware", bytes(4096), b"\0"])
def test_what_is_no_signature_is_not_written_over(content, alias, tmp_path):
    """The firmware in place of its signature stays, and no leaf is spent."""
    path = tmp_path / "image.bin"
    path.write_bytes(content)
    code, lines = say(f"alias={alias}", "message=m", f"sigfile={path}")
    assert (code, lines[-1]) == (1, "ERROR: sign failed")
    assert lines[-2].endswith(
        f"InvalidParameter(24): {path} is there and is not a signature; name another file, or"
        " remove it; no signature was made"
    )
    assert path.read_bytes() == content
    assert remaining(alias) == 32


def test_a_large_file_is_not_read_whole(alias, tmp_path):
    """A disk image in place of a signature is refused without a look at all of it."""
    path = tmp_path / "image.bin"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert say(f"alias={alias}", "message=m", f"sigfile={path}")[0] == 1
    assert path.stat().st_size == 1 << 40


def test_a_message_that_never_ends(alias, monkeypatch):
    """What can be read only once is kept, up to a limit; more is refused before a leaf."""
    monkeypatch.setattr(messages, "MOST_KEPT", 3 << 20)
    code, lines = say(f"alias={alias}", "msgfile=/dev/zero")
    assert (code, lines[-1]) == (1, "ERROR: sign failed")
    assert "/dev/zero: it has more than 3 MiB; put them into a file" in lines[-2]
    assert remaining(alias) == 32


def test_a_signature_alone_on_standard_output(alias, world, tmp_path):
    """With sigfile=- standard output has the bytes of the signature, and standard error the
    guide's lines; no file of that name is made.
    """
    done = run(world, f"alias={alias}", "message=m", "sigfile=-", cwd=tmp_path)
    assert (done.returncode, len(done.stdout)) == (0, SIGNATURE_BYTES)
    assert verifies(alias, done.stdout, b"m")
    lines = done.stderr.decode().splitlines()
    assert (lines[0], lines[-2]) == (BANNER, "written to standard output")
    assert lines[-1].endswith("true")
    assert not (tmp_path / "-").exists()


# ---------------------------------------------------------------- messages that are not there


@pytest.mark.parametrize(
    ("name", "called"), [("-", "standard input"), ("/dev/stdin", "/dev/stdin")]
)
def test_an_empty_pipe_is_not_signed(name, called, alias, world):
    """The command before it failed: no leaf is spent for that."""
    done = run(world, f"alias={alias}", f"msgfile={name}", input=b"")
    [line, last] = done.stderr.decode().splitlines()
    assert (done.returncode, last) == (1, "ERROR: sign failed")
    assert line.endswith(
        f"{called} is empty; message= signs an empty message; no signature was made"
    )
    assert remaining(alias) == 32


def test_an_empty_file_is_a_message(alias, tmp_path):
    """Who names it means it."""
    path, signature = tmp_path / "empty", tmp_path / "s"
    path.touch()
    assert say(f"alias={alias}", f"msgfile={path}", f"sigfile={signature}")[0] == 0
    assert verifies(alias, signature.read_bytes(), b"")


# ---------------------------------------------------------------- readers who leave


class Leaving:
    """Standard output whose reader leaves, or whose disk is full, before some line."""

    def __init__(self, line, error, spare):
        self._line, self._error, self._spare = line, error, spare
        self.text = ""

    def write(self, text):
        """Take the text, until the line comes."""
        if text.lstrip().startswith(self._line):
            raise self._error
        self.text += text

    def flush(self):
        """There is nothing to do."""

    def isatty(self):
        """It is a pipe."""
        return False

    def fileno(self):
        """A descriptor that may be put elsewhere."""
        return self._spare


@pytest.fixture
def left(monkeypatch, capsys):
    """Run pipsqueak with a reader who leaves before a line; the exit code and standard error."""

    def run_before(line, *words, error=BrokenPipeError):
        capsys.readouterr()
        spare = os.open(os.devnull, os.O_WRONLY)
        try:
            with monkeypatch.context() as patch:
                patch.setattr("sys.stdout", Leaving(line, error, spare))
                code = pipsqueak.main(words)
        finally:
            os.close(spare)
        return code, capsys.readouterr().err

    return run_before


@pytest.mark.parametrize("line", ["PQSDK", "Public key"])
def test_a_signature_that_was_not_made_is_said(line, alias, left):
    """Whoever reads no further than the banner is told that nothing was signed."""
    assert left(line, f"alias={alias}", "message=m") == (
        1,
        "pipsqueak: nobody reads standard output; no signature was made\n",
    )
    assert remaining(alias) == 32


def test_a_signature_that_nobody_read_is_said(alias, left, tmp_path):
    """Its leaf is spent; in its file it is not lost."""
    said = "pipsqueak: nobody reads standard output; "
    assert left("Message", f"alias={alias}", "message=m") == (
        1,
        f"{said}a signature was made, and its leaf is spent\n",
    )
    path = tmp_path / "s"
    assert left("Message", f"alias={alias}", "message=m", f"sigfile={path}") == (
        1,
        f"{said}the signature is in {path}\n",
    )
    assert verifies(alias, path.read_bytes(), b"m")
    assert left("Message", f"alias={alias}", "message=m", f"verify={path}") == (
        1,
        f"{said}the signature is good\n",
    )
    assert remaining(alias) == 30


def test_a_key_that_was_not_made_is_said(world, left):
    """Before its first step, in the middle, and at its end."""
    said = "pipsqueak: nobody reads standard output; "
    words = ["generate", "alias=unread", *LMS]
    assert left("PQSDK", *words) == (1, f"{said}no key was made\n")
    assert left("Generate", *words) == (1, f"{said}no key was made\n")
    assert left("chunk: unread", *words)[1] == (
        f"{said}What is done is kept; resume with: pipsqueak generate alias=unread resume=yes\n"
    )
    assert left("Public key", "generate", "alias=unread", "resume=yes") == (
        1,
        f"{said}the key unread is made\n",
    )
    assert store().has("unread")


@pytest.mark.parametrize("line", ["Generate", "Public key"])
def test_an_ml_dsa_key_that_was_made_is_said(line, world, left):
    """Its key file is saved before the first line about it."""
    said = "pipsqueak: nobody reads standard output; "
    words = "generate", "alias=whole", "algorithm=mldsa"
    assert left("PQSDK", *words) == (1, f"{said}no key was made\n")
    assert left(line, *words) == (1, f"{said}the key whole is made\n")
    store().remove("whole")


@pytest.mark.parametrize("kind", [["algorithm=mldsa"], LMS], ids=["ML-DSA", "LMS"])
def test_a_document_on_a_full_disk_says_that_the_key_is_made(kind, world, left):
    """The document can't be written, and a second one about that can't be either."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    code, said = left("{", "generate", "alias=unheard", *kind, "--json", error=full)
    assert (code, said.endswith("; the key unheard is made\n")) == (1, True)
    store().remove("unheard")


def test_a_sigfile_of_ml_dsa_that_can_not_be_written_spends_no_leaf(world):
    """Only what took a leaf is said to have spent one."""
    refused = sigfile.write("/dev/full", b"signature", spent=False)
    assert refused.detail.endswith("; the signature is printed here instead")
    refused = sigfile.write("/dev/full", b"signature", spent=True)
    assert refused.detail.endswith("; the signature is printed here instead, for its leaf is spent")


def test_a_key_folder_that_is_not_there_is_named(world, tmp_path, monkeypatch, capsys):
    """The list is empty all the same; to the letter of 1.4.1 nothing is said."""
    monkeypatch.setenv("NFAST_KMLOCAL", str(tmp_path / "typo"))
    capsys.readouterr()
    assert pipsqueak.main(["list"]) == 0
    assert f"There is no folder {tmp_path / 'typo'}: no key" in capsys.readouterr().err
    monkeypatch.setenv("PIPSQUEAK_COMPAT", "1.4.1")
    assert pipsqueak.main(["list"]) == 0
    assert capsys.readouterr().err == ""


def test_a_lease_and_a_threshold_are_said_too(world, left):
    """What moved a lease, or set a threshold, says whether it did."""
    said = "pipsqueak: nobody reads standard output; "
    rack = Rack(World.at(world))
    rack.insert(rack.new()[0], ESN, 2)
    assert say("generate", "alias=leased", *LMS, "explease=1")[0] == 0
    words = f"provesn={ESN}", "slot=2"
    assert left("Attempting", *words) == (1, f"{said}no lease was moved\n")
    assert left("Provision", *words) == (1, f"{said}the lease was moved\n")
    assert remaining("leased") == 16
    words = "alias=leased", "warnat=3"
    assert left("PQSDK", *words) == (1, f"{said}no threshold was set\n")
    assert left("Threshold", *words) == (1, f"{said}the threshold was set\n")
    rack.remove(ESN, 2)


@pytest.mark.parametrize("words", [(), ("list",), ("showinfo", "alias=nobody")], ids=" ".join)
def test_who_has_seen_enough_is_told_nothing(words, world, left):
    """A look that was not finished is no job that was not done."""
    assert left("PQSDK", *words) == (1, "")


def test_a_document_that_nobody_reads(alias, left):
    """It comes when all is done."""
    assert left("{", f"alias={alias}", "message=m", "--json") == (
        1,
        "pipsqueak: nobody reads standard output; a signature was made, and its leaf is spent\n",
    )


def test_a_full_disk_behind_standard_output_is_named(alias, left):
    """Without the system's numbers, with what to do, and how far the job was."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert left("Public key", f"alias={alias}", "message=m", error=full) == (
        1,
        "pipsqueak: standard output: No space left on device; make room there; no signature was"
        " made\n",
    )


@pytest.mark.parametrize("words", [("list",), ("alias=nobody", "message=m")], ids=" ".join)
@pytest.mark.parametrize("out", ["/dev/full", "/dev/null"])
def test_nobody_hears_of_it(words, out, world):
    """Where standard error can't be written either the exit code is 1 all the same, and not one of
    the interpreter's.
    """
    with Path(out).open("w") as stdout, Path("/dev/full").open("w") as stderr:
        done = subprocess.run(
            [*PIPSQUEAK, *words],
            env=processes.environment(world),
            stdout=stdout,
            stderr=stderr,
            check=False,
        )
    assert done.returncode == (0 if (words, out) == (("list",), "/dev/null") else 1)


# ---------------------------------------------------------------- what the system refuses


def refusing(call, code):
    """A function of Path that the system refuses."""

    def refuse(path, *arguments, **options):
        if "key_pqsdk" in str(path) or path.name in ("local", "pqsdk"):
            raise OSError(code, os.strerror(code), str(path))
        return call(path, *arguments, **options)

    return refuse


@pytest.mark.parametrize(
    ("function", "words", "named"),
    [
        ("iterdir", ("list",), "local"),
        ("exists", ("generate", "alias=x", *LMS), "local/key_pqsdk_x"),
        ("read_bytes", ("showinfo", "alias=x"), "local/key_pqsdk_x"),
    ],
)
def test_a_key_folder_that_can_not_be_read_is_named(function, words, named, world, monkeypatch):
    """The sentence says which file, and what to do; nothing is called empty that was not seen."""
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    original = getattr(Path, function)
    monkeypatch.setattr(Path, function, refusing(original, errno.EACCES))
    code, lines = say(*words)
    assert (code, lines[-1].partition(":")[0]) == (1, "ERROR")
    assert lines[-2].endswith(
        f"OSErrorErrno(57): {world}/kmdata/{named}: Permission denied; check its permissions"
    )


def test_published_objects_that_can_not_be_read_are_not_nobody(world, monkeypatch):
    """An empty banner would say that no HSM answers."""
    monkeypatch.setattr(Path, "iterdir", refusing(Path.iterdir, errno.EACCES))
    code, lines = say()
    assert (code, lines[-1]) == (1, "ERROR: connect failed")
    assert lines[-2].endswith(f"{world}/published/pqsdk: Permission denied; check its permissions")


def test_one_object_that_can_be_read_is_enough(world, monkeypatch):
    """Another user's, in the same folder, hides none."""
    (world / "published" / "pqsdk" / "other.json").touch()

    def read_bytes(path, original=Path.read_bytes):
        if path.name == "other.json":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert say() == (0, [BANNER])
    (world / "published" / "pqsdk" / "other.json").unlink()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    """Neither $HOME nor an entry in passwd: one line, no traceback."""

    def nowhere(*_):
        raise RuntimeError("Could not determine home directory.")

    for name in ("SEEMACHINE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    code, lines = say("list")
    assert (code, lines[1:]) == (1, ["ERROR: connect failed"])
    assert lines[0].endswith(
        "InvalidParameter(24): this user has no home folder; set SEEMACHINE_HOME to the world"
        " folder"
    )


def test_a_fleet_file_may_begin_with_a_byte_order_mark(world, tmp_path, monkeypatch):
    """As some editors write it."""
    path = tmp_path / "fleet.toml"
    path.write_text(f'\ufeff[[machines]]\nesn = "{ESN}"\n', encoding="utf-8")
    monkeypatch.setenv("SEEMACHINE_FLEET", str(path))
    assert say() == (0, [BANNER])


@pytest.mark.parametrize(
    ("error", "path", "sentence"),
    [
        (OSError(errno.ENOSPC, "x"), "f", "f: x; make room there"),
        (OSError(errno.EROFS, "x", "g"), "", "g: x"),
        (OSError(errno.EIO, "x"), "", "x"),
        (OSError("in words"), "f", "in words"),
    ],
)
def test_a_refusal_of_the_system_is_a_sentence(error, path, sentence):
    """The file, the system's words, and what to do where that is known."""
    assert files.sentence(error, path) == sentence


def test_a_file_system_that_is_read_only_is_called_so(tmp_path, monkeypatch):
    """Permissions, which root has, are not to blame; one that may be written gives no error."""
    assert files.unwritable(tmp_path / "new") is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    file = tmp_path / "there"
    file.touch()
    denied = f"{file}: Permission denied; check its permissions"
    assert files.sentence(files.unwritable(file)) == denied
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    sealed = f"{tmp_path}: Read-only file system"
    assert files.sentence(files.unwritable(tmp_path / "new")) == sealed
