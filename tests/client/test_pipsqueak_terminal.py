"""`pipsqueak` on a terminal: a bar beside the lines, and patience for cards."""

import re
import signal

import pytest
from kit import processes
from kit.daemons import slow_machine
from kit.here import store
from kit.terminals import Terminal

from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.world import World

BANNER = f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"
PIPSQUEAK = ["-m", "seeclient.pipsqueak"]
# The bar is for generations of some seconds; here it may come at once, so that a test need not last
# that long.
WITH_BAR = [
    "-c",
    (
        "import sys; from seeclient import pipsqueak, progress; progress.WORTH_SECONDS = 0;"
        " sys.exit(pipsqueak.main())"
    ),
]
W8 = ["algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w8"]
W4 = ["algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w4"]
ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:[349][0-7]|10[0-7]|[34]8)(?:;[0-9]+)*m")
BAR = "━"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine of this module."""
    with slow_machine(tmp_path_factory.mktemp("terminal") / "world") as running:
        yield running


@pytest.fixture
def world(machine, monkeypatch):
    """The machine's world, in the environment."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(machine.home))
    return machine.home


def screen(text):
    """What is to be seen once all of a text was written, line by line."""
    rows, row, column, at = [""], 0, 0, 0
    while at < len(text):
        escape = ESCAPE.match(text, at)
        if escape:
            at = escape.end()
            match escape[2]:
                case "A":
                    row -= int(escape[1] or 1)
                case "K":
                    assert escape[1] == "2"
                    rows[row] = ""
                case _:
                    assert escape[2] in "mhl", escape[0]
            continue
        character, at = text[at], at + 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        else:
            assert character.isprintable(), repr(character)
            rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
            column += 1
    while rows and not rows[-1]:
        rows.pop()
    return [re.sub(r"\d+\.\d{3}", "S", line.rstrip()) for line in rows]


def generated(alias, chunks):
    """The lines of a generation of so many chunks."""
    words = store().load(alias).public_key.hex(" ", -4).split()
    return [
        BANNER,
        f"Generate LMS key started: {alias} (S seconds)",
        *[f"  chunk: {alias} (S seconds) {left} remaining" for left in range(chunks, -1, -1)],
        f"Public key (alias: {alias}):",
        *[f"  {' '.join(words[at : at + 8])}" for at in range(0, len(words), 8)],
    ]


# ---------------------------------------------------------------- the bar


def test_a_long_generation_shows_a_bar_between_its_lines(world):
    """A key that takes more than seconds has a bar with its rate below the chunk lines, from the
    first of them on.
    """
    words = [
        "generate",
        "alias=long",
        "algorithm=lms",
        "lmscode=sha256_m32_h15",
        "lmotscode=sha256_n32_w8",
        "expchunk=6",
    ]
    with Terminal(world, PIPSQUEAK, *words) as terminal:
        for expected in (
            "512 remaining\r\n",
            BAR,
            "511 remaining\r\n",
            "leaves/s",
            BAR,
            "%",
            "510 remaining\r\n",
        ):
            terminal.wait_for(expected)
        seen = terminal.seen
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
    chunks = [f"  chunk: long (S seconds) {left} remaining" for left in (512, 511, 510)]
    assert screen(seen) == [BANNER, "Generate LMS key started: long (S seconds)", *chunks]


def test_a_short_generation_has_no_bar(world):
    """What is over at once is printed as through a pipe: no bar, no colour, no escape."""
    with Terminal(world, PIPSQUEAK, "generate", "alias=short", *W4) as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.text
        assert screen(terminal.text) == generated("short", 4)


def test_a_bar_leaves_the_lines_of_the_guide(world):
    """When the bar is gone, what is left on the screen is what a pipe would have got, and the
    cursor is back.
    """
    with Terminal(world, WITH_BAR, "generate", "alias=colour", *W8) as terminal:
        assert terminal.end() == 0
        assert "leaves/s" in terminal.text
        assert COLOUR.search(terminal.text) is not None
        assert screen(terminal.text) == generated("colour", 4)
        assert terminal.shows_cursor


def test_a_bar_may_do_without_colours(world):
    """With NO_COLOR the bar is there, in no colour, and leaves the same lines."""
    with Terminal(world, WITH_BAR, "generate", "alias=grey", *W8, NO_COLOR="1") as terminal:
        assert terminal.end() == 0
        assert "leaves/s" in terminal.text
        assert COLOUR.search(terminal.text) is None
        assert screen(terminal.text) == generated("grey", 4)


