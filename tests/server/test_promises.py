"""What the settings promise and the system allows: what is said at the start, and served."""

import errno
import resource
from dataclasses import replace

import pytest

from seemachine.config import Config, LimitSettings
from seemachine.process import descriptors
from seemachine.process.descriptors import OWN, PASSING, share
from seemachine.process.shortage import ADVICE, DESCRIPTORS, MEMORY, ROOM, THREADS
from seemachine.server import launch, promises
from seemachine.server.promises import Shortfall, System, shortfalls, system
from seemachine.testing import ESN
from seemachine.world import World

MIB = 1 << 20


SHARES = [(512, 256), (511, 256), (200, 75), (128, 48), (64, 24), (32, 12), (8, 3)]


@pytest.mark.parametrize(("allowed", "served"), SHARES)
def test_few_descriptors_serve_few_connections(allowed, served):
    """Half of few descriptors are the machine's own, some are for those who come and go."""
    found = share(allowed, 256)
    assert found.connections == served
    assert found.enough is (allowed >= 512)
    assert found.connections < found.sockets < allowed


@pytest.mark.parametrize("connections", [1, 2, 100, 256, 300, 2048, 1 << 27])
def test_enough_descriptors_serve_all_that_is_promised(connections):
    """With what it asks for a machine serves as many as its settings say."""
    found = share(connections + OWN + PASSING, connections)
    assert (found.connections, found.enough) == (connections, True)


@pytest.mark.parametrize("error", [ValueError("not allowed"), OSError(errno.EPERM, "")])
def test_a_limit_that_can_not_be_raised_is_taken_as_it_is(error, monkeypatch):
    """Whatever the system answers to the wish for more, the machine has what it had."""

    def refuse(kind, limits):
        raise error

    monkeypatch.setattr(descriptors.resource, "setrlimit", refuse)
    limits = (64, resource.RLIM_INFINITY)
    monkeypatch.setattr(descriptors.resource, "getrlimit", lambda _kind: limits)
    assert descriptors.allow(1 << 27) == share(64, 1 << 27)


def test_what_does_not_fit_is_said_with_what_to_do(tmp_path):
    """Each kind on its own; what does fit is not mentioned."""
    config = Config(esn=ESN, world=World.at(tmp_path))
    few = System(memory=600 * MIB, used=100 * MIB, threads=20, room=MIB)
    found = list(shortfalls([config], share(64, 256), 20, few))
    assert found == [
        Shortfall(DESCRIPTORS, 64, 512, 24),
        Shortfall(MEMORY, 600 * MIB, 996 * MIB, 58),
        Shortfall(THREADS, 20, 28),
        Shortfall(ROOM, MIB, 16 * MIB),
    ]
    assert [short.details["detail"] for short in found] == [
        f"{ADVICE[DESCRIPTORS]}, or lower limits.connections",
        f"{ADVICE[MEMORY]}, or lower limits.connections",
        ADVICE[THREADS],
        ADVICE[ROOM],
    ]
    [least] = shortfalls([config], share(512, 256), 20, System(memory=MIB))
    assert least.connections == 8
    for plenty in (System(), System(memory=996 * MIB, used=100 * MIB, threads=28, room=16 * MIB)):
        assert list(shortfalls([config], share(512, 256), 20, plenty)) == []


def test_as_many_are_served_as_everything_is_enough_for(tmp_path, monkeypatch):
    """The scarcest decides; each is told."""
    config = Config(esn=ESN, world=World.at(tmp_path), limits=LimitSettings(connections=200))
    monkeypatch.setattr(
        launch, "descriptors_for", lambda connections, count: share(200, connections, count)
    )
    few = System(memory=428 * MIB, used=0)
    monkeypatch.setattr(launch, "system", lambda _folder: few)
    fitting, most, short = launch.fitted([config])
    assert fitting == [replace(config, limits=LimitSettings(connections=22))]
    assert most == 100
    assert [(each.lack, each.connections) for each in short] == [(DESCRIPTORS, 75), (MEMORY, 22)]


def test_the_system_is_asked(tmp_path):
    """Memory in use and room on the disk are what they are; limits are those of this process."""
    found = system(tmp_path)
    assert found.used > MIB
    assert found.room > 0


@pytest.mark.parametrize(("text", "found"), [("20\n", 20), ("max\n", None), (None, None)])
def test_a_service_has_a_limit_of_threads_too(text, found, tmp_path):
    """That of its control group, where there is one."""
    (tmp_path / "cgroup").write_text("1:name=systemd:/old\n0::/system.slice/one\n")
    folder = tmp_path / "system.slice" / "one"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "pids.max").write_text(text)
    assert promises._of_service(tmp_path / "cgroup", tmp_path) == found
