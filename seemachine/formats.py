"""Versions of what is stored.

A format has one number. A file of another version is refused with a sentence that says which side
is older and what to do. It is never called damaged: that would advise to give it up.
"""

from seemachine.frozen import frozen


class OtherVersion(Exception):
    """A file of another version. The text is the sentence for the person who has it."""


@frozen
class Format:
    """One format, and the version that is written; all from `oldest` on can be read."""

    name: str
    version: int = 1
    oldest: int = 1

    def __str__(self) -> str:
        """How it stands in files: `seemachine key file 1`."""
        return f"{self.name} {self.version}"

    def check(self, found: object, what: str) -> None:
        """The version that a file names as a number, or as name and number.

        Raises OtherVersion; ValueError for what is not a version of this format. `what` names the
        file.
        """
        number = self._number(found)
        if not self.oldest <= number <= self.version:
            raise OtherVersion(f"{what}: {self._sentence(number)}")

    def check_at(self, table: object, what: str) -> None:
        """The same for a table of a file that may be of before its format had a version."""
        if isinstance(table, dict):
            self.check(table.pop("version", self.oldest), what)

    def _number(self, found: object) -> int:
        if isinstance(found, str) and found.startswith(f"{self.name} "):
            digits = found.removeprefix(f"{self.name} ")
            found = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else ""
        if type(found) is not int:
            raise ValueError(f"{found!r} is not a version of a {self.name}")
        return found

    def _sentence(self, found: int) -> str:
        newer = found > self.version
        age, known = ("a newer", self.version) if newer else ("an older", self.oldest)
        then = "use that one, or a later one" if newer else "use that one, or one in between"
        return (
            f"written by {age} version of seemachine ({self.name} {found}; this one knows"
            f" {known}). It is not damaged: leave it as it is, and {then}"
        )


# Of those that two rooms read which don't know each other.
PUBLISHED = Format("published object")
CARD_SET = Format("card set")
