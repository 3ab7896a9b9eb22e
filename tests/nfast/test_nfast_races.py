"""Tools that run at the same time, as real processes, and tools that are killed: one wins, nothing
is lost, nothing is half.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from kit import processes
from kit.site import ASK, FIVE, FLEET, SIGN, Site
from kit.waiting import eventually

from seemachine.fleet import ending, settings_file
from seemachine.hsms import published, records
from seemachine.nfast import (
    certificates,
    entrust,
    keystore,
    licences,
    paths,
    securityworld,
    signing,
)
from seemachine.world import World

TOGETHER = 4
HELD_SECONDS = 3
# Waits for a file, so that all begin at the same time, then becomes a tool or seemachine.
RUN = """
import importlib, os, sys, time
module = importlib.import_module(sys.argv[1])
while not os.path.exists(sys.argv[2]):
    time.sleep(0.001)
sys.exit(module.main(sys.argv[3:]))
"""


def together(
    env: dict[str, str], *calls: tuple[str, ...], held: bool = False
) -> list[tuple[int, str]]:
    """Run calls of tools at the same time; exit code and output of each.

    `held`: they all wait for this test, which is alone at first.
    """
    go = Path(env["SEEMACHINE_HOME"]).parent / "go"
    go.unlink(missing_ok=True)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, call[0], str(go), *call[1:]],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for call in calls
    ]
    try:
        time.sleep(0.5)
        if held:
            with paths.alone(World.at(Path(env["SEEMACHINE_HOME"]))):
                go.touch()
                time.sleep(HELD_SECONDS)
                assert all(process.poll() is None for process in started), "a tool did not wait"
        go.touch()
        said = [process.communicate(timeout=120)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


def tool(name: str, *words: str) -> tuple[str, ...]:
    """A call of a tool."""
    return (f"seemachine.nfast.tools.{name}", *words)


def seemachine(*words: str) -> tuple[str, ...]:
    """A call of `seemachine`."""
    return ("seemachine.cli.command", *words)


def test_of_two_starts_one_wins(five: Site) -> None:
    """One process runs, and is the one that the tools know; the others are told that it
    is started.
    """
    target = ["--esn", FIVE, "--uuid", five.load()]
    ended = together(five.env, *[tool("csadmin", "start", *target)] * TOGETHER)
    assert sorted(code for code, _ in ended) == [0, *[1] * (TOGETHER - 1)]
    assert all("is started on" in text for code, text in ended if code)
    entry = published.listening(World.at(five.home), FIVE)
    assert entry is not None
    assert not processes.gone(entry.pid)
    assert five.done("csadmin", "stop", *target)
    assert eventually(lambda: processes.gone(entry.pid))


def test_a_start_and_a_destroy_at_once_leave_one_of_both(five: Site) -> None:
    """Either it runs and its image is there, or it is gone and nothing runs."""
    uuid = five.load()
    target = ["--esn", FIVE, "--uuid", uuid]
    (started, said), (destroyed, told) = together(
        five.env, tool("csadmin", "start", *target), tool("csadmin", "destroy", *target)
    )
    assert {started, destroyed} == {0, 1}
    assert (
        "is started; stop it first" in told
        if started == 0
        else f"there is no SEE machine {uuid}" in said
    )
    there = (five.home / "hsm" / FIVE / "image" / uuid).is_dir()
    assert (
        there
        == records.running(World.at(five.home), FIVE)
        == (started == 0)
        == bool(five.module().loaded)
    )


def test_loads_at_once_all_stay(five: Site) -> None:
    """Each image has its UUID, its folder and its place in the record."""
    signed = str(five.make_signed())
    ended = together(five.env, *[tool("csadmin", "load", "--esn", FIVE, signed)] * TOGETHER)
    uuids = {text.split()[-1] for code, text in ended if code == 0}
    assert len(uuids) == TOGETHER
    assert {loaded.uuid for loaded in five.module().loaded} == uuids
    assert {path.name for path in (five.home / "hsm" / FIVE / "image").iterdir()} == uuids


def test_of_keys_of_one_name_one_is_made(site: Site) -> None:
    """A key that exists is never replaced: who comes second is refused, and the first key's file
    stays whole.
    """
    words = ["simple", "curve=nistp521", "module=1", *ASK]
    ended = together(site.env, *[tool("generatekey", *words)] * TOGETHER, held=True)
    assert sorted(code for code, _ in ended) == [0, *[1] * (TOGETHER - 1)]
    assert all("already" in text for code, text in ended if code)
    key = keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    assert signing.key_hash(keystore.unlock(World.at(site.home), 1, key).public_key()) == key.hash


def test_setups_at_once_make_one_world(tmp_path: Path) -> None:
    """One Security World, one ACS, one OCS, one issuer whose halves fit: whoever was second found
    them there or was refused.
    """
    home = tmp_path / "world"
    home.mkdir(mode=0o700)
    (home / "fleet.toml").write_text(FLEET)
    env = processes.environment(home)
    ended = together(env, *[seemachine("nfast", "setup", "--passphrase", "")] * TOGETHER, held=True)
    assert any(code == 0 for code, _ in ended)
    assert not any("Traceback" in text for _, text in ended)
    assert processes.seemachine(["nfast", "setup", "--passphrase", ""], env)[0] == 0
    assert securityworld.read(World.at(home)).admin.quorum == 1
    assert [cardset.name for cardset in securityworld.operator_sets(World.at(home))] == ["testOCS"]
    assert {path.stem for path in (home / "cards").glob("*.card")} == {"admin-1", "testOCS-1"}
    issuer = entrust.issuer(World.at(home))
    assert signing.key_hash(issuer.key.public_key()) == signing.key_hash(
        certificates.public_key(issuer.certificate)
    )


def test_an_issuer_needed_at_once_is_made_once(site: Site) -> None:
    """Whatever each of them was asked to sign, one issuer signed it."""
    shutil.rmtree(site.home / "entrust")
    calls = [
        seemachine("nfast", "licence", str(site.home.parent / f"{number}.txt"), "--esn", FIVE)
        for number in range(TOGETHER)
    ]
    ended = together(site.env, *calls, held=True)
    assert [code for code, _ in ended] == [0] * TOGETHER, ended
    for number in range(TOGETHER):
        assert licences.read(
            World.at(site.home), (site.home.parent / f"{number}.txt").read_text()
        ) == (
            FIVE,
            ["see-codesafe5"],
        )


def test_clients_that_ask_for_their_key_at_once_get_one(site: Site) -> None:
    """The key that the HSM is told stays the host's."""
    ended = together(site.env, *[tool("hsmadmin", "cs5", "clientinfo")] * TOGETHER, held=True)
    assert len({text for _, text in ended}) == 1
    assert all(code == 0 for code, _ in ended)


