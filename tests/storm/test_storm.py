"""The storm in a few seconds, and that its checker can fail.

`make storm SECONDS=...` is the long form.
"""

import hashlib
import json

import pytest
from seeclient import blocking
from storm.chaos import run
from storm.checker import check

from seemachine.wire.names import nvram_name

SECONDS = 5.0


@pytest.fixture
def history(tmp_path, monkeypatch):
    """A key, a history of three signatures, and the ledger that goes with it."""
    from kit import processes

    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path))
    with (
        processes.machines(tmp_path, ("7852-268D-3BF9", "--store", "memory")),
        blocking.open_fleet() as fleet,
    ):
        key = fleet.generate_lms("k", "sha256_m24_h5", "sha256_n24_w2")
        signed = [
            (message, key.sign_with(message)) for message in (b"a" * 24, b"b" * 24, b"c" * 24)
        ]
    entries = [
        {
            "alias": "k",
            "esn": one.esn,
            "leaf": one.leaf,
            "message": message.hex(),
            "times": 1,
            "signature": one.signature.hex(),
        }
        for message, one in signed
    ]
    file = nvram_name(key.public_key).hex()
    ledger = [
        {
            "file": file,
            "leaf": entry["leaf"],
            "digest": "6d" + hashlib.sha256(bytes.fromhex(entry["message"])).hexdigest(),
        }
        for entry in entries
    ]
    return tmp_path / "history", entries, ledger


def verdict(history, entries, ledger):
    """What the checker says of a history."""
    history.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return check([history], ledger)


def test_no_leaf_signs_twice_in_a_storm(tmp_path):
    """Machines and clients are killed, stopped and cut off at random; no leaf signs two messages
    and what was received is in a ledger.
    """
    outcome, storm = run(tmp_path / "world", SECONDS, 20261124)

    assert sum(storm.events.values()) > 5
    # How many depends on how busy the computer is.
    assert outcome.signatures > 0
    assert (outcome.reused, outcome.bad, outcome.lost) == ([], [], [])


def test_a_true_history_is_clean(history):
    """Three signatures of three leaves, all in the ledger."""
    outcome = verdict(*history)

    assert (outcome.signatures, outcome.reused, outcome.bad, outcome.lost, outcome.burned) == (
        3,
        [],
        [],
        [],
        0,
    )


def test_the_checker_sees_a_leaf_that_signed_twice(history):
    """Two messages on one leaf, in the histories or in the ledgers."""
    path, entries, ledger = history

    assert verdict(
        path, [*entries, {**entries[0], "message": entries[1]["message"]}], ledger
    ).reused
    assert verdict(path, entries, [*ledger, {**ledger[0], "digest": "6d"}]).reused


def test_the_checker_sees_a_bad_signature(history):
    """A signature over something else."""
    path, entries, ledger = history

    assert verdict(path, [{**entries[0], "signature": entries[1]["signature"]}], ledger).bad


def test_the_checker_sees_what_a_machine_forgot(history):
    """A signature whose leaf no ledger has, or has for another message."""
    path, entries, ledger = history

    assert verdict(path, entries, ledger[1:]).lost
    assert verdict(path, entries, [{**ledger[0], "digest": ledger[1]["digest"]}, *ledger[1:]]).lost
