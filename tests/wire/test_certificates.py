"""certificates.py: what is read in a certificate, in the form that ssl gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seemachine.wire.certificates import ESN_URI, MAX_CLIENT_NAME, ROLE_URI, Unfit, caller, esns
from seemachine.wire.roles import WORDS, Caller, ClientRole


def certificate(*uris, names=("alice",), more=()):
    """A certificate as getpeercert gives it."""
    subject = ((("countryName", "CH"),), *((("commonName", name),) for name in names))
    return {"subject": subject, "subjectAltName": (*(("URI", uri) for uri in uris), *more)}


@pytest.mark.parametrize("word", WORDS)
def test_a_client_has_a_name_and_a_role(word):
    """Other URIs and names of other types are nothing to us."""
    shown = certificate("https://example.com/", ROLE_URI + word, more=(("DNS", ROLE_URI + "x"),))
    assert caller(shown) == Caller("alice", ClientRole[word.upper()])


UNFIT = {
    "no role": certificate(),
    "exactly one common name: nothing at all": {},
    "exactly one URI": certificate("urn:other:role:use"),
    "several roles": certificate(ROLE_URI + "use", ROLE_URI + "use"),
    "unknown role 'Admin'": certificate(ROLE_URI + "Admin"),
    "unknown role ''": certificate(ROLE_URI),
    "exactly one common name": certificate(ROLE_URI + "use", names=()),
    "exactly one common name: two": certificate(ROLE_URI + "use", names=("a", "b")),
    "of 1 to 64 printable characters": certificate(ROLE_URI + "use", names=("",)),
    "of 1 to 64 printable characters: long": certificate(
        ROLE_URI + "use", names=("a" * (MAX_CLIENT_NAME + 1),)
    ),
    "printable": certificate(ROLE_URI + "use", names=("a\nb",)),
    "printable: turned round": certificate(ROLE_URI + "use", names=("a\u202eb",)),
    "a letter or digit: blanks": certificate(ROLE_URI + "use", names=(" " * 8,)),
    "a letter or digit: blank braille": certificate(ROLE_URI + "use", names=("\u2800 -",)),
    "printable: fillers": certificate(ROLE_URI + "use", names=("\u3164\uffa0",)),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_client_without_one_of_each_is_unfit(what):
    """Two roles are as bad as none, and a name is what a log can show."""
    with pytest.raises(Unfit, match=what.partition(":")[0]):
        caller(UNFIT[what])


@given(
    st.lists(st.text(max_size=12) | st.sampled_from([ROLE_URI + "use", ROLE_URI + "admin"])),
    st.lists(st.text(max_size=70)),
)
def test_whatever_is_in_a_certificate_it_is_a_caller_or_unfit(uris, names):
    """Only one known role and one name make a caller."""
    roles = [uri for uri in uris if uri.startswith(ROLE_URI)]
    try:
        found = caller(certificate(*uris, names=names))
    except Unfit:
        return
    assert [ROLE_URI + found.role.word] == roles
    assert [found.name] == names
    assert 1 <= len(found.name) <= MAX_CLIENT_NAME


def test_a_machine_may_be_several():
    """Every URI with a well-formed ESN counts, and nothing else does."""
    assert esns(
        certificate(
            ESN_URI + "7852-268D-3BF9", ESN_URI + "5F08-02E0-D947", ESN_URI + "x", "7852-268D-0000"
        )
    ) == [
        "7852-268D-3BF9",
        "5F08-02E0-D947",
    ]
    assert esns({}) == []
    assert esns(certificate(more=(("DNS", ESN_URI + "7852-268D-3BF9"),))) == []
