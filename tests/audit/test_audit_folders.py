"""seemachine audit of signatures in one folder and messages in another, as `pipsqueak msgdir=D
sigdir=S` leaves them.
"""

from pathlib import Path

import pytest
from audit.piles import audit, key, public, sign


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """`keys`, messages in `D`, and in `S` a good signature of each."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "key.pub").write_bytes(public(key()))
    for leaf, name in enumerate(("a.bin", "sub/a.bin", "sub/b.txt")):
        put(tmp_path / "D" / name, name.encode())
        put(tmp_path / "S" / f"{name}.sig", sign(key(), leaf, name.encode()))
    return tmp_path


def put(path: Path, data: bytes) -> Path:
    """A file, in a folder that is made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def pairs(release: Path) -> list[str]:
    """The words that say which folder is over which."""
    return ["--message", f"{release / 'S'}={release / 'D'}"]


class TestTwoFolders:
    """--message SIGDIR=MSGDIR."""

    def test_all_are_verified(self, release):
        """Each over the file of its name and place; the folder of signatures need not be named
        again.
        """
        for words in ([], [release / "S", release / "D"]):
            verdict = audit("--json", release / "keys", *words, *pairs(release))
            assert (verdict.code, verdict.document["findings"]) == (0, [])
            assert (verdict.document["signatures"], verdict.document["verified"]) == (3, 3)

    def test_paths_may_be_relative(self, release, monkeypatch):
        """Also to the folder that one is in."""
        for folder, pair in ((release, "S=./D"), (release / "S", ".=../D")):
            monkeypatch.chdir(folder)
            verdict = audit("--json", release / "keys", "--message", pair)
            assert (verdict.code, verdict.document["verified"]) == (0, 3)

    def test_a_message_that_was_changed(self, release):
        """Its signature is bad; one whose message is gone is unread."""
        put(release / "D" / "a.bin", b"edited")
        (release / "D" / "sub" / "a.bin").unlink()
        verdict = audit("--json", release / "keys", *pairs(release))

        assert (verdict.code, verdict.kinds()) == (1, {"bad": 1, "unread": 1})
        assert verdict.of_kind("bad")[0]["sources"] == [str(release / "S" / "a.bin.sig")]
        assert verdict.of_kind("unread")[0]["sources"] == [str(release / "S/sub/a.bin.sig")]

    def test_a_file_that_is_named_goes_first(self, release):
        """Whatever the folders say, in either order."""
        real = put(release / "real", b"real")
        named = ["--message", f"{put(release / 'S/a.bin.sig', sign(key(), 0, b'real'))}={real}"]
        for words in ([*named, *pairs(release)], [*pairs(release), *named]):
            assert audit("--json", release / "keys", *words).code == 0

    def test_folders_the_wrong_way_round(self, release):
        """Nothing is paired, and that is said."""
        verdict = audit(release / "keys", "--message", f"{release / 'D'}={release / 'S'}")
        assert (verdict.code, verdict.lines) == (2, [])
        start = f"no NAME.sig in {release / 'D'} has its NAME in {release / 'S'}; --message takes"
        assert start in verdict.errors

    def test_a_folder_and_a_file(self, release):
        """Which of them is no file is said."""
        pair = f"{release / 'S'}={release / 'D/a.bin'}"
        verdict = audit(release / "keys", "--message", pair)
        assert (verdict.code, verdict.lines) == (2, [])
        assert f"{release / 'S'}: not a file, in --message {pair}" in verdict.errors


class TestSignaturesOfSignatures:
    """A release that has signatures in it: S/a.bin.sig.sig is over D/a.bin.sig, not S/a.bin.sig."""

    @pytest.fixture
    def shipped(self, release):
        """One of them is signed itself."""
        data = sign(key(), 3, b"a.bin")
        put(release / "D/a.bin.sig", data)
        put(release / "S/a.bin.sig.sig", sign(key(), 4, data))
        return release

    def test_paired(self, shipped):
        """All verify."""
        verdict = audit("--json", shipped / "keys", shipped / "D", *pairs(shipped))
        assert (verdict.code, verdict.document["findings"]) == (0, [])
        assert verdict.document["verified"] == 5

    def test_not_paired(self, shipped):
        """What lies beside it is not its message, which is not here: unread, and not bad."""
        path = shipped / "S/a.bin.sig.sig"
        verdict = audit("--json", shipped / "S", shipped / "keys")
        assert (verdict.code, verdict.kinds()) == (2, {"unread": 4})
        what = f"not verified: the message of {path} is not here; name it with --message"
        assert what in {finding["what"] for finding in verdict.of_kind("unread")}

    def test_a_signature_beside_it_that_it_is_over(self, shipped):
        """It is verified as ever."""
        beside = (shipped / "S/a.bin.sig").read_bytes()
        put(shipped / "S/a.bin.sig.sig", sign(key(), 4, beside))
        assert audit("--json", shipped / "S", shipped / "keys").document["verified"] == 1

    def test_a_signature_that_is_named_as_message(self, shipped):
        """Who names it says that it is the message: what does not verify over it is bad."""
        pair = f"{shipped / 'S/a.bin.sig.sig'}={shipped / 'S/a.bin.sig'}"
        verdict = audit("--json", shipped / "keys", "--message", pair)
        assert (verdict.code, verdict.kinds()) == (1, {"bad": 1})

    def test_what_only_has_the_name_of_a_signature(self, shipped):
        """A file called a.bin.sig that holds no signature is a message like others: bad."""
        put(shipped / "S/a.bin.sig", b"no signature")
        verdict = audit("--json", shipped / "S", shipped / "keys")
        assert verdict.kinds()["bad"] == 1
