"""libacorn as programs see it that load it by name: layouts, tables and ways of calling of the
vendor's public header, in ctypes.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_ubyte, c_uint, c_void_p
from pathlib import Path
from typing import Any

import pytest

Text = POINTER(c_char_p)


class Buffer(Structure):
    """acorn_buffer."""

    _fields_ = (("len", c_uint), ("ptr", POINTER(c_ubyte)))

    @classmethod
    def of(cls, data: bytes) -> "Buffer":
        """A buffer over bytes, which it keeps."""
        kept = (c_ubyte * max(1, len(data))).from_buffer_copy(data or b"\0")
        made = cls(len(data), kept)
        made.kept = kept
        return made

    def slice(self) -> bytes:
        """What hsmtool makes of it without a look at the pointer: here NULL is an error."""
        assert self.ptr, "a slice of NULL"
        return ctypes.string_at(self.ptr, self.len)


class Entry(Structure):
    """acorn_object_keyEntry."""

    _fields_ = (("alias", c_char_p), ("algorithm", c_char_p))


def _struct(name: str, **members: Any) -> type[Structure]:
    return type(name, (Structure,), {"_fields_": tuple(members.items())})


RESPONSES: dict[str, type[Structure]] = {
    name: _struct(name, **members)
    for name, members in {
        "getVersion": {"version": c_char_p},
        "list": {"n_entries": c_uint, "entries": POINTER(Entry)},
        "getPublic": {"publicKey": Buffer},
        "getPublicHash": {"hash": c_char_p},
        "getKeyInfo": {
            "hash": c_char_p,
            "algorithm": c_char_p,
            "publicKey": Buffer,
            "privateBlob": Buffer,
        },
        "generate": {
            "alias": c_char_p,
            "hash": c_char_p,
            "privateBlob": Buffer,
            "privateKey": Buffer,
        },
        "importKeypair": {"alias": c_char_p, "hash": c_char_p, "privateBlob": Buffer},
        "sign": {"signature": Buffer},
        "verify": {"verified": c_uint},
        "signImmediate": {"signature": Buffer},
        "verifyImmediate": {"verified": c_uint},
        "see_getVersion": {"version": c_char_p},
        "see_provisionLMS": {"unused": c_int},
        "see_infoLMS": {"parameters": c_char_p, "remaining": c_uint},
    }.items()
}
# In the order of the tables.
VENDORS = tuple(RESPONSES)[:12]
# Of the inline form, before response and errstring.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "getVersion": (),
    "list": (),
    "getPublic": (c_char_p,),
    "getPublicHash": (Buffer,),
    "getKeyInfo": (c_char_p,),
    "generate": (c_char_p, c_char_p, c_char_p, c_uint),
    "importKeypair": (c_char_p, c_char_p, Buffer, Buffer, c_char_p, c_uint),
    "sign": (c_char_p, c_char_p, Buffer),
    "verify": (c_char_p, c_char_p, Buffer, Buffer),
    "signImmediate": (Buffer, c_char_p, Buffer),
    "verifyImmediate": (Buffer, c_char_p, Buffer, Buffer),
    # hsmtool gives it the request form's argument.
    "see_getVersion": (c_void_p,),
    "see_provisionLMS": (c_char_p, c_uint),
    "see_infoLMS": (c_char_p, c_char_p),
}


class Refused(Exception):
    """A command failed, with its status and its reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Acorn:
    """The library, used as hsmtool does: the table of inline forms, and acorn_free_X with no
    request after every call, failed ones too, on a response that was zero before.
    """

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))
        self._table = self._commands()
        self._free = {name: getattr(self.library, f"acorn_free_{name}") for name in RESPONSES}
        for free in self._free.values():
            free.argtypes, free.restype = (c_void_p, c_void_p), None

    def _commands(self) -> dict[str, Any]:
        table = (c_void_p * len(VENDORS))()
        reason = c_char_p()
        fill = self.library.acorn_getcmdlist
        fill.argtypes = (c_void_p, Text)
        assert fill(table, byref(reason)) == 0, reason.value
        addresses = dict(zip(VENDORS, table, strict=True))
        ours = {
            name: ctypes.cast(getattr(self.library, f"acorn_cmd_{name}"), c_void_p).value
            for name in RESPONSES
            if name not in VENDORS
        }
        return {
            name: ctypes.CFUNCTYPE(c_int, *ARGUMENTS[name], POINTER(RESPONSES[name]), Text)(address)
            for name, address in {**addresses, **ours}.items()
        }

    def __getattr__(self, name: str) -> Any:
        """A command of the table: takes bytes for texts and buffers, returns its members."""
        if name not in RESPONSES:
            raise AttributeError(name)
        return lambda *arguments: self.call(name, *arguments)

    def call(self, name: str, *arguments: Any) -> dict[str, Any]:
        """Raises Refused."""
        forms = ARGUMENTS[name]
        if name == "see_getVersion":
            arguments = (byref(c_int()),)
        given = [
            Buffer.of(value) if form is Buffer else value
            for form, value in zip(forms, arguments, strict=True)
        ]
        response, reason = RESPONSES[name](), c_char_p()
        status = self._table[name](*given, byref(response), byref(reason))
        try:
            if status:
                # hsmtool never frees it; neither does this.
                raise Refused(status, (reason.value or b"").decode())
            return {member: _copy(response, member) for member, _ in response._fields_}
        finally:
            self._free[name](None, byref(response))
            assert not any(bytes(response)), "what is freed is zero"


def _copy(response: Structure, member: str) -> Any:
    value = getattr(response, member)
    if isinstance(value, Buffer):
        return value.slice()
    if member == "entries":
        assert value, "a slice of NULL"
        return [(each.alias, each.algorithm) for each in value[: response.n_entries]]
    return value


def refusal(call: Callable[..., object], *arguments: object) -> tuple[int, str]:
    """Status and reason of a call that fails."""
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.status, refused.value.reason
