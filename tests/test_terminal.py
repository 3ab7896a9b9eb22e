"""entry.py: commands that are interrupted while they load, that have no standard streams, or a
terminal that knows few characters.
"""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit import processes

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "pipsqueak": "-m seeclient",
    "pipsqueak, by its module": "-m seeclient.pipsqueak list",
    "info": "-m seemachine info",
    "fleet status": "-m seemachine fleet status",
    "help": "-m seemachine --help",
}
CLOSED = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]


def shell(line, environment):
    """Run a line of the shell."""
    return subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("closed", CLOSED)
def test_a_command_without_standard_streams_does_its_work(command, closed, tmp_path):
    """Closed is as good as thrown away: the exit code is the same, and nothing is complained of."""
    line = f"{shlex.quote(sys.executable)} {COMMANDS[command]}"
    environment = processes.environment(tmp_path)
    done = shell(f"{line} {closed}", environment)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == shell(line, environment).returncode


def test_a_file_does_not_get_the_number_of_a_closed_stream(tmp_path):
    """What a library writes to standard output or error must not end in the next file that was
    opened, such as an NVRAM.
    """
    opening = "print(os.open('kept', os.O_CREAT), file=open('number', 'w'))"
    code = f"import os; from seemachine.terminal import settle_streams; settle_streams(); {opening}"
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} <&- >&- 2>&-"],
        env=processes.environment(tmp_path),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.parametrize("words", [["info"], ["fleet", "down"]])
def test_a_world_whose_name_the_terminal_can_not_show(words, tmp_path):
    """Its name is printed with escapes."""
    environment = processes.environment(tmp_path / "world 世界", PYTHONIOENCODING="ascii")
    code, lines = processes.seemachine(words, environment)
    assert (code, "\\u4e16\\u754c" in "".join(lines)) == (0, True)


# ---------------------------------------------------------------- Ctrl-C


LOADING = """
import sys, time
from importlib.abc import MetaPathFinder

class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            print("loading", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
from {package}.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("package", "module"),
    [("seeclient", "seeclient.keys"), ("seemachine", "argparse")],
)
def test_ctrl_c_while_a_command_loads_ends_it_without_a_word(package, module, tmp_path):
    """As the system ends a command: the shell's exit code is 130, and there is no traceback."""
    code = LOADING.format(package=package, module=module)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=processes.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)[1]
    assert (process.returncode, told) == (-signal.SIGINT, "")


def test_nothing_loads_before_ctrl_c_is_seen_to(tmp_path):
    """What Python itself has not loaded by then would show a traceback when it is interrupted."""
    begun = f"import io, os, sys; sys.path.insert(0, {str(ROOT)!r}); begun = {{*sys.modules}}"
    code = f"{begun}; import seemachine.terminal; print(*{{*sys.modules}} - begun)"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"seemachine", "seemachine.terminal", "gc"}


def test_ctrl_c_is_ignored_where_it_was_before(tmp_path):
    """A command in the background of a script is not ended by the Ctrl-C that is meant
    for another.
    """
    code = (
        "import signal; signal.signal(signal.SIGINT,"
        f" signal.SIG_IGN)\n{LOADING.format(package='seeclient', module='seeclient.keys')}"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code.replace("sleep(60)", "sleep(1)")],
        env=processes.environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "PQSDK: 1.4.1 ()\n"
    assert process.returncode == 0
