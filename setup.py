"""The native engine, the C libraries, and what pyproject.toml can't say.

All that is compiled is optional: without a C compiler the package installs all the same, runs on
the portable engine, and knows why. Then its wheel is for every platform.
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
# The C libraries: each has a folder of its name there, and all have what is beside these.
NATIVE = Path("client/native")
LIBRARIES = {"acorn": "libacorn.so", "pkcs11": "seemachine-pkcs11.so"}
HEADERS = Path("client/seeclient/library/include")
# Beside the place of what is compiled: why it is not there. `seemachine.lms.engines` reads it, and
# with the name of a library before it `seeclient.library`.
NOTE = "not_built.txt"
# Beside the libraries of an install that stays in its clone: the Python that runs their helper.
PYTHON = "python"
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


class Library(Extension):
    """A C library for programs that are not Python; see client/native."""

    def __init__(self, name: str, file: str) -> None:
        """Of the sources in the folder of that name, and what all libraries have."""
        own = NATIVE / name
        sources = [*NATIVE.glob("*.c"), *own.glob("*.c")]
        headers = [*NATIVE.glob("*.h"), *own.glob("*.h"), *HEADERS.glob("*.h")]
        exports = own / "exports.map"
        super().__init__(
            f"seeclient.library.{name}",
            sources=sorted(path.as_posix() for path in sources),
            depends=sorted(path.as_posix() for path in [*headers, exports]),
            include_dirs=[NATIVE.as_posix(), HEADERS.as_posix()],
            extra_compile_args=[*GNU_STYLE[1:], "-O2", "-fPIC", "-pthread"],
            extra_link_args=[
                "-pthread",
                "-ldl",
                f"-Wl,-soname,{file},--version-script={exports},-z,defs,-z,relro,-z,now",
            ],
            optional=True,
        )
        self.file = file


class Build(build_ext):
    """Leaves a note where something fails."""

    def initialize_options(self) -> None:
        """Nothing has failed yet."""
        super().initialize_options()
        self.reasons: dict[str, str] = {}

    def run(self) -> None:
        """Build, then for an install that stays in its clone put the result there."""
        super().run()
        if self.inplace:
            for ext in self.extensions:
                self._note(ext)
            self._name_python()

    def build_extension(self, ext: Extension) -> None:
        """Raises what the compiler raised; setuptools goes on, for all of it is optional."""
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError):
            reason = self._why_not(ext)
            self.reasons[ext.name] = reason
            what = ext.file if isinstance(ext, Library) else "the native engine"
            self.warn(f"{what} is not built: {reason}")
            raise
        finally:
            self._note(ext)

    def get_ext_filename(self, fullname: str) -> str:
        """A library has a name that says nothing of Python."""
        ext = self.ext_map.get(fullname)
        if not isinstance(ext, Library):
            return super().get_ext_filename(fullname)
        return str(Path(*fullname.split(".")[:-1], ext.file))

    def get_libraries(self, ext: Extension) -> list[str]:
        """A library is linked with nothing of Python."""
        return ext.libraries if isinstance(ext, Library) else super().get_libraries(ext)

    def built(self) -> bool:
        """Whether there is anything that is of one platform."""
        return any(Path(self.get_ext_fullpath(ext.name)).exists() for ext in self.extensions)

    def _note(self, ext: Extension) -> None:
        name = f"{ext.file}.{NOTE}" if isinstance(ext, Library) else NOTE
        note = Path(self.get_ext_fullpath(ext.name)).with_name(name)
        note.unlink(missing_ok=True)
        if ext.name in self.reasons:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{self.reasons[ext.name]}\n")

    def _name_python(self) -> None:
        for library in LIBRARY_MODULES:
            folder = Path(self.get_ext_fullpath(library.name)).parent
            (folder / PYTHON).write_text(f"{sys.executable}\n")

    def _why_not(self, ext: Extension) -> str:
        compiler = self.compiler.compiler_so[0]
        if shutil.which(compiler) is None:
            return f"there was no C compiler ({compiler}) when seemachine was installed"
        headers = Path(sysconfig.get_path("include"), "Python.h")
        if not isinstance(ext, Library) and not headers.exists():
            return "Python's headers (Python.h) were missing when seemachine was installed"
        return f"{compiler} failed when seemachine was installed; pip install --verbose says how"


class Wheel(bdist_wheel):
    """Its tag says whether anything compiled is in it: one for this platform, or one for all."""

    def run(self) -> None:
        """Compile first: only then is it known which."""
        self.run_command("build_ext")
        if not self.get_finalized_command("build_ext").built():
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

# Of Linux: of how processes begin and sockets behave elsewhere nothing is known here.
LIBRARY_MODULES = [
    Library(name, file)
    for name, file in LIBRARIES.items()
    if sys.platform == "linux" and any((NATIVE / name).glob("*.c"))
]


setup(
    ext_modules=[ENGINE, *LIBRARY_MODULES],
    cmdclass={"build_ext": Build, "bdist_wheel": Wheel, "editable_wheel": TwoFolders},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    long_description=description(),
    long_description_content_type="text/markdown",
)
