"""The command line of nshield5c and nshieldxc, and the one place where what went wrong becomes an
exit code.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from nshield import checks, cs5, dry_run, failures, runner, settings, uninstall, xc
from nshield.journal import Busy, Folder, Journal
from nshield.settings import Settings, WrongSettings
from nshield.site import Site
from nshield.step import Step
from nshield.tools import Tools, Unanswered

EPILOG = (
    "Exit codes: 0 done, or nothing to do; 1 refused; 2 invalid command line; 3 a person is needed"
    " (a card, a certificate, a licence), then run it again; 130 interrupted. It can be stopped at"
    " any moment and run again."
)
STEPS = {"5c": cs5.steps, "xc": xc.steps}


def main(model: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    options = _parser(model).parse_args(arguments)
    name = f"nshield{model}"
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a tool prints can be shown at every terminal, if need be not as it is.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        chosen = settings.chosen(model, options)
        checks.refuse(chosen, uninstall=options.uninstall)
        return _dry(chosen, options) if options.dry_run else _run(chosen, options)
    except WrongSettings as error:
        return _complain(name, error, 2)
    except runner.Stopped as stopped:
        return _complain(name, stopped, stopped.code)
    except Unanswered as error:
        return _complain(
            name,
            f"{error}\n  what to do: run it yourself, and mend what it complains of\n "
            f" {runner.AGAIN}",
            1,
        )
    except (Busy, OSError, ValueError) as error:
        return _complain(name, f"{error}{_advice(error)}", 1)
    except KeyboardInterrupt:
        return _complain(name, f"interrupted; {runner.AGAIN}", 130)


def _dry(chosen: Settings, options: argparse.Namespace) -> int:
    site = Site(
        chosen, Tools(Path(chosen.work), chosen.nfast, -1, silent=True), Journal(Path(chosen.work))
    )
    print(
        f"{chosen.name}: what it would look at (?) and do ($), in this order; nothing is called"
        " now. Words in <> are known only then. Where there are several modules, generatekey is"
        " called with one of them."
    )
    dry_run.show_calls(site, _steps(site, options))
    return 0


def _run(chosen: Settings, options: argparse.Namespace) -> int:
    folder = Folder(Path(chosen.work))
    try:
        site = Site(
            chosen, Tools(folder.path, chosen.nfast, folder.taken), Journal(folder.path), folder
        )
        if chosen.model == "5c":
            cs5.adopt(site)
        count = runner.run(site, _steps(site, options), yes=options.yes)
    finally:
        folder.leave()
    what = "uninstalled" if options.uninstall else "set up"
    print(
        f"\n{chosen.name}: module {site.number} ({site.esn}) is {what}"
        + ("" if count else "; there was nothing to do")
    )
    return 0


def _steps(site: Site, options: argparse.Namespace) -> list[Step]:
    return uninstall.steps(site) if options.uninstall else STEPS[site.settings.model](site)


def _parser(model: str) -> argparse.ArgumentParser:
    title = settings.MODELS[model]
    parser = argparse.ArgumentParser(
        prog=f"nshield{model}",
        description=(
            f"Set up the PQCOP SEE machine of an {title}, step by step as in the integration guide,"
            " or uninstall it."
        ),
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print each tool call, and call none"
    )
    parser.add_argument(
        "--uninstall",
        action="store_true",
        help="the way back (guide 2.8); keys, cards and NVRAM stay",
    )
    parser.add_argument(
        "--yes", action="store_true", help="the module may be cleared, without asking"
    )
    settings.add_options(parser, model)
    return parser


def _advice(error: Exception) -> str:
    advice = failures.judge(str(error), "")[1]
    return f"\n  what to do: {advice}" if advice else ""


def _complain(name: str, reason: object, code: int) -> int:
    sys.stdout.flush()
    print(f"{name}: {reason}", file=sys.stderr)
    return code
