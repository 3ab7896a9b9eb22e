"""PyKCS11, the client that knows HSS by name: a key's whole life, and its words for refusals."""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyhsslms
import pytest
from kit.processes import RunningMachine
from seeclient import blocking

with warnings.catch_warnings():
    # What SWIG generates, which newer Pythons find old-fashioned.
    warnings.simplefilter("ignore", DeprecationWarning)
    PyKCS11 = pytest.importorskip("PyKCS11", reason="PyKCS11 is not installed")
MESSAGE = b"firmware"


def ulong(value: int) -> tuple[int, ...]:
    """A number, as PyKCS11 takes those of attributes that it has no form for."""
    return tuple(struct.pack("@L", value))


def template(alias: str, **other: int) -> list[tuple[int, object]]:
    """The private half of a key of 32 leaves, with other values for some attributes."""
    shape = {"CKA_HSS_LEVELS": 1, "CKA_HSS_LMS_TYPES": 5, "CKA_HSS_LMOTS_TYPES": 4, **other}
    return [
        (PyKCS11.CKA_LABEL, alias),
        (PyKCS11.CKA_TOKEN, True),
        (PyKCS11.CKA_PRIVATE, True),
        (PyKCS11.CKA_SENSITIVE, True),
        (PyKCS11.CKA_EXTRACTABLE, False),
        *((getattr(PyKCS11, name), ulong(value)) for name, value in shape.items()),
    ]


def mechanism(name: str) -> object:
    """A mechanism without a parameter."""
    return PyKCS11.Mechanism(getattr(PyKCS11, name), None)


@pytest.fixture
def session(path: Path, environ: None) -> Iterator[Any]:
    """A session to read and write."""
    loaded = PyKCS11.PyKCS11Lib()
    loaded.load(str(path))
    yield loaded.openSession(0, PyKCS11.CKF_RW_SESSION | PyKCS11.CKF_SERIAL_SESSION)
    loaded.unload()


def generated(session: Any, alias: str) -> tuple[Any, Any]:
    """A new pair."""
    public: list[tuple[int, object]] = [(PyKCS11.CKA_LABEL, alias), (PyKCS11.CKA_TOKEN, True)]
    made = session.generateKeyPair(public, template(alias), mechanism("CKM_HSS_KEY_PAIR_GEN"))
    return made[0], made[1]


def test_the_life_of_a_key(session: Any) -> None:
    """It is made, found by label and ID, signs what an independent implementation verifies, tells
    what remains, and is destroyed.
    """
    public, private = generated(session, "life")
    value, levels, lms, lmots = session.getAttributeValue(
        public,
        [
            PyKCS11.CKA_VALUE,
            PyKCS11.CKA_HSS_LEVELS,
            PyKCS11.CKA_HSS_LMS_TYPE,
            PyKCS11.CKA_HSS_LMOTS_TYPE,
        ],
    )
    assert (len(value), levels, lms, lmots) == (60, ulong(1), ulong(5), ulong(4))
    signature = bytes(session.sign(private, MESSAGE, mechanism("CKM_HSS")))
    assert len(signature) == 1296
    assert pyhsslms.HssPublicKey.deserialize(bytes(value)).verify(MESSAGE, signature)
    assert session.verify(public, MESSAGE, signature, mechanism("CKM_HSS"))
    assert not session.verify(public, b"other", signature, mechanism("CKM_HSS"))
    remaining = session.getAttributeValue(private, [PyKCS11.CKA_HSS_KEYS_REMAINING])
    assert remaining == [ulong(31)]
    [name] = session.getAttributeValue(private, [PyKCS11.CKA_ID])
    assert len(session.findObjects([(PyKCS11.CKA_ID, name)])) == 2
    assert len(session.findObjects([(PyKCS11.CKA_LABEL, "LIFE")])) == 2
    session.destroyObject(private)
    assert session.findObjects([(PyKCS11.CKA_LABEL, "life")]) == []


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"CKA_HSS_LEVELS": 2}, "CKR_ATTRIBUTE_VALUE_INVALID"),
        ({"CKA_HSS_LMS_TYPES": 4}, "CKR_ATTRIBUTE_VALUE_INVALID"),
        # Of 24 and of 32 bytes: they do not go together.
        ({"CKA_HSS_LMOTS_TYPES": 8}, "CKR_ATTRIBUTE_VALUE_INVALID"),
    ],
)
def test_keys_that_there_are_not(session: Any, wrong: dict[str, int], word: str) -> None:
    """Two levels, unknown types and types of two sizes are refused before anything is made."""
    with pytest.raises(PyKCS11.PyKCS11Error, match=word):
        session.generateKeyPair([], template("wrong", **wrong), mechanism("CKM_HSS_KEY_PAIR_GEN"))
    assert session.findObjects([(PyKCS11.CKA_LABEL, "wrong")]) == []


def test_a_label_names_one_key(session: Any) -> None:
    """A second key under it is refused, and so is a label that can't be an alias."""
    _, private = generated(session, "once")
    for alias in ("once", "two words"):
        with pytest.raises(PyKCS11.PyKCS11Error, match="CKR_ATTRIBUTE_VALUE_INVALID"):
            generated(session, alias)
    assert session.sign(private, MESSAGE, mechanism("CKM_HSS"))


def test_a_key_of_a_session_ends_with_it(session: Any, machine: RunningMachine) -> None:
    """It signs as any key does, and is destroyed on its machine when the session is closed."""
    shape = [row for row in template("x") if row[0] not in (PyKCS11.CKA_TOKEN, PyKCS11.CKA_LABEL)]
    _, private = session.generateKeyPair([], shape, mechanism("CKM_HSS_KEY_PAIR_GEN"))
    assert session.sign(private, MESSAGE, mechanism("CKM_HSS"))
    with blocking.open_fleet(world=machine.home) as fleet:
        keys = fleet.roster.keys
        assert [alias for alias in keys.aliases() if alias.startswith("pkcs11-session-")]
        session.closeSession()
        assert not [alias for alias in keys.aliases() if alias.startswith("pkcs11-session-")]


def test_an_id_stays_with_its_key(session: Any, machine: RunningMachine) -> None:
    """Other programs find the key by it; a key that comes later under the alias has its own."""
    name = [(PyKCS11.CKA_ID, b"\x01\x02")]

    def made(*more: tuple[int, object]) -> Any:
        shape = [*template("named"), *more]
        return session.generateKeyPair([], shape, mechanism("CKM_HSS_KEY_PAIR_GEN"))[1]

    private = made(*name)
    assert len(session.findObjects(name)) == 2
    session.destroyObject(private)
    assert session.findObjects(name) == []
    with blocking.open_fleet(world=machine.home) as fleet:
        [identifier] = session.getAttributeValue(made(), [PyKCS11.CKA_ID])
        assert bytes(identifier).hex() == fleet.key("named").file.public_hash
