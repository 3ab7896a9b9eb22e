"""Which Python runs the helper, and what is said when none does. Nothing is ever printed."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from bridge.native import FAILED, ROOT, Bridge, compiled
from kit.processes import RunningMachine

ASKS = """
#include <stdio.h>
#include "bridge.h"
int main(void) {
    struct sm_reply reply;
    sm_ask("list", NULL, 0, &reply);
    puts(reply.count ? reply.fields[0].data : "");
    return 0;
}
"""
SAYS = f"""
import sys
sys.path[:0] = {[str(ROOT), str(ROOT / "client"), str(ROOT / "tests")]}
from bridge.native import Bridge
answer = Bridge(sys.argv[1]).ask("list")
print(answer.status, answer.fields[:1])
"""


def script(path: Path, text: str) -> Path:
    """A program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def refused(bridge: Bridge, python: Path | str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The sentence of a question that no helper of such a Python answers."""
    monkeypatch.setenv("SEEMACHINE_PYTHON", str(python))
    answer = bridge.ask("list")
    assert (answer.status, answer.fields[1:]) == (FAILED, [b"", b""])
    return answer.sentence


def test_a_python_that_is_not_there(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal names it and the variable."""
    why = refused(bridge, "/no/such/python", monkeypatch)
    assert why.startswith("Failed: there is no program /no/such/python, which SEEMACHINE_PYTHON")


@pytest.mark.parametrize("text", ["exit 3", "echo loud; echo loud >&2; exit 3"])
def test_a_program_that_is_no_python(
    text: str,
    bridge: Bridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its exit code is told, and how to see what it says; that is not shown here."""
    python = script(tmp_path / "python", text)
    why = refused(bridge, python, monkeypatch)
    assert f"{python} did not run seemachine (exit code 3); to see why: {python} -P -m" in why
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("SEEMACHINE_PYTHON", sys.executable)
    assert bridge.ask("list").status == 0


def test_a_python_without_seemachine(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with its own words, which the command in the refusal shows."""
    bare = script(tmp_path / "python", f'exec {sys.executable} -I -S "$@"')
    assert "(exit code 1)" in refused(bridge, bare, monkeypatch)


def test_one_that_is_ended_before_its_first_word_is_started_again(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it began as it should is not its fault."""
    count = tmp_path / "count"
    text = f'echo >> {count}; test $(wc -l < {count}) -gt 2 || exit 0; exec {sys.executable} "$@"'
    monkeypatch.setenv("SEEMACHINE_PYTHON", str(script(tmp_path / "python", text)))
    assert bridge.ask("list").status == 0
    assert count.read_text() == "\n" * 3


def test_one_that_never_says_a_word(
    tmp_path: Path, machine: RunningMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is given up, and ended."""
    library = compiled(tmp_path / "libbridge.so", "-shared", "-DSM_SILENCE_SECONDS=1")
    note = tmp_path / "pid"
    monkeypatch.setenv(
        "SEEMACHINE_PYTHON", str(script(tmp_path / "python", f"echo $$ > {note}; exec sleep 600"))
    )
    began = time.monotonic()
    answer = Bridge(library).ask("list")
    assert answer.status == FAILED
    assert time.monotonic() - began < 20
    assert not Path(f"/proc/{int(note.read_text())}").exists()


def test_a_world_that_nobody_can_read(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own refusal comes over the bridge."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "file" / "world"))
    answer = bridge.ask("list")
    assert answer.status
    assert answer.status != FAILED
    assert str(tmp_path / "file" / "world") in answer.sentence


def test_the_folder_of_the_host_holds_no_modules_of_the_helper(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file there that has the name of a module is not run."""
    (tmp_path / "socket.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    assert bridge.ask("list").status == 0


def asked_of_copy(copy: Path, **variables: str) -> str:
    """What a host says that has loaded this copy of the library."""
    environ = {name: value for name, value in os.environ.items() if name != "SEEMACHINE_PYTHON"}
    done = subprocess.run(
        [sys.executable, "-c", SAYS, str(copy)],
        env=environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_library_finds_the_python_of_its_installation(library: Path, tmp_path: Path) -> None:
    """From where it lies; before that, by the file beside it; last, on the path. A symbolic link
    to it leads there, too.
    """
    prefix = tmp_path / "prefix"
    installed = prefix / "lib" / "python3.99" / "site-packages" / "seeclient" / "library"
    installed.mkdir(parents=True)
    copy = Path(shutil.copy(library, installed / "libbridge.so"))
    paths = {"PATH": str(tmp_path / "path")}

    def found() -> str:
        link = tmp_path / "link.so"
        link.unlink(missing_ok=True)
        link.symlink_to(copy)
        said = asked_of_copy(copy, **paths)
        assert asked_of_copy(link, **paths) == said
        return said.partition("Failed: ")[2].partition(" did not run")[0]

    for place in (
        tmp_path / "path" / "python3",
        prefix / "bin" / "python3",
        prefix / "bin" / "python3.99",
        tmp_path / "named",
    ):
        script(place, "exit 3")
        if place.name == "named":
            (installed / "python").write_text(f"{place}\n")
        assert found() == str(place)
    (installed / "python").write_text(f"{tmp_path}/gone\n")
    assert found() == str(prefix / "bin" / "python3.99")


def test_a_program_with_the_rights_of_another_user_starts_no_python(library: Path) -> None:
    """Who started it says in the environment which modules Python imports, and would have them run
    with those rights.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can make such a program")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "asks.c").write_text(ASKS)
        program = compiled(folder / "asks", sources=[folder / "asks.c"])
        module = folder / "seeclient" / "bridge" / "__main__.py"
        module.parent.mkdir(parents=True)
        module.write_text(f"open({str(folder / 'open' / 'ran')!r}, 'w')")
        # Whatever umask an earlier test left in this process.
        for each in (module.parent.parent, module.parent, module):
            each.chmod(0o755)
        (folder / "open").mkdir(mode=0o777)
        (folder / "open").chmod(0o777)
        for mode in (0o755, 0o4755):
            program.chmod(mode)
            done = subprocess.run(
                [str(program)],
                env={"PYTHONPATH": str(folder)},
                user=65534,
                capture_output=True,
                text=True,
                check=False,
            )
            ran = folder / "open" / "ran"
            if mode == 0o755:
                assert ran.exists()  # so it would have
                ran.unlink()
                continue
            assert not ran.exists()
            assert "the rights of another user" in done.stdout
