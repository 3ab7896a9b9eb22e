"""`pipsqueak alias=... msgdir=... sigdir=...`: its lines, its document, its exit codes; and killed
again and again.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from client.screen import LMS, say
from kit import processes
from kit.here import store
from kit.processes import RunningMachine
from kit.verdicts import verifies
from seeclient import arguments, pipsqueak
from seeclient.folders import commands
from seeclient.folders.journal import Journal
from seeclient.folders.places import Places
from seeclient.output_text import TextOutput

from seemachine.testing import ESN

H10 = ("algorithm=lms", "lmscode=sha256_m24_h10", "lmotscode=sha256_n24_w4")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine of this module."""
    with processes.machines(tmp_path_factory.mktemp("folder") / "world", (ESN,)) as [running]:
        yield running


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three images, in which we are."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "sub/c"):
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(name)
    return tmp_path


def sign(alias: str, *words: str) -> tuple[int, list[str]]:
    """Sign the images. The lines after the key, without the times."""
    code, lines = say(f"alias={alias}", "msgdir=images", "sigdir=signatures", *words)
    return code, [re.sub(r"time: [0-9.]+|^20[0-9T:-]+", "T", line) for line in lines]


def test_the_lines(alias: str, folders: Path) -> None:
    """A line for each file, and one with the totals; the next time all are kept."""
    code, lines = sign(alias)
    assert code == 0
    assert lines[-5:] == [
        f"Sign files: {alias} (3 files of images, signatures to signatures)",
        f"  signed: a ({ESN}, leaf 0), 2 files to go",
        f"  signed: b ({ESN}, leaf 1), 1 file to go",
        f"  signed: sub/c ({ESN}, leaf 2), 0 files to go",
        f"Signatures (alias: {alias}, T): 3 made, 0 kept, 0 failed",
    ]
    assert say(f"alias={alias}", "msgfile=images/sub/c", "verify=signatures/sub/c.sig")[0] == 0
    assert sign(alias)[1][-4:] == [
        "  kept: a, 2 files to go",
        "  kept: b, 1 file to go",
        "  kept: sub/c, 0 files to go",
        f"Signatures (alias: {alias}, T): 0 made, 3 kept, 0 failed",
    ]


def test_what_fails_is_named_at_the_end(alias: str, folders: Path) -> None:
    """Once for each reason, beside its own line, and the exit code says so."""
    (folders / "signatures").mkdir()
    (folders / "signatures" / "b.sig").write_text("notes")
    code, lines = sign(alias)
    assert code == 1
    assert (
        "  failed: b: signatures/b.sig is there and is not a signature; remove it, 2 files to go"
        in lines
    )
    assert lines[-4:] == [
        "T sign_folder[seemachine] InvalidParameter(24): signatures/b.sig is there and is not a"
        " signature; remove it",
        f"Signatures (alias: {alias}, T): 2 made, 0 kept, 1 failed",
        "T sign_folder[seemachine] InvalidParameter(24): 1 of 3 files are not signed",
        "ERROR: sign failed",
    ]


def test_one_reason_for_all_is_said_once(alias: str, folders: Path, home: Path) -> None:
    """As where one message is not signed."""
    say(f"alias={alias}", "warnat=32")
    code, lines = sign(alias)
    assert code == 1
    assert [line for line in lines if "UseLimitExceeded" in line] == [lines[-3]]
    assert lines[-3].endswith("(a, and 2 more)")
    assert lines[-2:] == ["ERROR: sign failed", 'To sign anyway, say why: acknowledge="REASON"']
    assert sign(alias, "acknowledge=release 1.2")[0] == 0


def test_some_reasons_are_of_several_files(alias: str, folders: Path) -> None:
    """They are told with the first file."""
    say(f"alias={alias}", "warnat=31")
    code, lines = sign(alias, "partial=yes")
    assert code == 1
    assert any(line.endswith("(b, and 1 more)") for line in lines)


def test_a_threshold_that_would_be_crossed(alias: str, folders: Path, home: Path) -> None:
    """Is told before the first leaf; with a reason all are signed."""
    say(f"alias={alias}", "warnat=31")
    code, lines = sign(alias)
    assert code == 1
    assert lines[-2:] == [
        f"T sign_folder[seemachine] UseLimitExceeded(7): 3 files to sign, and 1 leaf of {alias}"
        " needs no acknowledgement; nothing was signed; give acknowledge=REASON;"
        " partial=yes signs as many as need none",
        "ERROR: sign failed",
    ]
    assert not list(Path("signatures").rglob("*.sig"))
    assert sign(alias, "acknowledge=release 1.2")[0] == 0


