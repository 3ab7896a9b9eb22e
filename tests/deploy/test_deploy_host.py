"""The host and its modules as the tools tell of them: what is missing, late, or not said; and
settings that name nothing.
"""

import shutil
from pathlib import Path

import pytest
from deploy.desk import DEPLOY, FIVE, Desk
from nshield import command, failures, runner, settings
from nshield.journal import Journal
from nshield.listen import Ran
from nshield.settings import Settings
from nshield.site import Site
from nshield.step import Step
from nshield.tools import Tools


def test_codesafe_5_must_be_installed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guide 2.5.2: without csadmin nothing is done; an XC does not need it."""
    for tool in ("csadmin", "hsmadmin", "appliance-cli"):
        (desk.bin / tool).rename(desk.bin / "away")
        assert "CodeSafe 5 (guide 2.5.2.1)" in desk.stopped(1, "5c")
        (desk.bin / "away").rename(desk.bin / tool)
    (desk.bin / "csadmin").rename(desk.bin / "away")
    assert desk.calls == []
    desk.done("xc", "--module", "2", "--yes")


def test_the_version_is_in_the_names(desk: Desk) -> None:
    """Guide 2.5.1 step 5, 2.5.2.3 step 16: another version than the release's is found before
    anything is made.
    """
    for model, name in (("5c", "pqsdk-9.9.bin"), ("xc", "pqsdk-9.9.elf")):
        words = ["--module", "2", "--yes"] if model == "xc" else []
        assert name in desk.stopped(1, model, "--version", "9.9", *words)
        assert desk.calls == []


def test_custom_seemachines_that_can_not_be_written(desk: Desk) -> None:
    """Guide 2.5.1 step 7: who to be, or --sudo; nothing was cleared.

    With --sudo these calls, and no other, are sudo's.
    """
    folder = desk.site.home / "kmdata" / "custom-seemachines"
    folder.write_text("in the way")
    assert "--sudo" in desk.stopped(1, "xc", "--module", "2", "--yes")
    assert not any(call.startswith("loadsee-setup") for call in desk.calls)
    folder.unlink()
    sudo = desk.bin / "sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    sudo.chmod(0o755)
    desk.done("xc", "--module", "2", "--yes", "--sudo")
    assert [call.split()[1] for call in desk.calls if call.startswith("sudo")] == [
        "mkdir",
        "cp",
        "cp",
    ]
    sudo.unlink()
    desk.done("xc", "--module", "2", "--uninstall", "--yes")


def test_there_must_be_a_pipsqueak(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last look takes it: a release without one, and none in PATH, is found before anything is
    made.
    """
    desk.stopped(3, "5c")
    Path("pqcop-5c/pqsdk-1.4.1-win64/pipsqueak").unlink()
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "pipsqueak" else which(name))
    assert "pipsqueak there or in PATH" in desk.stopped(
        1, "5c", "--release", "pqcop-5c/pqsdk-1.4.1-win64"
    )
    assert desk.calls == []


@pytest.mark.parametrize(
    ("said", "code", "advice"),
    [
        ("no passphrase was given for testOCS", 3, "through standard input"),
        ("[Errno 28] No space left on device", 1, "make room"),
        ("[Errno 30] Read-only file system: 'x'", 1, "--work"),
        ("there is a key simple,x already", 1, "--devkey"),
        ("something else", 1, "the step's own"),
    ],
)
def test_what_to_do_fits(said: str, code: int, advice: str) -> None:
    """Each refusal has the advice for it."""
    found = failures.judge(said, "the step's own")
    assert (found[0], advice in found[1]) == (code, True)


