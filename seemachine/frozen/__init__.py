"""Classes whose objects never change, made without compiling code for each of them.

`@frozen` gives what `@dataclass(frozen=True, slots=True)` gives, for a tenth of the time at import:
a dataclass compiles its methods for each class; these methods serve all classes. Its objects are
dataclasses to `dataclasses.replace`, `fields` and `asdict`. `replace` is here for whoever does
without that module, which takes long to import by itself.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform, get_origin

Made = TypeVar("Made")

# The default of a field that must be given.
REQUIRED: Any = object()


class Field:
    """What a class says of a field beside its type. `repr`: whether it is shown."""

    __slots__ = ("default", "default_factory", "kw_only", "repr")

    def __init__(
        self,
        *,
        default: object = REQUIRED,
        default_factory: Callable[[], object] | None = None,
        kw_only: bool = False,
        repr: bool = True,  # noqa: A002
    ) -> None:
        if type(default).__hash__ is None:
            raise TypeError(f"all objects would share {default!r}; give a default_factory")
        self.default = default
        self.default_factory = default_factory
        self.kw_only = kw_only
        self.repr = repr


def field(**what: Any) -> Any:
    """A `Field`. To the type checker it is a value of the field."""
    return Field(**what)


class Form:
    """What the methods know of a class."""

    __slots__ = ("defaults", "factories", "fields", "identity", "positional", "puts")

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self.positional = tuple(name for name, each in fields.items() if not each.kw_only)
        self.defaults = {
            name: each.default for name, each in fields.items() if each.default is not REQUIRED
        }
        self.factories = {
            name: each.default_factory for name, each in fields.items() if each.default_factory
        }
        # What makes an object equal to another.
        self.identity = attrgetter("__class__", *fields)
        # What sets each field, in `__init__` and nowhere else.
        self.puts: dict[str, Callable[[object, object], None]] = {}

    def filled(
        self, values: tuple[object, ...], named: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The value of each field by its name. Raises TypeError when they don't fit the fields."""
        if not values and named.keys() == self.puts.keys():
            return named
        given = {**dict(zip(self.positional, values, strict=False)), **named} if values else named
        whole = {**self.defaults, **given}
        for name, make in self.factories.items():
            if name not in whole:
                whole[name] = make()
        # Fewer names than values: one comes twice, or there are too many.
        if whole.keys() != self.puts.keys() or len(given) < len(values) + len(named):
            raise TypeError(self._misfit(values, named, whole))
        return whole

    def _misfit(
        self,
        values: tuple[object, ...],
        named: Mapping[str, object],
        whole: Mapping[str, object],
    ) -> str:
        if len(values) > len(self.positional):
            return f"takes {len(self.positional)} values without a name, not {len(values)}"
        if twice := ", ".join(name for name in self.positional[: len(values)] if name in named):
            return f"takes {twice} once, not twice"
        if unknown := ", ".join(name for name in named if name not in self.fields):
            return f"has no field {unknown}"
        return f"needs {', '.join(name for name in self.fields if name not in whole)}"


def _init(self: Any, *values: object, **named: object) -> None:
    puts = self.__puts__
    if named or len(values) != len(puts):
        _set_by_name(self, values, named)
    else:
        # Of one length, and on the way of each signature.
        for put, value in zip(puts, values):  # noqa: B905
            put(self, value)


def _init_by_name(self: Any, *values: object, **named: object) -> None:
    """Where some fields have no place."""
    _set_by_name(self, values, named)


def _set_by_name(self: Any, values: tuple[object, ...], named: Mapping[str, object]) -> None:
    form: Form = self.__form__
    try:
        filled = form.filled(values, named)
    except TypeError as error:
        raise TypeError(f"{type(self).__name__} {error}") from None
    for name, value in filled.items():
        form.puts[name](self, value)


def _repr(self: Any) -> str:
    fields = self.__form__.fields.items()
    shown = (f"{name}={getattr(self, name)!r}" for name, each in fields if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> bool:
    identity = self.__form__.identity
    return identity(self) == identity(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self.__form__.identity(self))


def _reduce(self: Any) -> tuple[object, ...]:
    """For `copy` and `pickle`."""
    return _again, (type(self), {name: getattr(self, name) for name in self.__form__.fields})


def _again(kind: Callable[..., Made], values: Mapping[str, object]) -> Made:
    return kind(**values)


def _refuse(self: object, name: str, _value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen, so {name} stays as it is")


def replace(made: Made, /, **changes: object) -> Made:
    """Another object with these fields changed. Raises TypeError for one that there is not."""
    fields = made.__form__.fields  # type: ignore[attr-defined]
    return type(made)(**{name: getattr(made, name) for name in fields} | changes)


class _Asked:
    """An attribute of classes that is found out when somebody asks."""

    def __init__(self, find: str) -> None:
        self._find = find

    def __get__(self, _: object, kind: type) -> Any:
        from seemachine.frozen import twins

        return getattr(twins, self._find)(kind)


METHODS: dict[str, Any] = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__reduce__": _reduce,
    # For `copy.replace` of Python 3.13.
    "__replace__": replace,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}

NO_FIELDS = Form({})
# What a class without slots has beside what its statement says.
IMPLIED = ("__dict__", "__weakref__")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[Made]) -> type[Made]:
    """Make `cls` a class with slots for its fields, and with those methods above that neither it
    nor a base of it defines.

    As of a dataclass: each annotation that is no `ClassVar` is a field, after those of the bases;
    what it is set to is its default, or a `field`.
    """
    own = {
        name: _declared(vars(cls).get(name, REQUIRED))
        for name, hint in cls.__annotations__.items()
        if cast(object, get_origin(hint)) is not ClassVar
    }
    inherited = getattr(cls, "__form__", NO_FIELDS).fields
    form = Form({**inherited, **own})
    made: type[Made] = _with_slots(cls, own, form)
    form.puts.update((name, getattr(made, name).__set__) for name in form.fields)
    made.__puts__ = tuple(form.puts.values())  # type: ignore[attr-defined]
    return made


def _declared(given: object) -> Field:
    return given if isinstance(given, Field) else Field(default=given)


def _with_slots(cls: Any, own: Mapping[str, Field], form: Form) -> Any:
    """The class once more: slots can't be added to one that is there."""
    kept = {name: each for name, each in vars(cls).items() if name not in {*own, *IMPLIED}}
    # Where all fields have their place, all values may come without a name.
    init = _init if len(form.positional) == len(form.fields) else _init_by_name
    lacking = {
        name: method
        for name, method in {**METHODS, "__init__": init}.items()
        if getattr(cls, name, None) in (getattr(object, name, None), _init, _init_by_name)
    }
    known = {
        "__qualname__": cls.__qualname__,
        "__slots__": tuple(own),
        "__match_args__": form.positional,
        "__form__": form,
        "__dataclass_fields__": _Asked("fields"),
        "__signature__": _Asked("signature"),
    }
    return type(cls)(cls.__name__, cls.__bases__, kept | lacking | known)
