"""`seemachine run`: a command with machines of its own."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from kit import processes
from temporary.runs import RUN, ran

from seemachine.cli.command import main
from seemachine.temporary import folder


def test_a_command_has_machines_and_nothing_of_another_world(env: dict[str, str]) -> None:
    """It finds them with no word about where they are, blank cards come by themselves, and all the
    rest is the user's: his mask of files, descriptors, limits, standard streams.
    """
    reading, writing = os.pipe()
    script = f"""
        umask; ulimit -c; cat; cat /dev/fd/{reading}; pipsqueak
        pipsqueak generate alias=k algorithm=lms lmscode=sha256_m24_h5 \\
            lmotscode=sha256_n24_w2 expcards=0 explease=2 > /dev/null
        {sys.executable} -m seemachine wait --machines 2 && env | grep -c 'SEEMACHINE\\|NFAST'
        echo "$SEEMACHINE_HOME" >&2; exit 7"""
    given = {"input": "from the pipe\n", "umask": 0o027}
    os.write(writing, b"from a descriptor\n")
    os.close(writing)
    code, told, home = ran(env, script, "--machines", "2", pass_fds=[reading], **given)
    os.close(reading)
    *lines, banner, count = told.splitlines()
    core = subprocess.run("ulimit -c", shell=True, capture_output=True, text=True, check=True)
    assert lines == ["0027", core.stdout.strip(), "from the pipe", "from a descriptor"]
    assert banner == "PQSDK: 1.4.1 (7852-268D-3BF9: 1.4.1, 5F08-02E0-D947: 1.4.1)"
    assert (code, count) == (7, "1")
    assert not Path(home.strip()).parent.exists()


def test_a_document_is_alone_on_standard_output(env: dict[str, str]) -> None:
    """With --json what the command prints goes to standard error; with --keep the world stays, and
    its fleet file starts the same machines.
    """
    options = ("--json", "--keep", "--model", "xc", "--seed", "7", "--log")
    options += ("--fault", "delay on=signing seconds=1")
    code, told, said = ran(env, "echo hello; exit 3", *options)
    document = json.loads(told)
    assert (code, document["exit_code"], document["error"]["code"]) == (3, 3, "found")
    assert document["machines"] == [{"esn": "7852-268D-3BF9", "model": "xc", "module": 1}]
    world = Path(document["world"])
    assert world.parent.parent == Path(env["TMPDIR"])
    assert 'model = "xc"' in (world / "fleet.toml").read_text()
    assert json.loads((world / "seed.json").read_text())["seed"] == "7"
    first, *log = said.splitlines()
    assert first == "hello"
    assert '"event": "ready"' in "".join(log[:-1])
    assert "delay on=signing" in "".join(log[:-2])
    assert log[-2].endswith("never happened: delay on=signing seconds=1")
    assert log[-1].endswith(f"use it with: seemachine fleet up --home {world}")
    advised = ["fleet", "up", "--home", str(world), "--detach"]
    lines = processes.seemachine(advised, env)[1]
    # Before anything is asserted: it would outlive the test.
    assert processes.seemachine(["fleet", "down", "--home", str(world)], env)[0] == 0
    assert lines[-1].split()[2:5] == ["7852-268D-3BF9", "xc", "up"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("nosuchcommand", 127, "nosuchcommand was not found"),
        ("/etc/passwd", 126, "/etc/passwd can't be executed"),
        ("/", 126, "/ can't be executed"),
        ("''", 127, "'' was not found"),
        ("--", 2, "a command is needed, such as: seemachine run -- pipsqueak"),
    ],
)
def test_what_can_not_be_run_is_told_before_anything_is_made(
    words: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code that a shell has for it."""
    monkeypatch.setattr(folder, "made", None)
    assert main(["run", *shlex.split(words)]) == code
    assert capsys.readouterr().err == f"seemachine run: {said}\n"


def test_without_a_place_for_a_world_nothing_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an exit code that the command can't be taken to have."""
    monkeypatch.setattr(folder, "MEMORY", tmp_path / "missing")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    assert main(["run", "true"]) == 125
    advice = "No such file or directory; let TMPDIR name a folder that can be written\n"
    assert capsys.readouterr().err.endswith(f": {advice}")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--fault=drop", "faults: there is no fault 'drop'; did you mean drop-before"),
        ("--latency=slow", "latency: there is no profile 'slow'; known are 5c, xc,"),
    ],
)
def test_what_can_not_go_wrong_is_wrong_usage(
    option: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is left of the world that was begun."""
    monkeypatch.setattr(folder, "MEMORY", tmp_path)
    assert main(["run", option, "--", "true"]) == 2
    assert capsys.readouterr().err.startswith(f"seemachine run: {said}")
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_names_no_interpreter_is_one_of_sh(
    env: dict[str, str], tmp_path: Path
) -> None:
    """As shells have it; options after the command are the command's. It may remove its world."""
    script = tmp_path / "script"
    script.write_text('echo "$1"; rm -r "$SEEMACHINE_HOME"; exit 5')
    script.chmod(0o700)
    done = subprocess.run(
        [*RUN, "--log", str(script), "--machines"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "--machines\n", "")
