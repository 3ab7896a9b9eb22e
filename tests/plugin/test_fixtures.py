"""The fixtures of the pytest plugin: a fleet, its keys and cards, and a world."""

import inspect
import os
from contextlib import ExitStack

from seeclient import blocking

from seemachine.testing import LmsWords
from seemachine.testing.plugin.leading import Leading

IMPORTS = """
import os, subprocess, sys, unittest
import pytest
from pathlib import Path
from seeclient import blocking
from seemachine import testing
"""


def environment():
    """That of this process, but for what pytest says in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def test_a_fleet_signs(project):
    """A test that asks for a fleet has the blocking client of one machine."""
    project.passes(
        IMPORTS
        + """
def test_it(seemachine_fleet):
    key = seemachine_fleet.generate_lms("release", **testing.QUICK)
    key.verify(b"firmware", key.sign(b"firmware"))
    assert seemachine_fleet.esns == [testing.ESN]
"""
    )


def test_each_test_has_a_fleet_of_its_own(project):
    """Nothing of a test is there in the next one, and nothing stays."""
    project.passes(
        IMPORTS
        + """
folders = []

@pytest.mark.parametrize("time", [1, 2])
def test_it(seemachine_fleet, time):
    assert seemachine_fleet.keys() == []
    seemachine_fleet.generate_lms("release", **testing.QUICK)
    assert not [folder for folder in folders if folder.exists()]
    folders.append(seemachine_fleet.folder)
""",
        tests=2,
    )


def test_a_fleet_of_a_module(project):
    """One fleet serves all tests of the scope that the settings say, and fixtures of it."""
    project.settings = "seemachine_fleet_scope = module"
    project.passes(
        IMPORTS
        + """
pytestmark = pytest.mark.seemachine(machines=2)

@pytest.fixture(scope="module")
def key(seemachine_fleet):
    return seemachine_fleet.generate_lms("release", **testing.QUICK)

def test_first(key):
    assert key.sign_with(b"one").leaf == 0

def test_second(key, seemachine_fleet, seemachine_key):
    assert key.sign_with(b"two").leaf == 1
    assert len(seemachine_fleet.esns) == 2
    assert seemachine_key().alias == "key-1"
""",
        tests=2,
    )


def test_keys(project):
    """The factory makes quick keys, with names of their own where none is given."""
    project.passes(
        IMPORTS
        + """
@pytest.mark.seemachine(lms="sha256_m32_h5", explease=1)
def test_it(seemachine_key):
    key = seemachine_key()
    assert (key.alias, seemachine_key().alias) == ("key-1", "key-2")
    named = seemachine_key("release", explease=0, lmots="sha256_n32_w4")
    assert repr(named).endswith("release: LMS sha256_m32_h5 sha256_n32_w4>")
    named.verify(b"firmware", named.sign(b"firmware"))
    assert repr(key).endswith("key-1: LMS sha256_m32_h5 sha256_n32_w2>")
    assert key.file.sectors.leases == 2

def test_the_quickest(seemachine_key):
    assert seemachine_key().public_key[:8] == bytes.fromhex("0000000a00000006")
""",
        tests=2,
    )


def test_words_of_keys():
    """A type checker knows of each word that generate_lms takes beside the alias, and no other."""
    _self, _alias, *taken = inspect.signature(blocking.Fleet.generate_lms).parameters
    assert list(LmsWords.__annotations__) == taken


def test_cards(project):
    """A key with cards is made on blank ones that the machine takes, and its leases move."""
    project.passes(
        IMPORTS
        + """
@pytest.mark.seemachine(machines=2, expcards=1)
def test_it(seemachine_fleet, seemachine_key, seemachine_cards):
    key = seemachine_key("release")
    one, other = [card.card for card in seemachine_cards.listing() if card.leases]
    seemachine_cards.provision(one, 1)
    seemachine_cards.provision(other, 2)
    assert key.info().remaining == 32
    key.sign(b"firmware")
    assert testing.leaves_used(key) == 1
    assert not testing.exhausted(key)
    assert testing.no_leaf_twice(seemachine_fleet)
