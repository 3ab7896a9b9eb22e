"""The native engine, and what pyproject.toml can't say.

The engine is optional: without a C compiler or Python's headers the package installs all the same,
runs on the portable engine, and knows why. Then its wheel is for every platform.
"""

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command import editable_wheel
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

KERNEL = Path("seemachine/lms/engines/kernel")
# Beside the engine's place: why it is not there. `seemachine.lms.engines` reads it.
NOTE = "not_built.txt"
# Visibility: only the module itself is seen from outside. psabi: vectors never cross from one file
# to another.
GNU_STYLE = [
    os.environ.get("SEEMACHINE_CFLAGS", "-O3"),
    "-g0",
    "-std=c11",
    "-fvisibility=hidden",
    "-Wno-psabi",
]
# An index shows the README alone.
READ_ELSEWHERE = "\nThe pages that this one names are in the source archive.\n"


class BuildEngine(build_ext):
    """Leaves a note where it fails."""

    reason = ""

    def run(self) -> None:
        """Build, then for an install that stays in its clone put the result there."""
        super().run()
        if self.inplace:
            self._note()

    def build_extension(self, ext: Extension) -> None:
        """Raises what the compiler raised; setuptools goes on, for the engine is optional."""
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError):
            self.reason = self._why_not()
            self.warn(f"the native engine is not built: {self.reason}")
            raise
        finally:
            self._note()

    def _note(self) -> None:
        note = Path(self.get_ext_fullpath(ENGINE.name)).with_name(NOTE)
        note.unlink(missing_ok=True)
        if self.reason:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{self.reason}\n")

    def _why_not(self) -> str:
        compiler = self.compiler.compiler_so[0]
        if shutil.which(compiler) is None:
            return f"there was no C compiler ({compiler}) when seemachine was installed"
        if not Path(sysconfig.get_path("include"), "Python.h").exists():
            return "Python's headers (Python.h) were missing when seemachine was installed"
        return f"{compiler} failed when seemachine was installed; pip install --verbose says how"


class Wheel(bdist_wheel):
    """Its tag says whether the engine is in it: one for this platform, or one for all."""

    def run(self) -> None:
        """Build the engine first: only then is it known which."""
        self.run_command("build_ext")
        engine = Path(self.get_finalized_command("build_ext").get_ext_fullpath(ENGINE.name))
        if not engine.exists():
            self.distribution.ext_modules = []
            self.root_is_pure = True
        super().run()


class TwoFolders(editable_wheel.editable_wheel):
    """An editable install puts the two folders of packages on the path.

    Setuptools would put in an import hook, since they are two; mypy and editors do not run it. Its
    names here are private: where a version has others, it does what it would.
    """

    def _select_strategy(self, name, tag, build_lib):
        folders = [Path(__file__).parent, Path(__file__).parent / "client"]
        try:
            return editable_wheel._StaticPth(self.distribution, name, folders)  # noqa: SLF001
        except AttributeError:
            return super()._select_strategy(name, tag, build_lib)


def description() -> str:
    """The README without links to files, which lead nowhere on the page of an index."""
    text = Path("README.md").read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\((?!\w+:)[^)]+\)", r"\1", text) + READ_ELSEWHERE


ENGINE = Extension(
    "seemachine.lms.engines._native",
    sources=sorted(path.as_posix() for path in KERNEL.glob("*.c")),
    depends=sorted(path.as_posix() for path in KERNEL.glob("*.h")),
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=[] if sys.platform == "win32" else GNU_STYLE,
    py_limited_api=True,
    optional=True,
)


setup(
    ext_modules=[ENGINE],
    cmdclass={"build_ext": BuildEngine, "bdist_wheel": Wheel, "editable_wheel": TwoFolders},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    long_description=description(),
    long_description_content_type="text/markdown",
)
