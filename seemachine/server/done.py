"""A request that was answered, and its line in the log."""

from dataclasses import dataclass

from seemachine.server.logs import Log, describe
from seemachine.wire.fields import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError


@dataclass(slots=True)
class Done:
    """What was asked, the reply, how long it took, and the bytes to send."""

    request: Request[Record]
    reply: Record | StatusError
    seconds: float
    frame: bytes

    def record(self, log: Log) -> None:
        """Write it down."""
        status, details = Status.OK, describe(self.request, self.reply)
        if isinstance(self.reply, StatusError):
            status, details["detail"] = self.reply.status, self.reply.detail
            if status is Status.Failed:
                log.error("bug", command=self.request.NAME, exc_info=self.reply.__cause__)
        log.info(
            "request",
            command=self.request.NAME,
            status=status.name,
            seconds=round(self.seconds, 4),
            **details,
        )
