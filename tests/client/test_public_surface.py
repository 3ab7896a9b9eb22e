"""What a programmer finds without reading the sources: names, options, representations."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import seeclient
from seeclient import aio, blocking, trio_fleet
from seeclient.algorithms.lms.recipe import Recipe

import seemachine
from seemachine import testing

CLIENTS = (blocking, aio, trio_fleet)


def test_names_are_there() -> None:
    """`dir(seeclient)` has all that is public, and each of it can be had."""
    names = dir(seeclient)
    assert set(seeclient.__all__) <= set(names)
    assert {"open_fleet", "blocking", "aio", "verify", "StatusError", "UsedUp"} <= set(names)
    assert not [name for name in names if name.startswith("_") and not name.startswith("__")]
    for name in names:
        assert getattr(seeclient, name) is not None
    assert seeclient.__version__ == seemachine.__version__


def test_fleets_and_keys_do_the_same() -> None:
    """The three clients have the same methods."""
    for kind in ("Fleet", "Key"):
        listed = [
            {name for name in dir(getattr(each, kind)) if not name.startswith("_")}
            for each in CLIENTS
        ]
        # The runners of two of them play stories themselves.
        own = {"run", "connect"}
        assert {frozenset(names - own) for names in listed} == {frozenset(listed[1])}


@pytest.mark.parametrize("kind", ["Fleet", "Key"])
def test_methods_are_called_alike(kind: str) -> None:
    """Each method takes the same in every client, and gives the same, at once or to who awaits."""
    for name in dir(getattr(aio, kind)):
        found = [getattr(getattr(each, kind), name) for each in CLIENTS]
        if not name.startswith("_") and inspect.isfunction(found[0]):
            assert len({str(inspect.signature(each)) for each in found}) == 1, name


def test_options_are_spelled_out() -> None:
    """Each option of a key is a parameter of its own with a type, and the same in each client."""
    signatures = [inspect.signature(each.Fleet.generate_lms) for each in CLIENTS]
    assert len({str(signature) for signature in signatures}) == 1
    named = signatures[0].parameters
    assert all(each.kind is not each.VAR_KEYWORD for each in named.values())
    assert all(each.annotation is not each.empty for name, each in named.items() if name != "self")
    for each in fields(Recipe):
        required = each.name in ("alias", "lms", "lmots")
        assert named[each.name].default == (inspect.Parameter.empty if required else each.default)


@pytest.mark.parametrize("name", ["open_fleet", "connected"])
def test_clients_are_opened_alike(name: str) -> None:
    """With the same parameters; only what `connect` gives is another wire."""
    listed = [
        [each.replace(annotation=None, default=None) for each in parameters.values()]
        for parameters in (inspect.signature(getattr(each, name)).parameters for each in CLIENTS)
    ]
    assert listed[0] == listed[1] == listed[2]


def test_representations(tmp_path: Path) -> None:
    """A fleet shows who answers, a key what it is; nothing else of either."""
    rig = testing.Rig(tmp_path)
    rig.start()
    with rig.fleet() as fleet:
        assert repr(fleet) == f"<seeclient.blocking.Fleet {testing.ESN}>"
        key = fleet.generate_lms("release", **testing.QUICK)
    assert repr(key) == "<seeclient.blocking.Key release: LMS sha256_m24_h5 sha256_n24_w2>"
    with blocking.open_fleet("127.0.0.1:1", world=tmp_path) as fleet:
        assert repr(fleet) == "<seeclient.blocking.Fleet no HSM, 1 not answering>"


def test_keys_of_the_host(tmp_path: Path) -> None:
    """They are listed by alias, without asking a machine, and one that is damaged is not passed
    over in silence.
    """
    rig = testing.Rig(tmp_path)
    rig.start()
    with rig.fleet() as fleet:
        assert fleet.keys() == []
        for alias in ("second", "first"):
            fleet.generate_lms(alias, **testing.QUICK)
        rig.stop()
        assert [key.alias for key in fleet.keys()] == ["first", "second"]  # noqa: SIM118
        rig.world.keys.joinpath("key_pqsdk_second").write_bytes(b"{}")
        with pytest.raises(seeclient.StatusError, match="is damaged"):
            fleet.keys()


def test_cards_are_seen(tmp_path: Path) -> None:
    """Each machine that answers, and the cards in its slots, before and after they are written."""
    rig = testing.Rig(tmp_path)
    rig.start()
    rig.start(testing.OTHER_ESN)
    card = rig.feed_blank(testing.OTHER_ESN)
    with rig.fleet() as fleet:
        empty, filled = fleet.machines()
        assert (empty.esn, empty.model, empty.slots) == (testing.ESN, "5c", ())
        assert [(slot.slot, slot.kind, slot.card) for slot in filled.slots] == [(2, "blank", card)]
        fleet.generate_lms("release", **testing.QUICK, explease=2)
        assert [(slot.kind, slot.leases) for slot in fleet.machines()[1].slots] == [("lms", 4)]
