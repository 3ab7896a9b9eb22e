"""One session with the machine of an image tree, in a process of its own: `session.py PLAN`, a JSON
document; prints another.

It makes a key, signs, kills the machine, signs again, then makes a sectorized key with a card,
provisions it and signs. It may run in namespaces of its own, where the loopback interface is still
down.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ESN = "7852-268D-3BF9"
H5_W4 = {"lms": "sha256_m32_h5", "lmots": "sha256_n32_w4"}
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Image:
    """A command that runs the tree's entry point.

    Plan: command, options, data, home, seconds to start, the user that it is to be.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.command: list[str] = plan["command"]
        self.options: list[str] = plan.get("options", ["--host", "127.0.0.1", "--port", "0"])
        self.data = Path(plan["data"])
        self.seconds: float = plan.get("seconds", 30.0)
        self.user: int | None = plan.get("user")
        self.log = Path(plan["home"]) / "stderr"
        self.log.touch()

    def conditions(self) -> dict[str, Any]:
        """How its processes are started: with nothing of our environment but where the data are."""
        chosen: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "env": {"SEEMACHINE_HOME": str(self.data), "SEEMACHINE_ESN": ESN},
        }
        return (
            chosen
            if self.user is None
            else {**chosen, "user": self.user, "group": self.user, "extra_groups": []}
        )

    def card(self, *words: str) -> str:
        """Run `entrypoint card ...`; returns what it prints."""
        command = [*self.command, "card", *words]
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=self.seconds,
            **self.conditions(),
        ).stdout.strip()

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """The machine for the length of a block; gives its port.

        SIGKILL ends it, so that nothing depends on an orderly stop.
        """
        begun = self.log.stat().st_size
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*self.command, *self.options], stdout=log, stderr=log, **self.conditions()
            )
        try:
            yield self.port(process, begun)
            assert process.poll() is None, f"the machine ended by itself:\n{self.log.read_text()}"
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def port(self, process: "subprocess.Popen[bytes]", begun: int) -> int:
        """The port that the line `ready` tells."""
        deadline = time.monotonic() + self.seconds
        while process.poll() is None and time.monotonic() < deadline:
            for line in self.log.read_bytes()[begun:].splitlines():
                if b'"event": "ready"' in line and line.endswith(b"}"):
                    return int(json.loads(line)["port"])
            time.sleep(0.02)
        raise AssertionError(
            f"the machine did not start ({process.poll()}):\n{self.log.read_text()}"
        )


def raise_loopback() -> None:
    """In a new network namespace nothing is up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        if not flags & IFF_UP:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def reached(port: int) -> dict[str, bool]:
    """Whether the machine is at IPv4 and at IPv6, as far as these exist here."""
    found = {}
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with (
            contextlib.suppress(OSError),
            socket.create_server((host, 0), family=family),
            socket.socket(family) as client,
        ):
            found[host] = client.connect_ex((host, port)) == 0
    return found


def healthy(command: list[str], conditions: dict[str, Any]) -> str:
    """What the healthcheck prints."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, check=True, text=True, timeout=30, **conditions
    ).stdout.strip()


def converse(image: Image, sets: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The session; gives what was signed."""
    from seeclient import blocking

    with image.running() as port, blocking.open_fleet(f"127.0.0.1:{port}") as fleet:
        key = fleet.generate_lms("singular", **sets)
        yield {"key": key.file.public_key.hex(), **signed(key, b"before")}
    card = image.card("new")
    image.card("insert", card, "--esn", ESN, "--slot", "2")
    with image.running() as port, blocking.open_fleet(f"127.0.0.1:{port}") as fleet:
        key = fleet.key("singular")
        yield {"key": key.file.public_key.hex(), **signed(key, b"after SIGKILL")}
        key = fleet.generate_lms("sectorized", **sets, explease=3, slot=2)
        fleet.provision(ESN, 2)
        yield {"key": key.file.public_key.hex(), **signed(key, b"from a lease")}


def stateless(image: Image) -> str:
    """What becomes of an ML-DSA key: `signed`, or the refusal."""
    from seeclient import StatusError, blocking

    with image.running() as port, blocking.open_fleet(f"127.0.0.1:{port}") as fleet:
        try:
            key = fleet.generate_mldsa("stateless", "mldsa44")
        except StatusError as refused:
            return str(refused)
        key.verify(b"message", key.sign(b"message"))
        return "signed"


def signed(key: Any, message: bytes) -> dict[str, Any]:
    """Sign, and have the client check it."""
    made = key.sign_with(message)
    key.verify(message, made.signature)
    return {
        "message": message.decode(),
        "signature": made.signature.hex(),
        "leaf": made.leaf,
        "remaining": made.remaining,
    }


def main() -> None:
    """Run the plan."""
    plan = json.loads(sys.argv[1])
    os.environ["NFAST_KMLOCAL"] = str(Path(plan["home"]) / "kmlocal")
    raise_loopback()
    image, told = Image(plan), dict[str, Any]()
    with image.running() as port:
        told["reached"] = reached(port)
        if "health" in plan:
            told["health"] = healthy(plan["health"], image.conditions())
    told["signed"] = list(converse(image, plan.get("sets", H5_W4)))
    told["stateless"] = stateless(image)
    print(json.dumps({**told, "log": image.log.read_text()}))


if __name__ == "__main__":
    main()
