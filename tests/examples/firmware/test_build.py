"""The build of the firmware signs its image, once."""

import shutil
import subprocess
from pathlib import Path

import pytest
import seeclient
from seemachine import testing


@pytest.fixture
def make(tmp_path, monkeypatch, seemachine_world):
    """Runs make in a folder of the test's own, and the environment leads to the test's HSM."""
    shutil.copy(Path(__file__).with_name("Makefile"), tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("boot.bin").write_bytes(b"boot")
    Path("kernel.bin").write_bytes(b"kernel")
    return lambda *words: subprocess.run(["make", "-s", *words], check=True)


def test_the_image_is_signed(seemachine_key, make):
    """Whoever has the public key can verify it."""
    key = seemachine_key("release")
    make()
    make("check")
    seeclient.verify(Path("firmware.bin"), Path("firmware.sig").read_bytes(), key.public_key)


def test_each_image_takes_one_leaf(seemachine_key, make):
    """A build that has nothing to do signs nothing."""
    key = seemachine_key("release")
    make()
    make()
    assert testing.leaves_used(key) == 1
    Path("kernel.bin").write_bytes(b"another kernel")
    make()
    assert testing.leaves_used(key) == 2


def test_another_image_does_not_pass(seemachine_key, make):
    """The check says so, and signs nothing."""
    key = seemachine_key("release")
    make()
    Path("firmware.bin").write_bytes(b"tampered with")
    with pytest.raises(subprocess.CalledProcessError):
        make("check")
    assert testing.leaves_used(key) == 1


def test_without_the_key_the_build_fails(seemachine_fleet, make):
    """And leaves no file that looks like a signature."""
    with pytest.raises(subprocess.CalledProcessError):
        make()
    assert not Path("firmware.sig").exists()
