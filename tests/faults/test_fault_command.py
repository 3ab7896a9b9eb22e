"""`seemachine fault`, on machines of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.in_process import Machine, Shell, machines
from seeclient import StatusError as Refused

from seemachine.faults import KINDS
from seemachine.faults.forms import WORDS

ESN, OTHER = "7852-268D-3BF9", "5F08-02E0-D947"
INJECTED: dict[str, object] = {"fault_injection": True, "store": "memory"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[Machine]]:
    """Two machines; the second is like the first, but as slow as an XC."""
    slow = {**INJECTED, "model": "xc", "latency": "model", "module": 2}
    with machines(tmp_path, (ESN, INJECTED), (OTHER, slow)) as made:
        yield made


@pytest.fixture
def shell(tmp_path: Path, running: list[Machine]) -> Shell:
    """Commands in their world."""
    return Shell(tmp_path)


def said(shell: Shell, line: str, code: int = 0) -> list[str]:
    """The lines of a command that ends with a code."""
    ended, lines = shell.seemachine(*line.split())
    assert ended == code, lines
    return lines


def test_faults_come_happen_and_go(shell: Shell) -> None:
    """Each is listed with how often it happened, and is gone when it is cleared."""
    assert said(shell, "fault add refuse on=slot_list times=1") == [
        f"{ESN}  fault 1: refuse on=slot_list times=1",
        f"{OTHER}  fault 1: refuse on=slot_list times=1",
    ]
    alone = said(shell, f"fault add delay seconds=0 --esn {ESN}")
    assert alone == [f"{ESN}  fault 2: delay seconds=0"]
    with shell.fleet() as fleet, pytest.raises(Refused):
        fleet.machines()
    happened = "refuse on=slot_list times=1  (met once, happened once, is spent)"
    assert said(shell, "fault list") == [
        f"{ESN}  fault 1: {happened}",
        f"{ESN}  fault 2: delay seconds=0  (met once, happened once)",
        f"{OTHER}  latency xc",
        f"{OTHER}  fault 1: {happened}",
    ]
    assert said(shell, f"fault clear 1 --esn {ESN}") == [f"{ESN}  1 fault cleared"]
    assert said(shell, "fault clear") == [
        f"{ESN}  1 fault cleared",
        f"{OTHER}  1 fault cleared",
    ]
    assert said(shell, "fault list") == [f"{ESN}  nothing goes wrong", f"{OTHER}  latency xc"]


def test_a_drawn_seed_is_said(shell: Shell) -> None:
    """So the same faults can be had again."""
    [line] = said(shell, f"fault add tear probability=0.5 --esn {ESN}")
    assert "tear probability=0.5 seed=" in line


def test_a_line_in_quotes(shell: Shell) -> None:
    """It is taken as `fleet up --fault` takes it."""
    code, lines = shell.seemachine("fault", "add", "refuse detail='not now'", "--esn", ESN)
    assert (code, lines) == (0, [f"{ESN}  fault 1: refuse detail='not now'"])
    assert said(shell, "fault list")[0].endswith("(has not happened yet)")


def test_quotes_that_the_shell_left_are_not_part_of_the_sentence(shell: Shell) -> None:
    """As of an argument `"detail='not now'"`; the apostrophe of a sentence is."""
    for word, text in (("detail='not now'", "'not now'"), ("detail=can't", """'can'"'"'t'""")):
        _, lines = shell.seemachine("fault", "add", "refuse", word, "--esn", ESN)
        assert lines[0].endswith(f"refuse detail={text}")


def test_latency_is_listed_where_no_faults_are_taken(tmp_path: Path) -> None:
    """There is nothing to clear; to add some is refused without the name of a request."""
    slow = {"store": "memory", "latency": "signature=0"}
    with machines(tmp_path, (ESN, slow)):
        shell = Shell(tmp_path)
        assert said(shell, "fault list") == [f"{ESN}  latency signature=0"]
        assert said(shell, "fault clear") == [f"{ESN}  0 faults cleared"]
        refusal = said(shell, "fault add tear", 1)[-1]
    assert f"{ESN} takes no faults; stop it, and start it with --fault-injection, as" in refusal


@pytest.mark.parametrize(
    ("line", "says", "code"),
    [
        ("add drop-affter", "did you mean drop-after?", 2),
        ("add drop", "did you mean drop-before or drop-after?", 2),
        ("add tear on=sign", "did you mean nvmemfile_sign or nvmemfile_sign_many or", 2),
        ("add", "the following arguments are required: KIND", 2),
        ("add card-pulled moment=soon", "moment= takes read, write, written, not 'soon'", 2),
        ("add drop-after on=nvmemfile_sgn", "did you mean nvmemfile_sign?", 2),
        ("clear 1", "say whose with --esn", 2),
        (f"clear 1 --esn {ESN}", "no fault has the number 1", 1),
        ("add tear --esn 0000-0000-0001", "no HSM 0000-0000-0001 is reachable", 1),
    ],
)
def test_refusals_say_what_to_do(shell: Shell, line: str, says: str, code: int) -> None:
    """What is invalid whatever runs is exit code 2."""
    assert says in said(shell, f"fault {line}", code)[-1]


def test_machines_that_take_no_faults(tmp_path: Path) -> None:
    """One of two is told of; none of them is a refusal."""
    with machines(tmp_path, (ESN, INJECTED), (OTHER, {"store": "memory", "module": 2})) as both:
        shell = Shell(tmp_path)
        lines = said(shell, "fault add tear")
        assert f"{ESN}  fault 1: tear" in lines
        assert any(f"{OTHER} takes no faults; stop it, and start it" in line for line in lines)
        both[0].stop()
        said(shell, "fault list", 1)
        both[1].stop()
        assert "no machine is up" in said(shell, "fault list", 1)[-1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--fault", "drop-affter"), "--fault: there is no fault 'drop-affter'; did you mean"),
        (("--latency", "slow"), "--latency: there is no profile 'slow'"),
    ],
)
def test_a_wrong_word_of_fleet_up_is_not_the_files(
    tmp_path: Path, words: tuple[str, str], says: str
) -> None:
    """It is refused by the option's name, and no file is made."""
    code, lines = Shell(tmp_path).seemachine("fleet", "up", *words)
    assert (code, lines[-1].startswith(f"seemachine fleet up: {says}")) == (2, True), lines
    assert not (tmp_path / "fleet.toml").exists()


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "refuse", "tear"])
def test_nobody_is_locked_out(shell: Shell, kind: str) -> None:
    """Neither by faults that meet everything, nor by those on hello: who clears them gets in."""
    said(shell, f"fault add {kind}")
    said(shell, f"fault add {kind} on=hello times=10")
    assert f"{ESN}  2 faults cleared" in said(shell, "fault clear")
    with shell.fleet() as fleet:
        assert len(fleet.machines()) == 2


