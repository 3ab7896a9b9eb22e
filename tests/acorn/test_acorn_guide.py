"""The guide's sessions as a C program: client/examples/pipsqueak.c, compiled against the header,
with the sanitizers and their search for leaks watching program and library.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acorn.compiling import ROOT, SANITIZED, compile_c, linked_with
from guide.conftest import Laboratory
from guide.replay import Context, Step, compare, load
from guide.test_guide import perform
from kit import processes
from kit.processes import Ran

EXAMPLE = ROOT / "client/examples/pipsqueak.c"
[CHAPTER] = [chapter for chapter in load() if chapter.name == "2.7"]
# What of the guide's lines the C interface does not tell.
UNTOLD = re.compile(
    r"Generate LMS key started|chunk:|LMS key requires|Attempting to write|Card processed"
    r"|5F08-02E0-D947$|- Slot|\{time\} lms_public_verify"
)
REASON = re.compile(r"\{time\} \w+\[[^]]*\] ")
# After the guide's sentence, what to do.
ADVICE = re.compile(r"(?<= file); .*")


class CLaboratory(Laboratory):
    """Its pipsqueak is the program."""

    program: Path

    def run_pipsqueak(self, argv: list[str], blank_cards: int = 0) -> Ran:
        """Run the program; the one card of the chapter is inserted by a step of it."""
        assert not blank_cards
        done = subprocess.run(
            [self.program, *argv],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, [ADVICE.sub("", line) for line in done.stdout.splitlines()]

    def print_to_a_full_disk(self, argv: list[str]) -> tuple[int, str]:
        """The exit code of the program, and what it says of that."""
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [self.program, *argv],
                env=self._environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        return done.returncode, done.stderr


@pytest.fixture
def world(path: Path, tmp_path: Path) -> Iterator[CLaboratory]:
    """The chapter's machine, and the program."""
    program = compile_c(tmp_path / "pipsqueak", [EXAMPLE], *linked_with(path), *SANITIZED)
    [hsm] = CHAPTER.hsms
    with processes.machines(tmp_path / "world", (hsm.esn, "--model", "xc")) as running:
        world = CLaboratory(tmp_path / "world", running, vendor=False)
        world.program = program
        yield world


def told(step: Step) -> Step:
    """The step with those lines of the guide that the C interface can tell."""
    lines = [_told(line) for line in step.expect or () if not UNTOLD.match(line)]
    return replace(step, expect=None if step.expect is None else tuple(lines))


def _told(line: str) -> str:
    if line.startswith("PQSDK: "):
        return "PQSDK: 1.4.1 (1.4.1)"
    if line == "ERROR: continueLMS failed on chunk":
        return "ERROR: generate failed"
    return REASON.sub("", line)


def test_the_guides_chapter_with_a_c_program(world: CLaboratory, tmp_path: Path) -> None:
    """Every command of 2.7, in the guide's order, prints those lines and ends as the guide says."""
    context = Context()
    steps = [turn for step in CHAPTER.steps for turn in step.below(tmp_path).turns()]
    for turn in map(told, steps):
        code, lines = perform(world, turn)
        differences = compare(lines, turn, context)
        assert not differences, "\n".join([*differences, "", "printed:", *lines])
        assert code == turn.exit, turn.section
    assert len(steps) > 40


def test_the_example_signs_nothing_that_it_cannot_read(world: CLaboratory) -> None:
    """A missing message is no empty message; no leaf is taken."""
    words = ["algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w8"]
    assert world.run_pipsqueak(["generate", "alias=a", *words])[0] == 0
    code, lines = world.run_pipsqueak(["alias=a", "msgfile=/nowhere"])
    assert (code, lines[-1]) == (1, "ERROR: /nowhere can't be read")
    assert "  Remaining: 32 signatures" in world.run_pipsqueak(["showinfo", "alias=a"])[1]


def test_the_example_says_that_its_output_is_lost(world: CLaboratory) -> None:
    """A signature that a full disk did not take has spent a leaf: the exit code is 1."""
    words = ["algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w8"]
    assert world.run_pipsqueak(["generate", "alias=a", *words])[0] == 0
    sentence = "ERROR: the output could not be written; a leaf that a signature took is spent\n"
    assert world.print_to_a_full_disk(["alias=a", "message=test"]) == (1, sentence)


def test_the_example_makes_ml_dsa_keys_unless_told_otherwise(world: CLaboratory) -> None:
    """As `generate` of 1.4.1 does (2.7.1); what it signs is verified."""
    assert world.run_pipsqueak(["generate", "alias=a"])[0] == 0
    assert world.run_pipsqueak(["list"])[1][1:] == ["Available Keys:", "  a ML-DSA"]
    code, lines = world.run_pipsqueak(["alias=a", "message=test"])
    assert (code, lines[-1][-4:]) == (0, "true"), lines
    shown = world.run_pipsqueak(["showinfo", "alias=a"])[1]
    assert shown[1:4] == ["Alias: a", "Algorithm: ML-DSA", "Public key (alias: a):"]
