"""What the module takes from a machine, by its ledger: one leaf for a signature, none for a
question.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from acorn.helpers_of import helpers_of, kill
from kit import cryptoki
from kit.cryptoki import Cryptoki, Refused, Session
from kit.processes import RunningMachine
from kit.verdicts import leaf_of, verifies
from kit.waiting import eventually
from seeclient import blocking

Leaves = Callable[[str], list[int]]
HEAD = 4
# Where the operator leaves the last card.
SLOT = 2
# Seconds that a few signatures take.
MOMENT = 0.02
MESSAGE = b"firmware"


def test_questions_take_no_leaf(module: Cryptoki, alias: str, leaves: Leaves) -> None:
    """Neither the length nor a buffer that is too small; the signature that is asked for after
    them takes one, and is good.
    """
    session = module.session()
    key = session.key(alias)
    session.begin(key)
    length = session.length(MESSAGE)
    for room in (0, 1, 512, length - 1):
        assert session.into(MESSAGE, room) == (cryptoki.BUFFER_TOO_SMALL, b"")
        assert session.length(MESSAGE) == length
    assert leaves(alias) == []
    value, signature = session.into(MESSAGE, length)
    assert (value, len(signature)) == (cryptoki.OK, length)
    assert session.into(MESSAGE, length) == (cryptoki.NOT_ACTIVE, b"")
    assert leaves(alias) == [0]
    public = session.attribute(session.key(alias, cryptoki.PUBLIC), cryptoki.VALUE)
    assert public[:HEAD] == b"\0\0\0\1"
    assert signature[:HEAD] == bytes(HEAD)
    assert verifies(public[HEAD:], signature[HEAD:], MESSAGE)


def test_many_threads_take_a_leaf_for_each_signature(
    module: Cryptoki, alias: str, leaves: Leaves
) -> None:
    """200 of them sign at once, each in a session of its own: 400 signatures, 400 leaves."""

    def sign(number: int) -> list[bytes]:
        session = module.session()
        key = session.key(alias)
        made = [session.sign(key, f"{number} {each}".encode()) for each in range(2)]
        session.close()
        return made

    with ThreadPoolExecutor(200) as pool:
        made = [signature for pair in pool.map(sign, range(200)) for signature in pair]
    spent = [leaf_of(signature[HEAD:]) for signature in made]
    assert len(set(spent)) == len(spent) == 400
    assert sorted(spent) == sorted(leaves(alias))


def _goes_on(made: list[tuple[bytes, bytes]], before: int, ended: threading.Event) -> bool:
    return len(made) > before or ended.is_set()


def test_a_killed_helper_costs_no_signature(
    module: Cryptoki, machine: RunningMachine, alias: str, leaves: Leaves
) -> None:
    """12 helpers are killed at any moment of a signature. Each signature is of a leaf of its own,
    and no second leaf is taken for any. One that is killed before it has started fails its call,
    whose leaf may be lost.
    """
    session = module.session()
    key, public = session.key(alias), session.key(alias, cryptoki.PUBLIC)
    made: list[tuple[bytes, bytes]] = []
    killed: list[int] = []
    ended = threading.Event()
    failures = 0

    def murder() -> None:
        chance = random.Random(11)
        while not ended.is_set():
            eventually(partial(_goes_on, made, len(made), ended))
            time.sleep(chance.random() * MOMENT)
            killed.extend(kill(machine.home))

    murderer = threading.Thread(target=murder)
    murderer.start()
    try:
        while len(killed) < 12:
            message = f"{len(made)}".encode()
            try:
                made.append((message, session.sign(key, message)))
            except Refused as refused:
                assert refused.value == cryptoki.FUNCTION_FAILED
                failures += 1
    finally:
        ended.set()
        murderer.join()
    spent = [leaf_of(signature[HEAD:]) for _, signature in made]
    handed = leaves(alias)
    assert len(set(spent)) == len(spent) >= 12 - failures
    assert len(set(handed)) == len(handed) <= len(spent) + failures
    assert set(spent) <= set(handed)
    assert all(session.verifies(public, *each) for each in made)


def test_a_child_initializes_for_itself(
    module: Cryptoki, machine: RunningMachine, alias: str, leaves: Leaves
) -> None:
    """After fork its sessions are gone until it does; then it signs with a helper of its own, and
    its parent goes on as if nothing had happened.
    """
    session = module.session()
    key = session.key(alias)
    session.sign(key, MESSAGE)
    session.begin(key)
    child = os.fork()
    if child == 0:
        os._exit(_as_child(module, session, alias))
    assert os.waitpid(child, 0) == (child, 0)
    value, _ = session.into(MESSAGE, 5_000)
    assert value == cryptoki.OK
    assert leaves(alias) == [0, 1, 2]
    assert len(list(helpers_of(machine.home))) == 1


def _as_child(module: Cryptoki, session: Session, alias: str) -> int:
    """The exit code of a child."""
    try:
        assert session.into(MESSAGE, 5_000) == (cryptoki.NOT_INITIALIZED, b"")
        assert session.value("C_FindObjectsFinal") == cryptoki.NOT_INITIALIZED
        module.initialize()
        own = module.session()
        own.sign(own.key(alias), MESSAGE)
        module.finalize()
    except BaseException as error:  # noqa: BLE001
        os.write(2, repr(error).encode())
        return 1
    return 0


def test_the_last_leaf_and_after_it(module: Cryptoki, machine: RunningMachine) -> None:
    """KEYS_REMAINING counts down to 0; then signing says that the key is exhausted."""
    with blocking.open_fleet(world=machine.home) as fleet:
        fleet.generate_lms("short", "sha256_m24_h5", "sha256_n24_w2")
    session = module.session()
    key = session.key("short")
    for left in range(32, 0, -1):
        assert session.attribute(key, cryptoki.KEYS_REMAINING) == cryptoki.number(left)
        session.sign(key, MESSAGE)
    assert session.attribute(key, cryptoki.KEYS_REMAINING) == cryptoki.number(0)
    with pytest.raises(Refused) as refused:
        session.sign(key, MESSAGE)
    assert refused.value.value == cryptoki.EXHAUSTED


def test_a_key_at_its_threshold_is_exhausted(
    module: Cryptoki, machine: RunningMachine, leaves: Leaves
) -> None:
    """A program of PKCS #11 can't say why it goes on; who can finds the leaves as they were."""
    with blocking.open_fleet(world=machine.home) as fleet:
        kept = fleet.generate_lms("kept", "sha256_m24_h5", "sha256_n24_w2", warnat=30)
        session = module.session()
        key = session.key("kept")
        for _ in range(2):
            session.sign(key, MESSAGE)
        with pytest.raises(Refused) as refused:
            session.sign(key, MESSAGE)
        assert refused.value.value == cryptoki.EXHAUSTED
        assert session.attribute(key, cryptoki.KEYS_REMAINING) == cryptoki.number(30)
        kept.sign(MESSAGE, acknowledge="the last ones")
    assert leaves("kept") == [0, 1, 2]


