"""The loop that plays a story, whoever does what it asks for.

player = Player(story)
while player.effect is not None:
with player.performing():
player.done = perform(player.effect)     # the one line that waits, or awaits
return player.result
"""

from typing import Generic, Self

from seeclient.effects import Effect, Result, Story, resume
from seemachine.wire.status import StatusError


class Player(Generic[Result]):
    """Where a story stands. Without an effect it has come to its end, and `result` is what it gave.

    What a story refuses with leaves the constructor, or `performing`, as StatusError.
    """

    result: Result

    def __init__(self, story: Story[Result]) -> None:
        self._story = story
        self.effect: Effect | None = None
        self.done: object = None
        self._go_on(None)

    def performing(self) -> Self:
        """Perform the effect within, and put what came of it into `done`.

        A StatusError is the story's to deal with; whatever else breaks off ends the story too.
        """
        return self

    def __enter__(self) -> None:
        """See performing."""

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> bool:
        if error is None or isinstance(error, StatusError):
            self._go_on(error)
            return True
        self._story.close()
        return False

    def _go_on(self, refusal: StatusError | None) -> None:
        done, self.done = self.done, None
        try:
            self.effect = resume(self._story, done, refusal)
        except StopIteration as end:
            self.effect, self.result = None, end.value
