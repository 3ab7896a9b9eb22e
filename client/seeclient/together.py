"""Several stories at once: each goes on when it has what it asked for, and their requests to
different machines go out together.

To whoever plays it, it is one story, without more threads or tasks.
"""

from collections.abc import Sequence

from seeclient.effects import Ask, Pause, Story, ask_each
from seeclient.player import Player
from seemachine.wire.status import StatusError


def together(stories: Sequence[Story[None]]) -> Story[None]:
    """Tell all stories to their ends. What one of them raises ends the others too."""
    try:
        players = [Player(story) for story in stories]
        while going := [player for player in players if player.effect is not None]:
            yield from _one_turn(going)
    finally:
        for story in stories:
            story.close()


def _one_turn(players: Sequence[Player[None]]) -> Story[None]:
    """Whoever pauses sits out until the others pause too, or have ended."""
    for player in players:
        while player.effect is not None and not isinstance(player.effect, Ask | Pause):
            with player.performing():
                player.done = yield player.effect
    asks = _of_different_machines(players)
    if asks:
        replies = yield from ask_each(list(asks.values()))
        _go_on_each(list(asks), replies)
        return
    pauses = {player: player.effect for player in players if isinstance(player.effect, Pause)}
    if pauses:
        yield max(pauses.values(), key=lambda pause: pause.seconds)
    for player in pauses:
        _go_on(player, None)


def _of_different_machines(players: Sequence[Player[None]]) -> dict[Player[None], Ask]:
    """The requests that go out now; who wants to ask the same machine waits for its turn."""
    chosen: dict[Player[None], Ask] = {}
    for player in players:
        effect = player.effect
        if isinstance(effect, Ask) and effect.peer not in {each.peer for each in chosen.values()}:
            chosen[player] = effect
    return chosen


def _go_on_each(players: Sequence[Player[None]], replies: Sequence[object]) -> None:
    """Each takes its reply, which may have cost leaves, whatever another one raises. Raises the
    first of it.
    """
    raised: list[Exception] = []
    for player, reply in zip(players, replies, strict=True):
        try:
            _go_on(player, reply)
        except Exception as error:  # noqa: BLE001
            raised.append(error)
    if raised:
        raise raised[0]


def _go_on(player: Player[None], done: object) -> None:
    with player.performing():
        if isinstance(done, StatusError):
            raise done
        player.done = done
