"""The records of HSMs and the fleet file: which counts, and what becomes of a damaged record."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from kit import processes
from kit.here import told

from seemachine.cli import command, fleet_foreground
from seemachine.cli.answer import Answer
from seemachine.config import ConfigError
from seemachine.fleet import check, configuration, status
from seemachine.hsms import records
from seemachine.hsms.records import Loaded, Module
from seemachine.state.disk.lock import FolderLock
from seemachine.state.errors import StateCorrupt
from seemachine.world import World

FIRST, SECOND, THIRD = "0000-0000-0001", "0000-0000-0002", "0000-0000-0003"
FLEET = (
    f'[[machines]]\nesn = "{FIRST}"\nport = 0\n[[machines]]\nesn = "{SECOND}"\nmodel = "xc"\nport'
    " = 0\n"
)


def read(world: Path, text: str = FLEET) -> configuration.FleetPlan:
    """The fleet of a world with this file."""
    path = world / "fleet.toml"
    path.write_text(text)
    return configuration.read(path, World.at(world))


def numbers(fleet: configuration.FleetPlan) -> list[tuple[int, str]]:
    """Module numbers and ESNs, in the fleet's order."""
    return [(machine.module, machine.esn) for machine in fleet.machines]


def test_enrolment_counts_above_the_file(tmp_path: Path) -> None:
    """HSMs that were enrolled the other way round come up the other way round."""
    records.write(World.at(tmp_path), Module(FIRST, "5c", 2))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1))

    assert numbers(read(tmp_path)) == [(1, SECOND), (2, FIRST)]


def test_one_that_is_not_enrolled_is_left_out(tmp_path: Path) -> None:
    """It is named with the reason, so that `fleet up` can say so."""
    records.write(World.at(tmp_path), Module(FIRST, "5c", 0))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1))

    assert read(tmp_path).left_out == {
        FIRST: "is not enrolled, and is left out; see: seemachine nfast enroll --help"
    }


def test_one_in_another_mode_is_left_out(tmp_path: Path) -> None:
    """In maintenance an HSM runs no SEE machine, whoever starts it; `fleet check` says so too."""
    records.write(World.at(tmp_path), Module(FIRST, "5c", 1, mode="maintenance"))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 2))
    why = "is in maintenance mode, and is left out; bring it back with: nopclearfail -O -m 1"

    assert read(tmp_path).left_out == {FIRST: why}
    assert (
        "it is in maintenance mode, in which it reads no cards and runs no SEE machine",
        FIRST,
    ) in [(finding.problem, finding.esn) for finding in check.findings(told(tmp_path))]


def test_without_a_record_the_file_counts_unless_its_number_is_taken(tmp_path: Path) -> None:
    """No two HSMs have one number, be it that one of them is not in the file."""
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1))
    assert numbers(read(tmp_path)) == [(1, SECOND), (2, FIRST)]

    records.write(World.at(tmp_path), Module(THIRD, "xc", 2))
    assert numbers(read(tmp_path)) == [(1, SECOND), (3, FIRST)]


def record(**changed: Any) -> dict[str, Any]:
    """A record with something changed in it."""
    loaded = {"uuid": "u", "name": "n", "version": "1", "sha256": "", "signer": "", "program": "p"}
    return {
        "esn": FIRST,
        "model": "5c",
        "number": 1,
        "loaded": [loaded | changed.pop("image", {})],
        **changed,
    }


def test_a_record_that_is_in_order_is_read(tmp_path: Path) -> None:
    """The base of the next test is a good one, and what tools write comes back."""
    folder = tmp_path / "hsm" / FIRST
    folder.mkdir(parents=True)
    (folder / "module.json").write_text(json.dumps(record()))
    assert records.read(World.at(tmp_path), FIRST) == Module(
        FIRST, "5c", 1, loaded=[Loaded("u", "n", "1", "", "", "p")]
    )

    written = Module(
        FIRST,
        "5c",
        1,
        features=["iso"],
        loaded=[Loaded("u", "n", "1", "", "", "p", "d", "2030-01-01T00:00:00+00:00")],
    )
    records.write(World.at(tmp_path), written)
    assert records.read(World.at(tmp_path), FIRST) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "[" * 10_000,
        *(
            json.dumps(record(**changed))
            for changed in (
                {"model": "6"},
                {"model": ["5c"]},
                {"number": "1"},
                {"number": 65536},
                {"number": -1},
                {"number": True},
                {"esn": SECOND},
                {"features": None},
                {"features": [3]},
                {"autoload": {"userdata": 1}},
                {"more": 1},
                {"loaded": 3},
                {"image": {"developer_until": "soon"}},
                {"image": {"developer_until": "2030-01-01"}},
                {"image": {"delegated": 1}},
                {"image": {"extra_signers": "abcd"}},
            )
        ),
    ],
)
def test_a_damaged_record_is_refused_whole(tmp_path: Path, text: str) -> None:
    """Whatever no tool writes there is a sentence that names the record: from the record, and from
    the fleet file's reader.
    """
    folder = tmp_path / "hsm" / FIRST
    folder.mkdir(parents=True)
    (folder / "module.json").write_text(text)

    with pytest.raises(
        StateCorrupt, match=r"module\.json is damaged .* remove it and run: seemachine nfast setup"
    ):
        records.read(World.at(tmp_path), FIRST)
    with pytest.raises(ConfigError) as refused:
        read(tmp_path)
    assert str(refused.value).startswith(str(folder / "module.json"))


