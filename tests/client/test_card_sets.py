"""Card sets in the client: names from kmdata, loading on machines, handles from the environment,
passphrases of a terminal or a pipe.
"""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from kit.cardsets import deal_cards
from kit.refusals import refusal
from seeclient import environment, passphrases, preloaded, tokens

from seemachine.state.cards import shares
from seemachine.testing import ESN, OTHER_ESN, Rig
from seemachine.wire.messages import GenerateMldsa, SignMldsa
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

HASH = bytes(range(20))
HANDLE = bytes(range(16))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """How slowly a passphrase becomes a key is not what these tests are of."""
    monkeypatch.setattr(shares, "ROUNDS", 1)


@pytest.fixture
def rig(tmp_path):
    """A world with two machines."""
    made = Rig(tmp_path)
    for esn in (ESN, OTHER_ESN):
        made.start(esn)
    return made


def generate(ocs):
    """What asks for a key that a set protects, once there is a handle."""
    return lambda handle: GenerateMldsa(mldsa=44, cardset=ocs.hash, logical_token=handle)


class TestNames:
    """cards_<hash> in kmdata/local."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Two sets."""
        for name, named in (("one", HASH), ("two", HASH[::-1])):
            values = {"version": 1, "name": name, "hash": named.hex(), "token": "operator"}
            (tmp_path / f"cards_{named.hex()}").write_text(json.dumps(values))
        return tmp_path

    def test_a_set_is_found_by_its_name(self, folder):
        """With the hash that machines know it by."""
        assert tokens.named(folder, "two") == tokens.OperatorSet("two", HASH[::-1])

    def test_an_unknown_name_is_refused(self, folder, tmp_path):
        """With those that are known; on a host without any it is said how it gets them."""
        refused = refusal(lambda: tokens.named(folder, "nobody"))
        assert refused.status is Status.UnknownID
        assert "there are: one, two" in refused.detail or "there are: two, one" in refused.detail
        refused = refusal(lambda: tokens.named(tmp_path / "nowhere", "one"))
        assert "there are: none. Card sets are made with: seemachine nfast cards" in refused.detail

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is damaged"),
            (b"{}", "is damaged"),
            (b"[" * 10000, "is damaged"),
            (b'{"name": 7, "hash": "' + b"00" * 20 + b'"}', "is damaged"),
            (b'{"name": "x", "hash": "00"}', "is damaged"),
            (b'{"version": 2}', "newer version of seemachine"),
        ],
    )
    def test_a_file_that_is_none_is_named(self, folder, content, reason):
        """A damaged one, or one of another version."""
        (folder / "cards_bad").write_bytes(content)
        refused = refusal(lambda: tokens.named(folder, "two"))
        assert reason in refused.detail
        assert "cards_bad" in refused.detail


