"""A machine that lies in any text of any reply: no command writes where it should not, and none prints what a terminal obeys."""

import pytest
from hostile.lyingkit import COMMANDS, REFUSAL, Place, put, texts_of, told, truth
from wire.contract import example, plain
from wire.kit import frame

from seemachine.wire.link import Link, Role
from seemachine.wire.messages import REQUESTS, Greeting, Hello
from seemachine.wire.status import PeerMisuse

CONTROLS = [
    *("a\nforged: b", "\r", "\t", "\x1b[2J\x1b]0;title\x07", "\x85", "\x9b31m", "\x7f"),
    *("\u2028", "\u202e", "\u2066", "\u200e", "\ufeff"),
]
# What is printable, and must not become a path or look like the next part of its line.
PATHS = ["../../victim00", "5c, 5F08-0"]
EVERY = [
    pytest.param(request, place, id=f"{name}-{'.'.join(map(str, place))}")
    for name, request in REQUESTS.items()
    for place in texts_of(request.Reply)
]


@pytest.fixture
def place(tmp_path):
    """A world, and what lies beside it."""
    return Place(tmp_path)


def test_every_text_of_every_reply_is_looked_at():
    """The list is made from the messages; these are in it, so it is not empty."""
    found = {(request.NAME, *place) for request in REQUESTS.values() for place in texts_of(request.Reply)}
    assert {("hello", "esn"), ("slot_list", "slots", 0, "kind"), ("nvram_ledger", "entries", 0, "client")} <= found
    assert {("quarantine_list", "suspects", 0, name) for name in ("label", "reason")} <= found


def asked(request):
    """A client's link that waits for the reply to a request, and the number that it has."""
    link = Link(Role.CLIENT)
    link.send(example(Hello))
    if request is Hello:
        return link, 1
    link.receive_data(frame([1, "ok", plain(example(Greeting))]))
    link.next_event()
    link.send(example(request))
    return link, 2


@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
@pytest.mark.parametrize(("request_", "where"), EVERY)
def test_no_text_with_a_control_comes_in(request_, where, text):
    """Whichever field it stands in, the reply breaks the rules, and the client says so without it."""
    link, number = asked(request_)
    honest = fields_of(request_)
    link.receive_data(frame([number, "ok", put(honest, where, text)]))
    with pytest.raises(PeerMisuse) as misuse:
        link.next_event()
    assert text not in misuse.value.detail


def fields_of(request):
    """The fields of a reply with a record in each list."""
    made = plain(example(request.Reply))
    for field, value in made.items():
        if value == []:
            made[field] = [plain(example(kind)) for kind in [inner_of(request.Reply, field)]]
    return made


def inner_of(kind, field):
    """The class of the records in a list."""
    return kind.__annotations__[field].__args__[0]


def instead(name, where, text):
    """A lie in one place of the reply to one request."""
    return lambda request, parts: [*parts[:2], put(parts[2], where, text)] if name == request.NAME else parts


def refusing(name, where, text):
    """A refusal of one request with other words in one place."""
    return lambda request, parts: [parts[0], "refused", REFUSAL | {where: text}] if name == request.NAME else parts


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_lie_in_any_text_of_any_reply(place, command):
    """Each reply to the command with each of its texts changed, and each refused in such words: no harm, and no line that is not ours."""
    for name in dict.fromkeys(told(place, command, truth).asked):
        for where in texts_of(REQUESTS[name].Reply):
            for text in ("\x1b]0;\x07", *PATHS):
                told(place, command, instead(name, where, text))
        for where in ("name", "detail", "where"):
            for text in ("".join(CONTROLS), "dispatch_socket_connect"):
                told(place, command, refusing(name, where, text))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_machine_that_says_nothing_but_the_truth_is_served(place, command):
    """The same commands do what they are for, so that the lies are told where they are heard."""
    found = told(place, command, truth)
    # Something is in quarantine, and the script has no signature of the large file.
    doubted = {"quarantine", "fleet", "msgfile={outside}/large"} & set(command.words)
    assert found.asked or command.words == ("fleet", "status")
    assert found.code == 0 or doubted, found
