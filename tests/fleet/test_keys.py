"""`seemachine key`: what there is of each key, and the end of one, on machines of this process."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kit import in_process
from kit.in_process import Machine, Shell

from seemachine.cli.key_output import rows
from seemachine.fleet import keys
from seemachine.fleet.keys import KeyView
from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.messages import NvmemfileInfo
from seemachine.wire.names import FILE_NAME_BYTES
from seemachine.wire.status import StatusError
from seemachine.world import World

KEY = bytes(56)

MAKE = ("algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A person's."""
    return Shell(tmp_path / "world", LOGNAME="alice")


@pytest.fixture
def machines(shell: Shell) -> Iterator[list[Machine]]:
    """Two HSMs that put in blank cards themselves."""
    running = [
        Machine(shell.home, esn, module=number, operator="auto")
        for number, esn in enumerate((ESN, OTHER_ESN), 1)
    ]
    yield running
    for machine in running:
        machine.stop()


@pytest.fixture
def world(shell: Shell) -> World:
    """Its world."""
    return World.at(shell.home)


def make(shell: Shell, alias: str, *more: str) -> None:
    """Make a key."""
    code, lines = shell.pipsqueak("generate", f"alias={alias}", *MAKE, *more)
    assert code == 0, lines


def documented(shell: Shell, *words: str) -> dict[str, Any]:
    """What a command says in JSON."""
    _, lines = shell.seemachine("key", *words, "--json")
    told = "\n".join(line for line in lines if not line.startswith("seemachine key "))
    document: dict[str, Any] = json.loads(told)
    return document


