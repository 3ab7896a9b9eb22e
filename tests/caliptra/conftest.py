"""A world with two machines, an LMS key of Caliptra's sets and an ML-DSA-87 key, made once."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from caliptra.making import VENDOR, put, request
from kit.in_process import Machine, Shell, machines

FIRST, SECOND = "7852-268D-3BF9", "5F08-02E0-D947"
LMS = ("algorithm=lms", "lmscode=sha256_m24_h15", "lmotscode=sha256_n24_w4")
MLDSA = ("algorithm=mldsa", "mldsacode=mldsa87")
KEYS = (
    *("--key", "vendor_fw_pqc_key=vendor", "--key", "vendor_man_pqc_key=vendor"),
    *("--key", "owner_fw_pqc_key=owner", "--key", "owner_man_pqc_key=owner"),
)


class World(Shell):
    """Commands, and the machines that they find."""

    def __init__(self, home: Path, machines: list[Machine]) -> None:
        super().__init__(home)
        self.machines = machines

    def caliptra(self, *words: object) -> tuple[int, str]:
        """Run `seemachine caliptra`: the exit code, and what was printed."""
        code, lines = self.seemachine("caliptra", *map(str, words))
        return code, "\n".join(lines)

    def sign(self, request: Path, *more: object) -> tuple[int, str]:
        """Sign without a question, with the keys that are here."""
        return self.caliptra("sign", request, *KEYS, "--yes", *more)

    @contextlib.contextmanager
    def without_machines(self) -> Iterator[None]:
        """No machine is up within the block."""
        for machine in self.machines:
            machine.stop()
        try:
            yield
        finally:
            for machine in self.machines:
                machine.start()

    def left(self, alias: str = "vendor") -> int:
        """How many leaves there are."""
        with self.fleet() as fleet:
            return fleet.key(alias).info().remaining


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world; an h15 key takes a second."""
    home = tmp_path_factory.mktemp("caliptra") / "world"
    with machines(home, FIRST, SECOND) as running:
        world = World(home, running)
        for alias, sets in (("vendor", LMS), ("owner", MLDSA)):
            assert world.pipsqueak("generate", f"alias={alias}", *sets)[0] == 0
        yield world


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a command is typed in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bundle(folder: Path) -> Path:
    """A request for all four targets."""
    return put(folder / "signing_request.json", request())


@pytest.fixture
def vendor(folder: Path) -> Path:
    """A request for the two of the vendor, whose key has leaves."""
    return put(folder / "signing_request.json", request(*VENDOR))
