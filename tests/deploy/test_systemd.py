"""The units and snippets, read by systemd's own tools; the example settings, read by the product's
own code.
"""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from deploy.units import HARDENING, OWN, SERVICE, UNIT, sections
from kit import processes

from seemachine import config
from seemachine.cli.command import _parser, main
from seemachine.fleet import configuration
from seemachine.fleet.settings_file import write_settings
from seemachine.server.assembly import wire_limits
from seemachine.server.crew import OTHER_THREADS
from seemachine.server.service import READING_THREADS
from seemachine.world import World

DEPLOY = Path(__file__).parents[2] / "deploy"
ESN, XC = "7852-268D-3BF9", "5F08-02E0-D947"
UNITS = {
    "seemachine@.service": f"seemachine@{ESN}.service",
    "seemachine-fleet.service": "seemachine-fleet.service",
}
# Tenths on systemd's scale from 0 (nothing exposed) to 100; measured: 12.
MOST_EXPOSED = 12


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit with a program that is there. Skips where systemd's tools are not."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed here")
    program = tmp_path / "seemachine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = tmp_path / UNITS[request.param]
    made.write_text(
        (DEPLOY / "systemd" / request.param)
        .read_text()
        .replace("/opt/seemachine/bin/seemachine", str(program))
    )
    return made


def test_systemd_understands_the_unit(unit: Path) -> None:
    """Every setting is known and has a value that systemd takes."""
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_exposes_little(unit: Path) -> None:
    """Its exposure is as measured: who weakens it notices."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze can't look at files")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", UNITS)
def test_each_setting_is_as_it_was_thought_out(name: str) -> None:
    """No setting is missing, misspelt, weaker or new: a change of a unit is a change of this table,
    too.
    """
    found = sections(DEPLOY / "systemd" / name)
    start = found["Service"].pop("ExecStart")
    assert found == {
        "Unit": {"Wants": "network-online.target", "StartLimitIntervalSec": "0", **UNIT[name]},
        "Service": {**SERVICE, **HARDENING, **OWN[name]},
        "Install": {"WantedBy": "multi-user.target"},
    }
    assert start.startswith("/opt/seemachine/bin/seemachine ")


def test_settings_that_can_not_be_read_are_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their exit code is the one that the units do not restart; one that a database may mend is
    another.
    """
    bad = tmp_path / "machine.toml"
    bad.write_text("port = 'no'\n")
    assert (
        str(main(["serve", "--esn", ESN, "--config", str(bad)]))
        == SERVICE["RestartPreventExitStatus"]
    )
    assert "port" in capsys.readouterr().err


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_asks_for_what_the_daemon_needs(name: str) -> None:
    """Memory may be locked, no core is written, readiness is told; the command line is one that
    seemachine takes.
    """
    lines = (DEPLOY / "systemd" / name).read_text().splitlines()
    assert {
        "Type=notify",
        "NotifyAccess=main",
        "LimitCORE=0",
        "LimitMEMLOCK=infinity",
        "MemoryDenyWriteExecute=yes",
    } <= set(lines)
    [command] = [
        line.partition("=")[2].split()[1:] for line in lines if line.startswith("ExecStart=")
    ]
    words = [word.replace("%i", ESN) for word in command]
    assert _parser().parse_args(words).run


def witness_drop_in() -> str:
    """What deploy/README.md says to add where the witness is a folder on another disk."""
    text = (DEPLOY / "README.md").read_text()
    snippet = text[text.index("    [Unit]\n    RequiresMountsFor=") :].partition("\n\n")[0]
    return textwrap.dedent(snippet) + "\n"


def test_a_witness_on_another_disk_is_waited_for_and_may_be_written(tmp_path: Path) -> None:
    """The drop-in opens one folder, and starts nothing before that is mounted."""
    (tmp_path / "witness.conf").write_text(witness_drop_in())
    assert sections(tmp_path / "witness.conf") == {
        "Unit": {"RequiresMountsFor": "/mnt/witness"},
        "Service": {"ReadWritePaths": "/mnt/witness"},
    }


