"""The host and one of its modules: what the tools say of them, read from the lines that the guide
prints.
"""

import json
import re
from pathlib import Path
from typing import Any

from nshield import zips
from nshield.journal import Folder, Journal
from nshield.listen import Ran
from nshield.settings import ESN, UUID, Settings
from nshield.tools import Tools

# An XC says so (enquiry); what a 5c says here is not published.
XC_TYPE = "PowerPCELF"
# csadmin list may have a state in the HSM's line; what the vendor's prints of a loaded SEE machine
# is not published.
STARTED, STOPPED = "STARTED", "STOPPED"
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
        found = re.search(rf"^ *serial number +({ESN})", self._enquiry(), re.MULTILINE)
        self._esn = found[1] if found else self._esn
        return self._esn

    def operational(self) -> bool:
        """Whether it does its work."""
        return (
            bool(self.esn)
            and re.search(r"^ *mode +operational", self._enquiry(), re.MULTILINE) is not None
        )

    def of_the_model(self) -> bool:
        """Whether it is not a module of the other model."""
        return bool(self._enquiry()) and (XC_TYPE in self._enquiry()) == (
            self.settings.model == "xc"
        )

    def several(self) -> bool:
        """Whether there is a question which module to use."""
        return (
            self.settings.module > 1
            or len(re.findall(r"^Module #", self.tools.answer("enquiry").said, re.MULTILINE)) > 1
        )

    def world_usable(self) -> bool:
        """Whether the Security World is there, and usable on this module."""
        world, *modules = re.split(
            r"^Module #", self.tools.ask("nfkminfo").said, flags=re.MULTILINE
        )
        own = [block for block in modules if re.match(rf"{self.number}\b", block)]
        return bool(own) and all(_usable(block) for block in (world, own[0]))

    def licensed(self, titles: tuple[str, ...]) -> bool:
        """Whether fet shows a Y below one of the titles (guide 2.5 step 1)."""
        return any(self._features().get(title) for title in titles)

    def _features(self) -> dict[str, bool]:
        """The columns of fet: a title stands after as many bars as there are columns before its
        own.
        """
        lines = self.tools.answer("fet", "-m", self.number).said.splitlines()
        titles = [
            found[1].strip()
            for line in lines
            if (found := re.match(r"\s*(?:\| )*([A-Z][^|]*)$", line))
        ]
        columns = (
            titles[titles.index("ISO Smart Card Support") :]
            if "ISO Smart Card Support" in titles
            else []
        )
        rows = [
            found[1].split()
            for line in lines
            if (found := re.match(rf"{self.number} +{ESN} +-- ((?:[YN] )+)", line))
        ]
        return {
            title: flag == "Y"
            for title, flag in zip(columns, rows[0] if rows else [], strict=False)
        }

    def _enquiry(self) -> str:
        ran = self.tools.ask("enquiry", "-m", self.number)
        return ran.said if ran.code == 0 else ""

    # ---- keys ------------------------------------------------------------------------------------

    def key_path(self, application: str, ident: str) -> Path:
        """Where generatekey says that it puts one."""
        return self.tools.kmlocal / f"key_{application}_{ident}"

    def key_hash(self, application: str, ident: str) -> str:
        """Empty while there is no such key."""
        found = re.search(r"^ *hash +([0-9a-f]{40})", self._key(application, ident), re.MULTILINE)
        return found[1] if found else ""

    def on_p521(self, application: str, ident: str) -> bool:
        """Whether nothing is known against it: real nfkminfo may not print the curve."""
        curves = {
            curve.lower()
            for curve in re.findall(r"nistp?\d+", self._key(application, ident), re.IGNORECASE)
        }
        return curves <= {"nistp521"}

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
        or that --uuid names, or else of OTHERS. So is one that runs and was not loaded (`UUID:
        none`).
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
        own: Any = _document(ran.said).get(self.esn)
        # Of several HSMs another one may have failed.
        if own is None or (ran.code and not (isinstance(own, dict) and own.get("succeeded"))):
            self.tools.refuse(IDS, ran)
        try:
            return {each["serialNumber"] for each in own["data"]["Certificates"]}
        except (KeyError, TypeError):
            return set()

    def started(self, uuid: str) -> bool:
        """Whether csadmin says so; where csadmin says nothing of it, whether it is to be seen, or
        we have started it.

        What is to be seen proves nothing against csadmin: a fleet, or another host's HSM, may have
        the same serial number.
        """
        line = self.installed().get(uuid, "")
        told = STARTED in line or STOPPED in line
        return STARTED in line if told or not line else self.noted("started") == uuid or self.seen()

    def stopped(self, uuid: str) -> bool:
        """Whether there is nothing to stop; where csadmin says nothing of it, only after we have
        stopped it.
        """
        line = self.installed().get(uuid, "")
        told = STARTED in line or STOPPED in line
        return (
            STOPPED in line
            if told
            else not line or (self.noted("stopped") == uuid and not self.seen())
        )

    def seen(self) -> bool:
        """Whether pipsqueak has it in its banner (guide 2.6)."""
        if not self.esn:
            return False
        ran = self._pipsqueak()
        found = re.search(r"^PQSDK: [^(]*\(([^)]*)\)", ran.said, re.MULTILINE)
        if not found:
            self.tools.refuse(self._pipsqueak_words(), ran)
        return found is not None and self.esn in found[1]

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
        """Whether csadmin told of this module, be it that it failed at others."""
        ran, lines = self.tools.ask(*LIST), self._listed()
        return (
            bool(lines)
            and not any(FAILURE in line for line in lines)
            and (ran.code == 0 or FAILURE in ran.said)
        )

    def _listed(self) -> list[str]:
        """The lines on this module: from its serial number to the next."""
        own, lines = False, []
        for line in self.tools.ask(*LIST).lines if self.esn else []:
            own = line.startswith(self.esn) if re.match(ESN, line) else own
            lines += [line] if own else []
        return lines

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
        """As tools are told it, who work in the work folder."""
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


def _document(said: str) -> dict[str, Any]:
    """The JSON document in what a tool said; what it complained of may stand before and after.

    Empty when there is none.
    """
    try:
        found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    except ValueError:
        return {}
    return dict(found)


def _usable(block: str) -> bool:
    found = re.search(r"^ *state +(.*)$", block, re.MULTILINE)
    return found is not None and "Usable" in found[1].split()
