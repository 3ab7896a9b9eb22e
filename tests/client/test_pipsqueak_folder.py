"""`pipsqueak alias=... msgdir=... sigdir=...`: its lines, its document, its exit codes; and killed
again and again.
"""

import json
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from client.screen import LMS, say
from kit import processes
from kit.here import store
from kit.processes import RunningMachine
from kit.verdicts import verifies
from seeclient import arguments
from seeclient.folders import commands

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
        f"  signed: a ({ESN}, leaf 0) 2 remaining",
        f"  signed: b ({ESN}, leaf 1) 1 remaining",
        f"  signed: sub/c ({ESN}, leaf 2) 0 remaining",
        f"Signatures (alias: {alias}, T): 3 made, 0 kept, 0 failed",
    ]
    assert say(f"alias={alias}", "msgfile=images/sub/c", "verify=signatures/sub/c.sig")[0] == 0
    assert sign(alias)[1][-4:] == [
        "  kept: a 2 remaining",
        "  kept: b 1 remaining",
        "  kept: sub/c 0 remaining",
        f"Signatures (alias: {alias}, T): 0 made, 3 kept, 0 failed",
    ]


def test_what_fails_is_named_at_the_end(alias: str, folders: Path) -> None:
    """Once for each reason, and the exit code says so."""
    (folders / "signatures").mkdir()
    (folders / "signatures" / "b.sig").write_text("notes")
    code, lines = sign(alias)
    assert code == 1
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
    assert lines[-2:] == ["ERROR: sign failed", 'To sign anyway, say why: acknowledge="REASON"']
    assert sign(alias, "acknowledge=release 1.2")[0] == 0


def test_some_reasons_are_of_several_files(alias: str, folders: Path) -> None:
    """They are told with the first file."""
    say(f"alias={alias}", "warnat=31")
    code, lines = sign(alias)
    assert code == 1
    assert any(line.endswith("(b and 1 more)") for line in lines)


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
        (["msgdir=images"], "sign-folder needs sigdir="),
        (["sigdir=signatures"], "sign-folder needs msgdir="),
        (["msgdir=images", "sigdir=s", "message=m"], "sign-folder does not take message="),
        (["msgdir=images", "sigdir=s", "verify=v"], "sign-folder does not take verify="),
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
    assert sum("no HSM answers" in line for line in lines) == 1
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


def test_an_interrupted_run_says_how_to_go_on(
    alias: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of it."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.FolderSigning, "run", interrupt)
    code, lines = sign(alias)
    assert (code, lines[-2:]) == (
        130,
        ["interrupted", "what was asked for is kept; go on with the same command"],
    )


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