def test_the_quirks_acknowledge_by_themselves(
    alias: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they do for one message: 1.4.1 knows no thresholds."""
    say(f"alias={alias}", "warnat=32")
    monkeypatch.setenv("PIPSQUEAK_COMPAT", "1.4.1")
    assert sign(alias)[0] == 0


def test_a_document(alias: str, folders: Path) -> None:
    """With what became of each file, also where one failed."""
    (folders / "signatures").mkdir()
    (folders / "signatures" / "b.sig").write_text("notes")
    code, lines = sign(alias, "--json")
    told = json.loads("\n".join(lines))
    assert (code, told["command"], told["error"]["status"]) == (
        1,
        "sign-folder",
        "InvalidParameter",
    )
    assert [(each["name"], each["outcome"]) for each in told["files"]] == [
        ("b", "failed"),
        ("a", "signed"),
        ("sub/c", "signed"),
    ]
    assert (told["signed"], told["kept"], told["failed"]) == (2, 0, 1)
    assert told["files"][1] == {"name": "a", "outcome": "signed", "esn": ESN, "leaf": 0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["msgdir=images"], "msgdir= needs sigdir="),
        (["sigdir=signatures"], "sigdir= needs msgdir="),
        (
            ["msgdir=images", "sigfile=s"],
            "sigfile= does not go with msgdir=; use sigdir=",
        ),
        (["msgdir=images", "sigdir=s", "message=m"], "message= does not go with msgdir="),
        (["msgdir=images", "sigdir=s", "verify=v"], "verify= does not go with msgdir="),
        (["msgdir=images", "sigdir=s", "partial=1"], "partial= takes yes or no, not 1"),
        (["msgdir=images", "sigdir="], "sigdir= needs a value"),
    ],
)
def test_wrong_words(words: list[str], sentence: str) -> None:
    """Exit code 2, and the sentence says what is missing."""
    code, lines = say("alias=k", *words)
    assert (code, lines[0]) == (2, f"pipsqueak: {sentence}")


def test_nothing_to_sign_is_a_mistake(alias: str, folders: Path) -> None:
    """Rather than a release without files."""
    (folders / "empty").mkdir()
    code, lines = say(f"alias={alias}", "msgdir=empty", "sigdir=signatures")
    assert code == 1
    assert "empty has no files; no signature was made" in lines[-2]


def test_no_machine_answers(alias: str, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so once, as for one message."""
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    code, lines = sign(alias)
    assert code == 1
    said = [line for line in lines if "no HSM answers" in line and "  failed: " not in line]
    assert len(said) == 1
    assert lines[-1] == "ERROR: sign failed"


def environment(world: Path) -> dict[str, str]:
    """Of a process."""
    return processes.environment(world)


def began(world: Path, folder: Path, alias: str) -> "subprocess.Popen[bytes]":
    """The command in a process of its own."""
    words = [f"alias={alias}", "msgdir=images", "sigdir=signatures"]
    return subprocess.Popen(
        [sys.executable, "-m", "seeclient", *words],
        env=environment(world),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_killed_again_and_again(machine: RunningMachine, folders: Path, world: Path) -> None:
    """At any moment, by a signal that nobody can catch: in the end each file has its signature, and
    took one leaf.
    """
    say("generate", "alias=killed", *H10)
    names = [f"file {number:03}" for number in range(300)]
    for name in names:
        (folders / "images" / name).write_text(name)
    for pause in (0.25, 0.3, 0.35, 0.4, 0.5, 0.7):
        running = began(world, folders, "killed")
        time.sleep(pause)
        running.kill()
        running.communicate()
    done = began(world, folders, "killed")
    printed, _ = done.communicate()
    assert done.returncode == 0, printed
    public_key = store().load("killed").public_key
    for name in [*names, "a", "b", "sub/c"]:
        signature = (folders / "signatures" / f"{name}.sig").read_bytes()
        assert verifies(public_key, signature, (folders / "images" / name).read_bytes())
    assert [path for path in (folders / "signatures").iterdir() if path.name[0] == "."] == []
    assert remaining("killed") == 1024 - 303


def remaining(alias: str) -> int:
    """What `showinfo` says is left."""
    [line] = [line for line in say("showinfo", f"alias={alias}")[1] if "Remaining" in line]
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("place", "count", "said"),
    [
        ((commands.FolderSigning, "run"), 1, "no signature was made"),
        (
            (Places, "write"),
            2,
            "1 of 3 signed; what was asked for is kept; run the same command again to continue",
        ),
        ((Journal, "forget"), 1, "3 of 3 signed"),
    ],
)
def test_an_interrupted_run_says_how_much_is_done(
    alias: str,
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[Any, str],
    count: int,
    said: str,
) -> None:
    """Ctrl-C in the middle of it, and how to go on where there is something to go on with."""
    real, calls = getattr(*place), []

    def interrupt(*words: Any) -> None:
        calls.append(words)
        if len(calls) == count:
            raise KeyboardInterrupt
        real(*words)

    monkeypatch.setattr(*place, interrupt)
    code, lines = sign(alias)
    assert (code, lines[-2:]) == (130, ["interrupted", said])


def test_who_reads_no_further_is_told_what_is_signed(
    alias: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that were written, not only those that had lines."""

    def broken(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(TextOutput, "file", broken)
    words = [f"alias={alias}", "msgdir=images", "sigdir=signatures"]
    with pytest.raises(BrokenPipeError) as raised:
        pipsqueak._run(words, os.environ)
    assert raised.value.__notes__ == [
        "3 of 3 signed",
    ]


def test_what_is_replaced_skipped_or_left_over_is_counted(alias: str, folders: Path) -> None:
    """In lines, in the totals, and in the document."""
    sign(alias)
    (folders / "images" / "a").write_text("changed")
    (folders / "images" / "b").unlink()
    (folders / "images" / "latest").symlink_to("a")
    code, lines = sign(alias)
    assert code == 0
    assert lines[-5:] == [
        "  skipped: latest (a link)",
        "  kept: sub/c, 1 file to go",
        f"  replaced: a ({ESN}, leaf 3), 0 files to go",
        f"Signatures (alias: {alias}, T): 1 made, 1 kept, 0 failed, 1 replaced, 1 skipped",
        "1 signature has no file (b.sig)",
    ]
    (folders / "images" / "a").write_text("changed again")
    code, lines = sign(alias, "--json")
    told = json.loads("\n".join(lines[lines.index("{") :]))
    assert {"name": "latest", "outcome": "skipped", "detail": "a link"} in told["files"]
    assert {"name": "a", "outcome": "signed", "esn": ESN, "leaf": 4, "replaced": True} in told[
        "files"
    ]
    assert (told["replaced"], told["skipped"]) == (1, 1)
    assert told["notes"] == ["1 signature has no file (b.sig)"]


def test_names_that_are_no_text(alias: str, folders: Path) -> None:
    """Their bytes are shown."""
    (folders / "images" / os.fsdecode(b"odd \xff")).write_text("odd")
    (folders / "signatures").mkdir()
    (folders / "signatures" / os.fsdecode(b"odd \xff.sig")).write_text("notes")
    code, lines = sign(alias)
    assert code == 1
    said = r"signatures/odd \xff.sig is there and is not a signature; remove it"
    assert any(line.startswith(rf"  failed: odd \xff: {said}, ") for line in lines)
    assert any(line.endswith(f"InvalidParameter(24): {said}") for line in lines)


def test_a_command_that_is_refused_for_its_words_makes_no_folder(alias: str, folders: Path) -> None:
    """LMS has no contexts."""
    assert sign(alias, "context=c")[0] == 1
    assert not (folders / "signatures").exists()


PAGE = (Path(__file__).parents[2] / "docs/how-to/sign-a-release.md").read_text()


def test_the_page_about_a_release(folders: Path, world: Path) -> None:
    """Its commands are understood, and its program finds the signatures good that they made."""
    typed = re.findall(r"^ +pipsqueak (.*?)(?: \|.*)?$", PAGE, re.MULTILINE)
    assert len(typed) == 4
    for line in typed:
        arguments.parse(line.split())
    say("generate", "alias=release", *LMS)
    assert say(*typed[1].split())[0] == 0
    code = textwrap.dedent(PAGE.partition("```python\n")[2].partition("```")[0])
    subprocess.run([sys.executable, "-c", code], env=environment(world), check=True)
    for path in (folders / "images").rglob("*"):
        if path.is_file():
            path.unlink()
    command = [sys.executable, "-c", code]
    empty = subprocess.run(command, env=environment(world), check=False, capture_output=True)
    assert b"there is nothing to check" in empty.stderr