def test_systemd_understands_the_drop_in(unit: Path) -> None:
    """Beside either unit its settings are known, and have values that systemd takes."""
    beside = unit.with_name(f"{unit.name}.d")
    beside.mkdir()
    (beside / "witness.conf").write_text(witness_drop_in())
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_user_and_folders_are_made(tmp_path: Path) -> None:
    """The snippets make the user, and its folders for its eyes only."""
    if not (shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles")):
        pytest.skip("systemd-sysusers or systemd-tmpfiles is not installed here")
    (tmp_path / "etc").mkdir()
    for tool, snippet, more in (
        ("sysusers", "sysusers", []),
        ("tmpfiles", "tmpfiles", ["--create"]),
    ):
        command = [
            f"systemd-{tool}",
            f"--root={tmp_path}",
            *more,
            str(DEPLOY / "systemd" / f"seemachine.{snippet}.conf"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "chown" in done.stderr:
            pytest.skip("only root can give folders away")
        assert done.returncode == 0, done.stderr
    assert "seemachine:" in (tmp_path / "etc" / "passwd").read_text()
    assert (tmp_path / "var" / "lib" / "seemachine").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc" / "seemachine").stat().st_mode & 0o777 == 0o750


def test_the_example_fleet_is_one(tmp_path: Path) -> None:
    """The product reads it: two machines behind TLS, their openings remembered in a database, no
    seed in swap.
    """
    fleet = configuration.read(DEPLOY / "example" / "fleet.toml", World.at(tmp_path))
    assert [
        (machine.esn, machine.model, machine.module, machine.port) for machine in fleet.machines
    ] == [
        (ESN, "5c", 1, 8888),
        (XC, "xc", 2, 8889),
    ]
    for machine in fleet.machines:
        assert machine.tls is not None
        assert machine.tls.certificate == tmp_path / "pki" / f"{machine.esn}.crt"
        assert machine.witness.startswith("postgresql://")
        assert machine.lock_memory == "yes"
        assert not machine.insecure_bind
        assert config.load(write_settings(machine), World.at(tmp_path)) == machine
        assert wire_limits(machine).frame == 1048576
    assert {machine.operator for machine in fleet.machines} == {"manual"}


def test_the_example_of_one_machine_is_the_same_machine(tmp_path: Path) -> None:
    """Seemachine@.service reads the settings that the fleet has for this ESN."""
    world = World.at("/var/lib/seemachine")
    alone = config.load(DEPLOY / "example" / f"{ESN}.toml", world, esn=ESN)
    [of_the_fleet] = [
        m
        for m in configuration.read(DEPLOY / "example" / "fleet.toml", world).machines
        if m.esn == ESN
    ]
    for setting in ("model", "module", "host", "port", "lock_memory", "witness", "tls"):
        assert getattr(alone, setting) == getattr(of_the_fleet, setting), setting


def test_the_example_fleet_starts(tmp_path: Path) -> None:
    """As its head says, but for addresses and the database: both machines come up behind TLS, and
    sign for a client with a certificate.
    """
    home = tmp_path / "world"
    home.mkdir(mode=0o700)
    text = (DEPLOY / "example" / "fleet.toml").read_text()
    head = [
        line.partition("bin/seemachine ")[2]
        for line in text.splitlines()
        if line.startswith("#") and "bin/seemachine pki" in line
    ]
    assert head == ["pki init", f"pki issue machine {ESN} --host hsm.example"]
    for pattern, other in (
        (r'"0\.0\.0\.0"', '"127.0.0.1"'),
        (r"(?m)^port = \d+", "port = 0"),
        (r'(?m)^witness = ".*"$', ""),
    ):
        text, count = re.subn(pattern, other, text)
        assert count == 2, pattern
    (home / "fleet.toml").write_text(text)
    env = processes.environment(home)
    for words in (
        *head,
        f"pki issue machine {XC} --host hsm.example",
        "pki issue client build --role provision",
    ):
        assert processes.seemachine(words.split(), env)[0] == 0
    try:
        code, lines = processes.seemachine(["fleet", "up", "--detach"], env)
        assert code == 0, lines
        words = [
            "generate",
            "alias=a",
            "algorithm=lms",
            "lmscode=sha256_m32_h5",
            "lmotscode=sha256_n32_w8",
        ]
        assert processes.pipsqueak([], env) == (0, [f"PQSDK: 1.4.1 ({ESN}: 1.4.1, {XC}: 1.4.1)"])
        assert processes.pipsqueak(words, env)[0] == 0
        assert processes.pipsqueak(["alias=a", "message=test"], env)[1][-1].endswith("true")
    finally:
        assert processes.seemachine(["fleet", "down"], env)[0] == 0


def test_the_unit_leaves_time_to_stop(tmp_path: Path) -> None:
    """Systemd waits longer for the end than a machine drains in the example."""
    [line] = [
        line
        for line in (DEPLOY / "systemd" / "seemachine@.service").read_text().splitlines()
        if line.startswith("TimeoutStopSec=")
    ]
    drain = (
        configuration.read(DEPLOY / "example" / "fleet.toml", World.at(tmp_path))
        .machines[0]
        .limits.drain_seconds
    )
    assert int(line.partition("=")[2]) > drain


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_leaves_room(name: str, tmp_path: Path) -> None:
    """What the example's machines may hold and start at most is less than what systemd grants:
    frames of all connections twice, threads.
    """
    machines = configuration.read(DEPLOY / "example" / "fleet.toml", World.at(tmp_path)).machines
    count = len(machines) if "fleet" in name else 1
    limits = machines[0].limits
    service = sections(DEPLOY / "systemd" / name)["Service"]
    assert (
        int(service["MemoryMax"].removesuffix("G")) << 30
        > count * 2 * limits.connections * limits.frame_bytes
    )
    assert int(service["LimitNOFILE"]) > count * 2 * limits.connections
    cores = 128
    assert int(service["TasksMax"]) > count * (1 + 2 * cores + OTHER_THREADS + READING_THREADS + 4)
