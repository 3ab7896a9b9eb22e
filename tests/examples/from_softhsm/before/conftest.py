"""A token of SoftHSM for each test."""

import subprocess

import PyKCS11
import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A token in a folder of its own, where the environment says that it is."""
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    command = f"softhsm2-util --init-token --free --label ci --pin {PIN} --so-pin {PIN}"
    subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def session(token):
    """A session of somebody who has the PIN; the key is there."""
    library = PyKCS11.PyKCS11Lib()
    library.load(MODULE)
    slot = library.getSlotList(tokenPresent=True)[0]
    opened = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    opened.login(PIN)
    opened.generateKeyPair(
        [
            (PyKCS11.CKA_LABEL, "release"),
            (PyKCS11.CKA_MODULUS_BITS, 2048),
            (PyKCS11.CKA_PUBLIC_EXPONENT, (1, 0, 1)),
            (PyKCS11.CKA_VERIFY, True),
        ],
        [(PyKCS11.CKA_LABEL, "release"), (PyKCS11.CKA_SIGN, True)],
    )
    yield opened
    opened.closeSession()
    library.unload()


@pytest.fixture
def mechanism():
    """RSA."""
    return PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS, None)
