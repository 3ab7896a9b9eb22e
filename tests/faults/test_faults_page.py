"""docs/how-to/faults.md says what is so: its tables are those of the code, its commands are run."""

import re
from pathlib import Path

from kit.in_process import Shell, machines

from seemachine.faults import KINDS
from seemachine.faults.latency import PROFILES, WORK
from seemachine.faults.telling import kind_rows, word_rows
from seemachine.fleet import configuration
from seemachine.world import World

PAGE = (Path(__file__).parents[2] / "docs/how-to/faults.md").read_text()
ESN, OTHER = "7852-268D-3BF9", "5F08-02E0-D947"


def blocks(language: str) -> list[str]:
    """The code of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[str]:
    """The rows of the table of a section."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    [found] = [each for each in section if each.startswith(heading)]
    return [line for line in found.splitlines() if line.startswith("| `")]


def test_the_tables_are_those_of_the_code() -> None:
    """Every kind and every word, in its order; nothing else."""
    assert rows("What can go wrong") == list(kind_rows())
    assert rows("When it goes wrong") == list(word_rows())


def test_a_client_sees_something_of_every_kind() -> None:
    """Each has a row; those of the machine's state are held by tests/mishaps."""
    named = {kind for row in rows("What a client sees") for kind in KINDS if f"`{kind}" in row}
    assert named == KINDS.keys()


def test_the_profiles_are_those_of_the_code() -> None:
    """In the order of the columns."""
    for name, profile in PROFILES.items():
        seconds = " | ".join(f"{getattr(profile, work):g}" for work in WORK)
        assert f"| `{name}` | {seconds} |" in rows("As slow as the real thing")


def test_the_session_prints_what_the_page_prints(tmp_path: Path) -> None:
    """Where the page prints something; a reply is lost, and no leaf with it."""
    injected = {"fault_injection": True, "store": "memory"}
    with machines(tmp_path, (ESN, injected), (OTHER, {**injected, "module": 2})):
        shell = Shell(tmp_path)
        for block in blocks("console"):
            for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, *printed = command.splitlines()
                program, *words = line.split()
                code, lines = getattr(shell, program)(*words)
                assert code == 0, lines
                assert not printed or lines == printed
        assert any(
            "31 signatures" in line for line in shell.pipsqueak("showinfo", "alias=release")[1]
        )


def test_the_fleet_file_is_one(tmp_path: Path) -> None:
    """Both faults are for the one machine, as written."""
    [text] = blocks("toml")
    (tmp_path / "fleet.toml").write_text(text)
    [machine] = configuration.read(tmp_path / "fleet.toml", World.at(tmp_path)).machines
    assert machine.faults == (
        "refuse on=signing every=10 status=ObjectInUse detail='try again later'",
        "drop-after probability=0.1 seed=7",
    )
