"""PKCS #11 as a C program calls it: numbers, structures and functions over ctypes."""

import ctypes
from collections.abc import Iterable
from ctypes import CDLL, Structure, byref, c_ulong, c_void_p, sizeof
from pathlib import Path

OK, DEVICE_ERROR, NOT_INITIALIZED, EXHAUSTED = 0, 0x30, 0x190, 0x203
BUFFER_TOO_SMALL, NOT_ACTIVE, FUNCTION_FAILED = 0x150, 0x91, 6
READ_WRITE = 6
CLASS, LABEL, VALUE, KEYS_REMAINING = 0, 3, 0x11, 0x61C
PUBLIC, PRIVATE = 2, 3
HSS, ML_DSA = 0x4033, 0x1D
HEDGE_REQUIRED, DETERMINISTIC = 1, 2


class _Attribute(Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("size", c_ulong))


class Mechanism(Structure):
    """A number, and its parameter if there is one."""

    _fields_ = (("type", c_ulong), ("parameter", c_void_p), ("size", c_ulong))


class _Context(Structure):
    _fields_ = (("hedge", c_ulong), ("context", c_void_p), ("size", c_ulong))


class _Arguments(Structure):
    _fields_ = (("functions", c_void_p * 4), ("flags", c_ulong), ("reserved", c_void_p))


class Refused(Exception):
    """A function gave something else than CKR_OK."""

    def __init__(self, name: str, value: int) -> None:
        super().__init__(f"{name}: 0x{value:x}")
        self.value = value


class Cryptoki:
    """The module in this process."""

    def __init__(self, path: Path) -> None:
        self._library = CDLL(str(path))

    def value(self, name: str, *words: object) -> int:
        """What a function gives."""
        function = getattr(self._library, name)
        function.restype = c_ulong
        return int(function(*words))

    def call(self, name: str, *words: object) -> None:
        """Raises Refused when it is not CKR_OK."""
        value = self.value(name, *words)
        if value != OK:
            raise Refused(name, value)

    def initialize(self) -> None:
        """For many threads."""
        self.call("C_Initialize", byref(_Arguments(flags=2)))

    def finalize(self) -> None:
        """Whether or not it was initialized."""
        self.value("C_Finalize", None)

    def session(self) -> "Session":
        """A new one, to read and write."""
        handle = c_ulong()
        self.call("C_OpenSession", c_ulong(0), c_ulong(READ_WRITE), None, None, byref(handle))
        return Session(self, handle)


class Session:
    """One session."""

    def __init__(self, module: Cryptoki, handle: c_ulong) -> None:
        self.module, self.handle = module, handle

    def value(self, name: str, *words: object) -> int:
        """What a function of it gives."""
        return self.module.value(name, self.handle, *words)

    def call(self, name: str, *words: object) -> None:
        """Raises Refused when it is not CKR_OK."""
        self.module.call(name, self.handle, *words)

    def close(self) -> None:
        """End it."""
        self.call("C_CloseSession")

    def login(self, pin: bytes) -> int:
        """What C_Login gives to the user."""
        return self.value("C_Login", c_ulong(1), pin, c_ulong(len(pin)))

    def objects(self, *attributes: tuple[int, bytes]) -> list[int]:
        """Handles of what has these."""
        array, count = _template(attributes)
        self.call("C_FindObjectsInit", array, count)
        found, number = (c_ulong * 100)(), c_ulong()
        self.call("C_FindObjects", found, c_ulong(100), byref(number))
        self.call("C_FindObjectsFinal")
        return list(found[: number.value])

    def key(self, alias: str, half: int = PRIVATE) -> int:
        """The handle of half a key."""
        [found] = self.objects((LABEL, alias.encode()), (CLASS, number(half)))
        return found

    def attribute(self, handle: int, kind: int) -> bytes:
        """What an object says of itself."""
        room = ctypes.create_string_buffer(10_000)
        asked = _Attribute(kind, ctypes.cast(room, c_void_p), sizeof(room))
        self.call("C_GetAttributeValue", c_ulong(handle), byref(asked), c_ulong(1))
        return room.raw[: asked.size]

    def begin(self, key: int, mechanism: Mechanism | None = None) -> None:
        """C_SignInit, with CKM_HSS unless another is given."""
        self.call("C_SignInit", byref(mechanism or Mechanism(HSS, None, 0)), c_ulong(key))

    def length(self, message: bytes) -> int:
        """What C_Sign says without a buffer."""
        length = c_ulong(0)
        self.call("C_Sign", message, c_ulong(len(message)), None, byref(length))
        return length.value

    def into(self, message: bytes, room: int) -> tuple[int, bytes]:
        """What C_Sign gives with a buffer of that size: its value, and a signature if it is OK."""
        buffer, length = ctypes.create_string_buffer(room), c_ulong(room)
        value = self.value("C_Sign", message, c_ulong(len(message)), buffer, byref(length))
        return value, buffer.raw[: length.value] if value == OK else b""

    def sign(self, key: int, message: bytes, mechanism: Mechanism | None = None) -> bytes:
        """A signature. Raises Refused."""
        self.begin(key, mechanism)
        value, signature = self.into(message, 75_000)
        if value != OK:
            raise Refused("C_Sign", value)
        return signature

    def verifies(
        self, key: int, message: bytes, signature: bytes, mechanism: Mechanism | None = None
    ) -> bool:
        """Whether C_Verify says so."""
        self.call("C_VerifyInit", byref(mechanism or Mechanism(HSS, None, 0)), c_ulong(key))
        sizes = c_ulong(len(message)), c_ulong(len(signature))
        return self.value("C_Verify", message, sizes[0], signature, sizes[1]) == OK


def mldsa(context: bytes = b"", hedge: int = 0) -> Mechanism:
    """CKM_ML_DSA with a parameter."""
    words = _Context(hedge, ctypes.cast(ctypes.c_char_p(context), c_void_p), len(context))
    return Mechanism(ML_DSA, ctypes.cast(ctypes.pointer(words), c_void_p), sizeof(words))


def number(value: int) -> bytes:
    """As attributes have it."""
    return bytes(c_ulong(value))


def _template(attributes: Iterable[tuple[int, bytes]]) -> tuple[object, c_ulong]:
    rows = [
        _Attribute(kind, ctypes.cast(ctypes.c_char_p(value), c_void_p), len(value))
        for kind, value in attributes
    ]
    return (_Attribute * len(rows))(*rows), c_ulong(len(rows))