"""
    )


def test_a_world_is_where_the_environment_leads(project, monkeypatch):
    """Code that opens fleets, and programs, find the world of the test, and no other."""
    monkeypatch.setenv("SEEMACHINE_HOME", "/nonexistent")
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    before = environment()
    project.passes(
        IMPORTS
        + """
def test_of_a_fleet(seemachine_fleet, seemachine_world, seemachine_key):
    seemachine_key("release")
    with blocking.open_fleet() as fleet:
        assert [peer.esn for peer in fleet.peers] == [testing.ESN]
        fleet.key("release").sign(b"firmware")
    listed = subprocess.run(["pipsqueak", "list"], capture_output=True, text=True, check=True)
    assert "release" in listed.stdout

def test_alone(seemachine_world):
    with blocking.open_fleet() as fleet:
        assert (fleet.peers, fleet.keys()) == ([], [])
    assert Path(os.environ["SEEMACHINE_HOME"]) == seemachine_world.folder
    assert not seemachine_world.is_there
    (seemachine_world.folder / "here").write_text("it can be written")
""",
        tests=2,
    )
    assert environment() == before


def test_code_under_test_never_finds_the_world_of_the_user(project, monkeypatch):
    """The environment leads to the world of a test's fleet, named or not, and back at its end."""
    monkeypatch.setenv("SEEMACHINE_HOME", "/nonexistent")
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    before = environment()
    project.settings = "seemachine_fleet_scope = module"
    project.passes(
        IMPORTS
        + """
def home():
    return Path(os.environ["SEEMACHINE_HOME"])

def test_before():
    assert home() == Path("/nonexistent")

def test_of_a_key(seemachine_key):
    seemachine_key("release")
    with blocking.open_fleet() as fleet:
        fleet.key("release").sign(b"firmware")

def test_of_a_fleet(seemachine_fleet):
    assert home() == seemachine_fleet.folder
    assert not os.environ["SEEMACHINE_FLEET"]

def test_of_cards(seemachine_cards, seemachine_fleet):
    assert home() == seemachine_fleet.folder

def test_one_of_its_own_is_not_led_to(seemachine_fleet):
    with testing.fleet() as other:
        assert home() == seemachine_fleet.folder != other.folder
""",
        tests=5,
    )
    assert environment() == before


def test_the_latest_of_several_leads(monkeypatch):
    """In whichever order they end, the environment leads to the latest of those that are left."""
    monkeypatch.setenv("ONE", "own")
    monkeypatch.delenv("OTHER", raising=False)
    leading, seen = Leading(), []

    def look():
        seen.append((os.environ.get("ONE"), os.environ.get("OTHER")))

    first, second = ExitStack(), ExitStack()
    first.enter_context(leading.to({"ONE": "1", "OTHER": "1"}))
    look()
    second.enter_context(leading.to({"ONE": "2", "OTHER": "1"}))
    look()
    first.close()
    look()
    second.close()
    look()
    assert seen == [("1", "1"), ("2", "1"), ("2", "1"), ("own", None)]


def test_unittest(project):
    """A TestCase takes the fixtures as pytest has it, and a fleet as unittest has it."""
    project.passes(
        IMPORTS
        + """
class WithFixture(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def machines(self, seemachine_fleet, seemachine_key):
        self.fleet, self.key = seemachine_fleet, seemachine_key("release")

    @pytest.mark.seemachine(machines=2)
    def test_it(self):
        self.key.sign(b"firmware")
        self.assertEqual(testing.leaves_used(self.key), 1)
        self.assertEqual(len(self.fleet.esns), 2)

class Without(unittest.TestCase):
    def setUp(self):
        self.fleet = self.enterContext(testing.fleet())

    def test_it(self):
        self.fleet.generate_lms("release", **testing.QUICK).sign(b"firmware")
        self.assertFalse(testing.quarantined(self.fleet))
""",
        tests=2,
    )
