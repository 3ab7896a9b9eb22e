"""world.py: where both sides look for the world folder and what is in it."""

import sys
from pathlib import Path

import pytest

from seemachine.wire.world import home, key_folder, published_folder


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No variable of the person who runs the tests counts."""
    for name in ("SEEMACHINE_HOME", "NFAST_KMLOCAL", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/nobody")


def test_the_world_is_where_the_variable_says(monkeypatch, tmp_path):
    """$SEEMACHINE_HOME wins over everything; a tilde and a relative path become absolute."""
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    monkeypatch.chdir(tmp_path)
    for given, meant in (
        (str(tmp_path), tmp_path),
        ("~/world", Path("/home/nobody/world")),
        ("world", tmp_path / "world"),
    ):
        monkeypatch.setenv("SEEMACHINE_HOME", given)

        assert home() == meant


@pytest.mark.parametrize(
    ("platform", "data", "meant"),
    [
        ("linux", None, "/home/nobody/.local/share/seemachine"),
        ("linux", "", "/home/nobody/.local/share/seemachine"),
        ("linux", "/data", "/data/seemachine"),
        ("darwin", None, "/home/nobody/Library/Application Support/seemachine"),
    ],
)
def test_without_it_the_world_is_in_the_platform_s_data_folder(monkeypatch, platform, data, meant):
    """Linux keeps data under $XDG_DATA_HOME or ~/.local/share, macOS under ~/Library; an empty
    variable is none.
    """
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("SEEMACHINE_HOME", "")
    if data is not None:
        monkeypatch.setenv("XDG_DATA_HOME", data)

    assert home() == Path(meant)


def test_published_machines_have_a_folder():
    """Under the name that the vendor's client uses."""
    assert published_folder(Path("/w")) == Path("/w/published/pqsdk")


def test_key_files_are_where_the_vendor_s_variable_says(monkeypatch):
    """$NFAST_KMLOCAL wins over the world's own folder."""
    assert key_folder(Path("/w")) == Path("/w/kmdata/local")
    monkeypatch.setenv("NFAST_KMLOCAL", "/opt/nfast/kmdata/local")

    assert key_folder(Path("/w")) == Path("/opt/nfast/kmdata/local")
