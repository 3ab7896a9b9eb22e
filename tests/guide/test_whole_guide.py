"""The guide's chapters 2.3 to 2.9 in one run: every command block of Linux, in order, from an empty
world folder to the uninstalled end.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from guide.replay import Context, Step, compare, load
from guide.whole import Host

WHOLE = Path(__file__).with_name("whole.toml")


def steps() -> Iterator[Step]:
    """The steps of whole.toml, each chapter of sessions.toml in its place."""
    chapters = {chapter.name: chapter for chapter in load()}
    for step in load(WHOLE)[0].steps:
        if step.kind == "chapter":
            found = [
                each
                for each in chapters[step.chapter].steps
                if each.section.startswith(step.sections or "")
            ]
            assert found, f"{step.section}: no step of {step.chapter}"
            yield from found
        elif step.kind != "not-run":
            yield step


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host with an empty world folder."""
    made = Host(tmp_path)
    yield made
    made.tear_down()


def test_the_whole_guide(host: Host) -> None:
    """Each command prints the guide's lines and ends as the guide says, and nothing runs or is
    published at the end.
    """
    context = Context()
    for step in steps():
        for turn in step.with_paths(host.places).turns():
            code, lines = host.perform(turn, context)
            differences = compare(lines, turn, context)
            assert not differences, "\n".join([*differences, "", "printed:", *lines])
            assert code == turn.exit, "\n".join(
                [f"{turn.section}: exit code {code}, not {turn.exit}", "", "printed:", *lines]
            )

    assert not list(host.world.glob("published/pqsdk/*"))
    assert not list(host.world.glob("hsm/*/image/*/*"))


def test_every_step_of_the_sessions_is_in_the_one_run() -> None:
    """But for chapter 2.8, whose machines are uninstalled by the tools here; and none
    comes twice.
    """
    played = [step for step in steps() if step.kind != "tool"]
    for chapter in load():
        for step in chapter.steps:
            assert played.count(step) == int(not chapter.name.startswith("2.8")), step.section


@pytest.mark.parametrize(
    "command", ["false\ntrue", "true\nfalse\ntrue", "cd /nowhere\ntrue", "exit 3"]
)
def test_each_line_of_a_block_must_succeed(host: Host, command: str) -> None:
    """A step of several lines ends with the first that fails, whatever comes after it; where it led
    is kept for the next step.
    """
    assert host.run("cd /\nexport SEEN=yes")[0] == 0
    assert host.run(command)[0] != 0
    assert host.run('echo "$SEEN" "$PWD"') == (0, ["yes /"])


def test_what_is_not_run_says_why() -> None:
    """Every command of the guide that is left out has a reason."""
    left_out = [step for step in load(WHOLE)[0].steps if step.kind == "not-run"]
    assert left_out
    assert all(step.why and step.command for step in left_out)


def test_a_changed_line_is_found() -> None:
    """The comparison of tools sees a changed word and a missing line, and not the width of columns
    or empty lines.
    """
    step = Step(
        section="here", kind="tool", columns=True, expect=("Machine file: a.sar", "Postload args:")
    )
    assert compare(["", "Machine file:      a.sar", "Postload args:", ""], step, Context()) == []
    assert compare(["Machine file: b.sar", "Postload args:"], step, Context())
    assert compare(["Machine file: a.sar"], step, Context())
    assert compare(
        ["Machine  file: a.sar", "Postload args:"], replace(step, columns=False), Context()
    )


def test_what_a_mask_matched_is_put_into_later_commands() -> None:
    """A UUID that one step printed is the UUID of the next step's command, and expected in its
    lines.
    """
    uuid = "3d362d35-fc17-448a-b501-914fe0a680b0"
    context = Context()
    compare(
        [f"E      UUID: {uuid}"],
        Step(section="here", kind="tool", expect=("E      UUID: {uuid>uuid}",)),
        context,
    )
    assert context.filled_in("csadmin start --uuid {<uuid}") == f"csadmin start --uuid {uuid}"
    again = Step(section="here", kind="tool", expect=("{<uuid}",))
    assert compare([uuid], again, context) == []
    assert compare([uuid.replace("3", "4")], again, context)
