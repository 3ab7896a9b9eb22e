"""A real machine that 1,000 hostile connections come to, while honest clients of the same address
go on signing.

`make attack` tries every attack, for longer, and measures.
"""

import json
import resource
from pathlib import Path

import pytest
from attacks.siege import ATTACKERS, WIDE, besiege, machine, signing_key

from seemachine.config import LimitSettings

SECONDS = 1.5
HEIGHT = 10
MOST_MEGABYTES = 400
LOG_BYTES = 1_000_000
# Descriptors that are no connection, and connections whose tasks have not ended yet.
SPARE = 150


def report(kind, outcome):
    """For people; nothing here is a reason to fail."""
    for name, values in (("steady", sorted(outcome.steady)), ("new", sorted(outcome.newcomers))):
        if values:
            print(
                f"{kind}: {len(values)} {name}, p50 {values[len(values) // 2]:.1f} ms, p99"
                f" {values[-1 - len(values) // 100]:.1f} ms"
            )


def withstands(kind, tmp_path, **limits):
    """Attack a machine; every honest client was served every time, no leaf came twice, memory and
    log are bounded.
    """
    # Attackers that wait for their turn, or for nobody knows what, count as requests under way when
    # the machine stops.
    with machine(tmp_path, {"drain_seconds": 1, **limits}) as running:
        outcome = besiege(running, kind, signing_key(running, HEIGHT), SECONDS)
        code = running.stop()
    report(kind, outcome)
    assert outcome.failures == []
    assert outcome.steady
    assert outcome.newcomers
    assert (
        len(set(outcome.leaves))
        == len(outcome.leaves)
        >= len(outcome.steady) + len(outcome.newcomers)
    )
    assert outcome.peak < 1000 * MOST_MEGABYTES
    assert outcome.log < LOG_BYTES
    assert code == 0
    return outcome, [json.loads(line) for line in running.log.read_text().splitlines()]


@pytest.mark.parametrize("kind", ["silent", "hello flood"])
def test_more_attackers_than_places(kind, tmp_path):
    """With the limits as they are, attackers push each other out and no honest client, and the log
    counts them.
    """
    outcome, events = withstands(kind, tmp_path)
    assert outcome.connected >= ATTACKERS
    assert outcome.held < LimitSettings().connections + SPARE
    told = [event for event in events if event["event"] == "made room for another"]
    left_out = [
        event
        for event in events
        if event["event"] == "lines left out" and event["kind"] == "made room for another"
    ]
    assert told
    assert (
        len(told) + sum(event["count"] for event in left_out)
        >= ATTACKERS - LimitSettings().connections
    )
    assert len(told) < ATTACKERS


def test_attackers_that_are_all_let_in(tmp_path):
    """A thousand at one time that ask for listings and never read them cost neither a signature nor
    much memory.
    """
    outcome, _ = withstands("never reading", tmp_path, connections=WIDE, peer_connections=WIDE)
    # A machine that has few processors to itself has not come to the last of them in time.
    assert outcome.connected == ATTACKERS
    assert outcome.held >= 0.8 * ATTACKERS > LimitSettings().peer_connections


def test_a_machine_gets_the_descriptors_that_its_limit_needs(tmp_path):
    """Started with a low soft limit of the system, it raises it itself."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # This process has files of other tests open, and needs some to start another one.
    low = len(list(Path("/proc/self/fd").iterdir())) + 64
    wanted = low + 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, before[1]))
    try:
        with machine(tmp_path, {"connections": wanted}) as running:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            limits = Path(f"/proc/{running.process.pid}/limits").read_text().splitlines()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    [line] = [each for each in limits if each.startswith("Max open files")]
    assert int(line.split()[3]) >= wanted
