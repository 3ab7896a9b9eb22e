"""What no test with RSA asked: keys come to an end."""

import PyKCS11
import pytest
from seemachine import testing
from product import signature_of


def test_the_key_is_used_up(session, mechanism, seemachine_fleet):
    """The product learns it from the token."""
    testing_key = seemachine_fleet.key("release")
    testing_key.sign_many([b"firmware"] * 31)
    signature_of(session, "release", b"firmware", mechanism)
    assert testing.exhausted(testing_key)
    with pytest.raises(PyKCS11.PyKCS11Error, match="CKR_KEY_EXHAUSTED"):
        signature_of(session, "release", b"firmware", mechanism)
