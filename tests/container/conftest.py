"""What is made once for all tests of containers: the image tree, and podman with both images."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container.podman import NETWORK, Podman, lack

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


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Both images, and a network in which containers have names."""
    if reason := lack():
        pytest.skip(reason)
    # Short: paths of sockets in there have a limit.
    folder = Path(tempfile.mkdtemp(prefix="podman"))
    made = Podman(folder)
    made("network", "create", NETWORK)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)
