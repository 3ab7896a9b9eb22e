"""The host and one of its modules: what the tools say of them when they are asked."""

import re
from pathlib import Path
from typing import Any

from nshield import reading, zips
from nshield.journal import Folder, Journal
from nshield.listen import Ran
from nshield.reading import STARTED, STOPPED
from nshield.settings import UUID, Settings
from nshield.tools import Tools

# An XC says so (enquiry); what a 5c says here is not published.
XC_TYPE = "PowerPCELF"
NONE, FAILURE = "No SEE machines currently installed", "FAILURE"
REFUSED = "connecting to"
# One that runs and that csadmin has not loaded, such as a fleet's; and the name for all that have
# no UUID.
NOT_LOADED, OTHERS = "UUID: none", "others"
LIST, IDS = ("csadmin", "list"), ("csadmin", "ids", "list", "--json")


class Site:
    """Everything that steps ask.

    Nothing here changes anything but for the work folder, which is made when it is needed.

    While something is missing it is not so. A tool that was asked and gave no answer raises
    Unanswered.
    """

    def __init__(
        self, settings: Settings, tools: Tools, journal: Journal, folder: Folder | None = None
    ) -> None:
        self.settings, self.tools, self.journal, self._folder = settings, tools, journal, folder
        self.work = Path(settings.work)
        self.answers: dict[str, str] = {}
        self._esn = ""

    def begin(self) -> None:
        """Something is about to be done: from now on there is a work folder."""
        if self._folder:
            self.tools.inherited = self._folder.need()

    # ---- the module ------------------------------------------------------------------------------

    @property
    def number(self) -> str:
        """As tools take it."""
        return str(self.settings.module)

    @property
    def esn(self) -> str:
        """The serial number of the module, empty until it answers.

        Once known it stays: a module that is being cleared does not answer.
        """
        self._esn = reading.serial_number(self._enquiry()) or self._esn
        return self._esn

    def operational(self) -> bool:
        """Whether it does its work."""
        return bool(self.esn) and reading.is_operational(self._enquiry())

    def of_the_model(self) -> bool:
        """Whether it is not a module of the other model."""
        return bool(self._enquiry()) and (XC_TYPE in self._enquiry()) == (
            self.settings.model == "xc"
        )

    def several(self) -> bool:
        """Whether there is a question which module to use."""
        return self.settings.module > 1 or reading.modules(self.tools.answer("enquiry").said) > 1

    def world_usable(self) -> bool:
        """Whether the Security World is there, and usable on this module."""
        return reading.world_usable(self.tools.ask("nfkminfo").said, self.number)

    def licensed(self, titles: tuple[str, ...]) -> bool:
        """Whether fet shows a Y below one of the titles (guide 2.5 step 1)."""
        found = reading.features(self.tools.answer("fet", "-m", self.number).said, self.number)
        return any(found.get(title) for title in titles)

    def _enquiry(self) -> str:
        ran = self.tools.ask("enquiry", "-m", self.number)
        return ran.said if ran.code == 0 else ""

    # ---- keys ------------------------------------------------------------------------------------

    def key_path(self, application: str, ident: str) -> Path:
        """Where generatekey says that it puts one."""
        return self.tools.kmlocal / f"key_{application}_{ident}"

    def key_hash(self, application: str, ident: str) -> str:
        """Empty while there is no such key."""
        return reading.key_hash(self._key(application, ident))

    def on_p521(self, application: str, ident: str) -> bool:
        """Whether nothing is known against it: real nfkminfo may not print the curve."""
        return reading.curves(self._key(application, ident)) <= {"nistp521"}

    def _key(self, application: str, ident: str) -> str:
        if not self.key_path(application, ident).exists():
            return ""
        return self.tools.answer("nfkminfo", "-k", application, ident).said

    # ---- SEE machines ----------------------------------------------------------------------------

    def enrolled(self) -> bool:
        """Whether the launcher of the 5c answers csadmin (guide 2.5.2.3 step 10)."""
        return self._readable()

    def installed(self) -> dict[str, str]:
        """What csadmin lists of each SEE machine on this module, by UUID.

        None is there only when csadmin says so: a list without a UUID is of the one that we loaded,
        or that --uuid names, or of OTHERS. So is one that was not loaded (`UUID: none`).
        """
        lines = self._list()
        found = {match[0]: line for line in lines if (match := re.search(UUID, line))}
        if lines and not found and not any(NONE in line or NOT_LOADED in line for line in lines):
            found = {self.settings.uuid or self.noted("uuid") or OTHERS: lines[0]}
        return found | dict.fromkeys([OTHERS for line in lines if NOT_LOADED in line], NOT_LOADED)

    def uuid(self) -> str:
        """Of our SEE machine on this module; empty when there is none.

        A load that was interrupted is found by what is new in the list.
        """
        installed, known = self.installed(), self.settings.uuid or self.noted("uuid")
        if known in installed:
            return known
        before = self.journal.get(self.esn, "loading")
        new = [each for each in installed if before is not None and each not in (*before, OTHERS)]
        return new[0] if len(new) == 1 else ""

    def certificates(self) -> set[str]:
        """Serial numbers that the module trusts."""
        ran = self.tools.ask(*IDS)
        own: Any = reading.document(ran.said).get(self.esn)
        # Of several HSMs another one may have failed.
        if own is None or (ran.code and not (isinstance(own, dict) and own.get("succeeded"))):
            self.tools.refuse(IDS, ran)
        return reading.certificates(own)

    def started(self, uuid: str) -> bool:
        """Whether csadmin says so; where csadmin says nothing of it, whether it is to be seen, or
        we have started it.

        What is to be seen proves nothing against csadmin: a fleet, or another host's HSM, may have
        the same serial number.
        """
        line = self.installed().get(uuid, "")
        state = reading.state(line)
        return (
            state == STARTED if state or not line else self.noted("started") == uuid or self.seen()
        )

    def stopped(self, uuid: str) -> bool:
        """Whether there is nothing to stop; where csadmin says nothing of it, only after we have
        stopped it.
        """
        line = self.installed().get(uuid, "")
        state = reading.state(line)
        return (
            state == STOPPED
            if state
            else not line or (self.noted("stopped") == uuid and not self.seen())
        )

    def seen(self) -> bool:
        """Whether pipsqueak has it in its banner (guide 2.6)."""
        if not self.esn:
            return False
        ran = self._pipsqueak()
        found = reading.banner(ran.said)
        if found is None:
            self.tools.refuse(self._pipsqueak_words(), ran)
        return self.esn in (found or "")

    def stale(self) -> bool:
        """Whether a published object leads nowhere (guide 2.8.1 step 5)."""
        return any(REFUSED in line for line in self._pipsqueak().lines)

    def answered(self) -> bool:
        """Whether pipsqueak can be asked at all."""
        return "PQSDK:" in self._pipsqueak().said

    def _list(self) -> list[str]:
        """The lines on this module. Raises Unanswered."""
        if self.esn and not self._readable():
            self.tools.refuse(LIST, self.tools.ask(*LIST))
        return self._listed()

    def _readable(self) -> bool:
        """Whether csadmin answered for this module, be it that it failed at others."""
        ran, lines = self.tools.ask(*LIST), self._listed()
        return (
            bool(lines)
            and not any(FAILURE in line for line in lines)
            and (ran.code == 0 or FAILURE in ran.said)
        )

    def _listed(self) -> list[str]:
        """The lines on this module: from its serial number to the next."""
        return reading.lines_of(self.esn, self.tools.ask(*LIST).lines) if self.esn else []

    def _pipsqueak(self) -> Ran:
        [word] = self._pipsqueak_words()
        return self.tools.ask(word, folder=self.release if word.startswith("./") else None)

    def _pipsqueak_words(self) -> list[str]:
        return ["./pipsqueak" if (self.release / "pipsqueak").exists() else "pipsqueak"]

    # ---- files -----------------------------------------------------------------------------------

    @property
    def release(self) -> Path:
        """The unzipped release; below the work folder, if a zip file was given."""
        given = (
            Path(self.settings.release)
            if self.settings.release
            else self.work / f"pqsdk-{self.settings.version}"
        )
        return zips.unpacked(given, self.work) if zips.is_zip(given) else given

    def here(self, path: Path) -> Path:
        """As tools take it, who work in the work folder."""
        return path.relative_to(self.work) if path.is_relative_to(self.work) else path

    def script(self, name: str) -> tuple[str, str]:
        """A script of the release, and what runs it."""
        return str(self.tools.python), str(self.here(self.release / name))

    def known(self, name: str) -> list[str]:
        """The words of a place: what a tool answered, what is known of the module, or a setting.

        Empty while nothing is.
        """
        if name in self.answers:
            return self.answers[name].split()
        found = {"esn": lambda: self.esn, "uuid": self.uuid}.get(
            name, lambda: str(getattr(self.settings, name, ""))
        )()
        return [found] if found else []

    def noted(self, name: str) -> str:
        """What the journal has on this module."""
        return str(self.journal.get(self.esn, name) or "")
