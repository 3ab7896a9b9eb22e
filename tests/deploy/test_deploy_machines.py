"""SEE machines in the way, stopped, gone or stale: each failure that the guide warns of in 2.5 and
2.8, once all is set up.
"""

import os
import signal
from pathlib import Path

import pytest
from deploy.desk import FIVE, XC, Desk
from kit import processes
from nshield.journal import lock

from seemachine.state.disk.lock import holder

RELEASE = Path("pqcop-5c/pqsdk-1.4.1-win64")


def test_started_twice(five: Desk) -> None:
    """A second run does nothing; a SEE machine of others in the way is left alone; a fleet that
    runs is named.
    """
    assert five.done("5c")[-1] == f"nshield5c: module 1 ({FIVE}) is set up; there was nothing to do"
    assert five.calls == []
    five.site.done("csadmin", "load", "--esn", FIVE, "pqcop-5c/pqsdk-signed.cs5")
    assert "no other SEE machine" in five.stopped(1, "5c")
    assert five.calls == []


def test_two_runs_at_once(five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work folder is one run's at a time."""
    monkeypatch.setattr("nshield.journal.WAIT_SECONDS", 0.1)
    taken = lock(Path("pqcop-5c"))
    try:
        assert "another run" in five.stopped(1, "5c")
    finally:
        os.close(taken)
    five.done("5c")


@pytest.mark.parametrize("changed", ["network.json", "pqsdk-1.4.1.bin", ""])
def test_another_image_is_foreseen(changed: str, five: Desk) -> None:
    """Another program, configuration or key: before a card is read for an image that could not be
    loaded; once uninstalled it is.
    """
    words = []
    if changed:
        (RELEASE / changed).write_text((RELEASE / changed).read_text() + "\n")
    else:
        words = ["--signer", "second"]
    assert "Uninstall it first" in five.stopped(1, "5c", *words)
    assert five.calls == []
    five.done("5c", "--uninstall", "--yes")
    five.done("5c", *words)
    assert FIVE in five.banner()


def test_what_others_load_meanwhile(desk: Desk) -> None:
    """Cards take their time: a SEE machine that others load until then is seen before ours is
    loaded beside it.
    """

    def load(call: str, made: bool) -> None:
        if made and call.startswith("csadmin image sign"):
            desk.site.done("csadmin", "load", "--esn", FIVE, "pqcop-5c/pqsdk-signed.cs5")

    desk.stopped(3, "5c")
    desk.certify()
    desk.watch = load
    assert "not so: there is still no other" in desk.stopped(1, "5c")
    assert len(desk.site.module(FIVE).loaded) == 1


def test_what_is_loaded_needs_no_files(five: Desk) -> None:
    """What was tidied away is not made again; to be started and published takes the very image, and
    no card is read for another one.
    """
    [loaded] = five.site.module(FIVE).loaded
    stop = ("csadmin", "stop", "--esn", FIVE, "--uuid", loaded.uuid)
    for name in ("pqsdk.cs5", "userdata.raw", "container/usr/bin/entrypoint"):
        (Path("pqcop-5c") / name).unlink()
    five.site.done(*stop)
    five.done("5c")
    assert [call.split()[1] for call in five.calls] == ["start", "pqsdk-1.4.1-win64/bootstrap.py"]
    Path("pqcop-5c/pqsdk-signed.cs5").unlink()
    assert "nothing to do" in five.done("5c")[-1]
    five.site.done(*stop)
    assert "Uninstall it first" in five.stopped(1, "5c")
    assert five.calls == []


def test_an_xc_needs_no_files_either(desk: Desk) -> None:
    """What was tidied away is not made again.

    For another program it is, once the clear is allowed, and no card is read before.
    """
    words = ("--module", "2")
    desk.done("xc", *words, "--yes")
    for name in ("userdata.raw", "userdata.sar", "pqsdk-1.4.1.sar"):
        (Path("pqcop-xc") / name).unlink()
    assert "nothing to do" in desk.done("xc", *words)[-1]
    program = Path("pqcop-xc/pqsdk-1.4.1-win64/pqsdk-1.4.1.elf")
    program.write_text(program.read_text() + "\n")
    assert "with --yes" in desk.stopped(1, "xc", *words)
    assert desk.calls == []
    desk.done("xc", *words, "--yes")
    assert [call.split()[0] for call in desk.calls] == [
        "python3",
        "tct2",
        "tct2",
        "mkdir",
        "cp",
        "cp",
        "loadsee-setup",
    ]
    assert XC in desk.banner()


def test_a_fleet_in_the_way(desk: Desk) -> None:
    """Machines that `seemachine fleet up` keeps running are not cleared behind its back."""
    assert processes.seemachine(["fleet", "up", "--detach"], desk.site.env)[0] == 0
    assert "seemachine fleet down" in desk.stopped(1, "xc", "--module", "2", "--yes")
    assert processes.seemachine(["fleet", "down"], desk.site.env)[0] == 0
    desk.done("xc", "--module", "2", "--yes")


def test_a_stale_published_object(five: Desk) -> None:
    """The SEE machine is gone and its published object is not (guide 2.8.1): the next run starts
    and publishes it again, and no more.
    """
    running = holder(five.site.home / "hsm" / FIVE)
    assert running
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert five.banner() == "PQSDK: 1.4.1 ()"
    five.done("5c")
    assert [" ".join(call.split()[:2]) for call in five.calls] == [
        "csadmin start",
        "python3 pqsdk-1.4.1-win64/bootstrap.py",
    ]
    assert FIVE in five.banner()


def test_a_stale_published_object_of_nobody(five: Desk) -> None:
    """What the guide's own commands left behind is tidied up by the uninstall."""
    [loaded] = five.site.module(FIVE).loaded
    for verb in ("stop", "destroy"):
        five.site.done("csadmin", verb, "--esn", FIVE, "--uuid", loaded.uuid)
    Path("pqcop-5c/journal.json").unlink()
    five.done("5c", "--uninstall", "--yes")
    assert [call.split()[1] for call in five.calls] == ["pqsdk-1.4.1-win64/removepubobj.py"]
    assert not list(five.site.home.glob("published/pqsdk/*"))


def test_a_configuration_that_was_removed_by_others(desk: Desk) -> None:
    """An XC whose configuration is gone: the run that finds it says so, the next one makes it
    again.
    """
    desk.done("xc", "--module", "2", "--yes")
    desk.site.done("loadsee-setup", "-r", "-m", "2", typed=("yes", "yes", "yes"))
    assert "makes it again" in desk.stopped(1, "xc", "--module", "2")
    desk.done("xc", "--module", "2", "--yes")
    assert XC in desk.banner()


def test_an_uninstall_without_the_script_of_support(five: Desk) -> None:
    """removepubobj.py is not part of the release: without it nothing is taken down."""
    assert five.site.seemachine("nfast", "release", "release.zip")[0] == 0
    Path("pqcop-5c/pqsdk-1.4.1-win64/removepubobj.py").unlink()
    assert "removepubobj.py" in five.stopped(
        1, "5c", "--uninstall", "--yes", "--release", "pqcop-5c/pqsdk-1.4.1-win64"
    )
    assert FIVE in five.banner()


def test_a_module_is_not_cleared_unasked(five: Desk) -> None:
    """In a pipe the word --yes is needed, and nothing is done before."""
    assert "with --yes" in five.stopped(1, "5c", "--uninstall")
    assert five.calls == []
    assert FIVE in five.banner()


def test_leaves_outlive_an_uninstall(five: Desk) -> None:
    """What is in NVRAM stays: set up again, with the same signing key, the HSM signs on."""
    five.pipsqueak(
        "generate",
        "alias=kept",
        "algorithm=lms",
        "lmscode=sha256_m32_h5",
        "lmotscode=sha256_n32_w8",
    )
    five.done("5c", "--uninstall", "--yes")
    five.done("5c")
    assert not any("image" in call or call.startswith("generatekey") for call in five.calls)
    assert five.pipsqueak("alias=kept", "message=one").endswith("true")
