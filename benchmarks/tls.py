"""What TLS costs on loopback. Needs the package cryptography.

    python benchmarks/tls.py

Two machines run side by side, one with TLS. Each signature, and each new connection, goes to one
and then to the other, so that whatever else the computer does meanwhile falls on both. Processor
time is the machine's own, client not included.
"""

import contextlib
import io
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from host import Others, describe, sentence
from machines import ESN, start
from measure import once, plain
from seeclient import blocking, environment
from seeclient.blocking_connection import Connection
from seeclient.tls import Credentials, Tls

from seemachine.cli.command import main as seemachine

SIGNATURES, CONNECTIONS = 2000, 1000
RECIPE = {"lms": "sha256_m32_h15", "lmots": "sha256_n32_w8"}


def make_pki(folder: Path) -> tuple[list[str], Tls]:
    """Certificates: a machine's options, a client's files."""
    with contextlib.redirect_stdout(io.StringIO()):
        for words in (
            ["init"],
            ["issue", "machine", ESN],
            ["issue", "client", "bench", "--role", "admin"],
        ):
            seemachine(["pki", *words, "--folder", str(folder)])
    options = [
        "--tls-cert",
        f"{folder / ESN}.crt",
        "--tls-key",
        f"{folder / ESN}.key",
        "--tls-ca",
        str(folder / "ca.crt"),
    ]
    return options, Tls(folder / "client-bench.crt", folder / "client-bench.key", folder / "ca.crt")


class Measured:
    """A machine in a world of its own, and a client of it."""

    def __init__(
        self, world: Path, options: list[str], files: Tls | None, stack: ExitStack
    ) -> None:
        world.mkdir()
        os.environ["SEEMACHINE_HOME"] = str(world)
        machine = start(world, *options)
        self.process = machine.process
        stack.callback(machine.stop)
        [self.address] = environment.from_process(os.environ).addresses()
        self.credentials = Credentials(files, Path())
        self.fleet = stack.enter_context(
            blocking.open_fleet(f"{self.address.host}:{self.address.port}", files)
        )
        self.key = self.fleet.generate_lms("bench", **RECIPE)

    def sign(self) -> None:
        """One signature."""
        self.key.sign(b"message")

    def connect(self) -> None:
        """A new connection, as far as hello."""
        connection = Connection(self.address, self.credentials)
        connection.greet()
        connection.close()

    def busy(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(
    what: str, machines: list[Measured], act: Callable[[Measured], None], count: int
) -> None:
    """Act on both in turn; print medians, the median of the ratios of neighbours, and the machines'
    processor time.
    """
    before = [machine.busy() for machine in machines]
    pairs = [
        [once(lambda machine=machine: act(machine)) for machine in machines] for _ in range(count)
    ]
    busy = [
        (machine.busy() - early) / count for machine, early in zip(machines, before, strict=True)
    ]
    bare, tls = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(secured / plain_one for plain_one, secured in pairs)
    print(
        f"{what}: p50 {plain(1000 * bare)} ms plain, {plain(1000 * tls)} ms with TLS, ratio"
        f" {ratio:.3g}; {plain(1 / tls)} a second with TLS"
    )
    print(
        f"  processor time of the machine: {plain(1000 * busy[0])} ms plain,"
        f" {plain(1000 * busy[1])} ms with TLS"
    )


def main() -> None:
    """Measure and print."""
    others = Others()
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as name:
        folder = Path(name)
        options, files = make_pki(folder / "pki")
        with ExitStack() as stack:
            machines = [
                Measured(folder / "plain", [], None, stack),
                Measured(folder / "tls", options, files, stack),
            ]
            compare("sign h15/w8, one client", machines, Measured.sign, SIGNATURES)
            compare("connect and say hello", machines, Measured.connect, CONNECTIONS)
    print(f"{sentence(describe())} Others used {100 * others.share():.0f}% of the cores.")


if __name__ == "__main__":
    main()
