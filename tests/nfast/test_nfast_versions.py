"""Files of the Security World tools: those of another version are not called damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seemachine.nfast import archives, cs5_launcher, delegation, keystore, licences, securityworld
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

FORMS: dict[str, tuple[str, Callable[[Path, World], Any]]] = {
    "a key": ("seemachine nfast key", lambda path, _: keystore._read(path)),
    "a SEE archive": ("seemachine sar", lambda path, _: archives.read(path, archives.MACHINE)),
    "a licence": ("seemachine licence", lambda path, world: licences.read(world, path.read_text())),
    "a delegation": (
        "seemachine nvram delegation",
        lambda path, _: delegation.key_of(path.read_bytes(), None),  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("what", FORMS)
def test_a_file_of_a_newer_version_is_refused(what: str, tmp_path: Path) -> None:
    """The sentence says that it is newer, whatever else is in it."""
    name, read = FORMS[what]
    path = tmp_path / "file"
    path.write_text(json.dumps({"format": f"{name} 2"}) + "\n")
    with pytest.raises(Refusal, match="written by a newer version of seemachine"):
        read(path, World.at(tmp_path))


def test_a_world_and_its_enrolled_hsms_of_a_newer_version(tmp_path: Path) -> None:
    """Both are tables with a version in them."""
    world = World.at(tmp_path)
    for path, read in (
        (tmp_path / "kmdata/local/world", securityworld.read),
        (tmp_path / "kmdata/cs5.json", cs5_launcher._state),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": 2}))
        with pytest.raises(Refusal, match="written by a newer version of seemachine"):
            read(world)
