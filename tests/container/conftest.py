"""The image tree, made once by its recipe."""

from pathlib import Path

import pytest

from container import imagekit

CANNOT_FETCH = "pip could not fetch"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root tree. Skips where its packages can't be fetched; another hash than the locked one is a failure."""
    output = tmp_path_factory.mktemp("image")
    made = imagekit.build(output, "--tree-only")
    if made.returncode and CANNOT_FETCH in made.stderr and "DO NOT MATCH THE HASHES" not in made.stderr:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stderr
    return output / "tree"
