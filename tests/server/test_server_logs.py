"""logs.py: what is written, for people and for machines, and what must not be even when something
breaks.
"""

import io
import json
import re
import sys

import pytest
from kit.services import join, make_machine, make_service, name_of
from seeclient.algorithms.lms.signing import new_token

from seemachine.lms.engines.portable import PortableEngine
from seemachine.server.logs import configure, describe
from seemachine.testing import install_key
from seemachine.wire import messages as m
from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError

SECRET = b"SEED-OF-ALL-LEAVES-NEVER-TO-TELL"
MESSAGE = b"MESSAGE-OF-A-CLIENT"


class Terminal(io.StringIO):
    """Standard error of somebody who looks at it."""

    def isatty(self):
        """It is one."""
        return True


@pytest.fixture
def catch(monkeypatch):
    """Called in a test, it catches what is written to standard error from then on, by a pipe or a
    terminal.
    """

    def begin(kind=io.StringIO):
        # Not before the test itself, for pytest puts its own in place at the beginning of each
        # phase.
        caught = kind()
        monkeypatch.setattr(sys, "stderr", caught)
        return caught

    return begin


def test_through_a_pipe_each_event_is_a_json_document(catch):
    """One line, one document, with what was bound to the logger in it."""
    written = catch()
    configure(esn="7852-268D-3BF9").bind(peer="127.0.0.1:1").info("request", seconds=0.5)
    [line] = written.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "esn": "7852-268D-3BF9",
        "peer": "127.0.0.1:1",
        "event": "request",
        "level": "info",
        "seconds": 0.5,
    }


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_name_stays_in_its_line(catch, kind):
    """Whatever a client or a file is called: the only characters that a terminal obeys are our own
    colours.
    """
    written = catch(kind)
    configure(esn="7852-268D-3BF9").info("request", client="a\x9b31m\u202e\x7f\nforged", other=1)
    [line] = re.sub("\x1b\\[[0-9;]*m", "", written.getvalue()).splitlines()
    assert is_printable(line)


def test_on_a_terminal_events_are_for_reading(catch):
    """A person gets a line with the time of day instead of JSON."""
    written = catch(Terminal)
    configure(esn="7852-268D-3BF9").info("ready", port=8888)
    [line] = written.getvalue().splitlines()
    assert "ready" in line
    assert "8888" in line
    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        json.loads(line)


def test_names_and_numbers_are_described_and_nothing_else():
    """Of a request and its reply the log gets key, leaf, what remains, slot and card; of neither
    the message nor the signature.
    """
    asked = m.NvmemfileSign(file=b"lmsnosuchke", token=new_token(), message=MESSAGE)
    signed = m.NvmemfileSigned(signature=MESSAGE, leaf=3, remaining=28)
    assert describe(asked, signed) == {"key": "6c6d736e6f737563686b65", "leaf": 3, "remaining": 28}
    written = m.CardWritten(card="card1", remaining=0)
    assert describe(m.ContinueLmsCard(handle=bytes(16), slot=2), written) == {
        "slot": 2,
        "card": "card1",
        "remaining": 0,
    }
    assert describe(m.ListSlots(), StatusError(Status.Failed, "")) == {}


class Broken(PortableEngine):
    """Fails with everything that it knows in its frames."""

    def sign(self, ots, jobs):
        """See Engine."""
        del ots
        [job] = jobs
        seed = job.seed
        raise RuntimeError(f"a bug with {len(seed)} bytes at hand")


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
async def test_an_internal_error_tells_no_secret(kind, catch, tmp_path, nursery):
    """A bug while signing is logged with its traceback, but without a byte of seed or message, on a
    terminal as in JSON.
    """
    written = catch(kind)
    machine = make_machine(tmp_path, engine=Broken(), random=lambda count: SECRET[:count])
    service = make_service(machine, configure(esn=machine.esn))
    nursery.start_soon(service.pipeline.run)
    key = install_key(machine, random=lambda count: SECRET[:count])
    peer = await join(nursery, service).greet()
    reply = await peer.ask(m.NvmemfileSign(file=name_of(key), token=new_token(), message=MESSAGE))
    assert reply.status is Status.Failed
    log = written.getvalue()
    assert "a bug with 32 bytes at hand" in log
    assert SECRET[:8].decode() not in log
    assert MESSAGE.decode() not in log
