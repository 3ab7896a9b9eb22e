"""Keys as the PKCS #11 module asks for them, and the identifiers that they are given."""

import pytest
from bridge.native import Bridge
from kit.processes import RunningMachine
from seeclient import blocking
from seeclient.bridge import read_keys
from seeclient.keys import KeyStore

from seemachine.wire.status import Status


def test_an_object_tells_of_its_key(bridge: Bridge, alias: str) -> None:
    """By alias, or with all others; what has no identifier gives none."""
    told = bridge.ask("object", alias).fields
    shown = bridge.ask("key", alias, "").fields
    assert told == [*shown[:4], bytes(8), b""]
    every = bridge.ask("objects").fields
    assert told in [every[at : at + 6] for at in range(0, len(every), 6)]
    assert bridge.ask("object", "nobody").status == Status.UnknownID


def test_an_identifier_is_of_one_key(bridge: Bridge, alias: str, machine: RunningMachine) -> None:
    """It is kept under the alias for the key alone that has its hash, and a damaged one is none."""
    path = machine.home / "kmdata" / "local" / f"pkcs11_id_{alias}"
    assert bridge.ask("identify", alias, b"\x01\xff").status == 0
    assert bridge.ask("object", alias).fields[5] == b"\x01\xff"
    whole = path.read_text()
    for changed in (whole.replace(whole[:4], "0000"), whole[:64], "", "\x80", "a b c"):
        path.write_text(changed)
        assert bridge.ask("object", alias).fields[5] == b""


@pytest.mark.parametrize("size", [0, 256])
def test_an_identifier_has_limits(bridge: Bridge, alias: str, size: int) -> None:
    """1 to 255 bytes."""
    assert bridge.ask("identify", alias, bytes(size)).status == Status.InvalidParameter
    assert bridge.ask("object", alias).fields[5] == b""


def test_a_key_is_looked_for_where_it_was(
    machine: RunningMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its hash no other file is read; under another alias it is found again, and where another
    key has come in its place, it is not that one.
    """
    folder = machine.home / "kmdata" / "local"
    with blocking.open_fleet(world=machine.home) as fleet:
        for name in ("at-a", "at-b", "at-c"):
            fleet.generate_mldsa(name, "mldsa44")
    monkeypatch.setattr(read_keys, "MOST", 1)
    keys, read = read_keys.ReadKeys(folder), []
    wanted = keys.load("at-c").public_hash
    load = KeyStore.load
    monkeypatch.setattr(KeyStore, "load", lambda own, alias: read.append(alias) or load(own, alias))
    assert keys.with_hash(wanted).alias == "at-c"
    (folder / "key_pqsdk_at-c").rename(folder / "key_pqsdk_at-d")
    (folder / "key_pqsdk_at-a").rename(folder / "key_pqsdk_at-c")
    read.clear()
    assert keys.with_hash(wanted).public_hash == wanted
    assert read[0] == "at-c"
    assert read[-1] == "at-d"
    keys.load("at-b")
    read.clear()
    # Its file says what alias it was made under.
    (folder / "key_pqsdk_at-d").rename(folder / "key_pqsdk_at-c")
    assert keys.with_hash(wanted).public_hash == wanted
    assert read == ["at-c"]
