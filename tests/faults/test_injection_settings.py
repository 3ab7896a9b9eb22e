"""Settings of faults and latency: of a machine, of a fleet, of command lines."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

import pytest
from kit.logs import Events

from seemachine.cli.fleet_up import injection
from seemachine.config import Config, ConfigError, load, to_toml
from seemachine.fleet import configuration
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.faults import Injection
from seemachine.server.injecting import injector_of
from seemachine.world import World

ESN, OTHER = "7852-268D-3BF9", "5F08-02E0-D947"
LINE = "drop-after on=signing times=1"
WORLD = World.at(Path("/world"))
MACHINES = f"""
[[machines]]
esn = "{ESN}"

[[machines]]
esn = "{OTHER}"
model = "xc"
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world that has no folder has no seed."""
    monkeypatch.setattr("seemachine.chance.seeding.settle", lambda _world, _seed: None)


def config(**settings: Any) -> Config:
    """A machine with these settings."""
    return Config(**{"esn": ESN, "world": WORLD, **settings})


def fleet(folder: Path, text: str, injection: Injection = Injection()) -> FleetPlan:  # noqa: B008
    """A fleet file of this text, read."""
    (folder / "fleet.toml").write_text(text)
    return configuration.read(folder / "fleet.toml", World.at(folder), injection=injection)


def test_nothing_goes_wrong_by_default() -> None:
    """A machine that nobody told to has no injector."""
    assert (config().fault_injection, config().latency, config().faults) == (False, "", ())
    assert injector_of(config(), Events()) is None


def test_a_machine_says_at_its_start_what_goes_wrong() -> None:
    """As a warning, with each line; and each time that it does."""
    log = Events()
    faults = (LINE, "card-worn times=2")
    made = injector_of(config(fault_injection=True, latency="model", faults=faults), log)
    assert made is not None
    assert made.takes_more
    assert made.summary == "latency 5c; 2 faults"
    [warned] = log.kept
    assert (warned["level"], warned["injected"]) == ("warning", "latency 5c; 2 faults")
    assert warned["faults"] == list(faults)
    assert made.meet_at("card write") is not None
    assert log.named("fault injected") == [
        {
            "level": "warning",
            "event": "fault injected",
            "fault": "card-worn times=2",
            "where": "card write",
        }
    ]


def test_a_fault_on_the_command_line_needs_no_other_option() -> None:
    """Its machines take more of them, too, as those of `seemachine run`."""
    said = {"fault_injection": False, "latency": None, "fault": [LINE]}
    made = injection(argparse.Namespace(**said))
    assert made == Injection(allowed=True, faults=(LINE,))


def test_a_machine_that_is_slow_takes_no_faults() -> None:
    """They need a switch of their own."""
    made = injector_of(config(latency="5c"), Events())
    assert made is not None
    assert not made.takes_more


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"faults": (LINE,)}, "faults takes effect only with fault_injection = true"),
        ({"faults": ("drop-affter",), "fault_injection": True}, "did you mean drop-after?"),
        ({"latency": "6c"}, "latency: there is no profile '6c'"),
        ({"latency": "5c", "host": "0.0.0.0"}, "0.0.0.0 is not a loopback address"),
        ({"fault_injection": True, "host": "example.org"}, "example.org is not a loopback"),
        ({"fault_injection": True, "host": ""}, "is not a loopback address"),
        ({"fault_injection": 1}, "fault_injection takes true or false"),
        ({"faults": [LINE]}, "faults takes a list of faults"),
    ],
)
def test_what_is_wrong_is_refused(settings: dict[str, Any], says: str) -> None:
    """By name; and on an address that others reach, whatever else allows that address."""
    with pytest.raises(ConfigError) as refused:
        config(insecure_bind=True, **settings)
    assert says in str(refused.value)


def test_a_socket_alone_is_as_good_as_loopback() -> None:
    """Only this host reaches it."""
    made = config(fault_injection=True, host="0.0.0.0", tcp=False, socket="/run/s.sock")
    assert made.fault_injection


def test_lines_and_tables_of_a_file_are_the_same(tmp_path: Path) -> None:
    """A machine's file takes both, and what is written of it is read again."""
    path = tmp_path / "machine.toml"
    head = f'esn = "{ESN}"\nfault_injection = true\n'
    path.write_text(f'{head}faults = ["drop-after   on=signing times=1"]\n')
    lines = load(path, WORLD)
    path.write_text(f'{head}[[faults]]\nkind = "drop-after"\non = "signing"\ntimes = 1\n')
    assert load(path, WORLD) == lines == config(fault_injection=True, faults=(LINE,))
    path.write_bytes(to_toml(lines))
    assert load(path, WORLD) == lines
    assert tomllib.loads(path.read_text())["faults"] == [LINE]