class TestLoading:
    """What needs a set, asked of a machine."""

    def test_a_set_is_loaded_once(self, rig):
        """The first request loads it; after that the card may go."""
        ocs = deal_cards(rig.world, slots=[2])
        with rig.fleet() as fleet:
            [peer, _] = fleet.roster.peers

            def ask():
                return fleet.run(tokens.ask_with(fleet.roster, peer, ocs.hash, (), generate(ocs)))

            made = ask()
            rig.rack.remove(ESN, 2)
            assert ask().public_key != made.public_key
            assert len(rig.machines[ESN].tokens) == 1
        assert len(rig.machines[ESN].tokens) == 0

    def test_without_a_set_nothing_is_loaded(self, rig):
        """The request goes out as it is."""
        with rig.fleet() as fleet:
            story = tokens.ask_with(
                fleet.roster,
                fleet.roster.peers[0],
                b"",
                (),
                lambda handle: GenerateMldsa(mldsa=44, logical_token=handle),
            )
            assert fleet.run(story).blob
        assert not fleet.roster.logical_tokens

    def test_a_handle_that_is_gone_is_loaded_again(self, rig):
        """A machine that was started anew has forgotten it."""
        ocs = deal_cards(rig.world, slots=[2])
        with rig.fleet() as fleet:
            [peer, _] = fleet.roster.peers
            fleet.roster.logical_tokens[ESN, ocs.hash] = HANDLE
            story = tokens.ask_with(fleet.roster, peer, ocs.hash, (), generate(ocs))
            assert fleet.run(story).blob
            assert fleet.roster.logical_tokens[ESN, ocs.hash] != HANDLE

    def test_a_passphrase_that_is_missed_is_known_as_such(self, rig):
        """Of several machines the one with a card is the one to tell of."""
        ocs = deal_cards(rig.world, passphrases=[b"sesame"], slots=[2])
        with rig.fleet() as fleet:
            reasons = [
                refusal(lambda peer=peer: fleet.run(tokens.load(peer, ocs.hash)))
                for peer in reversed(fleet.roster.peers)
            ]
            assert [each.status for each in reasons] == [Status.NotAvailable, Status.AccessDenied]
            assert tokens.most_telling(reasons) is reasons[1]
            assert tokens.most_telling(reasons[:1]) is reasons[0]
            assert tokens.locked_card(reasons[1]).startswith("`ocs' #1 in slot 2")
            assert fleet.run(tokens.load(fleet.roster.peers[0], ocs.hash, ["sesame"]))

    def test_a_rig_deals_cards_that_clients_find(self, rig):
        """For tests of whoever signs with protected keys."""
        assert rig.deal_cards("board", 2, 3, "sesame") == ["board-1", "board-2", "board-3"]
        found = tokens.named(rig.world.keys, "board")
        for slot, card in enumerate(["board-1", "board-3"], 2):
            rig.move(card, ESN, slot)
        with rig.fleet() as fleet:
            assert fleet.run(tokens.load(fleet.roster.peers[0], found.hash, ["sesame"]))

    def test_machines_with_the_set_come_first(self, rig):
        """The others keep their order."""
        with rig.fleet() as fleet:
            first, second = fleet.roster.peers
            fleet.roster.logical_tokens[OTHER_ESN, HASH] = HANDLE
            order = tokens.in_order(fleet.roster, [first, second], HASH)
            assert order == [second, first]
            assert tokens.in_order(fleet.roster, [first, second], HASH[::-1]) == [first, second]

    def test_another_fleet_uses_a_handle_that_it_was_given(self, rig):
        """As a command does that runs under preload; nothing is read then."""
        ocs = deal_cards(rig.world, slots=[2])
        with rig.fleet() as loading:
            handle = loading.run(tokens.load(loading.roster.peers[0], ocs.hash))
            rig.rack.remove(ESN, 2)
            variable = preloaded.written({(ESN, ocs.hash): handle})
            given = preloaded.from_environment({preloaded.VARIABLE: variable})
            rig_environment = replace(rig.environment, logical_tokens=given)
            roster = rig_environment.roster()
            with rig.fleet() as fleet:
                fleet.roster.logical_tokens.update(roster.logical_tokens)
                [peer, _] = fleet.roster.peers
                story = tokens.ask_with(fleet.roster, peer, ocs.hash, (), generate(ocs))
                made = fleet.run(story)
                sign = SignMldsa(blob=made.blob, mu=bytes(64))
                story = tokens.ask_with(
                    fleet.roster,
                    peer,
                    ocs.hash,
                    (),
                    lambda known: replace(sign, logical_token=known),
                )
                assert fleet.run(story).signature


class TestVariable:
    """SEEMACHINE_PRELOADED."""

    def test_what_is_written_is_read(self):
        """Several sets on several machines, and none."""
        handles = {(ESN, HASH): HANDLE, (OTHER_ESN, HASH): HANDLE[::-1], (ESN, HASH[::-1]): HANDLE}
        assert preloaded.from_environment({preloaded.VARIABLE: preloaded.written(handles)}) == (
            handles
        )
        assert preloaded.from_environment({}) == {}
        assert preloaded.from_environment({preloaded.VARIABLE: ""}) == {}

    @pytest.mark.parametrize(
        "text",
        ["x", ",", f"{ESN}:{HASH.hex()}", f"no-esn:{HASH.hex()}:{HANDLE.hex()}", f"{ESN}::"],
    )
    def test_what_preload_did_not_write_is_refused(self, text):
        """Without quoting it: a handle is a right."""
        refused = refusal(lambda: preloaded.from_environment({preloaded.VARIABLE: text}))
        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith("SEEMACHINE_PRELOADED is not as preload sets it")
        assert HANDLE.hex() not in refused.detail

    def test_it_reaches_each_client(self, tmp_path):
        """Whether the world is that of the environment or is named."""
        environ = {
            "SEEMACHINE_HOME": str(tmp_path),
            preloaded.VARIABLE: preloaded.written({(ESN, HASH): HANDLE}),
        }
        for given in (
            environment.from_process(environ),
            environment.chosen(environ, None, None, None),
            environment.chosen(environ, World.at(tmp_path), None, None),
        ):
            assert given.roster().logical_tokens == {(ESN, HASH): HANDLE}
            assert HANDLE.hex() not in repr(given)
            assert repr(HANDLE) not in repr(given.roster())


def pipe_of(monkeypatch, text):
    """Standard input, as the end of a pipe."""
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    saved = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return saved


