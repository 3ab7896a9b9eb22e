"""The tools at a terminal, and what they leave in files and lines when somebody breaks off (guide
2.5.1 step 7, 2.5.2.3 step 2).
"""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from kit.site import ASK, FIVE, SIGN, TCT2, Site
from nfast.terminal import Answer, typed

from seemachine.nfast import keystore, questions, tool
from seemachine.state.cards.rack import Rack
from seemachine.world import World

EOF, INTERRUPT = b"\x04", b"\x03"
CREATE = ["ids", "create", "--keyname", "dev", "--x509cname", "cn", "--x509org", "org"]


@pytest.fixture
def guarded(site: Site) -> Site:
    """A site whose second card set has a passphrase, its card in slot 2."""
    assert site.seemachine("nfast", "cards", "guarded", "--passphrase", "open")[0] == 0
    site.rack.remove(FIVE, 2)
    site.rack.insert("guarded-1", FIVE, 2)
    return site


# ---- breaking off --------------------------------------------------------------------------------


def test_no_passphrase_at_a_terminal_is_a_refusal_in_one_line(guarded: Site) -> None:
    """Ctrl-D at the prompt: a sentence in a line of its own, no traceback."""
    code, seen = typed(guarded, "csadmin", CREATE, [("Enter passphrase:", EOF)])
    assert code == 1
    assert seen.endswith("\ncsadmin: no passphrase was given\n")
    assert "Traceback" not in seen


def test_interrupted_at_a_prompt_the_line_is_ended(guarded: Site) -> None:
    """Ctrl-C: exit code 130, and the shell's prompt begins a new line."""
    code, seen = typed(guarded, "csadmin", CREATE, [("Enter passphrase:", INTERRUPT)])
    assert code == 130
    assert seen.endswith("\n")
    assert "Traceback" not in seen


def test_a_mistyped_passphrase_is_asked_for_again(guarded: Site) -> None:
    """At a terminal, until it is right; in a pipe the first one counts (see test_nfast_office)."""
    right: list[tuple[str, Answer]] = [
        ("Enter passphrase:", b"opne\n"),
        ("wrong passphrase for `guarded' #1 in slot 2; try again", b""),
        ("Enter passphrase:", b"open\n"),
        ("Enter passphrase:", b"open\n"),
    ]
    assert typed(guarded, "csadmin", CREATE, right)[0] == 0
    assert right == []


# ---- half-made developer keys --------------------------------------------------------------------


@pytest.mark.parametrize("second", [(b"wrong\n", EOF), (EOF,), (INTERRUPT,)])
def test_ids_create_broken_off_in_its_second_dialogue_leaves_nothing(
    guarded: Site, second: tuple[bytes, ...]
) -> None:
    """A wrong passphrase and no other, Ctrl-D or Ctrl-C there: neither key nor CSR, so the same
    command works when it is typed again.
    """
    answers: list[tuple[str, Answer]] = [
        ("Enter passphrase:", answer) for answer in (b"open\n", *second)
    ]
    code, _ = typed(guarded, "csadmin", CREATE, answers)
    assert answers == []
    assert code in (1, 130)
    assert keystore.listing(World.at(guarded.home)) == []
    assert list(Path().glob("dev.*")) == []
    code, seen = typed(guarded, "csadmin", CREATE, [("Enter passphrase:", b"open\n")] * 2)
    assert (code, Path("dev.csr").exists()) == (0, True), seen


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_what_holds_no_secret_is_readable_as_the_umask_says(
    five: Site, umask: int, mode: int
) -> None:
    """Archives, user data, CSR and image: `sudo cp` makes root their owner, and loadsee-setup reads
    them still.

    Keys are never readable.
    """

    def run(name: str, *words: str) -> None:
        command = [sys.executable, "-m", f"seemachine.nfast.tools.{name}", *words]
        subprocess.run(
            command,
            env=five.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            umask=umask,
            check=True,
        )

    run("generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    run("userdatatool", "-A", "seeinteg", "-I", "pqsdk-signer", "-f", "u.raw")
    run("tct2", *TCT2, "--machine-key-ident", "pqsdk-signer", "-o", "u.sar", "u.raw")
    run("csadmin", *CREATE)
    assert {
        name: Path(name).stat().st_mode & 0o777 for name in ("u.raw", "u.sar", "dev.csr")
    } == dict.fromkeys(("u.raw", "u.sar", "dev.csr"), mode)
    for path in keystore.kmlocal(World.at(five.home)).iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_support_sends_is_readable(five: Site) -> None:
    """A certificate and a licence hold no secret."""
    pem = five.make_developer()
    assert five.seemachine("nfast", "licence", "l.txt", "--esn", FIVE)[0] == 0
    assert [path.stat().st_mode & 0o777 for path in (pem, Path("l.txt"))] == [0o644, 0o644]


def test_what_the_system_refuses_is_said_with_what_to_do(tmp_path: Path) -> None:
    """No such file, no such folder, no right to read or write: each in words."""
    path = tmp_path / "a.sar"
    scratch = str(tmp_path / ".a.sar.new")
    assert (
        tool.reason(FileNotFoundError(errno.ENOENT, "x", str(path))) == f"there is no file {path}"
    )
    assert (
        tool.reason(FileNotFoundError(errno.ENOENT, "x", scratch))
        == f"there is no folder {tmp_path}"
    )
    assert f"chmod a+r {path}" in tool.reason(PermissionError(errno.EACCES, "x", str(path)))
    assert (
        tool.reason(PermissionError(errno.EACCES, "x", scratch))
        == f"you may not write into {tmp_path}"
    )
    assert tool.reason(OSError("other")) == "other"


def test_where_nothing_can_be_written_no_card_is_read(five: Site) -> None:
    """The place of the output is looked at before the dialogue."""
    five.make_signed()
    sign = [*SIGN, "image.cs5", "--out"]
    for name, words in (
        ("csadmin", [*sign, "none/o.cs5"]),
        ("userdatatool", ["-A", "simple", "-I", "pqsdk-signer", "-f", "none/u.raw"]),
    ):
        code, lines = five.run(name, *words)
        assert (code, len(lines)) == (1, 1)
        assert lines[0].endswith("there is no folder none")
    assert "there is no file nosuch.cs5" in five.refused(
        "csadmin", "load", "--esn", FIVE, "nosuch.cs5"
    )


# ---- names of card sets --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../evil", "", "a b", ".", "admin", "x" * 33])
def test_a_name_that_no_card_set_has_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither the set nor, in a new world, the ACS before it; and nobody is asked for a passphrase
    first.
    """
    from seemachine.cli.command import main

    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "w"))
    monkeypatch.setattr(questions, "secret", lambda _prompt: pytest.fail("asked for a passphrase"))
    assert main(["nfast", "setup", "--ocs", name]) == 2
    assert Rack(World.at(tmp_path / "w")).listing() == []
    assert not (tmp_path / "w" / "kmdata" / "local" / "world").exists()
