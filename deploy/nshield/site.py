"""The host and one of its modules: what the tools say of them, read from the lines that the guide prints."""

import json
import re
import zipfile
from pathlib import Path

from nshield.journal import Journal
from nshield.settings import ESN, UUID, Settings
from nshield.tools import Tools

# An XC says so (enquiry); what a 5c says here is not published.
XC_TYPE = "PowerPCELF"
# csadmin list may have a state in the HSM's line; what the vendor's prints of a loaded SEE machine is not published.
STARTED, STOPPED = "STARTED", "STOPPED"
NONE, FAILURE = "No SEE machines currently installed", "FAILURE"
REFUSED = "connecting to"


class Site:
    """Everything that steps ask. Nothing here changes anything, and nothing raises while something is missing: then it is not so."""

    def __init__(self, settings: Settings, tools: Tools, journal: Journal) -> None:
        self.settings, self.tools, self.journal = settings, tools, journal
        self.work = Path(settings.work)
        self.answers: dict[str, str] = {}
        self._esn = ""

    # ---- the module -------------------------------------------------------------------------------------------------------------

    @property
    def number(self) -> str:
        """As tools take it."""
        return str(self.settings.module)

    @property
    def esn(self) -> str:
        """The serial number of the module, empty until it answers. Once known it stays: a module that is being cleared does not answer."""
        found = re.search(rf"^ *serial number +({ESN})", self._enquiry(), re.MULTILINE)
        self._esn = found[1] if found else self._esn
        return self._esn

    def operational(self) -> bool:
        """Whether it does its work, and is the one that was meant."""
        there = re.search(r"^ *mode +operational", self._enquiry(), re.MULTILINE) is not None
        return there and bool(self.esn) and self.settings.esn in ("", self.esn)

    def of_the_model(self) -> bool:
        """Whether it is no module of the other model."""
        return bool(self._enquiry()) and (XC_TYPE in self._enquiry()) == (self.settings.model == "xc")

    def several(self) -> bool:
        """Whether there is a question which module to use."""
        return self.settings.module > 1 or len(re.findall(r"^Module #", self.tools.ask("enquiry").said, re.MULTILINE)) > 1

    def world_usable(self) -> bool:
        """Whether the Security World is there, and usable on this module."""
        world, *modules = re.split(r"^Module #", self.tools.ask("nfkminfo").said, flags=re.MULTILINE)
        own = [block for block in modules if re.match(rf"{self.number}\b", block)]
        return bool(own) and all(_usable(block) for block in (world, own[0]))

    def licensed(self, titles: tuple[str, ...]) -> bool:
        """Whether fet shows a Y below one of the titles (guide 2.5 step 1)."""
        return any(self._features().get(title) for title in titles)

    def _features(self) -> dict[str, bool]:
        """The columns of fet: a title stands behind as many bars as there are columns before its own."""
        lines = self.tools.ask("fet", "-m", self.number).said.splitlines()
        titles = [found[1].strip() for line in lines if (found := re.match(r"\s*(?:\| )*([A-Z][^|]*)$", line))]
        columns = titles[titles.index("ISO Smart Card Support") :] if "ISO Smart Card Support" in titles else []
        rows = [found[1].split() for line in lines if (found := re.match(rf"{self.number} +{ESN} +-- ((?:[YN] )+)", line))]
        return {title: flag == "Y" for title, flag in zip(columns, rows[0] if rows else [], strict=False)}

    def _enquiry(self) -> str:
        ran = self.tools.ask("enquiry", "-m", self.number)
        return ran.said if ran.code == 0 else ""

    # ---- keys -------------------------------------------------------------------------------------------------------------------

    def key_path(self, application: str, ident: str) -> Path:
        """Where generatekey says that it puts one."""
        return self.tools.kmlocal / f"key_{application}_{ident}"

    def key_hash(self, application: str, ident: str) -> str:
        """Empty while there is no such key."""
        found = re.search(r"^ *hash +([0-9a-f]{40})", self._key(application, ident), re.MULTILINE)
        return found[1] if found else ""

    def on_p521(self, application: str, ident: str) -> bool:
        """Whether nothing is known against it: real nfkminfo may not print the curve."""
        curves = {curve.lower() for curve in re.findall(r"nistp?\d+", self._key(application, ident), re.IGNORECASE)}
        return curves <= {"nistp521"}

    def _key(self, application: str, ident: str) -> str:
        if not self.key_path(application, ident).exists():
            return ""
        return self.tools.ask("nfkminfo", "-k", application, ident).said

    # ---- SEE machines -----------------------------------------------------------------------------------------------------------

    def enrolled(self) -> bool:
        """Whether the launcher of the 5c answers csadmin (guide 2.5.2.3 step 10)."""
        return bool(self.installed()) or any(NONE in line for line in self._listed())

    def installed(self) -> dict[str, str]:
        """What csadmin lists of each SEE machine on this module, by UUID. One that we loaded is there until csadmin says that none is."""
        lines = self._listed()
        found = {match[0]: line for line in lines if (match := re.search(UUID, line))}
        ours = self.noted("uuid") if not found and not any(NONE in line or FAILURE in line for line in lines) else ""
        return {ours: lines[0]} if ours and lines else found

    def uuid(self) -> str:
        """Of our SEE machine on this module; empty when there is none. A load that was interrupted is found by what is new in the list."""
        installed, known = self.installed(), self.settings.uuid or self.noted("uuid")
        if known in installed:
            return known
        before = self.journal.get(self.esn, "loading")
        new = [each for each in installed if before is not None and each not in before]
        return new[0] if len(new) == 1 else ""

    def certificates(self) -> set[str]:
        """Serial numbers that the module trusts."""
        try:
            said = self.tools.ask("csadmin", "ids", "list", "--json").said
            # What it complained of may stand before and after.
            document, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
            return {each["serialNumber"] for each in document[self.esn]["data"]["Certificates"]}
        except (ValueError, KeyError, TypeError):
            return set()

    def started(self, uuid: str) -> bool:
        """Whether csadmin says so, or it is to be seen; or, where csadmin says nothing of it, we have started it."""
        line = self.installed().get(uuid, "")
        return bool(line) and (STARTED in line or self.seen() or (STOPPED not in line and self.noted("started") == uuid))

    def stopped(self, uuid: str) -> bool:
        """Whether there is nothing to stop; where csadmin says nothing of it, only after we have stopped it."""
        line = self.installed().get(uuid, "")
        known = STOPPED in line or (STARTED not in line and self.noted("stopped") == uuid)
        return not line or (known and not self.seen())

    def seen(self) -> bool:
        """Whether pipsqueak has it in its banner (guide 2.6)."""
        found = re.search(r"^PQSDK: [^(]*\(([^)]*)\)", self._pipsqueak(), re.MULTILINE)
        return bool(self.esn) and found is not None and self.esn in found[1]

    def stale(self) -> bool:
        """Whether a published object leads nowhere (guide 2.8.1 step 5)."""
        return any(REFUSED in line for line in self._pipsqueak().splitlines())

    def answered(self) -> bool:
        """Whether pipsqueak can be asked at all."""
        return "PQSDK:" in self._pipsqueak()

    def _listed(self) -> list[str]:
        """The lines on this module: from its serial number to the next."""
        own, lines = False, []
        for line in self.tools.ask("csadmin", "list").lines if self.esn else []:
            own = line.startswith(self.esn) if re.match(ESN, line) else own
            lines += [line] if own else []
        return lines

    def _pipsqueak(self) -> str:
        own = self.release / "pipsqueak"
        return self.tools.ask("./pipsqueak" if own.exists() else "pipsqueak", folder=self.release if own.exists() else None).said

    # ---- files ------------------------------------------------------------------------------------------------------------------

    @property
    def release(self) -> Path:
        """The unzipped release; below the work folder, if a zip file was given."""
        given = Path(self.settings.release) if self.settings.release else self.work / f"pqsdk-{self.settings.version}"
        return self.work / _top(given) if given.suffix == ".zip" else given

    def here(self, path: Path) -> Path:
        """As tools are told it, who work in the work folder."""
        return path.relative_to(self.work) if path.is_relative_to(self.work) else path

    def script(self, name: str) -> tuple[str, str]:
        """A script of the release, and what runs it."""
        return str(self.tools.python), str(self.here(self.release / name))

    def known(self, name: str) -> list[str]:
        """The words of a place: what a tool answered, what is known of the module, or a setting. Empty while nothing is."""
        if name in self.answers:
            return self.answers[name].split()
        found = {"esn": lambda: self.esn, "uuid": self.uuid}.get(name, lambda: str(getattr(self.settings, name, "")))()
        return [found] if found else []

    def noted(self, name: str) -> str:
        """What the journal has on this module."""
        return str(self.journal.get(self.esn, name) or "")


def _top(path: Path) -> str:
    """The folder that a zip file unpacks to."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()[0].partition("/")[0]
    except (OSError, zipfile.BadZipFile, IndexError):
        return path.stem


def _usable(block: str) -> bool:
    found = re.search(r"^ *state +(.*)$", block, re.MULTILINE)
    return found is not None and "Usable" in found[1].split()