@pytest.mark.parametrize("words", [["up", "--detach"], ["status"], ["check"], ["down"]])
def test_a_damaged_record_is_one_line(tmp_path: Path, words: list[str]) -> None:
    """The commands of a fleet say which file is damaged, without a traceback; `down` needs none."""
    read(tmp_path)
    folder = tmp_path / "hsm" / FIRST
    folder.mkdir(parents=True)
    (folder / "module.json").write_text("{")

    code, lines = processes.seemachine(["fleet", *words], processes.environment(tmp_path))

    assert len(lines) == 1
    assert code == (0 if words == ["down"] else 2 if words[0] == "up" else 1)
    assert (f"seemachine fleet {words[0]}: {folder / 'module.json'} is damaged" in lines[0]) == (
        words != ["down"]
    )


def test_an_unenrolled_hsm_stays_down_and_is_shown_so(tmp_path: Path) -> None:
    """`fleet up` says whom it leaves out; `status` shows it without a number and is content with
    the others.
    """
    read(tmp_path)
    records.write(World.at(tmp_path), Module(FIRST, "5c", 0))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1))
    env = processes.environment(tmp_path)
    try:
        code, lines = processes.seemachine(["fleet", "up", "--detach"], env)
        status = processes.seemachine(["fleet", "status"], env)
        banner = processes.pipsqueak([], env)
    finally:
        processes.seemachine(["fleet", "down"], env)

    assert code == status[0] == 0, lines
    assert (
        lines[0]
        == f"seemachine fleet up: {FIRST} is not enrolled, and is left out; see: seemachine nfast"
        " enroll --help"
    )
    assert status[1] == lines[1:]
    assert [line.split()[:3] for line in status[1]] == [
        ["module", "1", SECOND],
        ["module", "-", FIRST],
    ]
    assert banner == (0, [f"PQSDK: 1.4.1 ({SECOND}: 1.4.1)"])


def test_a_fleet_of_nobody_is_refused(tmp_path: Path) -> None:
    """When none of its HSMs is enrolled, or in operation, nothing is started."""
    read(tmp_path)
    records.write(World.at(tmp_path), Module(FIRST, "5c", 0))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1, mode="initialization"))

    code, lines = processes.seemachine(["fleet", "up", "--detach"], processes.environment(tmp_path))

    assert (code, lines[-1]) == (
        1,
        "seemachine fleet up: no HSM of this fleet can run a SEE machine",
    )


def test_status_and_down_have_one_order(tmp_path: Path) -> None:
    """HSMs that were enrolled the other way round are listed that way when they come up and when
    they go down.
    """
    read(tmp_path)
    records.write(World.at(tmp_path), Module(FIRST, "5c", 2))
    records.write(World.at(tmp_path), Module(SECOND, "xc", 1))
    env = processes.environment(tmp_path)
    up = processes.seemachine(["fleet", "up", "--detach"], env)
    down = processes.seemachine(["fleet", "down"], env)

    assert [line.split()[2] for line in up[1]] == [SECOND, FIRST]
    assert down == (0, [f"stopped: {SECOND}, {FIRST}"])


def test_who_comes_second_is_told_the_way_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several `fleet up` at one moment the losers say what they would have said a
    moment later.
    """
    lock = FolderLock(tmp_path / "fleet", "the fleet")
    try:
        options = command.read(["fleet", "up"])
        options.answer = Answer(as_json=False, command="fleet up")
        plan = configuration.FleetPlan(World.at(tmp_path), ())
        assert fleet_foreground.run(plan, options) == 1
    finally:
        lock.release()

    said = capsys.readouterr().err
    assert (
        said
        == f"seemachine fleet up: the fleet of {tmp_path} is already up (process {os.getpid()});"
        " stop it with: seemachine fleet down\n"
    )


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "3", "[3]", '[{"esn": "x"}]', "[" * 10_000]
)
def test_what_ran_last_may_be_damaged(tmp_path: Path, content: str) -> None:
    """A list of the last fleet that can't be read is as good as none: the fleet file is asked."""
    read(tmp_path)
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "running.json").write_text(content)

    listed = [row["esn"] for row in status.rows(World.at(tmp_path))]
    assert listed == ([] if content == "[]" else [FIRST, SECOND])
