"""A machine that lies in any text of any reply: no command writes where it should not, and none
prints what a terminal obeys.
"""

import pytest
from hostile.commands import COMMANDS
from hostile.liar import ALIAS, KEY, REFUSAL, STATELESS, SUSPECTS, Honest, truth
from hostile.place import Place
from hostile.promises import told
from hostile.texts import put, texts_of
from kit.frames import frame
from kit.stories import LIMITS, a_peer, a_roster, play
from wire.contract import example, plain

from seemachine.fleet import suspects
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.link import Link, Role
from seemachine.wire.messages import REQUESTS, Greeting, Hello, ListQuarantine, QuarantineListing
from seemachine.wire.status import PeerMisuse, Status, StatusError

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
    made = Place(tmp_path)
    yield made
    made.close()


def test_every_text_of_every_reply_is_looked_at():
    """The list is made from the messages; these are in it, so it is not empty."""
    found = {
        (request.NAME, *place) for request in REQUESTS.values() for place in texts_of(request.Reply)
    }
    assert {
        ("hello", "esn"),
        ("slot_list", "slots", 0, "kind"),
        ("nvram_ledger", "entries", 0, "client"),
    } <= found
    assert {("quarantine_list", "suspects", 0, name) for name in ("label", "reason")} <= found


@pytest.mark.parametrize("name", REQUESTS)
def test_the_machine_that_lies_knows_every_request(name):
    """A new one is answered, so that it can be lied about."""
    reply = Honest().reply(example(REQUESTS[name]))
    assert type(reply) is REQUESTS[name].Reply


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
    """Whichever field it stands in, the reply breaks the rules, and the client says so
    without it.
    """
    link, number = asked(request_)
    honest = fields_of(request_)
    link.receive_data(frame([number, "ok", put(honest, where, text)]))
    with pytest.raises(PeerMisuse) as misuse:
        link.next_event()
    assert text not in misuse.value.detail


def fields_of(request):
    """The fields of a reply with a record in each list."""
    return filled(request, plain(example(request.Reply)))


def filled(request, fields):
    """Those of a reply, with something in lists that are empty."""
    return {
        name: [plain(example(inner_of(request.Reply, name)))] if value == [] else value
        for name, value in fields.items()
    }


def inner_of(kind, field):
    """The class of the records in a list."""
    return kind.__annotations__[field].__args__[0]


def instead(name, where, text):
    """A lie in one place of the reply to one request."""
    return lambda request, parts: (
        [*parts[:2], put(filled(type(request), parts[2]), where, text)]
        if name == request.NAME
        else parts
    )


def refusing(name, where, text):
    """A refusal of one request with other words in one place."""
    return lambda request, parts: (
        [parts[0], "refused", REFUSAL | {where: text}] if name == request.NAME else parts
    )


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_lie_in_any_text_of_any_reply(place, command):
    """Each reply to the command with each of its texts changed, and each refused in such words: no
    harm, and no line that is not ours.
    """
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
    # Something is in quarantine, the script has no signature of the large file, and what it says
    # that it destroyed is there as before.
    doubted = {"quarantine", "fleet", "msgfile={outside}/large", "destroy"} & set(command.words)
    assert found.asked or command.words == ("fleet", "status")
    assert found.code == 0 or doubted, found


# ---------------------------------------------------------------- lies in numbers


def one(*words, program="pipsqueak"):
    """The command of these words, lines and not a document."""
    return next(
        command
        for command in COMMANDS
        if command.program == program and set(words) <= set(command.words) and not command.json
    )


MAKING = one("alias=new")
WITH_CARDS = one("alias=cards")
RESUMING = one("resume=yes")


def always(name, **changes):
    """Each reply to one request with the same changes."""
    return lambda request, parts: (
        [*parts[:2], parts[2] | changes] if name == request.NAME else parts
    )


