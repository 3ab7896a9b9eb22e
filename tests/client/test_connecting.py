"""How connections to many machines are opened."""

import resource
import threading
from itertools import count

import pytest
from seeclient import connecting


def test_many_are_opened_at_one_time() -> None:
    """Several together, so that those that hang hold up no others; outcomes in the order of what
    was asked.
    """
    together = threading.Barrier(connecting.AT_ONCE)

    def work(number: int) -> int:
        together.wait(20)
        return -number

    numbers = range(2 * connecting.AT_ONCE)
    assert connecting.at_once(work, numbers) == [-number for number in numbers]


def test_few_are_opened_one_after_the_other() -> None:
    """Without a thread."""
    turn = count()
    numbers = list(range(connecting.FEW))
    found = connecting.at_once(lambda _: (threading.get_ident(), next(turn)), numbers)
    assert found == [(threading.get_ident(), number) for number in numbers]


@pytest.mark.parametrize(
    ("limits", "connections", "wanted"),
    [
        ((1024, 4096), 1000, 1256),
        ((1024, resource.RLIM_INFINITY), 5000, 5256),
        ((1024, 4096), 5000, 4096),
        ((1024, 4096), 100, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 5000, None),
        ((64, 4096), connecting.FEW, None),
    ],
)
def test_a_large_fleet_gets_room(
    limits: tuple[int, int], connections: int, wanted: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of open files is raised as far as the fleet needs it and the system allows; never
    lowered.
    """
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: asked.append(new))
    connecting.make_room(connections)
    assert asked == ([] if wanted is None else [(wanted, limits[1])])
