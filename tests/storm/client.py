"""One client of the storm, a process that is killed now and then: `python -m storm.client HISTORY
ALIAS...`.

Each line of its history is written before the next request: what it asked, and what it got.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

from seeclient import blocking
from seeclient.algorithms.lms import persisting
from seeclient.results import Signed

from seemachine.wire.status import Status, StatusError

LARGE = 3 << 20
# Of messages that are signed together at most.
MANY = 40


def main(history: str, aliases: list[str]) -> None:
    """Sign until killed."""
    chance = random.Random()
    with Path(history).open("a", buffering=1) as log:
        while True:
            try:
                with blocking.open_fleet() as fleet:
                    while True:
                        one = sign if chance.random() < 0.7 else sign_many
                        one(fleet, chance, log, chance.choice(aliases))
            except StatusError as error:
                log.write(json.dumps({"refused": error.name, "detail": error.detail}) + "\n")
                time.sleep(chance.random() * 0.1)


def sign(fleet, chance, log, alias) -> None:
    """One signature of a message that nobody signed before; one in fifty is hashed by
    the client.
    """
    message = os.urandom(24)
    large = chance.random() < 0.02
    try:
        signed = fleet.key(alias).sign_with(message * (LARGE // 24) if large else message)
    except StatusError as error:
        refused(log, error)
        return
    log.write(line(alias, message, signed, LARGE // 24 if large else 1))


def sign_many(fleet, chance, log, alias) -> None:
    """The same of several in one go. Those that are signed are written down as they come."""
    messages = [os.urandom(24) for _ in range(chance.randint(1, MANY))]

    def came(place: int, signed: Signed) -> None:
        log.write(line(alias, messages[place], signed))

    try:
        fleet.key(alias).sign_many(messages, progress=came)
    except StatusError as error:
        refused(log, error)


def refused(log, error) -> None:
    """Write it down. Raises what nobody expects in a storm."""
    if error.status not in (Status.NotAvailable, Status.OSErrorErrno):
        raise error
    log.write(json.dumps({"refused": error.name, "detail": error.detail}) + "\n")
    time.sleep(0.05)


def line(alias, message, signed, times=1) -> str:
    """Of a signature; its message is `message` so many times."""
    told = {
        "alias": alias,
        "esn": signed.esn,
        "leaf": signed.leaf,
        "message": message.hex(),
        "times": times,
        "signature": signed.signature.hex(),
    }
    return json.dumps(told) + "\n"


if __name__ == "__main__":
    # Replies are awaited for less long than a person would: the storm is short.
    persisting.RETRY_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
    main(sys.argv[1], sys.argv[2:])
