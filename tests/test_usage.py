"""usage.py and words.py: what the command line of seemachine takes, and exit code 2 for what is
wrong in itself.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seemachine.cli.command import _parser, main, read
from seemachine.cli.parser import whole
from seemachine.nfast.tools import appliance_cli, csadmin, hsmadmin

ESN = "7852-268D-3BF9"
WRONG = {
    (
        "card insert",
        "c --slot 2 --esn nonsense",
    ): "argument --esn: 'nonsense' is not an ESN, such as 7852-268D-3BF9",
    (
        "card insert",
        f"c --esn {ESN} --slot 9",
    ): "argument --slot: takes a number from 0 to 5, not '9'",
    (
        "card remove",
        f"--esn {ESN} --slot two",
    ): "argument --slot: takes a number from 0 to 5, not 'two'",
    (
        "card format",
        f"--esn {ESN} --slot -1",
    ): "argument --slot: takes a number from 0 to 5, not '-1'",
    ("card new", "--count 0"): "argument --count: takes a number from 1 to 10000, not '0'",
    ("card new", "extra"): "unrecognized arguments: extra",
    ("serve", "--esn 7852"): "argument --esn: '7852' is not an ESN",
    ("ledger", "--esn x"): "argument --esn: 'x' is not an ESN",
    ("quarantine burn", "k --esn x"): "argument --esn: 'x' is not an ESN",
    (
        "quarantine skip",
        f"k --esn {ESN} --to -1",
    ): "argument --to: takes a number from 1 to 4294967295, not '-1'",
    ("backup", "b --without x"): "argument --without: 'x' is not an ESN",
    ("pki init", "--days -1"): "argument --days: takes a number from 1 to 10000, not '-1'",
    ("pki issue machine", "x"): "argument ESN: 'x' is not an ESN",
    ("nfast enroll", "x"): "argument ESN: 'x' is not an ESN",
    ("nfast licence", "l --esn x"): "argument --esn: 'x' is not an ESN",
    ("fleet up", "--bogus"): "unrecognized arguments: --bogus",
    ("fleet", "--hepl"): "unrecognized arguments: --hepl; did you mean --help?",
    ("fleet", "--home=/w"): "--home comes after the command",
    ("fleet status", "--js"): "unrecognized arguments: --js; did you mean --json?",
    ("fleet", "stauts"): "unknown command 'stauts'; did you mean status?",
    ("fleet", "start"): "unknown command 'start'; did you mean up?",
    ("fleet", "stop"): "unknown command 'stop'; did you mean down?",
    ("fault", "rm"): "unknown command 'rm'; did you mean clear?",
    ("fault", "remove"): "unknown command 'remove'; did you mean clear?",
    ("card", "rm"): "unknown command 'rm'; did you mean remove?",
    ("card", "ls"): "unknown command 'ls'; did you mean list?",
    ("fleet", "-x"): "unrecognized arguments: -x",
    ("sign", "k f --preset JDK"): "argument --preset: unknown choice 'JDK'; did you mean jdk?",
    ("card", "xyz"): "unknown command 'xyz'; known are new, insert, remove, format, list",
    (
        "pki issue client",
        "a --role admn",
    ): "argument --role: unknown choice 'admn'; did you mean admin?",
}
# What no parser sees, and is wrong in itself all the same.
WRONG_INSIDE = {
    "serve": "seemachine serve: --esn is needed, such as --esn 7852-268D-3BF9\n",
    "pki issue client a/b --role use": (
        "seemachine pki issue client: 'a/b' is not a client name; it takes 1 to 64 letters,"
        " digits and . _ @ -\n"
    ),
    f"pki issue machine {ESN} --host a/b": (
        "seemachine pki issue machine: 'a/b' is neither an address nor a host name\n"
    ),
    f"nfast enroll {ESN} {ESN}": "seemachine nfast enroll: an HSM is named twice\n",
    "nfast cards a/b": (
        "seemachine nfast cards: a card set's name has up to 32 letters, digits, hyphens and"
        " underscores, and is not admin; not 'a/b'\n"
    ),
    "nfast cards a --quorum 3 --cards 2": (
        "seemachine nfast cards: a card set has a quorum of 1 or more and up to 64 cards, not 3"
        " of 2\n"
    ),
}
REFUSED = [
    "card remove --esn 7852-268D-3BF9 --slot 2",
    f"nfast enroll {ESN}",
    "pki issue client alice --role use",
]


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """An empty world."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    return tmp_path / "world"


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)


@pytest.mark.parametrize(("command", "rest"), WRONG)
def test_a_wrong_command_line_is_told_with_the_usage_of_that_command(command, rest, capsys):
    """Exit code 2, the usage of the very command that was meant, and the word that is wrong."""
    with pytest.raises(SystemExit) as left:
        main(f"{command} {rest}".split())
    usage, _, sentence = capsys.readouterr().err.rpartition("error: ")
    assert left.value.code == 2
    assert sentence.startswith(WRONG[command, rest])
    assert usage.startswith(f"usage: seemachine {command} [")


