"""Which machine does it: any of the world can, so the next is asked after any refusal."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from seeclient import connecting, dispatch, tokens
from seeclient.connecting import RETRY_PAUSES
from seeclient.effects import Pause, Peer, Roster, Story
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError

Reply = TypeVar("Reply", bound=Record)
Asking = Callable[[Peer], None]


def first_reply(
    roster: Roster,
    peers: Sequence[Peer],
    request: Callable[[bytes | None], Request[Reply]],
    cardset: bytes = b"",
    passphrases: Sequence[str] = (),
    *,
    asking: Asking = lambda _: None,
) -> Story[tuple[Peer, Reply]]:
    """The first machine that does it, in the order given but for those that have the card set
    loaded, and its reply.

    `request` gets the handle of the card set, None without one. `asking` is called with each
    machine before that is asked. Raises StatusError; `tokens.wants_passphrase` tells whether a
    passphrase is missing.
    """
    for pause in (*RETRY_PAUSES, None):
        reasons: list[StatusError] = []
        for peer in tokens.in_order(roster, peers, cardset):
            asking(peer)
            try:
                done = yield from tokens.ask_with(roster, peer, cardset, passphrases, request)
            except StatusError as refused:
                reasons.append(refused)
            else:
                return peer, done
        if pause is None or not any(each.where == connecting.CONNECT for each in reasons):
            break
        yield Pause(pause)
    raise tokens.most_telling(reasons) if reasons else dispatch.nobody(roster)
