"""Seeds of real machines: in NVRAM, and nowhere else that somebody without its files could look."""

import base64
import os
import sys
from pathlib import Path

import pytest
from kit import processes
from kit.connections import ask, generate_key
from seeclient.algorithms.lms.signing import new_token
from seeclient.blocking_connection import Connection
from seeclient.effects import Address

from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk.lock import holder
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

FLEET = f'[[machines]]\nesn = "{ESN}"\nport = 0\n'
SLOT = 2
LABEL = "half"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def connect(home):
    """A connection to the machine."""
    entry = processes.RunningMachine.published(type("Published", (), {"home": home, "esn": ESN})())
    connection = Connection(Address(entry["host"], entry["port"], 1))
    connection.greet()
    return connection


def shapes(secret):
    """How a secret could be written somewhere: as it is, in hexadecimal, in base 64, as Python
    prints bytes or their numbers.
    """
    numbers = ", ".join(map(str, secret[:12]))
    yield from (
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        numbers.encode(),
        repr(secret[:12])[2:-1].encode(),
    )
    # Wherever it begins among groups of three bytes, this much of it is written so.
    yield from (base64.b64encode(secret[skip:])[:-4] for skip in range(3))


def found(secrets, texts):
    """Where a secret shows."""
    return [
        (where, number)
        for where, text in texts.items()
        for number, secret in enumerate(secrets)
        if any(s in text for s in shapes(secret))
    ]


def files(home):
    """All files of a world but NVRAM and the key itself."""
    kept = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return {
        path: data
        for path, data in kept.items()
        if not path.name.startswith("nvram.db") and path.name != "world.key"
    }


def told_of(pid):
    """What the system tells others of a process."""
    names = ("cmdline", "environ", "comm", "stat", "status")
    return {
        f"{pid} {name}": Path(f"/proc/{pid}/{name}").read_bytes()
        for name in names
        if os.access(f"/proc/{pid}/{name}", os.R_OK)
    }


def use_all(home):
    """Keys of every kind, used: in NVRAM, on a card, half-made.

    Returns the connection, which has the last one.
    """
    connection = connect(home)
    _, singular = generate_key(connection)
    ask(
        connection,
        m.NvmemfileSign(file=nvram_name(singular), token=new_token(), message=b"a message"),
    )
    handle, sectorized = generate_key(connection, expcards=1, explease=1, label=LABEL)
    rack = Rack(World.at(home))
    rack.insert(rack.new()[0], ESN, SLOT)
    ask(connection, m.ContinueLmsCard(handle=handle, slot=SLOT))
    ask(connection, m.ProvisionLms(slot=SLOT))
    ask(
        connection,
        m.NvmemfileSign(file=nvram_name(sectorized), token=new_token(), message=b"a message"),
    )
    return connection


def secrets_of(home):
    """All seeds of a stopped world, wherever they are, and its key."""
    seeds = [lease.seed for lease in read_card(Slots(World.at(home), ESN).occupant(SLOT)).leases]
    seeds += [seed for seed in FolderCheckpoints(home / "hsm" / ESN).head(LABEL)["seeds"] if seed]
    store = SqliteStore(home / "hsm" / ESN)
    seeds += [store.get(name).lease.seed for name in store.names()]
    store.close()
    return [*seeds, (home / "world.key").read_bytes()]


def test_seeds_are_looked_for_in_every_shape():
    """The search finds a secret in each of its shapes, amid other bytes."""
    secret = bytes(range(100, 132))
    for text in (
        secret,
        secret.hex().encode(),
        repr(secret).encode(),
        str(list(secret)).encode(),
        base64.b64encode(b"ab" + secret + b"c"),
    ):
        assert found([secret], {"here": b"before " + text + b" after"}) == [("here", 0)]
    assert found([secret], {"here": bytes(200)}) == []


def test_no_seed_in_files_logs_or_processes(tmp_path):
    """With keys in NVRAM, on a card and half-made, no other file has a secret, nor what the system
    tells of the fleet's processes.
    """
    (tmp_path / "fleet.toml").write_text(FLEET)
    env = processes.environment(tmp_path)
    assert processes.seemachine(["fleet", "up", "--detach"], env)[0] == 0
    try:
        connection = use_all(tmp_path)
        pids = [holder(tmp_path / folder).pid for folder in ("fleet", f"hsm/{ESN}")]
        processes_say = {where: text for pid in pids for where, text in told_of(pid).items()}
        connection.close()
    finally:
        processes.seemachine(["fleet", "down"], env)
    written = files(tmp_path)
    secrets = secrets_of(tmp_path)

    assert len(secrets) == len(set(secrets)) == 1 + 2 + 2 + 1
    assert {path.suffix for path in written} >= {".card", ".key", ".rows"}
    assert any(path.name == "log" for path in written)
    assert len(processes_say) >= 8
    assert found(secrets, written | processes_say) == []


BUG = """
import seemachine.lms.engines.portable as portable
chains = portable.PortableEngine._chains
def broken(self, ots, identifier, seed, leaf, ends):
    if len(set(ends)) > 1:
        raise ZeroDivisionError
    return chains(self, ots, identifier, seed, leaf, ends)
portable.PortableEngine._chains = broken
"""


def test_no_seed_in_what_a_bug_says(tmp_path, monkeypatch):
    """A bug while a signature is made, with the seed at hand: neither the log with its traceback
    nor the refusal has the seed.
    """
    (tmp_path / "sitecustomize.py").write_text(BUG)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    known = processes.environment
    monkeypatch.setattr(
        processes, "environment", lambda home: known(home, SEEMACHINE_ENGINE="portable")
    )
    home = tmp_path / "world"
    with processes.machines(home, (ESN,)) as [machine]:
        connection = connect(home)
        _, key = generate_key(connection)
        with pytest.raises(StatusError) as refused:
            raise ask(
                connection,
                m.NvmemfileSign(file=nvram_name(key), token=new_token(), message=b"a message"),
            )
        connection.close()
    store = SqliteStore(home / "hsm" / ESN)
    seeds = [store.get(name).lease.seed for name in store.names()]
    store.close()

    assert refused.value.status is Status.Failed
    assert b"ZeroDivisionError" in machine.log.read_bytes()
    assert len(seeds) == 1
    assert (
        found(
            seeds,
            {
                "log": machine.log.read_bytes(),
                "refusal": repr(refused.value).encode() + str(refused.value).encode(),
            },
        )
        == []
    )