def test_records_changed_at_once_lose_nothing(five: Site) -> None:
    """A certificate, a mode and a licence, all of one HSM, and each is there afterwards."""
    pem = five.make_developer()
    assert (
        five.seemachine("nfast", "licence", "l.txt", "--esn", FIVE, "--feature", "fast-rng")[0] == 0
    )
    ended = together(
        five.env,
        tool("csadmin", "ids", "--esn", FIVE, "add", str(pem)),
        tool("nopclearfail", "-M", "-m", "1"),
        tool("nethsmadmin", "-m", "1", "-s", "RFS", "-a", "l.txt"),
    )
    assert [code for code, _ in ended] == [0, 0, 0], ended
    found = five.module()
    assert (len(found.certificates), found.mode) == (1, "maintenance")
    assert "fast-rng" in {*found.features, *found.licences}


def test_a_start_that_is_killed_is_still_known(five: Site) -> None:
    """The tool dies while the SEE machine comes up: what runs is not destroyed under its feet, and
    stop ends it.
    """
    five.make_signed()
    program = five.program().replace("import sys\n", "import sys, time\ntime.sleep(3)\n")
    five.make_image(program)
    five.done("csadmin", *SIGN, "--out", "slow.cs5", "image.cs5")
    uuid = five.done("csadmin", "load", "--esn", FIVE, "slow.cs5")[0].split()[-1]
    target = ["--esn", FIVE, "--uuid", uuid]
    with subprocess.Popen(
        [sys.executable, "-m", "seemachine.nfast.tools.csadmin", "start", *target], env=five.env
    ) as starting:
        assert eventually((five.home / "hsm" / FIVE / settings_file.FILE_NAME).exists)
        time.sleep(0.5)
        starting.kill()
    assert eventually(lambda: records.running(World.at(five.home), FIVE))
    assert eventually(lambda: published.listening(World.at(five.home), FIVE) is not None)
    assert "is started; stop it first" in five.refused("csadmin", "destroy", *target)
    assert (
        five.json("csadmin", "list", "--json")[FIVE]["data"]["SEE machines"][0]["state"]
        == "STARTED"
    )
    five.done("csadmin", "stop", *target)
    five.done("csadmin", "destroy", *target)


