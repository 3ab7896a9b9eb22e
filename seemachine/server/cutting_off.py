"""A connection that ends in the middle of a request, because it is to."""

from seemachine.wire.record import Record
from seemachine.wire.status import StatusError


class CutOff(Exception):
    """No more is heard or said. `reply` is what was carried out, if anything; `torn`: half of it
    is sent.
    """

    def __init__(self, reply: Record | StatusError | None = None, *, torn: bool = False) -> None:
        super().__init__()
        self.reply = reply
        self.torn = torn
