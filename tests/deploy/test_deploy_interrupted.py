"""Killed at each step and run again: the deploy scripts come to the same end, and nothing is there
twice.
"""

import json
from pathlib import Path

import pytest
from deploy.desk import FIVE, XC, Desk, Killed

FIVE_CALLS = [
    *(
        "csadmin ids create",
        "hsmadmin cs5 clientinfo",
        "appliance-cli -m 1 cs5 setclientinfo",
        "appliance-cli -m 1 cs5 ports enable",
    ),
    *(
        "appliance-cli -m 1 cs5 getserverinfo",
        "hsmadmin cs5 enroll",
        "csadmin ids --esn",
        "generatekey simple",
        "python3 ",
    ),
    *("csadmin image generate", "csadmin image sign", "csadmin load", "csadmin start", "python3 "),
]
XC_CALLS = [
    "generatekey seeinteg",
    "python3 ",
    "tct2 ",
    "tct2 ",
    "mkdir ",
    "cp ",
    "cp ",
    "loadsee-setup --setup",
]
WAY_BACK = {
    "5c": ["csadmin stop", "csadmin destroy", "nopclearfail -c", "python3 "],
    "xc": ["loadsee-setup -r", "nopclearfail -c", "python3 "],
}


def kill_at_each(desk: Desk, made: bool, model: str, *words: str) -> list[str]:
    """Run again and again, killed at each call that was not killed at yet, before or after it is
    made.

    Returns these calls.
    """
    killed: list[str] = []

    def watch(call: str, now: bool) -> None:
        if now is made and call not in killed:
            killed.append(call)
            raise Killed

    desk.watch = watch
    while True:
        before = len(killed)
        try:
            code, lines = desk.deploy(model, *words)
        except Killed:
            assert len(killed) == before + 1
            continue
        if code == 3:
            desk.certify()
            continue
        desk.watch = lambda *_: None
        assert code == 0, "\n".join(lines)
        return killed


@pytest.mark.parametrize("made", [False, True], ids=["before", "after"])
def test_a_5c_killed_at_each_call(desk: Desk, made: bool) -> None:
    """Killed before, or just after, each tool call, set up and taken down again: one SEE machine,
    then none.
    """
    killed = kill_at_each(desk, made, "5c")
    assert [
        call[: len(start)] for call, start in zip(killed, FIVE_CALLS, strict=True)
    ] == FIVE_CALLS
    assert len(desk.site.module(FIVE).loaded) == 1
    assert FIVE in desk.banner()
    assert "nothing to do" in desk.done("5c")[-1]

    killed = kill_at_each(desk, made, "5c", "--uninstall", "--yes")
    assert [
        call[: len(start)] for call, start in zip(killed, WAY_BACK["5c"], strict=True)
    ] == WAY_BACK["5c"]
    assert desk.site.module(FIVE).loaded == []
    assert desk.banner() == "PQSDK: 1.4.1 ()"
    assert "nothing to do" in desk.done("5c", "--uninstall")[-1]


@pytest.mark.parametrize("made", [False, True], ids=["before", "after"])
def test_an_xc_killed_at_each_call(desk: Desk, made: bool) -> None:
    """The same with an XC."""
    killed = kill_at_each(desk, made, "xc", "--module", "2", "--yes")
    wanted = [*XC_CALLS]
    assert [call[: len(start)] for call, start in zip(killed, wanted, strict=True)] == wanted
    assert XC in desk.banner()
    assert "nothing to do" in desk.done("xc", "--module", "2")[-1]

    killed = kill_at_each(desk, made, "xc", "--module", "2", "--uninstall", "--yes")
    assert [
        call[: len(start)] for call, start in zip(killed, WAY_BACK["xc"], strict=True)
    ] == WAY_BACK["xc"]
    assert desk.banner() == "PQSDK: 1.4.1 ()"
    assert "nothing to do" in desk.done("xc", "--module", "2", "--uninstall")[-1]


def test_a_developer_key_without_a_csr_is_set_aside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between key and CSR: the key, which nobody has seen, makes room for another; one of
    other runs is never touched.
    """

    def half(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # It writes the CSR, once the key is kept.
        patched.setattr("seemachine.nfast.tools.csadmin_ids.files.keep", half)
        with pytest.raises(Killed):
            desk.deploy("5c")
    key = desk.site.home / "kmdata" / "local" / "key_simple_devkeyident"
    first = key.read_text()
    assert any("is set aside" in line for line in desk.deploy("5c")[1])
    assert key.read_text() != first
    assert Path("pqcop-5c/key_simple_devkeyident.interrupted").read_text() == first

    Path("pqcop-5c/devkeyident.csr").unlink()
    kept = key.read_text()
    assert "choose another name with --devkey" in desk.stopped(1, "5c")
    assert key.read_text() == kept


def test_half_written_files_are_made_again(desk: Desk) -> None:
    """An image, an archive or a root tree that is not what was made completely is not taken."""
    desk.set_up_5c()
    desk.done("5c", "--uninstall", "--yes")
    for damaged in ("pqsdk-signed.cs5", "userdata.raw", "container/usr/bin/entrypoint"):
        path = Path("pqcop-5c") / damaged
        path.write_bytes(path.read_bytes()[:-7])
    desk.done("5c")
    assert [call.split()[0] for call in desk.calls].count("csadmin") == 4
    assert FIVE in desk.banner()


def test_the_journal_is_a_convenience(desk: Desk) -> None:
    """Without it all is made again but keys; an installed SEE machine that it does not know is left
    alone until --uuid names it.
    """
    desk.set_up_5c()
    [loaded] = desk.site.module(FIVE).loaded
    Path("pqcop-5c/journal.json").unlink()
    assert "--uuid" in desk.stopped(1, "5c")
    assert "--uuid" in desk.stopped(1, "5c", "--uninstall", "--yes")
    assert desk.site.module(FIVE).loaded == [loaded]
    desk.done("5c", "--uninstall", "--yes", "--uuid", loaded.uuid)
    assert desk.site.module(FIVE).loaded == []
    assert json.loads(Path("pqcop-5c/journal.json").read_text())
    Path("pqcop-5c/journal.json").write_text("{")
    assert "damaged" in desk.stopped(1, "5c")
