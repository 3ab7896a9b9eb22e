"""A machine that refuses to sign: whether it is of the key's signer decides who is asked next."""

from typing import Any

import pytest
from client.test_stories import ASK_INFO, PUBLIC_KEY, SIGNED, info, sign_request
from kit.stories import a_peer, a_roster, play
from seeclient import Status, StatusError
from seeclient.algorithms.lms import signing
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.message import Message

from seemachine.testing import ESN, OTHER_ESN

OURS, THEIRS = b"\x01" * 32, b"\x02" * 32
DENIED = StatusError(Status.AccessDenied, "not yours", "nvmemfile_sign")


@pytest.fixture
def key() -> Any:
    """The key of these stories, made by a SEE machine that OURS signed."""
    return LmsKeyFile("release", PUBLIC_KEY, 0, 1, 0, b"", signer=OURS.hex())


def test_a_machine_of_another_signer_is_passed_over(key: Any) -> None:
    """It signed before, and runs another SEE machine since: the next one is asked."""
    first, second = a_peer(ESN, signer=THEIRS), a_peer(OTHER_ESN, 2, signer=OURS)
    roster = a_roster(first, second)
    roster.signers[key.name] = first
    signed = play(
        signing.sign(roster, key, Message(b"message")),
        ((first, sign_request()), DENIED),
        (([first, second], ASK_INFO), [info(), info()]),
        ((second, sign_request()), SIGNED),
    )
    assert signed.esn == OTHER_ESN
    assert roster.signers[key.name] is second


def test_a_machine_of_the_signer_is_heard(key: Any) -> None:
    """It has a reason of its own, which is the answer: nobody else is asked for a leaf."""
    first, second = a_peer(ESN, signer=OURS), a_peer(OTHER_ESN, 2, signer=OURS)
    roster = a_roster(first, second)
    roster.signers[key.name] = first
    with pytest.raises(StatusError) as refused:
        play(signing.sign(roster, key, Message(b"message")), ((first, sign_request()), DENIED))
    assert refused.value is DENIED
    assert roster.signers == {}


def test_when_only_others_machines_have_the_key_that_is_the_refusal(key: Any) -> None:
    """Not that nobody has it: the operator learns whose the key is."""
    only = a_peer(ESN, signer=THEIRS)
    roster = a_roster(only)
    roster.signers[key.name] = only
    with pytest.raises(StatusError) as refused:
        play(
            signing.sign(roster, key, Message(b"message")),
            ((only, sign_request()), DENIED),
            (([only], ASK_INFO), [info()]),
            ((only, sign_request()), DENIED),
        )
    assert refused.value.status is Status.AccessDenied
    assert refused.value.detail.startswith(f"the key belongs to SEE machines signed by {'01' * 32}")
