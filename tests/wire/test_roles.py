"""roles.py: who may ask what."""

import pytest

from seemachine.wire.messages import REQUESTS
from seemachine.wire.roles import LEAST, WORDS, Caller, ClientRole, denial
from seemachine.wire.status import Status

# Names that the table has before the requests are there.
COMING = {"nvram_ledger", "quarantine_list", "quarantine_burn", "quarantine_skip"}
USE = {
    *(
        "hello",
        "nvmemfile_info",
        "nvmemfile_list",
        "nvmemfile_sign",
        "nvmemfile_reserve",
        "nvmemfile_sign_digest",
    ),
    *("loadLMS", "slot_list", "nvram_ledger", "quarantine_list"),
}


def test_every_request_has_a_role():
    """A new request without a row in the table is a failure here, and so is a row for a request
    that there is not.
    """
    assert set(REQUESTS) <= set(LEAST)
    assert set(LEAST) - set(REQUESTS) <= COMING


def test_who_only_uses_keys_changes_nothing_else():
    """Signing and looking are all that the smallest role may, whatever the table has for the
    others.
    """
    assert {name for name, least in LEAST.items() if least is ClientRole.USE} == USE


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("role", ClientRole)
def test_a_role_may_all_that_the_smaller_ones_may(name, role):
    """A request is allowed from its least role upwards, and denied below it with a sentence that
    names the role it takes.
    """
    denied = denial(Caller("alice", role), name)
    assert (denied is None) == (role >= LEAST[name])
    if denied is not None:
        assert denied.status is Status.AccessDenied
        assert denied.detail.startswith(
            f"alice has the role {role.word}, and the role {LEAST[name].word} is needed; "
        )


def test_what_the_table_does_not_know_is_for_admin():
    """A request that somebody forgot is denied to all others."""
    assert denial(Caller("a", ClientRole.ADMIN), "launch") is None
    assert denial(Caller("a", ClientRole.PROVISION), "launch") is not None


def test_roles_have_one_word_each():
    """The words of certificates and command lines are these three, in order."""
    assert list(WORDS) == ["use", "provision", "admin"]
    assert sorted(WORDS.values()) == list(WORDS.values()) == list(ClientRole)