def check(shell: Shell) -> list[str]:
    """What `fleet check` says of machines that are for tests, and what doctor says, too."""
    _, lines = shell.seemachine("fleet", "check")
    _, diagnosed = shell.seemachine("doctor")
    for told in (f"{ESN} is for tests: fault injection", f"{OTHER} is for tests: fault injection"):
        assert any(told in line for line in lines)
        assert any(line.startswith("note     for tests") and told in line for line in diagnosed)
    return lines


def test_fleet_check_finds_it(shell: Shell) -> None:
    """While something is injected."""
    assert not any("on purpose" in line for line in check(shell) if ESN in line)
    said(shell, f"fault add tear on=provisionLMS --esn {ESN}")
    found = " ".join(check(shell))
    assert "things go wrong on purpose, for tests: 1 fault" in found
    assert "it is slow on purpose, for tests: latency xc" in found


def test_fleet_status_says_it(shell: Shell) -> None:
    """Of each machine that was started for it."""
    _, lines = shell.seemachine("fleet", "status")
    assert lines[0].endswith("(for tests: fault injection)")
    assert lines[1].endswith("(for tests: fault injection; latency model)")


def test_help_tells_every_kind_and_word(shell: Shell) -> None:
    """From the tables that machines go by."""
    # Lines break after hyphens, too.
    told = " ".join(" ".join(said(shell, "fault add --help")).split()).replace("- ", "-")
    for kind in KINDS.values():
        assert f"{kind.what}." in told
    for name, word in WORDS.items():
        assert f"{name}={word.example}: {word.what}" in told
