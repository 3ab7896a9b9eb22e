"""Keys that a card set protects: used after a login with its passphrase, or under preload."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import cryptoki
from kit.cardsets import deal_cards
from kit.cryptoki import Cryptoki, Session
from kit.processes import RunningMachine
from seeclient import blocking, tokens

from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.world import World

MESSAGE, PASSPHRASE = b"firmware", b"open sesame"
PIN_INCORRECT, NOT_LOGGED_IN, DEVICE_ERROR = 0xA0, 0x101, 0x30
SET, SLOT = "ops", 3


@pytest.fixture
def world(machine: RunningMachine, environ: None) -> World:
    """The card of a set in a slot of the machine; key `p` under the set, key `q` under none."""
    made = World.at(machine.home)
    if not (made.keys / "key_pqsdk_q").exists():
        _make(made)
    return made


def _make(world: World) -> None:
    cards = deal_cards(world, SET, slots=[SLOT], passphrases=[PASSPHRASE])
    world.keys.mkdir(parents=True, exist_ok=True)
    values = {"version": 1, "name": SET, "hash": cards.hash.hex(), "token": "operator"}
    (world.keys / f"cards_{cards.hash.hex()}").write_text(json.dumps(values))
    with blocking.open_fleet(world=world.folder) as fleet:
        fleet.generate_mldsa("p", "mldsa44", token=SET, passphrases=[PASSPHRASE.decode()])
        fleet.generate_mldsa("q", "mldsa44")


@pytest.fixture
def session(path: Path, world: World) -> Iterator[Session]:
    """A session of the module on it."""
    module = Cryptoki(path)
    module.finalize()
    module.initialize()
    yield module.session()
    module.finalize()


def labels(session: Session) -> list[str]:
    """Of all private halves that are seen."""
    found = session.objects((cryptoki.CLASS, cryptoki.number(cryptoki.PRIVATE)))
    return sorted(session.attribute(each, cryptoki.LABEL).decode() for each in found)


def test_a_login_opens_protected_keys(session: Session) -> None:
    """A wrong passphrase opens none; a logout closes them again, also for who has a handle."""
    mldsa = cryptoki.Mechanism(cryptoki.ML_DSA, None, 0)
    assert labels(session) == ["q"]
    assert session.login(b"wrong") == PIN_INCORRECT
    assert labels(session) == ["q"]
    assert session.login(PASSPHRASE) == cryptoki.OK
    assert labels(session) == ["p", "q"]
    key, public = session.key("p"), session.key("p", cryptoki.PUBLIC)
    signature = session.sign(key, MESSAGE, mldsa)
    assert session.verifies(public, MESSAGE, signature, mldsa)
    session.call("C_Logout")
    assert labels(session) == ["q"]
    with pytest.raises(cryptoki.Refused) as refused:
        session.begin(key, mldsa)
    assert refused.value.value == NOT_LOGGED_IN
    assert session.sign(session.key("q"), MESSAGE, mldsa)


def test_preload_opens_them_without_a_login(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as whoever loaded the set keeps it."""
    mldsa = cryptoki.Mechanism(cryptoki.ML_DSA, None, 0)
    with blocking.open_fleet(world=world.folder) as fleet:
        cardset = bytes.fromhex(fleet.key("p").file.cardset)
        handle = fleet.run(tokens.load(fleet.peers[0], cardset, [PASSPHRASE.decode()]))
        preloaded = f"{ESN}:{cardset.hex()}:{handle.hex()}"
        monkeypatch.setenv("SEEMACHINE_PRELOADED", preloaded)
        session.module.finalize()
        session.module.initialize()
        inside = session.module.session()
        key = inside.key("p")
        assert inside.sign(key, MESSAGE, mldsa)
    with pytest.raises(cryptoki.Refused) as refused:
        inside.sign(key, MESSAGE, mldsa)
    assert refused.value.value == NOT_LOGGED_IN


def test_a_card_that_is_not_there_is_an_error_of_the_device(session: Session, world: World) -> None:
    """The passphrase is neither right nor wrong."""
    card = Rack(world).remove(ESN, SLOT)
    try:
        assert session.login(PASSPHRASE) == DEVICE_ERROR
    finally:
        Rack(world).insert(card, ESN, SLOT)
