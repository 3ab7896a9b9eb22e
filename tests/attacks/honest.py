"""The honest clients: some keep their connections and sign with pauses, some connect anew for each
signature.

`python honest.py HOST PORT FILE SECONDS STEADY NEWCOMERS PAUSE` prints JSON: for both kinds the
milliseconds of each signature, then what failed, and the leaves. Nothing is tried again: a
connection that is lost, a refusal and a wrong reply all count.
"""

import json
import sys
import threading
import time
from dataclasses import dataclass, field

from seeclient.algorithms.lms.signing import new_token
from seeclient.blocking_connection import Connection
from seeclient.effects import Address

from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned
from seemachine.wire.status import StatusError

STEADY_PAUSE = 0.02
NEWCOMER_PAUSE = 0.05


@dataclass
class Figures:
    """What all clients together saw."""

    steady: list[float] = field(default_factory=list)
    newcomers: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Client:
    """What one is to do."""

    address: Address
    file: bytes
    until: float
    figures: Figures
    pause: float

    def connect(self) -> Connection:
        """A connection after hello. The one place to wrap, for a port that speaks TLS."""
        connection = Connection(self.address)
        connection.greet()
        return connection

    def sign(self, connection: Connection) -> None:
        """One signature."""
        connection.send(NvmemfileSign(file=self.file, token=new_token(), message=b"honest"))
        reply = connection.receive()
        if not isinstance(reply, NvmemfileSigned):
            raise reply
        self.figures.leaves.append(reply.leaf)

    def steady(self) -> None:
        """One connection for all signatures; lost, it is a failure, and another is opened."""
        while time.monotonic() < self.until:
            try:
                connection = self.connect()
                while time.monotonic() < self.until:
                    began = time.perf_counter()
                    self.sign(connection)
                    self.figures.steady.append(1000 * (time.perf_counter() - began))
                    time.sleep(self.pause)
                connection.close()
            except StatusError as error:
                self.figures.failures.append(f"steady: {error}")
                time.sleep(NEWCOMER_PAUSE)

    def newcomer(self) -> None:
        """One connection for each signature. The time is that of connecting, hello and signing."""
        while time.monotonic() < self.until:
            began = time.perf_counter()
            try:
                connection = self.connect()
                self.sign(connection)
                self.figures.newcomers.append(1000 * (time.perf_counter() - began))
                connection.close()
            except StatusError as error:
                self.figures.failures.append(f"newcomer: {error}")
            time.sleep(NEWCOMER_PAUSE)


def main() -> None:
    """See the module."""
    host, port, file, seconds, steady, newcomers, pause = sys.argv[1:]
    figures = Figures()
    until = time.monotonic() + float(seconds)
    address = Address(host, int(port), 1)
    client = Client(address, bytes.fromhex(file), until, figures, float(pause))
    work = [client.steady] * int(steady) + [client.newcomer] * int(newcomers)
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(vars(figures)))


if __name__ == "__main__":
    main()
