"""What the NVRAM of a machine has to do beside its orders: be tidied, and keep in touch with its
witness.
"""

import trio

from seemachine.server.service import Service
from seemachine.state.errors import StateError

TIDY_SECONDS = 60.0
# What was put back after a loss of power goes unnoticed for so long, unless another witness knows
# better.
BEAT_SECONDS = 2.0


async def tidy(service: Service) -> None:
    """Once a minute, until cancelled. It has no time limit, for it may wait for a disk."""
    store = service.machine.store
    while True:
        await trio.sleep(TIDY_SECONDS)
        try:
            # Some work is cut into steps, lest it keep others waiting.
            while await service.workers.run(service.others, store.tidy):
                pass
        except StateError as error:
            service.log.warning("cannot tidy", detail=str(error))
        except Exception as error:  # noqa: BLE001
            service.log_trouble("bug: cannot tidy", error)


async def beat(service: Service, beats: trio.CapacityLimiter) -> None:
    """Every few seconds, until cancelled; logged when something changes.

    On threads that serve nothing else: nobody's long request may keep the witness from it.
    """
    failing = ""
    while True:
        await trio.sleep(BEAT_SECONDS)
        news, failed = "", ""
        try:
            # At the end left to itself: closing the store waits for it, within a bound.
            news = await service.workers.run(beats, service.machine.store.beat)
        except StateError as error:
            failed = str(error)
        except Exception as error:  # noqa: BLE001
            service.log_trouble("bug: the witness fails", error)
        _log_witness(service, news, failed, failing)
        failing = failed


def _log_witness(service: Service, news: str, failed: str, failing: str) -> None:
    if failed and failed != failing:
        service.log.warning("the witness fails", detail=failed)
    if news or (failing and not failed):
        service.log.warning("the witness answers again", detail=news)
