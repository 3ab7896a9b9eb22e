"""printing.py: what our commands print can't steer a terminal, and begins no line that
is not ours.
"""

import ast
import io
import json
from pathlib import Path

import pytest

from seemachine.cli.argtypes import Parser
from seemachine.printing import has_colors, say, say_json

ROOT = Path(__file__).parent.parent
STREAMS = {"stdout", "stderr"}
# A signature's bytes for `sigfile=-` and `sigfile=/dev/stdout`; the log, which has a renderer of
# its own; a script and help, which hold our words alone.
MAY_WRITE = {
    "client/seeclient/sigfile.py",
    "seemachine/cli/argtypes.py",
    "seemachine/cli/completion.py",
    "seemachine/cli/out_files.py",
    # Lines of a log, whose values are escaped one by one.
    "seemachine/cli/run.py",
    "seemachine/server/logs.py",
}
HOSTILE = "a\nforged\r\x1b[2J\x9b\u202e\u2028\x7f\udc9b"


def test_a_part_stays_in_its_line(capsys):
    """Line breaks, escapes and turned text in a part are shown; what stands between parts and at
    the end is ours.
    """
    say("first", HOSTILE, sep=": ")
    say("second", "third", sep="\n", end="")

    assert (
        capsys.readouterr().out
        == "first: a\\nforged\\r\\x1b[2J\\x9b\\u202e\\u2028\\x7f\\x9b\nsecond\nthird"
    )


def test_it_prints_where_it_is_told_to():
    """As print does: to a file, whatever a part is."""
    file = io.StringIO()
    say(1, OSError("a\nb"), file=file)

    assert file.getvalue() == "1 a\\nb\n"


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_plain_ascii_and_the_same_when_it_is_read(capsys, indent):
    """DEL too, which JSON lets pass."""
    say_json({HOSTILE: [HOSTILE, 1]}, indent=indent)
    printed = capsys.readouterr().out

    assert all(" " <= character <= "~" or character == "\n" for character in printed)
    assert json.loads(printed) == {HOSTILE: [HOSTILE, 1]}


def test_what_is_wrong_with_a_command_line_stays_in_its_line(capsys):
    """A script may hand over the words of others."""
    with pytest.raises(SystemExit):
        Parser(prog="seemachine").parse_args([HOSTILE])

    assert capsys.readouterr().err.splitlines()[1:] == [
        "seemachine: error: unrecognized arguments:"
        " a\\nforged\\r\\x1b[2J\\x9b\\u202e\\u2028\\x7f\\x9b"
    ]


def writes(path: Path) -> list[int]:
    """The lines in which a file writes to a standard stream without `say`: the linter sees `print`,
    and this the rest.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in ("write", "writelines", "dump"):
            given = [called.value, *getattr(node, "args", [])]
            if any(
                isinstance(inner, ast.Attribute) and inner.attr in STREAMS
                for one in given
                for inner in ast.walk(one)
            ):
                found.append(node.lineno)
    return found


def test_nothing_writes_to_a_standard_stream_by_itself():
    """Neither room of ours, but for what is listed, writes past `say`."""
    sources = [*ROOT.glob("seemachine/**/*.py"), *ROOT.glob("client/**/*.py")]
    assert len(sources) > 100
    found = {str(path.relative_to(ROOT)): lines for path in sources if (lines := writes(path))}
    assert "client/seeclient/sigfile.py" in found
    assert found.keys() <= MAY_WRITE


@pytest.mark.parametrize(
    ("environ", "colors"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_are_for_terminals_that_have_them(environ: dict[str, str], colors: bool) -> None:
    """And for users who want them: NO_COLOR counts where it is not empty."""
    assert has_colors(environ) == colors