@pytest.fixture
def piped(monkeypatch):
    """Puts text into standard input, and the real one back."""
    saved = []
    yield lambda text: saved.append(pipe_of(monkeypatch, text))
    for descriptor in saved:
        os.dup2(descriptor, 0)
        os.close(descriptor)


class TestPassphrases:
    """given_for: what is asked, of whom, and when no more."""

    @pytest.fixture
    def attempt(self, rig):
        """Loads a set of two cards with two passphrases."""
        board = deal_cards(rig.world, "board", 2, [b"one", b"two"], slots=[2, 3])
        with rig.fleet() as fleet:
            yield lambda known: fleet.run(tokens.load(fleet.roster.peers[0], board.hash, known))

    def test_nobody_is_asked_for_nothing(self, piped):
        """Where no card wants a passphrase, no line is taken."""
        piped(b"mine\n")
        assert passphrases.given_for("ocs", lambda known: known) == ()
        assert os.read(0, 10) == b"mine\n"

    def test_lines_of_a_pipe(self, attempt, piped):
        """One for each card, and not a byte more."""
        piped(b"one\ntwo\nof another command\n")
        assert len(passphrases.given_for("board", attempt)) == 16
        assert os.read(0, 100) == b"of another command\n"

    def test_a_wrong_line_of_a_pipe(self, attempt, piped):
        """Is refused at once, and the line after it stays."""
        piped(b"one\nthree\ntwo\n")
        refused = refusal(lambda: passphrases.given_for("board", attempt))
        assert "wrong passphrase for `board' #2 in slot 3" in refused.detail
        assert os.read(0, 100) == b"two\n"

    def test_the_end_of_a_pipe(self, attempt, piped):
        """It is said where the passphrase comes from."""
        piped(b"")
        refused = refusal(lambda: passphrases.given_for("board", attempt))
        assert refused.status is Status.AccessDenied
        assert "no passphrase for `board' #1 in slot 2" in refused.detail
        assert "in a pipe it is the next line of standard input; or load" in refused.detail

    def test_a_message_on_standard_input_has_no_passphrase_after_it(self, attempt, piped):
        """Nothing is read there, and preload is the way."""
        piped(b"one\n")
        refused = refusal(lambda: passphrases.given_for("board", attempt, taken=True))
        assert refused.status is Status.AccessDenied
        assert refused.detail.endswith(
            "standard input is the message, so load the card set with preload"
        )
        assert os.read(0, 10) == b"one\n"

    def test_another_refusal_is_passed_on(self, piped):
        """And takes no line."""
        piped(b"mine\n")
        no_card = StatusError(Status.NotAvailable, "no card", "loadToken")

        def attempt(known):
            raise no_card

        assert refusal(lambda: passphrases.given_for("ocs", attempt)) is no_card
        assert os.read(0, 10) == b"mine\n"

    def test_at_a_terminal_a_wrong_one_is_asked_for_again(self, attempt, monkeypatch, capsys):
        """Until it is right; what was wrong is said."""
        typed, prompts = ["one", "three", "two"], []
        monkeypatch.setattr(passphrases, "_at_terminal", lambda: True)

        def getpass(prompt):
            prompts.append(prompt)
            return typed.pop(0)

        monkeypatch.setattr("getpass.getpass", getpass)
        assert len(passphrases.given_for("board", attempt)) == 16
        # Which card: each has a passphrase of its own.
        first, second = ("`board' #1 in slot 2", "`board' #2 in slot 3")
        assert prompts == [f"{card}: Enter passphrase: " for card in (first, second, second)]
        said = capsys.readouterr().err
        assert said.count("wrong passphrase for `board' #2 in slot 3; try again") == 1

    def test_ctrl_d_ends_it(self, attempt, monkeypatch):
        """With the machine's refusal."""
        monkeypatch.setattr(passphrases, "_at_terminal", lambda: True)

        def getpass(prompt):
            raise EOFError(prompt)

        monkeypatch.setattr("getpass.getpass", getpass)
        assert refusal(lambda: passphrases.given_for("board", attempt)).status is (
            Status.AccessDenied
        )


def test_the_names_that_machines_make_are_read(tmp_path: Path) -> None:
    """What `seemachine nfast cards` writes is what the client reads."""
    from seemachine.nfast import securityworld

    world = World.at(tmp_path)
    tmp_path.chmod(0o700)
    securityworld.create(world, 1, 1, "")
    made = securityworld.create_operator_set(world, "board", 2, 3, "")
    assert tokens.named(world.keys, "board") == tokens.OperatorSet(
        "board", bytes.fromhex(made.hash)
    )
