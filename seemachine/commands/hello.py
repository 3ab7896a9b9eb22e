"""hello: who is there."""

import seemachine
from seemachine.commands.table import command
from seemachine.machine import Session
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL, SDK_VERSION, other_protocol
from seemachine.wire.status import Status, StatusError


@command
def hello(session: Session, request: Hello) -> Greeting:
    """Introduce the machine. Refuses a client of another protocol version with InvalidParameter."""
    if request.protocol != PROTOCOL:
        raise StatusError(
            Status.InvalidParameter,
            other_protocol("the client", request.protocol, "this machine", PROTOCOL),
        )
    machine = session.machine
    return Greeting(
        protocol=PROTOCOL,
        esn=machine.esn,
        model=machine.model,
        version=SDK_VERSION,
        software=f"seemachine {seemachine.__version__}",
        engine=f"{machine.engine.name}/{machine.engine.kernel}",
        signer=machine.signer,
        nvram=machine.store.mark.identity,
        epoch=machine.store.epoch,
        opening=machine.store.mark.nonce,
        operator=machine.operator,
        insecure=machine.seed,
        faults="" if machine.faults is None else machine.faults.summary,
        limits=machine.limits,
    )
