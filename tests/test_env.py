"""`seemachine env`: what it prints means one world to a shell, whatever its path is called."""

import shutil
import subprocess
from pathlib import Path

import pytest
from kit.documents import answer
from kit.processes import environment

from seemachine.cli.command import main

ODD = 'it\'s a $HOME `dir` \\ "world"'


@pytest.mark.parametrize("shell", ["sh", "fish"])
def test_a_shell_reads_the_path_as_it_is(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quotes, dollars, backslashes and blanks reach the variable."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    home = tmp_path / ODD
    assert main(["env", "--shell", shell, "--home", str(home)]) == 0
    script = capsys.readouterr().out + 'printf %s "$SEEMACHINE_HOME"'
    read = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
    assert read.stdout == str(home)


def test_fish_knows_two_escapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In single quotes, a backslash before each of them."""
    assert main(["env", "--shell", "fish", "--home", str(tmp_path / "it's \\ ")]) == 0
    assert f"set -gx SEEMACHINE_HOME '{tmp_path}/it\\'s \\\\ ';\n" in capsys.readouterr().out


def test_what_names_another_world_is_unset(tmp_path: Path) -> None:
    """Machines, keys, memory and certificates from elsewhere; what is not set is not spoken of."""
    told = answer(
        ["env"],
        tmp_path,
        SEEMACHINE_FLEET="elsewhere:1",
        SEEMACHINE_TLS_CERT="/elsewhere/client-a.crt",
        SHELL="/usr/bin/fish",
    )
    assert told["unset"] == ["SEEMACHINE_FLEET", "SEEMACHINE_TLS_CERT"]
    assert (told["set"], told["shell"]) == ({"SEEMACHINE_HOME": str(tmp_path)}, "fish")


def test_a_certificate_of_this_world_stays(tmp_path: Path) -> None:
    """Somebody chose it among several."""
    chosen = str(tmp_path / "pki" / "client-a.crt")
    assert answer(["env"], tmp_path, SEEMACHINE_TLS_CERT=chosen)["unset"] == []


def test_a_path_that_no_line_can_have(tmp_path: Path) -> None:
    """It is refused, and the shell has nothing to evaluate."""
    told = answer(["env", "--home", str(tmp_path / "a\nb")], tmp_path)
    assert told["error"]["code"] == "refused"


def test_a_fleet_is_found_by_what_is_printed(tmp_path: Path) -> None:
    """`pipsqueak` in that shell looks into the world that was named."""
    env = environment(tmp_path / "other", SEEMACHINE_FLEET="127.0.0.1:1")
    line = (
        f'eval "$(python -m seemachine env --home {tmp_path}/w)"; python -m seemachine fleet status'
    )
    done = subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert f"no fleet in {tmp_path}/w;" in done.stdout
