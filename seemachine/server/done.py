"""A request that was answered, and its line in the log."""

from dataclasses import dataclass

from seemachine.server.logs import Log, describe
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError

OK = Status.OK.name


@dataclass(slots=True)
class Done:
    """What was asked, the reply, how long it took, and the bytes to send."""

    request: Request[Record]
    reply: Record | StatusError
    seconds: float
    frame: bytes

    def record(self, log: Log) -> None:
        """Write it down."""
        request, reply = self.request, self.reply
        details: dict[str, object] = {"command": request.NAME, "status": OK}
        details["seconds"] = round(self.seconds, 4)
        details |= describe(request, reply)
        if isinstance(reply, StatusError):
            details["status"], details["detail"] = reply.status.name, reply.detail
            if reply.status is Status.Failed:
                log.error("bug", command=request.NAME, exc_info=reply.__cause__)
        log.write("info", "request", details)
