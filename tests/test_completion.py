"""What shells complete: the words of seemachine by its parsers, those of pipsqueak by its table."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from seeclient import arguments, completion

from seemachine.cli.command import main
from seemachine.formats import CARD_SET
from seemachine.nfast.files import versioned

SHELLS = ("bash", "zsh", "fish")


def offered(line: str, folder: Path, breaks: str = "=") -> list[str]:
    """What bash offers after a line, which it splits into words at `breaks` too."""
    script = f"""{completion.script("bash")}
COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDBREAKS=$2
_pipsqueak
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", script, "bash", line, breaks],
        env={"SEEMACHINE_HOME": str(folder), "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return sorted(done.stdout.split())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pipsqueak gen", ["generate"]),
        ("pipsqueak generate lm", ["lmotscode=", "lmscode="]),
        ("pipsqueak generate lmscode=shake_m24_h1", ["shake_m24_h10", "shake_m24_h15"]),
        ("pipsqueak provesn=7852-268D-3BF9 slot=", ["0", "1", "2", "3", "4", "5"]),
        ("pipsqueak --j", ["--json"]),
        ("pipsqueak alias=", ["firmware", "release"]),
        ("pipsqueak alias=release msgfile=fi", ["file.bin"]),
        ("pipsqueak alias=release message=", [""]),
        ("pipsqueak alias=release msgdir=", ["images", "kmdata"]),
        ("pipsqueak alias=release msgdir=images sigdir=im", ["images"]),
        ("pipsqueak generate alias=a token=", ["ocs", "releases"]),
        ("pipsqueak generate alias=a token=r", ["releases"]),
    ],
)
def test_what_bash_offers(line: str, expected: list[str], tmp_path: Path) -> None:
    """Verbs, names, the values of those with few, aliases of key files, card sets, files,
    folders.
    """
    keys = tmp_path / "kmdata/local"
    keys.mkdir(parents=True)
    for name in ("key_pqsdk_release", "key_pqsdk_firmware", "key_simple_other"):
        (keys / name).touch()
    for name in ("ocs", "releases"):
        (keys / f"cards_{name}").write_bytes(versioned(CARD_SET, {"name": name, "hash": ""}))
    (tmp_path / "file.bin").touch()
    (tmp_path / "images").mkdir()
    assert offered(line, tmp_path) == [each for each in expected if each]


def test_a_bash_that_keeps_words_whole(tmp_path: Path) -> None:
    """Then what it offers begins with the name."""
    assert offered("pipsqueak generate resume=", tmp_path, " ") == ["resume=yes"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_card_sets_in_fish(tmp_path: Path) -> None:
    """None in a world without; else each by its name."""
    keys = tmp_path / "kmdata/local"
    keys.mkdir(parents=True)
    script = f"{completion.script('fish')}\ncomplete -C 'pipsqueak generate token='"

    def listed() -> list[str]:
        environ = {"SEEMACHINE_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.check_output(
            ["fish", "-c", script], env=environ, text=True, timeout=30
        ).split()

    assert listed() == []
    (keys / "cards_00").write_bytes(versioned(CARD_SET, {"name": "releases", "hash": ""}))
    assert listed() == ["token=releases"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_card_sets_in_zsh(tmp_path: Path) -> None:
    """None in a world without; else each by its name."""
    keys = tmp_path / "kmdata/local"
    keys.mkdir(parents=True)
    script = "compdef() { : }; compset() { : }; compadd() { print -l -- $@ }"
    script += f"\n{completion.script('zsh')}\nPREFIX=token=; _pipsqueak"

    def listed() -> list[str]:
        environ = {"SEEMACHINE_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.check_output(
            ["zsh", "-fc", script], env=environ, text=True, timeout=30
        ).split()

    assert listed() == ["--"]
    (keys / "cards_00").write_bytes(versioned(CARD_SET, {"name": "releases", "hash": ""}))
    assert listed() == ["--", "releases"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_argument_is_in_every_script(shell: str) -> None:
    """So are the verbs."""
    script = completion.script(shell)
    assert [name for name in arguments.NAMES if f"{name}=" not in script] == []
    assert [verb for verb in arguments.VERBS if verb not in script] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_what_is_printed(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file for both commands; shells that are not here are taken at their word."""
    assert main(["completion", shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    assert "quarantine" in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True, timeout=30)


def test_without_shtab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is missing, and where to get it."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert "pip install shtab" in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_options_that_are_added_late_are_completed(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`serve` reads its options from the settings only when it is asked for: they are there."""
    assert main(["completion", shell]) == 0
    assert "lock-memory" in capsys.readouterr().out


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world with two HSMs, a card on the rack and a key."""
    for folder in ("hsm/7852-268D-3BF9", "hsm/5F08-02E0-D947", "cards", "kmdata/local"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cards/card1.card").touch()
    (tmp_path / "cards/lock").touch()
    (tmp_path / "kmdata/local/key_pqsdk_release").touch()
    return tmp_path


NAMES = [
    ("card insert ", "card1"),
    ("card remove --esn 78", "7852-268D-3BF9"),
    ("quarantine burn rel", "release"),
    ("key show rel", "release"),
    ("backup --take-card c", "card1"),
    ("ledger --esn 5F", "5F08-02E0-D947"),
    ("help qu", "quarantine"),
    ("fault add drop-a", "drop-after"),
    ("fault add drop-after ti", "times="),
]


@pytest.mark.parametrize(("line", "expected"), NAMES)
def test_names_of_the_world_are_completed_in_bash(
    line: str, expected: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Aliases, ESNs and cards, as they are when the key is pressed; a variable of the user's stays
    as it was.
    """
    assert main(["completion", "bash"]) == 0
    script = f"""{capsys.readouterr().out}
line=mine
set -- $1 ; COMP_WORDS=(seemachine "$@")
[[ $LINE != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
$(complete -p seemachine | sed 's/.*-F \\([^ ]*\\).*/\\1/') 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}" "line=$line"
"""
    done = subprocess.run(
        ["bash", "-c", script, "bash", line],
        env={"SEEMACHINE_HOME": str(world), "PATH": "/usr/bin:/bin", "LINE": line},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert {expected, "line=mine"} <= {*done.stdout.split()}, done


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
@pytest.mark.parametrize(("line", "expected"), NAMES)
def test_names_of_the_world_are_completed_in_fish(
    line: str, expected: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same."""
    assert main(["completion", "fish"]) == 0
    script = f"{capsys.readouterr().out}\ncomplete -C 'seemachine {line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env={"SEEMACHINE_HOME": str(world), "PATH": "/usr/bin:/bin", "HOME": str(world)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert expected in done.stdout.split(), done