def test_an_unknown_option_before_any_command(capsys):
    """It is what is wrong, not that there is no command."""
    with pytest.raises(SystemExit):
        main(["--hepl"])
    assert capsys.readouterr().err.endswith(
        "seemachine: error: unrecognized arguments: --hepl; did you mean --help?\n"
    )


@pytest.mark.parametrize("line", WRONG_INSIDE)
def test_a_value_that_is_wrong_in_itself_is_wrong_usage(line, capsys):
    """Exit code 2 also where the command looks at it by itself; nothing is made."""
    assert main(line.split()) == 2
    assert capsys.readouterr().err == WRONG_INSIDE[line]


@pytest.mark.parametrize("line", REFUSED)
def test_what_depends_on_the_world_is_refused(line):
    """Exit code 1: the same words may be right tomorrow."""
    assert main(line.split()) == 1


def test_a_wrong_word_is_told_with_the_nearest(capsys):
    """Of all commands, where it stands first."""
    with pytest.raises(SystemExit):
        main(["qarantine", "list"])
    assert "unknown command 'qarantine'; did you mean quarantine?" in capsys.readouterr().err


def test_an_esn_is_taken_in_small_letters():
    """As people type it."""
    assert _parser().parse_args(["ledger", "--esn", ESN.lower()]).esn == ESN


def test_without_a_command_all_commands_are_shown(capsys):
    """With the exit code of wrong usage, since nothing was done."""
    assert main([]) == 2
    told = capsys.readouterr().err
    assert all(f"\n    {word}" in told for word in _parser()._subparsers._group_actions[0].choices)


@pytest.mark.parametrize(
    ("words", "begins"),
    [([], "usage: seemachine [-h]"), (["card", "insert"], "usage: seemachine card insert ")],
)
def test_help_is_a_command_too(words, begins, capsys):
    """It prints what --help prints."""
    printed = []
    for line in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as left:
            main(line)
        assert left.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].startswith(begins)


def test_info_is_told_of_the_world_that_is_named(tmp_path, capsys):
    """--home, as everywhere else."""
    assert main(["info", "--home", str(tmp_path / "other")]) == 0
    assert f"world        {tmp_path / 'other'}\n" in capsys.readouterr().out


def test_every_command_and_option_says_what_it_is_for():
    """In the help of seemachine nothing stands without a description."""
    for parser in parsers(_parser()):
        assert parser.description, parser.prog
        for action in parser.complete()._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (
                f"{parser.prog}: {action.option_strings or action.dest}"
            )


def test_what_describes_the_commands_has_all_of_their_options():
    """Also those that `serve` adds only when it is read: reference, man pages and completion are
    made of them.
    """
    found = {parser.prog: parser for parser in parsers(whole())}
    assert found.keys() == {parser.prog for parser in parsers(_parser())}
    assert "--lock-memory" in found["seemachine serve"].format_help()


@pytest.mark.parametrize(
    "line",
    [
        "sign k f g --preset jdk",
        "sign k --preset jdk f g",
        "sign --preset jdk k f g",
        "sign k f --preset jdk g",
        "sign k f --preset jdk -- g",
        "sign k --preset jdk -- f g",
        "sign -- k f g",
    ],
)
def test_options_may_stand_anywhere(line: str) -> None:
    """Before, between and after the files, as other programs have it."""
    options = read(line.split())
    assert (options.alias, options.files) == ("k", ["f", "g"])
    assert options.preset == ("jdk" if "jdk" in line else None)


def test_a_file_whose_name_begins_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no option; how it is written is said, and what is after -- is a file in any case."""
    monkeypatch.chdir(tmp_path)
    Path("-x.bin").touch()
    with pytest.raises(SystemExit):
        main(["sign", "k", "-x.bin"])
    assert capsys.readouterr().err.endswith("arguments: -x.bin; the file is ./-x.bin\n")
    for words in (["k", "--", "-x.bin"], ["k", "f", "--preset", "jdk", "--", "-x.bin"]):
        assert read(["sign", *words]).files[-1] == "-x.bin"


@pytest.mark.parametrize("tool", [csadmin, hsmadmin, appliance_cli])
def test_the_tools_take_no_abbreviations_either(tool):
    """Nor do their commands."""
    assert not any(parser.allow_abbrev for parser in parsers(tool._parser()))


@pytest.mark.parametrize("words", ["--help", "--version", "fleet up --help", "help", "help key"])
def test_help_that_can_not_be_written_is_not_given(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that keeps the version in a file on a full disk hears of it."""
    # Back at once: the output that a fixture put there is closed before `monkeypatch` ends.
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert main(words.split()) == 1
    assert capsys.readouterr().err == (
        "seemachine: standard output: No space left on device; make room there; the rest of the"
        " answer is lost\n"
    )