NEVER_ENDING = {
    "a step that is not a step": (
        MAKING,
        always("continueLMS_cache_next", remaining=2, public_key=None),
        "never finishes a key",
    ),
    "more steps than before": (
        MAKING,
        always("continueLMS_cache_next", remaining=9, public_key=None),
        "never finishes a key",
    ),
    "a cache without end": (
        MAKING,
        always("continueLMS_cache_next", remaining=2, public_key=None, cache=bytes(1 << 19)),
        "never finishes a key",
    ),
    "a card that is never the last": (
        WITH_CARDS,
        always("continueLMS_card_next", remaining=1),
        "never finishes the cards of a key",
    ),
}
NO_KEYS = {
    "no public key": (
        MAKING,
        always("continueLMS_cache_next", remaining=0, public_key=bytes(56)),
        "made something that is not a key",
    ),
    "another key": (
        MAKING,
        always("continueLMS_cache_next", remaining=0, public_key=(6).to_bytes(4, "big") + KEY[4:]),
        "made a key of sha256_m32_h10 sha256_n32_w4, not sha256_m32_h5 sha256_n32_w4",
    ),
    "unknown sets": (
        RESUMING,
        always("resumeLMS", lms=0),
        "resumes a key that can't exist (unknown LMS set 0",
    ),
    "sets that do not fit": (
        RESUMING,
        always("resumeLMS", lms=10),
        "resumes a key that can't exist",
    ),
    "more leases than leaves": (
        RESUMING,
        always("resumeLMS", explease=6),
        "resumes a key with more leases than leaves",
    ),
}


@pytest.mark.parametrize("what", NEVER_ENDING | NO_KEYS)
def test_a_lie_about_a_key_in_the_making(place, what):
    """It ends with the first reply that can't be one, says so, and leaves no key file behind."""
    command, lie, said = (NEVER_ENDING | NO_KEYS)[what]
    left = []
    found = told(
        place, command, lie, lambda: left.extend(place.world.glob("kmdata/local/key_pqsdk_*"))
    )

    assert found.code == 1
    assert f"Malformed(3): {ESN} {said}" in found.err
    kept = {f"key_pqsdk_{alias}" for alias in (ALIAS, STATELESS)}
    assert {path.name for path in left} == kept


def test_a_listing_without_end_is_given_up(place, monkeypatch):
    """Full pages for ever would fill the memory of who asks, and what other machines have is told
    all the same.
    """
    monkeypatch.setattr(suspects, "MOST_SUSPECTS", 1000)
    page = [plain(suspect) for suspect in SUSPECTS[1:] * 256]
    found = told(
        place,
        one("quarantine", "list", program="seemachine"),
        always("quarantine_list", suspects=page),
    )

    assert found.asked.count("quarantine_list") == 4
    assert (
        found.err
        == f"seemachine quarantine list: {ESN} tells of 1024 things in quarantine, and of no"
        " end: it is broken, or lies; look at its log\n"
    )


@pytest.mark.parametrize("most", [1, (1 << 32) - 1])
def test_a_limit_of_messages_is_the_machine_s_to_say_and_ours_to_bound(place, most):
    """A long message is hashed here: what does not fit a frame is not sent, whatever a machine says
    that it takes.
    """
    (place.outside / "large").write_bytes(bytes(1 << 21))
    command = one("msgfile={outside}/large")
    found = told(place, command, always("hello", limits=plain(LIMITS) | {"message": most}))

    assert "nvmemfile_sign_digest" in found.asked
    assert "nvmemfile_sign" not in found.asked


def test_a_machine_that_lies_hides_no_other():
    """What the others have in quarantine is told; it is among those that could not be asked."""
    liar, honest = a_peer(), a_peer(OTHER_ESN, module=2)
    roster, lost = (
        a_roster(liar, honest),
        StatusError(Status.OSErrorErrno, "reply to quarantine_list: reason takes printable text"),
    )
    asked = ListQuarantine(after=0)

    found = play(
        suspects.suspects_told(roster),
        ((liar, asked), lost),
        ((honest, asked), QuarantineListing(suspects=SUSPECTS)),
    )

    assert found == [(OTHER_ESN, suspect) for suspect in SUSPECTS]
    assert (roster.peers, roster.failures) == ([honest], [lost])
