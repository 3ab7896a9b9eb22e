"""What `seemachine fleet` says of worlds that are not in order, without a process."""

import json
from pathlib import Path

import pytest

from seemachine.cli.command import main
from seemachine.state.disk.lock import FolderLock
from seemachine.world import World

ESN, OTHER, THIRD = "0000-0000-0001", "0000-0000-0002", "0000-0000-0003"


def test_status_of_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Why it can't be read, and not that there is no fleet: also in JSON."""
    (tmp_path / "fleet.toml").write_text('[[machines]]\nesn = "x"\n')
    for as_json in (False, True):
        words = ["fleet", "status", "--home", str(tmp_path), *["--json"] * as_json]
        assert main(words) == 1
        said = capsys.readouterr()
        assert said.err.startswith(f"seemachine fleet status: {tmp_path}/fleet.toml: esn takes")
        assert (said.out == "") is not as_json
    document = json.loads(said.out)
    assert document["machines"] == []
    assert document["error"]["message"].startswith(f"{tmp_path}/fleet.toml: esn takes")


def test_up_names_all_that_down_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of machines that are served by hand those in the way, and those that the way out ends too."""
    machines = (f'[[machines]]\nesn = "{esn}"\n' for esn in (ESN, OTHER))
    (tmp_path / "fleet.toml").write_text("".join(machines))
    world = World.at(tmp_path)
    locks = [FolderLock(world.hsm(esn), esn) for esn in (ESN, THIRD)]
    try:
        assert main(["fleet", "up", "--home", str(tmp_path)]) == 1
    finally:
        for lock in locks:
            lock.release()
    assert capsys.readouterr().err == (
        f"seemachine fleet up: {ESN} still runs without a supervisor; stop what runs, and {THIRD}"
        f" as well, with: seemachine fleet down --home {tmp_path}\n"
    )
