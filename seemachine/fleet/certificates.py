"""Certificates of a fleet's machines that are missing, have expired, or soon will."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator

from seemachine.config import Config
from seemachine.config.certificates import troubles
from seemachine.fleet.finding import CheckResult


def findings(machines: Iterable[Config]) -> Iterator[CheckResult]:
    """Each trouble once, of several machines without their names: they may share a CA."""
    now, concerned = dt.datetime.now(dt.UTC), defaultdict[str, list[str]](list)
    for machine in machines:
        if machine.tls is not None:
            for trouble in troubles(machine.tls, now):
                concerned[trouble].append(machine.esn)
    for trouble, esns in concerned.items():
        yield CheckResult(esns[0] if len(esns) == 1 else "", trouble, _advice(esns))


def _advice(esns: list[str]) -> str:
    one = f"seemachine pki issue machine {esns[0]} --renew"
    made = one if len(esns) == 1 else "seemachine pki init, then seemachine pki issue machine ESN"
    return f"make it anew, such as with: {made}; then start the fleet again"
