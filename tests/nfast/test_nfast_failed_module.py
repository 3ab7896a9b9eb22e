"""nopclearfail on a module that failed by an injected fault."""

import pytest
from kit.in_process import Machine, as_a_command_has_it, machines
from kit.site import FIVE, Site

from seemachine.faults import Injector
from seemachine.hsms import records
from seemachine.nfast import autoload
from seemachine.wire.messages import ProvisionLms
from seemachine.world import World


def failed(machine: Machine) -> Injector:
    """Let it fail; others of its faults are none of a clear's business."""
    injector = machine._held.machine.faults = Injector()
    injector.add("delay seconds=0")
    injector.add("module-failed")
    return injector


@pytest.mark.parametrize("letter", ["c", "O"])
def test_a_clear_ends_the_fault_and_the_machine_runs_on(site: Site, letter: str) -> None:
    """The module serves again, and that fault alone is gone."""
    with machines(site.home, FIVE) as [machine], as_a_command_has_it(site.env):
        injector = failed(machine)
        command = "ClearUnit" if letter == "c" else "ClearUnitEx"
        done = site.done("nopclearfail", f"-{letter}", "-m", "1")
        assert done == [f"Module 1, command {command}: OK"]
        assert [each.fault.kind for each in injector.listing()] == ["delay"]
        assert records.running(World.at(site.home), FIVE)


@pytest.mark.parametrize("line", ["", "delay seconds=0", "module-failed times=1"])
def test_a_module_that_did_not_fail_is_cleared_as_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Without faults, with another one, or with one that is over."""
    cleared = []
    monkeypatch.setattr(autoload, "clear", lambda _world, esn, _mode: cleared.append(esn))
    with machines(site.home, FIVE) as [machine], as_a_command_has_it(site.env):
        injector = machine._held.machine.faults = Injector()
        if line:
            injector.add(line)
            injector.meet(ProvisionLms(slot=2))
        site.done("nopclearfail", "-c", "-m", "1")
        assert cleared == [FIVE]


def test_another_mode_is_entered_though_it_failed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into maintenance a module goes without its SEE machine."""
    cleared = []
    monkeypatch.setattr(autoload, "clear", lambda _world, _esn, mode: cleared.append(mode))
    with machines(site.home, FIVE) as [machine], as_a_command_has_it(site.env):
        failed(machine)
        site.done("nopclearfail", "-M", "-m", "1")
        assert cleared == ["maintenance"]
