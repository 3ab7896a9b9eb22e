"""Faults of a machine's state that are meant for some requests: others meet none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from kit.commands import generate, hash_key
from kit.mishaps import SLOT, Bench
from kit.services import join, make_service
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A machine."""
    made = Bench(tmp_path, "file")
    yield made
    made.check()
    made.close()


def provisions(bench: Bench) -> bool:
    """Whether a lease comes in."""
    bench.card(leases=2)
    return isinstance(bench.provision(), m.LmsProvisioned)


def writes_card(bench: Bench) -> bool:
    """Whether a card of a new key is written."""
    session = bench.session()
    bench.blank()
    key = hash_key(session, expcards=1, explease=1)
    reply = answer(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
    return isinstance(reply, m.CardWritten)


def finishes_key(bench: Bench) -> bool:
    """Whether a singular key comes into NVRAM."""
    session = bench.session()
    started = answer(session, generate(label="release", replace=True))
    step = m.ContinueLms(handle=started.handle)
    return all(isinstance(answer(session, step), m.LmsChunk) for _ in range(started.remaining))


def signs(bench: Bench) -> bool:
    """Whether a message is signed."""
    return isinstance(bench.sign(bench.singular()), int)


def signs_many(bench: Bench) -> bool:
    """Whether two are, in one request."""
    tokens, messages = [new_token(), new_token()], [b"a", b"b"]
    ask = m.NvmemfileSignMany(file=bench.singular(), tokens=tokens, messages=messages)
    return not isinstance(answer(bench.session(), ask), StatusError)


PROVISION, CARD, STEP = "provisionLMS", "continueLMS_card_next", "continueLMS_cache_next"
SIGN, MANY = "nvmemfile_sign", "nvmemfile_sign_many"


@pytest.mark.parametrize(
    ("line", "met", "spared"),
    [
        (f"card-worn on={PROVISION}", provisions, writes_card),
        (f"card-torn on={CARD}", writes_card, provisions),
        (f"card-pulled on={CARD}", writes_card, provisions),
        (f"card-pulled moment=read on={PROVISION}", provisions, writes_card),
        (f"nvram-full on={PROVISION}", provisions, finishes_key),
        (f"nvram-full on={STEP},{CARD}", finishes_key, provisions),
        (f"disk-full on={PROVISION}", provisions, signs),
        (f"disk-full on={SIGN}", signs, signs_many),
        (f"disk-full on={MANY}", signs_many, signs),
        (f"disk-full on={STEP}", finishes_key, writes_card),
    ],
)
def test_only_those_requests_meet_it(
    bench: Bench, line: str, met: Callable[[Bench], bool], spared: Callable[[Bench], bool]
) -> None:
    """Of a card, of NVRAM and of the disk."""
    bench.faults.add(line)
    assert spared(bench)
    assert bench.faults.listing()[0].met == 0
    assert not met(bench)
    assert spared(bench)
    bench.faults.clear()
    assert met(bench)


def test_what_a_machine_does_by_itself_is_no_request(bench: Bench) -> None:
    """Its witness is told between them; a fault that is for none of them meets that, too."""
    bench.sign(bench.singular())
    bench.faults.add(f"witness-lost on={SIGN}")
    assert bench.held.machine.store.beat() == ""
    assert bench.faults.listing()[0].met == 0


async def test_requests_that_share_a_commit_meet_it_together(
    bench: Bench, nursery: trio.Nursery
) -> None:
    """Over the pipeline; a request of another name, alone in its commit, meets none."""
    file = bench.singular()
    service = make_service(bench.held.machine)
    nursery.start_soon(service.pipeline.run)
    peer = await join(nursery, service).greet()
    bench.faults.add(f"disk-full on={SIGN}")
    tokens, messages = [new_token(), new_token()], [b"a", b"b"]
    many = await peer.ask(m.NvmemfileSignMany(file=file, tokens=tokens, messages=messages))
    assert many.leaves == [0, 1]
    one = m.NvmemfileSign(file=file, token=new_token(), message=b"m")
    assert (await peer.ask(one)).status is Status.OSErrorErrno
    bench.faults.clear()
    assert (await peer.ask(one)).leaf == 3