def test_who_may_not_read_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guide 2.6 step 1: the user must be in the group nfast, also where the script itself is
    refused.
    """

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/opt/nfast/kmdata/local/key")

    monkeypatch.setattr(Site, "key_path", refuse)
    assert "be of the group nfast" in desk.stopped(1, "5c")


def test_a_module_that_answers_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a clear it is looked again for some time; what tools are not asked for is looked at
    once; without end it is refused.
    """
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.01)
    site = Site(
        Settings("xc", work=str(tmp_path)), Tools(tmp_path, "", -1, silent=True), Journal(tmp_path)
    )
    looks: list[int] = []

    def third() -> bool:
        looks.append(0)
        return len(looks) > 3

    monkeypatch.setattr(runner, "ANSWER_SECONDS", 30.0)
    late = Step("late", "2", third, "", (runner.Act("true", lambda: None),), looks=("enquiry",))
    assert runner.run(site, [late], yes=False) == 1
    monkeypatch.setattr(runner, "ANSWER_SECONDS", 0.05)
    for tools in (("enquiry",), ()):
        looks[:] = []
        never = Step(
            "never",
            "2",
            lambda: bool(looks.append(0)),
            "",
            (runner.Act("true", lambda: None),),
            looks=tools,
        )
        with pytest.raises(runner.Stopped, match="still it is not so"):
            runner.run(site, [never], yes=False)
        assert (len(looks) > 3) is bool(tools)


class Answering(Tools):
    """Tools that say what they are told to."""

    said: dict[str, str]

    def ask(self, *words: str, folder: Path | None = None) -> Ran:  # noqa: ARG002
        return Ran(0, self.said.get(" ".join(words), ""))


def test_a_serial_number_outlives_a_clear(tmp_path: Path) -> None:
    """While the module does not answer, notes are still its own, and nothing is seen of it."""
    tools = Answering(tmp_path, "", -1)
    tools.said = {
        "enquiry -m 1": (
            f"Module #1:\n serial number        {FIVE}\n mode                 operational\n"
        )
    }
    site = Site(Settings("5c", work=str(tmp_path)), tools, Journal(tmp_path))
    assert (site.esn, site.operational()) == (FIVE, True)
    tools.said = {"pipsqueak": "PQSDK: 1.4.1 ()"}
    assert (site.esn, site.operational(), site.seen()) == (FIVE, False, False)


@pytest.mark.parametrize(
    ("world", "own", "usable"),
    [
        ("Initialised Usable Recovery", "Usable", True),
        ("Initialised Usable Recovery", "!Usable", False),
        ("Initialised !Usable", "Usable", False),
        ("Initialised Usable", None, False),
        ("Initialised Usable", "\n state   ", False),
    ],
)
def test_the_world_must_be_usable_on_this_module(
    world: str, own: str | None, usable: bool, tmp_path: Path
) -> None:
    """Guide 2.9.1: another module's state does not count."""
    tools = Answering(tmp_path, "", -1)
    blocks = [
        f"World\n generation  2\n state       0x1 {world}\n",
        "Module #1\n state       0x2 Usable\n",
    ]
    tools.said = {
        "nfkminfo": "\n".join(
            blocks + ([f"Module #2\n generation 2\n state       0x2 {own}\n"] if own else [])
        )
    }
    assert (
        Site(Settings("xc", module=2, work=str(tmp_path)), tools, Journal(tmp_path)).world_usable()
        is usable
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("{esn}      {uuid} STARTED", (True, False)),
        ("{esn}      {uuid} STOPPED", (False, True)),
        ("{esn}      {uuid}", (False, False)),
        ("{esn}      No SEE machines currently installed", (False, True)),
    ],
)
def test_what_csadmin_says_of_a_state(said: str, state: tuple[bool, bool], tmp_path: Path) -> None:
    """Started, stopped, unknown: what is not said is neither, until we have done it ourselves."""
    uuid = "3d362d35-fc17-448a-b501-914fe0a680b0"
    tools = Answering(tmp_path, "", -1)
    tools.said = {
        "enquiry -m 1": f" serial number        {FIVE}\n",
        "csadmin list": said.format(esn=FIVE, uuid=uuid),
    }
    tools.said["pipsqueak"] = "PQSDK: 1.4.1 ()"
    site = Site(Settings("5c", work=str(tmp_path)), tools, Journal(tmp_path))
    assert (site.started(uuid), site.stopped(uuid)) == state
    site.journal.note(FIVE, started=uuid, stopped=uuid)
    unknown = state == (False, False)
    assert (site.started(uuid), site.stopped(uuid)) == ((True, True) if unknown else state)