def test_a_key_is_listed_with_all_that_is_left_of_it(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """Who made it when, signatures on machines, leases on cards."""
    assert shell.seemachine("key", "list") == (0, [f"there are no keys in {shell.home}"])
    make(shell, "plain")
    make(shell, "on-cards", "expcards=1", "explease=1")
    shell.pipsqueak(f"provesn={ESN}", "slot=2")
    found = {key["alias"]: key for key in documented(shell, "list")["keys"]}
    assert found["plain"]["machines"] == [{"esn": ESN, "remaining": 32, "quarantined": False}]
    assert found["plain"]["cards"] == []
    made = found["plain"]["made"]
    assert (made["by"], made["esn"]) == ("alice", ESN)
    assert found["on-cards"]["machines"][0]["remaining"] == 8
    assert [card["leases"] for card in found["on-cards"]["cards"]] == [2, 1]
    code, lines = shell.seemachine("key", "list")
    assert code == 0
    assert "8 signatures, 3 leases on 2 cards" in lines[0]
    assert " by alice on " in lines[0]
    code, lines = shell.seemachine("key", "show", "ON-CARDS")
    assert code == 0
    assert lines[0].startswith("on-cards: LMS, made ")
    assert lines[-1] == f"  card2: 1 lease, in slot 2 of {ESN}"


def test_a_destroyed_key_is_nowhere(shell: Shell, machines: list[Machine], world: World) -> None:
    """Not on machines, not on cards in slots, not on this host; the ledgers stay, and so does
    every other key.
    """
    make(shell, "other")
    make(shell, "release", "explease=1")
    shell.pipsqueak(f"provesn={ESN}", "slot=2")
    shell.pipsqueak("alias=release", "message=m")
    code, lines = shell.seemachine("key", "destroy", "release", "--yes")
    assert (code, lines) == (
        0,
        [
            f"{ESN}: 15 signatures destroyed",
            f"{OTHER_ESN}: 0 signatures destroyed",
            "card1 is blank",
            "key file release is gone",
            "release is destroyed; the ledgers keep what was signed with it",
        ],
    )
    assert [key["alias"] for key in documented(shell, "list")["keys"]] == ["other"]
    assert Rack(world).of_keys() == {}
    _, ledger = shell.seemachine("ledger", "--json")
    assert len([line for line in ledger if '"leaf"' in line]) == 1
    assert shell.pipsqueak("alias=release", "message=m")[0] == 1
    assert shell.pipsqueak("alias=other", "message=m")[0] == 0
    make(shell, "release")


def test_what_is_left_is_said(shell: Shell, machines: list[Machine], world: World) -> None:
    """Cards on the rack, and machines that are down: exit code 1, with what to do."""
    make(shell, "release", "expcards=1")
    Rack(world).remove(ESN, 2)
    machines[1].stop()
    code, lines = shell.seemachine("key", "destroy", "release", "--yes")
    assert code == 1
    name = documented(shell, "list")["keys"][0]["nvram_file"]
    assert lines == [
        f"seemachine key destroy: {OTHER_ESN} is down",
        f"{ESN}: 0 signatures destroyed",
        "key file release is gone",
        "left: card1: 1 lease, on the rack; put it into a slot, and make it blank with card format",
        "left: card2: 1 lease, on the rack; put it into a slot, and make it blank with card format",
        f"left, perhaps: {OTHER_ESN} is down; later: seemachine key destroy {name}",
    ]


def test_leaves_without_a_key_file_are_found_and_destroyed_by_name(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """As after somebody removed the file: list and fleet check name them."""
    make(shell, "release")
    (world.keys / "key_pqsdk_release").unlink()
    [key] = documented(shell, "list")["keys"]
    assert (key["alias"], key["machines"][0]["remaining"]) == (None, 32)
    _, found = shell.seemachine("fleet", "check")
    name = key["nvram_file"]
    assert any(f"seemachine key destroy {name}" in line for line in found)
    code, lines = shell.seemachine("key", "destroy", name, "--yes")
    assert (code, lines[0]) == (0, f"{ESN}: 32 signatures destroyed")
    document = documented(shell, "list")
    assert (document["keys"], document["unreachable"]) == ([], [])


def test_a_key_under_two_aliases_is_one_key(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """A copy of its file goes with it."""
    make(shell, "release")
    copy = world.keys / "key_pqsdk_copy"
    copy.write_bytes((world.keys / "key_pqsdk_release").read_bytes())
    document = documented(shell, "destroy", "release", "--yes")
    assert (document["ok"], document["key_files"]) == (True, ["copy", "release"])
    assert not copy.exists()


def test_without_a_terminal_it_wants_yes(shell: Shell, machines: list[Machine]) -> None:
    """Nothing is done, and the exit code is that of a wrong command line."""
    make(shell, "release")
    code, lines = shell.seemachine("key", "destroy", "release")
    assert (code, lines) == (
        2,
        [
            "seemachine key destroy: standard input is not a terminal, so nobody can be asked"
            " whether to destroy release; add --yes"
        ],
    )
    assert len(documented(shell, "list")["keys"]) == 1


class Terminal:
    """A person who types one line."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        """Yes."""
        return True

    def readline(self) -> str:
        """What is typed."""
        return self._line


@pytest.mark.parametrize(("typed", "left"), [("release\n", 0), ("yes\n", 1), ("\n", 1), ("", 1)])
def test_a_person_types_its_name(
    typed: str, left: int, shell: Shell, machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything else, or the end of the input, destroys nothing."""
    make(shell, "release")
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, lines = shell.seemachine("key", "destroy", "release")
    assert code == left
    assert any("Type release to destroy it for good: " in line for line in lines)
    assert len(documented(shell, "list")["keys"]) == left


def test_with_no_machine_up_it_stays(shell: Shell, world: World) -> None:
    """Else the file would go, and what could sign would stay where nothing lists it."""
    with in_process.machines(shell.home, ESN):
        make(shell, "release")
    code, lines = shell.seemachine("key", "destroy", "release", "--yes")
    assert (code, lines[-1]) == (
        1,
        "seemachine key destroy: no machine is reachable, so release stays; start some with:"
        " seemachine fleet up",
    )
    assert documented(shell, "list")["unreachable"] == [f"{ESN} is down"]


def test_what_is_in_quarantine_is_listed_as_such() -> None:
    """Nothing signs with it until an operator has decided."""
    held = NvmemfileInfo(bytes(FILE_NAME_BYTES), KEY, 0, 3, 32, loaded=True, quarantined=True)
    view = KeyView(KEY, alias="release", nvram={ESN: held})
    assert " 29 signatures in quarantine" in next(rows([view], []))
    view = replace(view, nvram={ESN: held, OTHER_ESN: replace(held, quarantined=False)})
    assert " 29 signatures, 29 signatures in quarantine" in next(rows([view], []))


def test_the_columns_of_a_list_are_as_wide_as_what_is_in_them() -> None:
    """An alias of 64 letters, and much that is left, shift no line of the list."""
    held = NvmemfileInfo(bytes(FILE_NAME_BYTES), KEY, 0, 3, 32, loaded=True, quarantined=True)
    both = {ESN: held, OTHER_ESN: replace(held, quarantined=False)}
    views = [
        KeyView(KEY, alias="a", problem="mark"),
        KeyView(KEY, alias="b" * 64, nvram=both, problem="mark"),
        KeyView(KEY, alias="c", nvram=both, problem="mark"),
    ]
    assert len({line.index("mark") for line in rows(views, [])}) == 1
    assert next(rows(views[:1], [])).index("mark") == 17 + 26 + 29


def test_what_machines_that_are_down_hold_is_not_known(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """A key is not said to be used up because nobody could be asked."""
    make(shell, "release")
    machines[1].stop()
    assert " at least 32 signatures " in shell.seemachine("key", "list")[1][-1]
    machines[0].stop()
    code, lines = shell.seemachine("key", "list")
    assert code == 1
    assert " not known " in lines[-1]


@pytest.mark.parametrize("name", ["nobody", "6c6d737d:62e3b195:7663b4", "6c6d", ""])
def test_no_such_key(name: str, shell: Shell, machines: list[Machine]) -> None:
    """The refusal says how to see those that there are."""
    code, lines = shell.seemachine("key", "show", name)
    assert (code, lines) == (
        1,
        [f"seemachine key show: there is no key named {name}; see them with: seemachine key list"],
    )


def test_a_damaged_key_file_is_listed_and_not_destroyed(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """Nobody knows which key it was; its NVRAM file can be named."""
    make(shell, "release")
    path = world.keys / "key_pqsdk_release"
    path.write_bytes(path.read_bytes()[:-9])
    code, lines = shell.seemachine("key", "list")
    assert (code, len(lines)) == (0, 2)
    assert "can't be read" in lines[0]
    assert "nothing left" not in lines[0]
    assert "is damaged" in lines[0]
    code, lines = shell.seemachine("key", "destroy", "release", "--yes")
    assert code == 1
    assert "is damaged" in lines[0]
    assert f"or delete {path}: what machines still have" in lines[0]


def test_a_half_made_key_is_given_up_by_making_it_anew(
    shell: Shell, machines: list[Machine]
) -> None:
    """No list has it, so the refusal to destroy it says how."""
    code, lines = shell.seemachine("key", "destroy", "long", "--yes")
    assert code == 1
    assert "pipsqueak generate alias=long algorithm=lms ... replace=yes" in lines[0]


def test_another_signers_machine_refuses_and_the_file_stays(
    shell: Shell, machines: list[Machine], world: World
) -> None:
    """Nothing else is touched either, so that it can be done once the right SEE machine runs."""
    machines[0]._held.machine.signer = b"s" * 20
    make(shell, "release", "explease=1", f"esn={ESN}")
    shell.pipsqueak(f"provesn={ESN}", "slot=2")
    machines[0]._held.machine.signer = b"t" * 20
    document = documented(shell, "destroy", "release", "--yes")
    [refused] = document["refused"]
    assert refused["esn"] == ESN
    assert "belongs to SEE machines signed by" in refused["detail"]
    assert (document["ok"], document["blank"], document["key_files"]) == (False, [], [])
    machines[0]._held.machine.signer = b"s" * 20
    assert documented(shell, "destroy", "release", "--yes")["ok"]


STEPS = ("machines", "cards", "machines again", "the files")


@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_interrupted_it_can_be_begun_again(
    step: int, done: bool, shell: Shell, machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or after each of its steps: what is left is named, and destroyed the next
    time.
    """
    make(shell, "release", "explease=1")
    shell.pipsqueak(f"provesn={ESN}", "slot=2")
    name = documented(shell, "show", "release")["key"]["nvram_file"]
    reached = count()

    def stopped(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*arguments: object) -> object:
            here = next(reached) == step
            if here and not done:
                raise KeyboardInterrupt
            given = call(*arguments)
            if here:
                raise KeyboardInterrupt
            return given

        return instead

    on_machines = keys._on_machines

    def stopped_story(*arguments: Any) -> Any:
        here = next(reached) == step
        if here and not done:
            raise KeyboardInterrupt
        given = yield from on_machines(*arguments)
        if here:
            raise KeyboardInterrupt
        return given

    with monkeypatch.context() as patch:
        patch.setattr(keys, "_on_machines", stopped_story)
        patch.setattr(Rack, "wipe", stopped(Rack.wipe))
        patch.setattr(keys.KeyStore, "forget", stopped(keys.KeyStore.forget))
        code, _ = shell.seemachine("key", "destroy", "release", "--yes")
    assert code == 130
    listed = [key["nvram_file"] for key in documented(shell, "list")["keys"]]
    assert listed in ([name], [])
    for left in listed:
        assert documented(shell, "destroy", left, "--yes")["ok"]
    assert documented(shell, "list")["keys"] == []


def test_a_machine_that_can_not_be_asked_is_named(
    shell: Shell, machines: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are not listed, and the exit code says so."""
    make(shell, "release")

    def failing(*_: object) -> Iterator[None]:
        raise StatusError(keys.Status.OSErrorErrno, "it broke off", "nvmemfile_list")
        yield

    monkeypatch.setattr(keys, "files_of", failing)
    code, lines = shell.seemachine("key", "list")
    assert code == 1
    assert f"seemachine key list: {ESN}: it broke off" in lines