def test_a_dumb_terminal_gets_lines(world):
    """A terminal that can't move its cursor gets no escape, and every line of the guide."""
    with Terminal(world, WITH_BAR, "generate", "alias=dumb", *W8, TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.text
        assert [line for line in screen(terminal.text) if line] == generated("dumb", 4)


def test_a_dumb_terminal_gets_no_empty_line(world):
    """Without a bar there is nothing to take away, so nothing is left in its place."""
    with Terminal(world, WITH_BAR, "generate", "alias=dumber", *W8, TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert screen(terminal.text) == generated("dumber", 4)


def test_a_banner_without_hsms_says_what_to_do(tmp_path):
    """At a terminal alone: how to start some, that some run and are not published, or that others
    are meant. 1.4.1 says nothing.
    """
    fleet = {"SEEMACHINE_FLEET": "127.0.0.1:1"}
    with processes.machines(tmp_path, (ESN,)) as [unpublished]:
        (tmp_path / "published" / "pqsdk" / f"{ESN}.json").unlink()
        cases = [
            (
                {},
                (
                    f"no published HSM answers, though {ESN} runs; if it is enrolled, publish it"
                    " with bootstrap.py or hsc_loadseemachine"
                ),
            ),
            (fleet, "no HSM of $SEEMACHINE_FLEET answers"),
        ]
        for environment, advice in cases:
            with Terminal(unpublished.home, PIPSQUEAK, **environment) as terminal:
                assert terminal.end() == 0
                assert advice in terminal.text
    with Terminal(tmp_path, PIPSQUEAK) as terminal:
        assert terminal.end() == 0
        assert screen(terminal.text) == [
            "PQSDK: 1.4.1 ()",
            "no HSM answers; start some with: seemachine fleet up --detach",
        ]
    with Terminal(tmp_path, PIPSQUEAK, PIPSQUEAK_COMPAT="1.4.1") as terminal:
        assert terminal.end() == 0
        assert screen(terminal.text) == ["PQSDK: 1.4.1 ()"]
    assert processes.pipsqueak([], processes.environment(tmp_path)) == (0, ["PQSDK: 1.4.1 ()"])


def test_a_terminal_gets_no_raw_signature(world):
    """With sigfile=- it would get bytes that it obeys; no leaf is spent for that."""
    with Terminal(world, PIPSQUEAK, "generate", "alias=raw", *W4) as terminal:
        assert terminal.end() == 0
    with Terminal(world, PIPSQUEAK, "alias=raw", "message=m", "sigfile=-") as terminal:
        assert terminal.end() == 1
    assert (
        "standard output is a terminal; leave out sigfile= to see the signature; no signature was"
        " made" in terminal.text
    )
    with Terminal(world, PIPSQUEAK, "showinfo", "alias=raw") as terminal:
        assert terminal.end() == 0
    assert "Remaining: 32 signatures" in terminal.text


def test_a_document_has_no_bar(world):
    """--json prints a document on a terminal as well."""
    with Terminal(world, WITH_BAR, "generate", "alias=document", *W8, "--json") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.text
        assert terminal.text.lstrip().startswith("{")


def test_ctrl_c_takes_the_bar_away(world):
    """Interrupted, the terminal has its cursor back and no bar on it, the exit code is 130, and
    there is no key file.
    """
    words = [
        "generate",
        "alias=stopped",
        "algorithm=lms",
        "lmscode=sha256_m32_h10",
        "lmotscode=sha256_n32_w8",
        "expchunk=4",
    ]
    with Terminal(world, WITH_BAR, *words) as terminal:
        terminal.wait_for("leaves/s")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert terminal.shows_cursor
        assert not [line for line in screen(terminal.text) if BAR in line]
        assert screen(terminal.text)[-2:] == ["interrupted", GO_ON.format("stopped")]
        assert "Traceback" not in terminal.text
    assert not store().has("stopped")


# ---------------------------------------------------------------- cards

WAITING = (
    f"Waiting for a blank card in slot 2 of {ESN}: insert one with: seemachine card insert CARD"
    f" --esn {ESN} --slot 2"
)


@pytest.fixture
def rack(world):
    """The card rack; the machine's slots are empty again afterwards."""
    made = Rack(World.at(world))
    yield made
    for found in made.listing():
        if found.esn:
            made.remove(found.esn, found.slot)


def test_a_card_is_waited_for(world, rack):
    """On a terminal pipsqueak says which card it wants and how to insert one, waits, and goes on
    when it is there.
    """
    with Terminal(world, PIPSQUEAK, "generate", "alias=one-card", *W4, "explease=1") as terminal:
        terminal.wait_for("--slot 2\r\n")
        assert store().has("one-card")
        rack.insert(rack.new()[0], ESN, 2)
        assert terminal.end() == 0
        lines = screen(terminal.text)
    expected = generated("one-card", 4)
    cards = [
        "LMS key requires 1 card",
        "Attempting to write to card in slot 2...",
        WAITING,
        "Card processed (0 remaining)",
    ]
    assert lines == [*expected[:7], *cards, *expected[7:]]


def test_cards_are_fed_one_after_the_other(world, rack):
    """A key of two cards waits for each; the one that is written is taken out by hand and makes
    room for the next.
    """
    with Terminal(world, PIPSQUEAK, "generate", "alias=two-cards", *W4, "expcards=1") as terminal:
        terminal.wait_for("Waiting for a blank card")
        rack.insert(rack.new()[0], ESN, 2)
        terminal.wait_for("Card processed (1 remaining)")
        terminal.wait_for("Waiting for a blank card")
        rack.remove(ESN, 2)
        rack.insert(rack.new()[0], ESN, 2)
        assert terminal.end() == 0
        assert "Card processed (0 remaining)" in terminal.text


GO_ON = "What is done is kept; resume with: pipsqueak generate alias={} resume=yes"


def test_ctrl_c_between_two_cards_keeps_the_key(world, rack):
    """With a card written, the key file stays, and the user is told how to go on with
    the others.
    """
    with Terminal(world, PIPSQUEAK, "generate", "alias=half", *W4, "expcards=1") as terminal:
        rack.insert(rack.new()[0], ESN, 2)
        terminal.wait_for("Card processed (1 remaining)")
        terminal.wait_for("Waiting for a blank card")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert GO_ON.format("half") in terminal.text
    assert store().has("half")
    rack.remove(ESN, 2)
    rack.insert(rack.new()[0], ESN, 2)
    with Terminal(world, PIPSQUEAK, "generate", "alias=half", "resume=yes") as terminal:
        assert terminal.end() == 0
        lines = screen(terminal.text)
    assert lines[-6:-3] == [
        "LMS key requires 1 card",
        "Attempting to write to card in slot 2...",
        "Card processed (0 remaining)",
    ]


def test_ctrl_c_before_the_first_card_can_be_made_good(world, rack):
    """A key that waits for its first card can be left and gone on with."""
    with Terminal(world, PIPSQUEAK, "generate", "alias=later", *W4, "explease=1") as terminal:
        terminal.wait_for("Waiting for a blank card")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert GO_ON.format("later") in terminal.text
    assert not store().has("later")
    rack.insert(rack.new()[0], ESN, 2)
    with Terminal(world, PIPSQUEAK, "generate", "alias=later", "resume=yes") as terminal:
        assert terminal.end() == 0
        assert "Card processed (0 remaining)" in terminal.text


def test_a_folder_is_signed_under_a_bar(world, tmp_path):
    """In place of a line for each file; what is left on the screen are the lines around it."""
    (tmp_path / "images").mkdir()
    for number in range(8):
        (tmp_path / "images" / str(number)).write_text("image")
    words = ["alias=folder", f"msgdir={tmp_path / 'images'}", f"sigdir={tmp_path / 'signatures'}"]
    with Terminal(world, PIPSQUEAK, "generate", "alias=folder", *W4) as terminal:
        assert terminal.end() == 0
    with_bar = WITH_BAR[1].replace(
        "pipsqueak, progress;", "pipsqueak; from seeclient.folders import progress;"
    )
    with Terminal(world, ["-c", with_bar], *words) as terminal:
        assert terminal.end() == 0
        assert BAR in terminal.text
        assert "8/8" in terminal.text
        assert terminal.shows_cursor
        left = [line for line in screen(terminal.text) if line]
    assert left[-2].startswith("Sign files: folder (8 files of ")
    assert left[-1].endswith("8 made, 0 kept, 0 failed")
