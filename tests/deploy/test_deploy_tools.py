"""How tools are called: in time, in one language, with their own answers; whatever they print is
shown.
"""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deploy.desk import DEPLOY
from nshield import listen, tools
from nshield.step import Call
from nshield.tools import Tools

Make = Callable[[str, str], Tools]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a tool of a line of shell, and those who call it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def made(name: str, line: str) -> Tools:
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
        return Tools(tmp_path, "", 2)

    return made


def say(words: str, **more: object) -> Call:
    """A call of these words."""
    return Call(tuple(words.split()), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "echo begun; exec sleep 60",
        "echo begun; sleep 20 & wait",
        "echo begun; exec >&- 2>&-; exec sleep 60",
    ],
)
def test_a_tool_that_hangs_is_ended(
    make: Make, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is asked and one that does something, be it that its child holds the pipe or that it
    closed it: killed in time, and told.
    """
    monkeypatch.setattr(tools, "ASK_SECONDS", 0.3)
    monkeypatch.setattr(tools, "DO_SECONDS", 0.3)
    hanging = make("hanging", line)
    begun = time.monotonic()
    ran = hanging.do(say("hanging"), ["hanging"])
    assert (ran.code, ran.said.splitlines()[0]) == (124, "begun")
    assert "did not end within 0.3 seconds" in capsys.readouterr().out
    assert time.monotonic() - begun < 15


def test_who_is_asked_in_vain_is_told(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question that is not answered is not a silent "not so"."""
    monkeypatch.setattr(tools, "ASK_SECONDS", 0.3)
    assert make("hanging", "exec sleep 60").ask("hanging", "-m", "1").code == 124
    assert "hanging -m 1 did not end within 0.3 seconds" in capsys.readouterr().out


def test_a_slow_question_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who waits is told for what, while it is waited for; of one that is quick nothing
    is printed.
    """
    monkeypatch.setattr(listen, "PATIENCE_SECONDS", 0.5)
    assert make("slow", "sleep 1.5; echo late").ask("slow", "-m", "1").said == "late\n"
    assert capsys.readouterr().out == "  waiting for slow -m 1\n"
    monkeypatch.setattr(listen, "PATIENCE_SECONDS", 30.0)
    make("quick", "echo soon").ask("quick")
    assert capsys.readouterr().out == ""


def test_who_waits_for_a_card_has_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person may take longer than any tool."""
    monkeypatch.setattr(tools, "DO_SECONDS", 0.1)
    assert (
        make("slow", "sleep 0.5; echo read").do(say("slow", reads_cards=True), ["slow"]).said
        == "read\n"
    )


def test_answers_and_what_is_piped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed answers reach the tool; passphrases that were piped to us reach those that read cards,
    and no other; one may not listen.
    """
    reader, writer = os.pipe()
    os.write(writer, b"passphrase\n")
    os.close(writer)
    stdin = os.dup(0)
    os.dup2(reader, 0)
    try:
        reading = make("reading", 'while read -r line; do echo "<$line>"; done')
        assert reading.do(say("reading", typed="yes\nyes\n"), ["reading"]).said == "<yes>\n<yes>\n"
        assert reading.do(say("reading"), ["reading"]).said == ""
        assert reading.ask("reading").said == ""
        assert reading.do(say("reading", reads_cards=True), ["reading"]).said == "<passphrase>\n"
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(reader)
    refusing = make("refusing", "exec <&-; echo no; exit 1")
    ran = refusing.do(say("refusing", typed="yes\n" * 100_000), ["refusing"])
    assert (ran.code, ran.said) == (1, "no\n")


def test_tools_speak_one_language(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they print is read: whatever language the administrator has, tools have one."""
    for name in ("LC_ALL", "LANG", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    assert make("speaking", 'echo "$LC_ALL"').ask("speaking").said == "C\n"
    assert (
        "Permission denied"
        in make(
            "cat", "exec /bin/ls /nobody /proc/1/no 2>&1 | sed 's/No such.*/Permission denied/'"
        )
        .ask("cat")
        .said
    )


def test_a_tool_that_is_not_there(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked, called in a pipe or at a terminal: it is refused as by a shell."""
    none = make("some", "")
    assert none.ask("none").code == 127
    assert none.do(say("none"), ["none"]).said == "none: No such file or directory"
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert none.do(say("none", reads_cards=True), ["none"]).code == 127


def test_the_library_of_pipsqueak_is_beside_it(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guide 2.6 step 3, for it alone."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    asking = make("pipsqueak", 'echo "$LD_LIBRARY_PATH"')
    (tmp_path / "release").mkdir()
    (tmp_path / "bin" / "pipsqueak").rename(tmp_path / "release" / "pipsqueak")
    assert asking.ask("./pipsqueak", folder=tmp_path / "release").said == "./:/lib\n"
    assert make("enquiry", 'echo "$LD_LIBRARY_PATH"').ask("enquiry").said == "/lib\n"


def test_at_a_terminal(
    make: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Who reads cards has it to itself; others are shown and read, may ask there too, and are
    answered when the answer is known.
    """
    reader, writer = os.pipe()
    os.write(writer, b"typed\n")
    os.close(writer)
    stdin = os.dup(0)
    os.dup2(reader, 0)
    try:
        monkeypatch.setattr(sys, "stdin", Terminal())
        reading = make("reading", 'read -r line; echo "<$line>"')
        assert reading.do(say("reading", typed="yes\n"), ["reading"]).said == "<yes>\n"
        assert reading.do(say("reading"), ["reading"]).said == "<typed>\n"
        assert reading.do(say("reading", reads_cards=True), ["reading"]).said == ""
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(reader)
    assert capfd.readouterr().out.splitlines()[-1] == "<>"


class Terminal(io.StringIO):
    """A standard input that says it is one."""

    def isatty(self) -> bool:
        return True


def test_lines_are_shown_as_they_come(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Indented, the last one too when it lacks its end; bytes that are no text are marked and do no
    harm.
    """
    ran = make("printing", r"printf 'one\ntwo \377 \303\251\n\nthree'").do(
        say("printing"), ["printing"]
    )
    assert ran.said == "one\ntwo � é\n\nthree"
    assert ran.lines == ["one", "two � é", "three"]
    assert capsys.readouterr().out == "$ printing\n  one\n  two � é\n  \n  three\n"


def test_a_terminal_without_the_letters(make: Make, tmp_path: Path) -> None:
    """A line that the terminal can't show is shown otherwise; the run goes on to what it would have
    said.
    """
    for name in (
        "generatekey",
        "nfkminfo",
        "fet",
        "nopclearfail",
        "tct2",
        "loadsee-setup",
        "hsc_loadseemachine",
    ):
        make(name, "exit 1")
    make("enquiry", "exit 1")
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    (tmp_path / "Küche").mkdir()
    command = [
        sys.executable,
        DEPLOY / "nshieldxc",
        "--release",
        "Küche",
        "--dry-run",
        "--work",
        "w",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert r"K\xfcche" in done.stdout


def test_where_the_tools_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/opt/nfast is above the folder that PATH names, be that a link to it, be the tool a link to
    elsewhere.
    """
    real = tmp_path / "nfast"
    for folder in (real / "bin", tmp_path / "else"):
        folder.mkdir(parents=True)
    (tmp_path / "else" / "wrapper").write_text("#!/bin/sh\n")
    (tmp_path / "else" / "wrapper").chmod(0o755)
    (real / "bin" / "generatekey").symlink_to(tmp_path / "else" / "wrapper")
    (tmp_path / "link").symlink_to(real / "bin")
    for path in (real / "bin", tmp_path / "link"):
        monkeypatch.setenv("PATH", str(path))
        assert Tools(tmp_path, "", -1).nfast == real
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Tools(tmp_path, "", -1).nfast == Path("/opt/nfast")
    assert Tools(tmp_path, "/given", -1).python == Path("/given/python3/bin/python3")
    monkeypatch.setenv("PATH", str(real / "bin"))
    assert Tools(tmp_path, "/given", -1).nfast == Path("/given")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NFAST_KMLOCAL", "/keys")
    assert Tools(tmp_path, "", -1).kmlocal == Path("/keys")
    monkeypatch.delenv("NFAST_KMLOCAL")
    assert Tools(tmp_path, "", -1).kmlocal == Path("/opt/nfast/kmdata/local")


def test_a_link_to_the_script(tmp_path: Path) -> None:
    """It may be linked into a folder of PATH."""
    for script in ("nshield5c", "nshieldxc"):
        link = tmp_path / script
        link.symlink_to(DEPLOY / script)
        done = subprocess.run(
            [link, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.startswith(f"usage: {script}")) == (
            0,
            True,
        ), done.stderr


@pytest.mark.parametrize("script", ["nshield5c", "nshieldxc"])
def test_an_older_python_is_told(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is imported that it may not have."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    monkeypatch.setattr(sys, "argv", [f"/deploy/{script}"])
    monkeypatch.setitem(sys.modules, "nshield.command", None)
    source = (DEPLOY / script).read_text()
    with pytest.raises(SystemExit) as ended:
        exec(compile(source, script, "exec"), {"__name__": "__main__"})
    assert (
        ended.value.code
        == f"{script}: Python 3.11 or later is needed, and this is 3.9. Name one: python3.11"
        f" /deploy/{script}"
    )


@pytest.mark.parametrize("script", ["nshield5c", "nshieldxc"])
def test_interrupted_at_once(script: str, tmp_path: Path) -> None:
    """Before it has read all of itself, it ends as later: with a line, and no traceback."""
    (tmp_path / "nshield").mkdir()
    (tmp_path / "nshield/__init__.py").write_text("raise KeyboardInterrupt\n")
    (tmp_path / script).write_text((DEPLOY / script).read_text())
    done = subprocess.run(
        [sys.executable, tmp_path / script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip().startswith(f"{script}: interrupted; ")
