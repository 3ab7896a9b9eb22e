"""What the guide's tools do not say, and refuse: the deploy scripts remember it, and a refusal is
one each time.
"""

import datetime as dt
from pathlib import Path

import pytest
from deploy.certificates import pem
from deploy.guidetools import KILL, SERIAL, GuideHost, deploy
from nshield import command
from nshield.journal import Busy, Folder
from nshield.settings import WrongSettings

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def test_an_xc_that_is_loaded_by_hand(tmp_path: Path) -> None:
    """Guide 2.5.1 step 9: a SEE machine that the clear did not load is loaded, once, and its
    configuration stays known.
    """
    host = GuideHost(tmp_path, "xc")
    host.instead("loadsee-setup", "--setup", f'$real "$@"; rm {host.state}/started; exit')
    host.instead("hsc_loadseemachine", "-m1", f"touch {host.state}/started; exit")
    code, lines = deploy(host, "xc", "--yes")
    assert code == 0, "\n".join(lines)
    assert "$ hsc_loadseemachine -m1" in lines
    assert "nothing to do" in deploy(host, "xc")[1][-1]


def test_a_configuration_that_can_not_be_removed(tmp_path: Path) -> None:
    """A refusal is told each time, not taken for a removal that was done."""
    host = GuideHost(tmp_path, "xc")
    assert deploy(host, "xc", "--yes")[0] == 0
    host.instead("loadsee-setup", "-r", "echo no; exit 1")
    for _ in range(2):
        code, lines = deploy(host, "xc", "--uninstall", "--yes")
        assert (code, "loadsee-setup ended with exit code 1" in lines[-4]) == (1, True), "\n".join(
            lines
        )


@pytest.mark.parametrize("broken", ["enquiry", "fet"])
def test_no_work_folder_for_a_run_that_does_nothing(broken: str, tmp_path: Path) -> None:
    """It is made when something is first done, for its user alone; a run that stops before leaves
    none behind, nor does a dry one.
    """
    host = GuideHost(tmp_path, "5c")
    host.instead(broken, "-m 1", "exit 1")
    for words in ([], ["--dry-run"], ["--uninstall", "--yes"]):
        code, lines = deploy(host, "5c", *words)
        assert code == (0 if "--dry-run" in words else 1), lines
    assert [path.name for path in host.work.iterdir()] == [host.release.name]
    host.restore(broken)
    assert deploy(host, "5c")[0] == 3
    assert (host.work / "pqcop-5c").stat().st_mode & 0o777 == 0o700


def test_a_work_folder_that_another_run_made_meanwhile(tmp_path: Path) -> None:
    """It has notes that this run has not read: it is left to the other.

    One that can not be made, or written, is named.
    """
    path = tmp_path / "a" / "work"
    ours, theirs = Folder(path), Folder(path)
    descriptor = theirs.need()
    assert theirs.need() == descriptor
    with pytest.raises(Busy, match="meanwhile"):
        ours.need()
    ours.leave()
    theirs.leave()
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "lock").mkdir(parents=True)
    for unusable in (Folder(tmp_path / "file" / "work").need, lambda: Folder(tmp_path / "taken")):
        with pytest.raises(WrongSettings, match=r"can't be used: .*another with --work"):
            unusable()
    assert Folder(path).taken >= 0


def test_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder in which the work folder would be made is looked at before any tool is asked."""
    monkeypatch.setattr("nshield.checks.os.access", lambda *_: False)
    assert command.main("5c", ["--work", str(tmp_path / "a" / "b")]) == 2
    assert capsys.readouterr() == (
        "",
        (
            f"nshield5c: work must be a folder that can be written: {tmp_path}/a/b, and {tmp_path}"
            " can't\n"
        ),
    )


@pytest.fixture
def loaded(tmp_path: Path) -> GuideHost:
    """A 5c whose SEE machine is loaded and was never started, since each start was refused."""
    host = GuideHost(tmp_path, "5c")
    host.instead("csadmin", "start", "echo no; exit 1")
    assert deploy(host, "5c")[0] == 3
    (host.work / "pqcop-5c/devkeyident.pem").write_bytes(
        pem(SERIAL, NOW - dt.timedelta(1), NOW + dt.timedelta(1))
    )
    for _ in range(2):
        code, lines = deploy(host, "5c")
        assert (code, "csadmin ended with exit code 1" in lines[-4]) == (1, True), "\n".join(lines)
    host.restore("csadmin")
    host.log()
    return host


def test_a_start_that_was_done_before_the_kill(loaded: GuideHost) -> None:
    """A start that is refused is told each time; one that only is refused since a killed run had
    done it is none.
    """
    loaded.instead("csadmin", "start", KILL)
    assert deploy(loaded, "5c")[0] == -9
    loaded.restore("csadmin")
    code, lines = deploy(loaded, "5c")
    assert code == 0, "\n".join(lines)
    assert [line.split()[:2] for line in loaded.log()] == [
        ["csadmin", "start"],
        ["csadmin", "start"],
        ["bootstrap", f"{loaded.release}/bootstrap.py"],
    ]


def test_a_stop_by_others(loaded: GuideHost) -> None:
    """What runs no more can't be stopped: it is destroyed all the same.

    What runs and can't be stopped is not.
    """
    assert deploy(loaded, "5c")[0] == 0
    loaded.instead("csadmin", "stop", "echo no; exit 1")
    assert "csadmin ended with exit code 1" in deploy(loaded, "5c", "--uninstall", "--yes")[1][-4]
    loaded.restore("csadmin")
    (loaded.state / "started").unlink()
    code, lines = deploy(loaded, "5c", "--uninstall", "--yes")
    assert code == 0, "\n".join(lines)


def test_a_stop_that_is_followed_by_a_start(loaded: GuideHost) -> None:
    """An uninstall that was killed after the stop, and then a set-up: it is started, at once."""
    assert deploy(loaded, "5c")[0] == 0
    loaded.instead("csadmin", "destroy", "kill -9 $PPID; sleep 0.2; exit")
    assert deploy(loaded, "5c", "--uninstall", "--yes")[0] == -9
    loaded.restore("csadmin")
    code, lines = deploy(loaded, "5c")
    assert code == 0, "\n".join(lines)
