"""An HSM with LMS keys for each test."""

import PyKCS11
import pytest
from seeclient import library as libraries


@pytest.fixture
def session(seemachine_key, seemachine_world):
    """A session on the test's HSM; the key is there. Nobody needs a PIN."""
    seemachine_key("release")
    library = PyKCS11.PyKCS11Lib()
    library.load(str(libraries.path_of("pkcs11")))
    opened = library.openSession(0, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    yield opened
    opened.closeSession()
    library.unload()


@pytest.fixture
def mechanism():
    """HSS of one level, which is LMS."""
    return PyKCS11.Mechanism(PyKCS11.CKM_HSS, None)
