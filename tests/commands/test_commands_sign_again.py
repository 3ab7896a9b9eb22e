"""A signature that is asked for again, when its page can't be hashed any more."""

import pytest
from kit.commands import LEAVES, RepeatableRig, ask, hash_key, refuse, sign
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import pages
from seemachine.machine import Machine, Session
from seemachine.wire.status import Status


def test_the_last_signature_of_a_key(
    world: RepeatableRig, machine: Machine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is used up, so nothing is prepared: the refusal says what to send, and comes from
    the command. Then the same signature is given again.
    """
    key, token = hash_key(session), new_token()
    for _ in range(LEAVES - 1):
        ask(session, sign(key.file))
    last = ask(session, sign(key.file, token=token))
    fresh = Session(world.machine(store=machine.store))
    with monkeypatch.context() as patch:
        patch.setattr(pages, "MAX_PAGE_EXPONENT", 4)
        refused = refuse(fresh, sign(key.file, token=token))
    again = ask(fresh, sign(key.file, token=token))

    assert refused.status is Status.NotAvailable
    assert "is not loaded in nvmemfile_sign; send the key file's cache" in refused.detail
    assert (again.leaf, again.signature) == (LEAVES - 1, last.signature)
    assert verifies(key.public_key, again.signature)
