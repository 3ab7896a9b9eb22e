"""`pipsqueak` with thresholds, against a machine in a process of its own that is killed and started
again.
"""

import itertools
import json

import pytest
from client.screen import field, say
from kit import processes
from kit.here import store
from kit.verdicts import verifies

from seemachine.cli.command import main
from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.world import World

LMS = ("algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w4")
WHY = 'ticket 4711: the "last" release für Köln'
TYPE = 'To sign anyway, say why: acknowledge="REASON"'


@pytest.fixture(scope="module", params=["sqlite", "file"])
def machine(request, tmp_path_factory):
    """A machine with each of the stores that outlive it."""
    world = tmp_path_factory.mktemp("thresholds") / "world"
    with processes.machines(world, (ESN, "--store", request.param)) as [running]:
        yield running


numbers = itertools.count()


@pytest.fixture
def alias(world):
    """The name of a new key of 32 leaves, each of whose last 31 signatures needs a reason."""
    name = f"key-{next(numbers)}"
    assert say("generate", f"alias={name}", *LMS, "warnat=31")[0] == 0
    return name


def remaining(alias):
    """How many signatures are left of a key, and the lines of its thresholds."""
    lines = say("showinfo", f"alias={alias}")[1]
    [left] = [int(line.split()[1]) for line in lines if line.startswith("  Remaining: ")]
    return left, [line.strip() for line in lines if line.startswith("  Threshold")]


def ledger(capsys, alias, *words):
    """The lines of `seemachine ledger` that are about a key."""
    capsys.readouterr()
    assert main(["ledger", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    wanted = store().load(alias).name.hex() if words else f" {alias} "
    return [line for line in lines if wanted in line]


def test_the_exact_signature(alias):
    """With 32 left it signs; with 31 it refuses, exit code 1, says what to type, and takes no leaf;
    with a reason it signs.
    """
    assert say(f"alias={alias}", "message=one")[0] == 0
    assert remaining(alias) == (
        31,
        [f"Threshold on {ESN}: each of the last 31 signatures needs acknowledge=REASON"],
    )
    code, lines = say(f"alias={alias}", "message=two")
    assert (code, lines[-2:]) == (1, ["ERROR: sign failed", TYPE])
    left = f"{alias} has 31 signatures left, and each of its last 31 needs an acknowledgement"
    assert f"UseLimitExceeded(7): {left}" in lines[-3]
    assert remaining(alias)[0] == 31
    code, lines = say(f"alias={alias}", "message=two", f"acknowledge={WHY}")
    assert (code, lines[-1].endswith(": true")) == (0, True)
    assert verifies(
        store().load(alias).public_key, bytes.fromhex("".join(field(lines, "Signature"))), b"two"
    )
    assert remaining(alias)[0] == 30


def test_a_needless_reason(alias):
    """While nothing has to be acknowledged, a reason is refused, and no leaf is taken: a script
    can't give one always.
    """
    code, lines = say(f"alias={alias}", "message=one", f"acknowledge={WHY}")
    assert (code, lines[-1]) == (1, "ERROR: sign failed")
    assert "InvalidParameter(24): " in lines[-2]
    assert lines[-2].endswith("; leave the acknowledgement out")
    assert remaining(alias)[0] == 32


def test_the_ledger_keeps_reasons(machine, alias, capsys):
    """`seemachine ledger` prints them, as lines and as JSON, also after a kill; `seemachine audit`
    finds the ledger clean.
    """
    assert say(f"alias={alias}", "message=one")[0] == 0
    assert say(f"alias={alias}", "message=two", f"acknowledge={WHY}")[0] == 0
    before = ledger(capsys, alias), ledger(capsys, alias, "--json-lines")
    machine.kill()
    machine.start()

    assert (ledger(capsys, alias), ledger(capsys, alias, "--json-lines")) == before
    assert [line.partition("  acknowledged: ")[2] for line in before[0]] == ["", WHY]
    assert [json.loads(line)["reason"] for line in before[1]] == ["", WHY]
    assert main(["audit", "--fleet"]) == 0
    assert say(f"alias={alias}", "message=three")[0] == 1


def test_with_the_quirks_of_the_vendor(alias, capsys, monkeypatch):
    """PIPSQUEAK_COMPAT=1.4.1 asks nobody, prints what 1.4.1 prints, and the ledger keeps that it
    was so.
    """
    first = say(f"alias={alias}", "message=one")
    monkeypatch.setenv("PIPSQUEAK_COMPAT", "1.4.1")
    second = say(f"alias={alias}", "message=one")
    assert (first[0], second[0]) == (0, 0)
    heads = [
        [line.partition(" time:")[0] for line in lines if line[0] != " "]
        for _, lines in (first, second)
    ]
    assert heads[0] == heads[1]
    assert remaining(alias) == (30, [])
    assert [json.loads(line)["reason"] for line in ledger(capsys, alias, "--json-lines")] == [
        "",
        "PIPSQUEAK_COMPAT=1.4.1",
    ]


def test_a_threshold_that_is_set_later(world):
    """warnat= says what it did; raised it holds at once, and then it can't be lowered."""
    del world
    name = f"later-{next(numbers)}"
    assert say("generate", f"alias={name}", *LMS)[0] == 0
    assert remaining(name) == (32, [])
    assert say(f"alias={name}", "warnat=1")[1][1:] == [
        f"Threshold (alias: {name}): the last signature needs acknowledge=REASON"
    ]
    assert say(f"alias={name}", "warnat=0")[1][1:] == [
        f"Threshold (alias: {name}): none; no signature needs acknowledge=REASON"
    ]
    code, lines = say(f"alias={name}", "warnat=32", "--json")
    assert (code, json.loads("\n".join(lines))["warnat"]) == (0, 32)
    assert say(f"alias={name}", "message=one")[0] == 1
    code, lines = say(f"alias={name}", "warnat=5")
    assert (code, lines[-1]) == (1, "ERROR: threshold not set")
    assert store().load(name).warnat == 32


def test_a_card_from_before(world):
    """A lease whose card was written before its key got a threshold has it once it is
    in the HSM.
    """
    rack, name = Rack(World.at(world)), f"card-{next(numbers)}"
    rack.insert(rack.new()[0], ESN, 2)
    try:
        assert say("generate", f"alias={name}", *LMS, "explease=3")[0] == 0
        assert say(f"alias={name}", "warnat=4")[0] == 0
        code, lines = say(f"provesn={ESN}", "slot=2", "--json")
        assert (code, json.loads("\n".join(lines))["warnat"]) == (0, 4)
        assert say(f"alias={name}", "message=one")[0] == 1
        assert say(f"alias={name}", "message=one", "acknowledge=the first of four")[0] == 0
    finally:
        rack.remove(ESN, 2)
