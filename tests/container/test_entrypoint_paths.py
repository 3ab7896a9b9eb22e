"""The entry point's own files, without an image: where it looks, and what it does not wait for."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "container" / "entrypoint.py"


def entry_point(place: str) -> dict[str, Any]:
    """What the entry point defines where it lies at `place`."""
    names: dict[str, Any] = {"__name__": "entrypoint", "__file__": place}
    exec(compile(SOURCE.read_text(), place, "exec"), names)
    return names


@pytest.mark.parametrize(
    ("place", "settings", "library"),
    [
        ("/usr/bin/entrypoint", "/etc/seemachine.toml", "/usr/lib/seemachine"),
        ("/tree/usr/bin/entrypoint", "/tree/etc/seemachine.toml", "/tree/usr/lib/seemachine"),
    ],
)
def test_paths_have_one_slash_at_the_root_too(place: str, settings: str, library: str) -> None:
    """Messages name files as a person would: in a container the tree is the root."""
    names = entry_point(place)
    assert (names["SETTINGS"], names["LIBRARY"]) == (settings, library)


@pytest.mark.parametrize("data", ["data", "data/"])
def test_a_pipe_as_esn_file_is_refused_at_once(tmp_path: Path, data: str) -> None:
    """Nobody may ever write to it: the machine must not wait for that."""
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "esn")
    said: list[str] = []

    def look() -> None:
        try:
            said.append(entry_point("/usr/bin/entrypoint")["esn"](f"{tmp_path}/{data}"))
        except OSError as error:
            said.append(str(error))

    asker = threading.Thread(target=look, daemon=True)
    asker.start()
    asker.join(10)
    assert said == [f"{tmp_path}/data/esn is not a file"]