def test_leases_on_cards_do_not_count(module: Cryptoki, machine: RunningMachine) -> None:
    """Of a sectorized key only what machines hold remains: nothing before a lease is provisioned,
    then its leaves.
    """
    with blocking.open_fleet(world=machine.home) as fleet:
        fleet.generate_lms("dealt", "sha256_m24_h5", "sha256_n24_w2", expcards=1, explease=1)
        session = module.session()
        key = session.key("dealt")
        assert session.attribute(key, cryptoki.KEYS_REMAINING) == cryptoki.number(0)
        with pytest.raises(Refused) as refused:
            session.sign(key, MESSAGE)
        assert refused.value.value == cryptoki.EXHAUSTED
        fleet.provision(machine.esn, SLOT)
        assert session.attribute(key, cryptoki.KEYS_REMAINING) == cryptoki.number(8)
        session.sign(key, MESSAGE)


def test_a_machine_that_is_gone_is_an_error_of_the_device(
    module: Cryptoki, machine: RunningMachine, alias: str
) -> None:
    """It can be tried again, and is good once the machine is back; verifying needs none."""
    session = module.session()
    key, public = session.key(alias), session.key(alias, cryptoki.PUBLIC)
    signature = session.sign(key, MESSAGE)
    machine.stop()
    try:
        with pytest.raises(Refused) as refused:
            session.sign(key, MESSAGE)
        assert refused.value.value == cryptoki.DEVICE_ERROR
        assert session.verifies(public, MESSAGE, signature)
    finally:
        machine.start()
    session.sign(key, MESSAGE)
