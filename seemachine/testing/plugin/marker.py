"""`@pytest.mark.seemachine(...)`: which fleet and which keys a test wants."""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

import pytest

from seemachine.testing.plugin import options

NAME, FLEET = options.MARKER, options.FLEET


class Word(NamedTuple):
    """A word of the marker: which values it takes, in words, and whether it takes one. `of_key`: it
    is one of keys, not of the fleet.
    """

    takes: str
    fits: Callable[[Any], bool]
    of_key: bool = False


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _count(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _truth(value: Any) -> bool:
    return type(value) is bool


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


WORDS = {
    "machines": Word("a number from 1", _count(1)),
    "model": Word('"5c" or "xc"', lambda value: value in ("5c", "xc")),
    "seed": Word("a number or a text", lambda value: type(value) is int or _text(value)),
    "latency": Word('"5c", "xc" or a text such as "chunk=0.2,signature=0.02"', _text),
    "faults": Word('a list such as ["drop-after on=signing times=1"]', _texts),
    "store": Word('"sqlite", "file" or "memory"', _text),
    "processes": Word("True or False", _truth),
    "operator": Word('"auto" or "manual"', lambda value: value in ("auto", "manual")),
    "settings": Word("a dict of settings of a machine", lambda value: isinstance(value, Mapping)),
    "lms": Word('a parameter set such as "sha256_m32_h5"', _text, of_key=True),
    "lmots": Word('a parameter set such as "sha256_n32_w4"', _text, of_key=True),
    "expcards": Word("a number from 0", _count(0), of_key=True),
    "explease": Word("a number from 0", _count(0), of_key=True),
}


def said(node: pytest.Item | pytest.Collector) -> dict[str, Any]:
    """What the markers of a test, class or module say, the closest one last; before that, what the
    run says for all.
    """
    words = for_all(node.config)
    for mark in reversed(list(node.iter_markers(NAME))):
        words |= _read(mark)
    return words


def for_all(config: pytest.Config) -> dict[str, Any]:
    """What a run says for all its tests. Raises UsageError for what a word does not take."""
    words: dict[str, Any] = {}
    for name, text in filter(itemgetter(1), options.said(config).items()):
        words[name] = _value(name, text)
        if not WORDS[name].fits(words[name]):
            raise pytest.UsageError(f"seemachine_{name} takes {WORDS[name].takes}, not {text}")
    _check_latency(words.get("latency", ""))
    return words


def _check_latency(latency: str) -> None:
    """No test has it right or wrong. Raises UsageError."""
    from seemachine.config import ConfigError
    from seemachine.config.injection import check_injection

    try:
        check_injection((), latency, allowed=False)
    except ConfigError as error:
        raise pytest.UsageError(f"seemachine_{error}") from None


def _value(name: str, text: str) -> Any:
    """What a text of the command line or a settings file means, if the word takes no text."""
    if name == "machines" and text.isdecimal():
        return int(text)
    return {"true": True, "false": False}.get(text.lower(), text) if name == "processes" else text


def of_fleet(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words that are of the fleet, as testing.fleet takes them."""
    chosen = {word: value for word, value in words.items() if not WORDS[word].of_key}
    return {**chosen.pop("settings", {}), **chosen}


def of_key(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words that are of keys, as generate_lms takes them."""
    return {word: value for word, value in words.items() if WORDS[word].of_key}


def check(item: pytest.Item) -> None:
    """Fail a test whose markers say what they can't, or what its fleet is too old to hear."""
    found = [(node, _read(mark)) for node, mark in item.iter_markers_with_node(NAME)]
    scope = options.scope_of(item.config)
    if FLEET not in getattr(item, "fixturenames", ()) or scope == "function":
        return
    for node, words in found:
        unheard = of_fleet(words)
        if unheard and not _lasts(node, scope, item):
            said = " and ".join(f"{word}=" for word in unheard)
            raise refused(
                f": {said} can't change the fleet of this test, which is that of its {scope}; say"
                f" it for the whole {scope}, or set {options.SCOPE} = function"
            )


def _lasts(node: object, scope: str, item: pytest.Item) -> bool:
    """Whether a marker of a node is seen by a fleet of some scope."""
    kinds: dict[str, type] = {"class": pytest.Class, "module": pytest.Module}
    own = item.getparent(kinds[scope]) if scope in kinds else None
    if scope == "class" and own is None:
        return True
    return own is not None and node in own.listchain()


def _read(mark: pytest.Mark) -> dict[str, Any]:
    """The words of one marker."""
    if mark.args:
        raise refused(f" takes words, such as machines=2, not {mark.args[0]!r} alone")
    for name, value in mark.kwargs.items():
        if name not in WORDS:
            raise refused(f" has no {name}=; {_meant(name, WORDS)}")
        if not WORDS[name].fits(value):
            raise refused(f": {name}= takes {WORDS[name].takes}, not {value!r}")
    return dict(mark.kwargs)


def _meant(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}=?" if near else f"it has {', '.join(known)}"


def refused(sentence: str) -> BaseException:
    """What fails a test whose marker can't be followed: a sentence, without a traceback."""
    return pytest.fail.Exception(f"@pytest.mark.{NAME}{sentence}", pytrace=False)