def test_what_a_killed_load_left_is_cleared_by_the_next(five: Site) -> None:
    """A folder of an image that no record names."""
    signed = str(five.make_signed())
    left = five.home / "hsm" / FIVE / "image" / "3d362d35-fc17-448a-b501-914fe0a680b0"
    (left / "usr").mkdir(parents=True)
    first = five.done("csadmin", "load", "--esn", FIVE, signed)[0].split()[-1]
    second = five.done("csadmin", "load", "--esn", FIVE, signed)[0].split()[-1]
    assert {path.name for path in left.parent.iterdir()} == {first, second}


@pytest.mark.parametrize("moment", range(5))
def test_a_killed_tool_leaves_whole_files(site: Site, moment: int) -> None:
    """Killed at any moment, generatekey has made a key that works or none, and the name is free or
    taken accordingly.
    """
    words = ["simple", "curve=nistp521", "module=1", *ASK]
    with subprocess.Popen(
        [sys.executable, "-m", "seemachine.nfast.tools.generatekey", *words],
        env=site.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        time.sleep(0.15 + moment / 10)
        process.send_signal(signal.SIGKILL)
    code, _ = site.run("generatekey", *words)
    assert code in (0, 1)
    assert keystore.unlock(
        World.at(site.home), 1, keystore.find(World.at(site.home), "simple", "pqsdk-signer")
    )
    record = json.loads(keystore.path_of(World.at(site.home), "simple", "pqsdk-signer").read_text())
    assert record["format"] == str(keystore.FORMAT)


def test_a_stop_whose_process_just_ended_is_a_stop(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends by itself between the look and the request."""
    target = ["--esn", FIVE, "--uuid", five.load()]
    five.done("csadmin", "start", *target)
    asking = ending.asking

    def late(folder: Path) -> AbstractContextManager[None]:
        entry = published.listening(World.at(five.home), FIVE)
        assert entry is not None
        os.kill(entry.pid, signal.SIGKILL)
        eventually(lambda: not records.running(World.at(five.home), FIVE))
        return asking(folder)

    monkeypatch.setattr(ending, "asking", late)
    assert five.done("csadmin", "stop", *target) == [f"{FIVE}      SUCCESS"]


def test_an_error_of_the_system_is_one_hsms_failure(
    five: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the form that was asked for: a line of that HSM, or JSON."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    five.make_signed()
    monkeypatch.setattr("seemachine.nfast.images.unpack", full)
    assert (
        five.json("csadmin", "load", "--esn", FIVE, "signed.cs5", "--json")[FIVE]["succeeded"]
        is False
    )
    assert f"{FIVE}      FAILURE: [Errno 28]" in five.refused(
        "csadmin", "load", "--esn", FIVE, "signed.cs5"
    )
    assert five.module().loaded == []
