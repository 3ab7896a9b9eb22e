"""settings.py: the machines of a temporary world, and its fleet file."""

from pathlib import Path

import pytest

from seemachine.fleet import configuration
from seemachine.temporary.settings import machines, write_fleet_file
from seemachine.world import World


@pytest.mark.parametrize("count", [1, 2, 5])
def test_its_fleet_file_means_the_same_machines(count: int, tmp_path: Path) -> None:
    """The guide's two first, each on any port, with all that was given for them."""
    world = World.at(tmp_path / "world")
    given = {"store": "file", "operator": "auto", "seed": "7", "latency": "5c", "model": None}
    configs = machines(world, count, **given, fault_injection=True)
    write_fleet_file(configs)
    meant = configuration.read(world.fleet_file, world).machines
    names = ("esn", "model", "module", "port", *(name for name in given if name != "model"))
    names += ("fault_injection",)
    assert [[getattr(each, name) for name in names] for each in meant] == [
        [getattr(each, name) for name in names] for each in configs
    ]
    assert [each.esn for each in configs[:2]] == ["7852-268D-3BF9", "5F08-02E0-D947"][:count]
    assert {(each.port, each.operator, each.runtime_witness) for each in configs} == {
        (0, "auto", "off")
    }


def test_a_model_is_that_of_all(tmp_path: Path) -> None:
    """Also of the second, which in the guide is another."""
    configs = machines(World.at(tmp_path), 3, model="5c")
    assert [each.model for each in configs] == ["5c", "5c", "5c"]
