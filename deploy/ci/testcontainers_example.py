"""HSMs in a container for the tests of a module: pytest with testcontainers 4.10 or later.

The image is made by: docker build -f container/Containerfile -t seemachine:local .
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from seeclient import blocking
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import ExecWaitStrategy

ESN = "7852-268D-3BF9"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[blocking.Fleet]:
    """One HSM, with as many blank cards as are asked for."""
    ready = ExecWaitStrategy(["/usr/bin/healthcheck", "--ready"])
    container = DockerContainer("seemachine:local").with_exposed_ports(8888)
    container.with_command(f"--esn {ESN} --operator auto").waiting_for(ready)
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(8888)}"
        # Key files are the client's, and here for these tests alone.
        with blocking.open_fleet(address, world=tmp_path_factory.mktemp("world")) as fleet:
            yield fleet


def test_a_build_is_signed(fleet: blocking.Fleet, tmp_path: Path) -> None:
    """As your own code would."""
    (tmp_path / "firmware.bin").write_bytes(bytes(1000))
    key = fleet.generate_lms("firmware", lms="sha256_m32_h10", lmots="sha256_n32_w8")
    signature = key.sign(tmp_path / "firmware.bin")
    key.verify(tmp_path / "firmware.bin", signature)
