"""roles.py: who may ask what."""

import pytest

from seemachine.wire.messages import REQUESTS
from seemachine.wire.requests import Request
from seemachine.wire.roles import WORDS, Caller, ClientRole, denial
from seemachine.wire.status import Status

LEAST = {name: kind.LEAST for name, kind in REQUESTS.items()}
USE = {
    *(
        "hello",
        "nvmemfile_info",
        "nvmemfile_list",
        "nvmemfile_sign",
        "nvmemfile_sign_many",
        "nvmemfile_reserve",
        "nvmemfile_sign_digest",
        "loadToken",
    ),
    *("signMLDSA", "infoMLDSA", "loadLMS", "slot_list", "nvram_ledger", "quarantine_list"),
}


def test_who_only_uses_keys_changes_nothing_else():
    """Signing and looking are all that the smallest role may, whatever the others may."""
    assert {name for name, least in LEAST.items() if least is ClientRole.USE} == USE


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("role", ClientRole)
def test_a_role_may_all_that_the_smaller_ones_may(name, role):
    """A request is allowed from its least role upwards, and denied below it with a sentence that
    names the role it takes.
    """
    denied = denial(Caller("alice", role), name, LEAST[name])
    assert (denied is None) == (role >= LEAST[name])
    if denied is not None:
        assert denied.status is Status.AccessDenied
        assert denied.detail.startswith(
            f"alice has the role {role.word}, and the role {LEAST[name].word} is needed; "
        )


def test_what_says_nothing_of_roles_is_for_admin():
    """No class of requests leaves its role out; what all of them come from is denied to all
    others.
    """
    assert Request.LEAST is ClientRole.ADMIN
    assert denial(Caller("a", ClientRole.ADMIN), "launch", Request.LEAST) is None
    assert denial(Caller("a", ClientRole.PROVISION), "launch", Request.LEAST) is not None


def test_roles_have_one_word_each():
    """The words of certificates and command lines are these three, in order."""
    assert list(WORDS) == ["use", "provision", "admin"]
    assert sorted(WORDS.values()) == list(WORDS.values()) == list(ClientRole)
