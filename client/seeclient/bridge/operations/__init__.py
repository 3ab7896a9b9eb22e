"""What a C library can ask, by name: one function each.

A function gets an Errand and, in the order of its parameters, the fields of the question, each read
as its annotation says: text, bytes or a number. It returns the fields of the reply. Raises
StatusError.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module

from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field, Request, number_of
from seemachine.wire.status import Status, StatusError

# Operation: its module here. The function has the same name and an underscore, for `import` is a
# word of Python.
MODULES = {
    "version": "machines",
    "provision": "machines",
    "login": "machines",
    "list": "keys",
    "key": "keys",
    "object": "objects",
    "objects": "objects",
    "identify": "objects",
    "remaining": "keys",
    "destroy": "keys",
    "generate": "making",
    "import": "making",
    "sign": "signing",
    "sign_immediate": "signing",
    "verify": "verifying",
    "verify_immediate": "verifying",
    "client_version": "acorn",
    "machine_version": "acorn",
    "public_hash": "acorn",
    "info_lms": "acorn",
}
Function = Callable[..., Sequence[Field]]


def found(asked: Request) -> Callable[[Errand], Sequence[Field]]:
    """What a question calls. Raises StatusError for an unknown one."""
    if asked.operation not in MODULES:
        detail = (
            f"the helper has no operation {asked.operation}: is the library of another version?"
        )
        raise StatusError(Status.UnknownCommand, detail, "bridge")
    function, forms = _function(asked.operation)
    if len(forms) != len(asked.fields):
        detail = f"{asked.operation} takes {len(forms)} fields, not {len(asked.fields)}"
        raise StatusError(Status.InvalidParameter, detail, "bridge")
    pairs = zip(forms.items(), asked.fields, strict=True)
    values = {name: _value(name, form, field) for (name, form), field in pairs}
    return lambda errand: function(errand, **values)


@cache
def _function(operation: str) -> tuple[Function, dict[str, type]]:
    """With the name and type of each parameter, without the errand."""
    module = import_module(f"{__name__}.{MODULES[operation]}")
    function: Function = getattr(module, f"{operation}_")
    forms = inspect.get_annotations(function)
    return function, {name: forms[name] for name in list(forms)[1:] if name != "return"}


def _value(name: str, form: type, field: bytes) -> str | bytes | int:
    if form is bytes:
        return field
    try:
        return field.decode() if form is str else number_of(field)
    except ValueError as error:
        detail = f"{name} can't be read: {error}"
        raise StatusError(Status.InvalidParameter, detail, "bridge") from None
