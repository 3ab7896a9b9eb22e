"""The image tree, made once by its recipe."""

from pathlib import Path

import pytest

from container import image_tree


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root tree.

    Its packages come from where those of the tests came from, once: where they can't be had, no
    test is passed over.
    """
    output = tmp_path_factory.mktemp("image")
    made = image_tree.build(output, "--tree-only")
    assert made.returncode == 0, made.stderr
    return output / "tree"
