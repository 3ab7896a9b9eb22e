"""A storm: machines and clients in processes of their own that are killed, stopped and cut off from
each other at random.

    python -m storm.chaos SECONDS [SEED]

Afterwards a checker looks at everything that any client received. Exit code 0 when no leaf signed
two messages and nothing was lost.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import trio
from kit.processes import environment, seemachine, serve
from kit.waiting import eventually
from seeclient import blocking
from storm.checker import Outcome, check
from storm.proxy import Proxy

from seemachine.state.cards.rack import Rack
from seemachine.wire.status import StatusError
from seemachine.world import World

ESNS = ("7852-268D-3BF9", "5F08-02E0-D947", "1122-3344-5566")
STORES = ("sqlite", "file", "sqlite")
CLIENTS = 4
SINGULAR, SECTORIZED = ("storm-0", "storm-1"), "storm-sec"
SETS = {"lms": "sha256_m24_h15", "lmots": "sha256_n24_w4"}
SLOT = 2
CARDS = ((ESNS[0], 2), (ESNS[1], 2), (ESNS[2], 2), (ESNS[2], 3))
CUT = 0.003


@dataclass
class Storm:
    """One world in a storm. Everything in it is ended by `end`."""

    home: Path
    chance: random.Random
    machines: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    clients: list[subprocess.Popen[bytes]] = field(default_factory=list)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)

    def start_machine(self, esn: str) -> None:
        """A new process for a machine, that will be at another port."""
        store = dict(zip(ESNS, STORES, strict=True))[esn]
        with (self.home / "log").open("ab") as log:
            self.machines[esn] = serve(self.home, esn, log, "--store", store)

    def start_client(self, number: int) -> None:
        """A new process for a client, that goes on in the same history."""
        fleet = ",".join(f"127.0.0.1:{self.proxies[esn].port}" for esn in ESNS)
        command = [
            sys.executable,
            "-m",
            "storm.client",
            str(self.home / f"history-{number}"),
            *SINGULAR,
            SECTORIZED,
        ]
        env = self.environment(SEEMACHINE_FLEET=fleet, PYTHONPATH=str(Path(__file__).parent.parent))
        with (self.home / "clients.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if number < len(self.clients):
            self.clients[number] = process
        else:
            self.clients.append(process)

    def environment(self, **more: str) -> dict[str, str]:
        """For every process of this world."""
        return environment(self.home, **more)

    def port(self, esn: str) -> int:
        """Where a machine is now; 1, where nobody listens, while it is nowhere."""
        try:
            entry = json.loads((self.home / "published" / "pqsdk" / f"{esn}.json").read_text())
        except (OSError, ValueError):
            return 1
        return int(entry["port"])

    def up(self, esn: str) -> bool:
        """Whether a machine is ready."""
        try:
            entry = json.loads((self.home / "published" / "pqsdk" / f"{esn}.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(entry["pid"] == self.machines[esn].pid)

    def strike(self) -> None:
        """One misfortune."""
        kind = self.chance.choices(
            ["kill machine", "kill client", "stop machine", "stop client", "cut"], [4, 3, 1, 1, 4]
        )[0]
        self.events[kind] += 1
        esn, number = self.chance.choice(ESNS), self.chance.randrange(len(self.clients))
        if kind == "cut":
            trio.from_thread.run_sync(self.proxies[esn].cut_all)
        elif kind == "kill machine":
            self.machines[esn].kill()
            self.machines[esn].wait()
            self.start_machine(esn)
        elif kind == "kill client":
            self.clients[number].kill()
            self.clients[number].wait()
            self.start_client(number)
        else:
            process = self.machines[esn] if kind == "stop machine" else self.clients[number]
            process.send_signal(signal.SIGSTOP)
            time.sleep(self.chance.random() * 0.3)
            process.send_signal(signal.SIGCONT)

    def revive(self) -> None:
        """Start machines that ended by themselves, which is an event of its own."""
        for esn, process in self.machines.items():
            if process.poll() is not None:
                self.events[f"ended with {process.returncode}"] += 1
                self.start_machine(esn)

    def end(self) -> None:
        """Everything that this storm started."""
        for process in [*self.clients, *self.machines.values()]:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def make_keys(storm: Storm) -> None:
    """Singular keys on the first two machines; a sectorized one of 1,024 leases, whose cards go
    into the slots of all.
    """
    rack = Rack(World.at(storm.home))
    for slot, card in enumerate(rack.new(4), SLOT):
        rack.insert(card, ESNS[0], slot)
    with blocking.open_fleet() as fleet:
        for alias, esn in zip(SINGULAR, ESNS, strict=False):
            fleet.generate_lms(alias, **SETS, esn=esn)
        fleet.generate_lms(SECTORIZED, **SETS, expcards=2, explease=8, esn=ESNS[0])
    for slot, (esn, other_slot) in enumerate(CARDS, SLOT):
        card = rack.remove(ESNS[0], slot)
        rack.insert(card, esn, other_slot)


def provision(storm: Storm) -> None:
    """Somebody keeps moving leases into the machines that have none."""
    for esn, slot in CARDS:
        try:
            with blocking.open_fleet(f"127.0.0.1:{storm.port(esn)}") as fleet:
                fleet.provision(esn, slot)
                storm.events["provisioned"] += 1
        except StatusError:
            pass


async def rage(storm: Storm, seconds: float) -> None:
    """The storm itself."""
    async with trio.open_nursery() as nursery:
        for esn in ESNS:
            storm.proxies[esn] = Proxy(lambda esn=esn: storm.port(esn), storm.chance, CUT)
            await nursery.start(storm.proxies[esn].serve)
        for number in range(CLIENTS):
            storm.start_client(number)
        with trio.move_on_after(seconds):
            nursery.start_soon(keep_provisioning, storm)
            while True:
                await trio.sleep(storm.chance.expovariate(4))
                await trio.to_thread.run_sync(storm.strike)
                storm.revive()
        nursery.cancel_scope.cancel()


async def keep_provisioning(storm: Storm) -> None:
    """Now and then, from a thread: the network between is a real one."""
    while True:
        await trio.sleep(0.2)
        await trio.to_thread.run_sync(provision, storm, abandon_on_cancel=True)


def run(home: Path, seconds: float, seed: int) -> tuple[Outcome, Storm]:
    """Keys, storm, calm, verdict."""
    os.environ.update(SEEMACHINE_HOME=str(home))
    home.mkdir(parents=True, exist_ok=True)
    storm = Storm(home, random.Random(seed))
    try:
        for esn in ESNS:
            storm.start_machine(esn)
        assert eventually(lambda: all(storm.up(esn) for esn in ESNS)), (home / "log").read_text()
        make_keys(storm)
        trio.run(rage, storm, seconds)
        for client in storm.clients:
            client.kill()
            client.wait()
        storm.revive()
        assert eventually(lambda: all(storm.up(esn) for esn in ESNS)), (home / "log").read_text()[
            -2000:
        ]
        code, lines = seemachine(["ledger", "--json-lines"], storm.environment())
        assert code == 0, lines
        return check(sorted(home.glob("history-*")), [json.loads(line) for line in lines]), storm
    finally:
        storm.end()


def main() -> int:
    """Print the verdict."""
    seconds, seed = (
        float(sys.argv[1]),
        int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32),
    )
    with tempfile.TemporaryDirectory() as folder:
        outcome, storm = run(Path(folder) / "world", seconds, seed)
        reasons = Counter(
            line
            for line in (storm.home / "log").read_text().splitlines()
            if line.startswith("seemachine serve:")
        )
        cuts = sum(proxy.cuts for proxy in storm.proxies.values())
    print(f"seed {seed}, {seconds:g} s: {dict(storm.events)}, connections cut: {cuts}")
    print(
        f"signatures received: {outcome.signatures}; leaves in the ledgers: {outcome.leaves},"
        f" {outcome.burned} of them received by nobody"
    )
    for reason, times in reasons.most_common(5):
        print(f"a machine ended {times} times: {reason}")
    print(f"refusals: {dict(outcome.refusals)}")
    for what, found in (
        ("signed two messages", outcome.reused),
        ("bad signatures", outcome.bad),
        ("received but lost", outcome.lost),
    ):
        print(f"{what}: {len(found)}")
    for problem in [*outcome.reused, *outcome.bad, *outcome.lost][:20]:
        print(problem)
    return 1 if outcome.reused or outcome.bad or outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
