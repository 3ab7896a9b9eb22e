"""A world of an earlier seemachine, used by this one: where it was, and moved to another disk.

make_world.py says how world-0.1.0.tar.gz came about. Nothing in it is made anew, unless a later
version is to be upgraded from as well.
"""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kit.in_process import Machine, Shell, machines
from upgrade.make_world import FIRST, SECOND

from seemachine.state.disk.checksummed import unseal

USED = 3


class Commands(Shell):
    """Commands of this seemachine in a world, most of them with a document for an answer."""

    def ask(self, *words: str) -> dict[str, Any]:
        """What pipsqueak answers."""
        _, lines = self.pipsqueak(*words, "--json")
        # What it says to a person comes before.
        answer: dict[str, Any] = json.loads("\n".join(lines[lines.index("{") :]))
        return answer

    def refusal(self, *words: str) -> str:
        """Why pipsqueak refuses; empty when it does not."""
        return str(self.ask(*words).get("error", {}).get("detail", ""))

    def do(self, *words: str) -> str:
        """What seemachine prints. It must do it."""
        code, lines = self.seemachine(*words)
        assert code == 0, (words, lines)
        return "\n".join(lines)


def up(world: Path) -> AbstractContextManager[list[Machine]]:
    """Both machines of the world."""
    return machines(world, FIRST, (SECOND, {"store": "file", "module": 2}))


def test_a_world_in_its_place_goes_on_where_it_stood(in_place: Path) -> None:
    """Every key signs with its next leaf, cards give leases, a half-made key is finished, and the
    audit finds nothing; all that without a word of advice.
    """
    commands = Commands(in_place)
    with up(in_place):
        for alias, esn in (("single", FIRST), ("second", SECOND)):
            signed = commands.ask(f"alias={alias}", "message=after")
            assert (signed["ok"], signed["esn"], signed["leaf"]) == (True, esn, USED), signed
        assert commands.ask("alias=carded", "message=after")["leaf"] == 1
        commands.do("card", "insert", "card2", "--esn", SECOND, "--slot", "2")
        moved = commands.ask(f"provesn={SECOND}", "slot=2")
        assert (moved["ok"], moved["first"], moved["end"], moved["leases_left"]) == (
            *(True, 16, 24),
            1,
        )
        made = commands.ask("generate", "alias=halfway", "resume=yes")
        assert (made["ok"], made["lmscode"]) == (True, "sha256_m32_h10"), made
        assert commands.ask("alias=halfway", "message=first")["leaf"] == 0
        (in_place.parent / "carded.txt").write_text("carded 0")
        commands.do("audit", "--fleet", str(in_place.parent / "carded.sig"))
        assert commands.do("quarantine", "list") == "nothing is in quarantine"
    # What was written anew has the version of its format.
    assert "version" in unseal((in_place / "hsm" / SECOND / "slots/2/card2.card").read_bytes(), "")
    assert json.loads((in_place / "hsm" / FIRST / "listening.json").read_text())["version"] == 1


def test_a_world_that_was_moved_is_in_doubt_until_a_person_decides(world: Path) -> None:
    """Files that are not those which were written last may have been used since: no leaf of them
    is given out, the refusals say what to type, and what they say leads on to later leaves.
    """
    commands = Commands(world)
    with up(world):
        assert "quarantine explain" in commands.refusal("alias=single", "message=x")
        explained = commands.seemachine("quarantine", "explain")[1]
        assert any("single" in line for line in explained), explained
        assert any("halfway" in line for line in explained), explained
        commands.do("quarantine", "skip", "single", "--esn", FIRST, "--to", "8")
        commands.do("quarantine", "burn", "second", "--esn", SECOND)
        assert commands.ask("alias=single", "message=x")["leaf"] == 8
        assert "no HSMs with NVRAM" in commands.refusal("alias=second", "message=x")
        commands.do("card", "insert", "card2", "--esn", SECOND, "--slot", "2")
        assert "is a copy or was restored from a backup" in commands.refusal(
            f"provesn={SECOND}", "slot=2"
        )


def test_a_backup_of_before_is_restored(world: Path, tmp_path: Path) -> None:
    """Keys and ledgers come back in an empty world; no leaf does."""
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    commands = Commands(fresh)
    commands.do("restore", "--after-loss", str(world.parent / "backup.tar"))
    assert [key["alias"] for key in commands.ask("list")["keys"]] == ["carded", "second", "single"]
    assert "no HSM is published" in commands.refusal("alias=single", "message=x")
