"""requests.py: what the head of a request's class must say, and what comes of it."""

import types

import pytest

from seemachine.wire.fields import wire_class
from seemachine.wire.messages import REQUESTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole

FACTS = {
    "name": "stamp",
    "least": ClientRole.PROVISION,
    "effect": Effect.CHANGES,
    "again": Again.FREELY,
}


@wire_class
class Stamped(Record):
    """A reply."""


@pytest.fixture(autouse=True)
def as_before():
    """What is declared here is gone afterwards."""
    before = dict(REQUESTS)
    yield
    REQUESTS.clear()
    REQUESTS.update(before)


def declared(base=Request[Stamped], facts=FACTS, **changes):
    """A class of requests with these facts, as its class statement makes it."""
    return types.new_class("Stamp", (base,), {**facts, **changes})


def test_a_class_says_it_all():
    """Its facts and its reply are where everybody looks for them, and its name leads to it."""
    stamp = wire_class(declared(bound=True, where="command_see_stamp"))
    assert REQUESTS["stamp"] is stamp
    assert (stamp.NAME, stamp.Reply) == ("stamp", Stamped)
    assert tuple(FACTS.values())[1:] == (stamp.LEAST, stamp.EFFECT, stamp.AGAIN)
    assert (stamp.AT_ONCE, stamp.BOUND, stamp.WHERE) == (False, True, "command_see_stamp")
    assert stamp() == stamp()
    assert not hasattr(stamp(), "__dict__")


def test_what_need_not_be_said_is_what_costs_least():
    """A request is not answered in the loop, is at home on any connection, and fails under its own
    name, unless it says otherwise.
    """
    stamp = declared()
    assert (stamp.AT_ONCE, stamp.BOUND, stamp.WHERE) == (False, False, "stamp")


@pytest.mark.parametrize("fact", FACTS)
def test_a_class_without_a_fact_is_none(fact):
    """It does not import, and says which fact is missing; nobody can ask it."""
    with pytest.raises(TypeError, match=f"^the request Stamp does not say {fact}$"):
        declared(facts={name: value for name, value in FACTS.items() if name != fact})
    assert "stamp" not in REQUESTS


def test_a_class_without_any_fact_is_none():
    """All that is missing is named at once."""
    with pytest.raises(TypeError, match=r"does not say name, least, effect, again$"):
        declared(facts={})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"least": 1}, "least=1, not of type ClientRole"),
        ({"effect": "looks"}, "effect='looks', not of type Effect"),
        ({"again": True}, "again=True, not of type Again"),
        ({"name": b"stamp"}, "name=b'stamp', not of type str"),
        ({"bound": 1}, "bound=1, not of type bool"),
        ({"idempotent": True}, "says idempotent, which is not a fact of a request"),
        ({"name": "hello"}, "has the name of Hello, hello"),
        ({"at_once": True}, "does more than look, so it can't be answered at once"),
        ({"again": Again.BY_TOKEN}, "has no field token by which a machine would know it again"),
    ],
)
def test_facts_that_can_not_be_are_refused(changes, sentence):
    """Of the wrong type, unknown, or against each other; the requests stay as they were."""
    before = dict(REQUESTS)
    with pytest.raises(TypeError, match=sentence):
        declared(**changes)
    assert before == REQUESTS


@pytest.mark.parametrize("base", [Request, REQUESTS["hello"]], ids=["bare", "of another"])
def test_a_request_has_a_reply_of_its_own(base):
    """Without one in brackets nobody would know how to read its answer."""
    with pytest.raises(TypeError, match=r"^the request Stamp has no reply; write Request\[...\]"):
        types.new_class("Stamp", (base,), FACTS)