@pytest.mark.parametrize(
    ("option", "bad", "good"),
    [
        ("--module", "0", "1"),
        ("--module", "100", "99"),
        ("--slot", "-1", "0"),
        ("--slot", "100", "99"),
        ("--version", "", "1.4.1"),
        ("--signer", "", "pqsdk-signer"),
        ("--cardset", " ", "testOCS"),
        ("--esn", "7852-268d-3bf9", FIVE),
        ("--uuid", "3D362D35-fc17-448a-b501-914fe0a680b0", "3d362d35-fc17-448a-b501-914fe0a680b0"),
        ("--version", "../1.4.1", "1.4.1"),
        ("--address", "hsm.example", "192.0.2.7"),
        ("--rfs", "192.0.2.1 -m", "rfs-1.example"),
        ("--signer", "Pqsdk_Signer", "pqsdk-signer"),
        ("--devkey", "-dev", "dev-1"),
        ("--devkey", "pqsdk-signer", "dev-2"),
        ("--retarget", "a b", "pqsdk-signer"),
        ("--cname", "-m", "hsm.example"),
        ("--org", "one\ntwo", "One & Two"),
    ],
)
def test_shapes_of_settings(
    option: str,
    bad: str,
    good: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A value that a tool would take for something else, or that names no such thing, is wrong
    usage.
    """
    assert command.main("5c", ["--dry-run", f"{option}={bad}"]) == 2
    assert option.removeprefix("--") in capsys.readouterr().err
    assert command.main("5c", ["--dry-run", f"{option}={good}"]) == 0


@pytest.mark.parametrize(
    ("words", "slot"), [([], "2"), (["--slot", "0"], "0"), (["--slot", "4"], "4")]
)
def test_the_slot_that_was_named(
    words: list[str], slot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slot 0 is one, too."""
    assert command.main("5c", ["--dry-run", *words]) == 0
    assert f" slot={slot} trusted-certifier=" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "is_folder"),
    [
        ("--release", False),
        ("--nfast", False),
        ("--licence", True),
        ("--network-conf", True),
        ("--packages-conf", True),
        ("--rootdir", False),
        ("--work", False),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["dry", "run"])
def test_what_a_setting_names_is_there(
    option: str,
    is_folder: bool,
    dry: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A path that leads nowhere, or to a file where a folder is needed or the other way round, is
    wrong usage, before anything is made.
    """
    monkeypatch.chdir(tmp_path)
    Path("wrong").mkdir() if is_folder else Path("wrong").touch()
    for value in ("wrong", "wrong/below" if option == "--work" else "nowhere"):
        assert command.main("5c", [*dry, "--rfs", "192.0.2.1", option, value]) == 2
        said = capsys.readouterr().err
        assert (option.removeprefix("--") in said, str(tmp_path / value) in said) == (
            True,
            True,
        ), said
    assert [path.name for path in tmp_path.iterdir()] == ["wrong"]


def test_a_certificate_that_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not there yet is waited for; a folder is wrong usage."""
    assert command.main("5c", ["--dry-run", "--devcert", str(tmp_path / "later.pem")]) == 0
    assert command.main("5c", ["--dry-run", "--devcert", str(tmp_path)]) == 2
    assert f"devcert must be a file: {tmp_path}" in capsys.readouterr().err


def test_to_uninstall_takes_no_more_than_the_release(tmp_path: Path) -> None:
    """A licence that was fed and thrown away hinders nobody on the way back."""
    assert (
        command.main("5c", ["--dry-run", "--uninstall", "--licence", str(tmp_path / "gone")]) == 0
    )


def test_every_setting_has_its_place() -> None:
    """Each is explained, and belongs to one model or to both."""
    names = {each for each in Settings.__dataclass_fields__ if each != "model"}
    assert set(settings.HELP) == names == set(settings.known("5c")) | set(settings.known("xc"))
    assert DEPLOY.is_dir()
