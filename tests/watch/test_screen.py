"""screen.py: a fleet on a terminal."""

import io

import pytest
from rich.console import Console
from watch.looking import ESN, FILE, info, up, watched

from seemachine.watch.keyboard import Keyboard
from seemachine.watch.screen import Screen, console_of
from seemachine.watch.watched import Change

NO_KEYS = Keyboard(-1)
EVIL = "a\x1b[2J\nforged: \u202eb [bold]c[/bold]"


def drawn(fleet, changes=(), title="", **terminal):
    """What is written to a terminal for one frame."""
    out = io.StringIO()
    given = {"width": 80, "height": 24, "force_terminal": True, "no_color": True, **terminal}
    console = Console(file=out, highlight=False, markup=False, emoji=False, _environ={}, **given)
    screen = Screen(console, NO_KEYS, title)
    with screen.opened():
        screen.draw(fleet, changes)
    return out.getvalue()


def test_words_of_others_do_not_steer_the_terminal():
    """Of machines, of files, and of what changed: they stay in their line, and are no markup."""
    fleet = watched(
        up(files=(info(0),), faults=EVIL, doubt=EVIL),
        aliases={FILE: "release"},
    )
    text = drawn(fleet, [Change(0, EVIL)])
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "\nforged" not in text
    assert "[bold]c" in text


def test_a_title_says_of_which_world_it_is_and_how_it_ends():
    """Where there is room for it; what it names steers no terminal either."""
    fleet = watched(up(files=(info(0),)))
    assert "\nforged" not in drawn(fleet, title=f"seemachine watch {EVIL}")
    for width in (24, 40, 80):
        told = drawn(fleet, title="seemachine watch /a/long/name", width=width)
        assert "q or Ctrl-C ends   seem" in told
    low = drawn(fleet, title="seemachine watch /w", height=5)
    assert "Ctrl-C" not in low.rpartition("\x1b[H")[2]


def test_the_first_look_is_not_waited_for_in_silence():
    """A machine that hangs takes seconds of it."""
    out = io.StringIO()
    screen = Screen(Console(file=out, width=80, height=24, force_terminal=True), NO_KEYS)
    with screen.opened():
        assert "q or Ctrl-C ends   asking the machines" in out.getvalue()
        screen.draw(watched(up()), ())
    assert "asking" not in out.getvalue().rpartition("\x1b[H")[2]


@pytest.mark.parametrize(("width", "height"), [(20, 3), (1, 1), (300, 100)])
def test_any_terminal_is_filled_and_not_more(width, height):
    """Whatever its size; a line that is too long is cut, and does not go on below."""
    fleet = watched(*(up(f"{n:04}-0000-0000", module=n, doubt="x" * 500) for n in range(1, 50)))
    text = drawn(fleet, width=width, height=height)
    frame = text.rpartition("\x1b[H")[2]
    assert frame.count("\n") < height


def test_colours_are_for_those_who_want_them():
    """Not where NO_COLOR is set, or the terminal has none."""
    assert console_of({"TERM": "xterm"}).no_color is False
    for environ in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}, {}):
        assert console_of(environ).no_color is True
    fleet = watched(up(faults="1 fault"))
    assert "\x1b[31m" in drawn(fleet, no_color=False, color_system="standard")
    assert "\x1b[31m" not in drawn(fleet)
    assert ESN in drawn(fleet)