@pytest.mark.parametrize("faults", ["1", '"drop-after"', "[1]", "[[]]", "[{times = 1}]"])
def test_a_file_with_something_else_is_refused(tmp_path: Path, faults: str) -> None:
    """With the name of the file, and no traceback."""
    path = tmp_path / "machine.toml"
    path.write_text(f'esn = "{ESN}"\nfault_injection = true\nfaults = {faults}\n')
    with pytest.raises(ConfigError, match="fault"):
        load(path, WORLD)


def test_a_fleet_has_faults_for_all_or_for_some(tmp_path: Path) -> None:
    """[[faults]] name a machine, several, or none: then they are for each of them."""
    plan = fleet(
        tmp_path,
        f"""
fault_injection = true
latency = "model"
{MACHINES}latency = ""

[[faults]]
kind = "drop-after"
on = ["signing"]
times = 1

[[faults]]
esn = "{OTHER}"
kind = "card-worn"

[[faults]]
esn = ["{OTHER}", "{ESN}"]
kind = "tear"
""",
    )
    first, second = plan.machines
    assert first.faults == (LINE, "tear")
    assert second.faults == (LINE, "card-worn", "tear")
    assert (first.latency, second.latency) == ("model", "")
    assert first.fault_injection
    assert second.fault_injection


def test_words_of_fleet_up_come_on_top(tmp_path: Path) -> None:
    """Whatever the file says; a fleet in the background is told the same words."""
    injection = Injection(allowed=True, latency="xc", faults=("tear times=1",))
    text = f'latency = "5c"\n{MACHINES}[[faults]]\nkind = "drop-after"\n'
    plan = fleet(tmp_path, text, injection)
    assert [machine.latency for machine in plan.machines] == ["xc", "xc"]
    assert [machine.faults for machine in plan.machines] == [("tear times=1", "drop-after")] * 2
    assert plan.injection.words == [
        "--fault-injection",
        "--latency",
        "xc",
        "--fault",
        "tear times=1",
    ]
    assert Injection().words == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{MACHINES}[[faults]]\nkind = "tear"\n', "only with fault_injection = true"),
        (f'faults = ["tear"]\n{MACHINES}', "faults takes tables, such as"),
        (
            f'fault_injection = true\n{MACHINES}[[faults]]\nkind = "tear"\nesn = "A"\n',
            f"faults: esn takes one of {ESN}, {OTHER}, not 'A'",
        ),
        (
            f'fault_injection = true\n{MACHINES}[[faults]]\nkind = "tear"\nesn = [[]]\n',
            "faults: esn takes one of",
        ),
        (f'{MACHINES}faults = ["tear"]\n', "[[machines]] takes no faults: write them as"),
        (f'{MACHINES}[[fault]]\nkind = "tear"\n', "did you mean faults?"),
        (f'latency = "7c"\n{MACHINES}', "latency: there is no profile '7c'"),
    ],
)
def test_a_fleet_file_that_is_wrong_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """With the name of the file."""
    with pytest.raises(ConfigError) as refused:
        fleet(tmp_path, text)
    assert says in str(refused.value)
    assert "fleet.toml" in str(refused.value)
