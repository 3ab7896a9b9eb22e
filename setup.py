"""The native engine.

Optional: without a C compiler the package installs all the same and runs on the portable engine.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

KERNEL = Path("seemachine/lms/engines/kernel")
# Visibility: only the module itself is seen from outside. psabi: vectors never cross from one file
# to another.
GNU_STYLE = [
    os.environ.get("SEEMACHINE_CFLAGS", "-O3"),
    "-g0",
    "-std=c11",
    "-fvisibility=hidden",
    "-Wno-psabi",
]

setup(
    ext_modules=[
        Extension(
            "seemachine.lms.engines._native",
            sources=sorted(path.as_posix() for path in KERNEL.glob("*.c")),
            depends=sorted(path.as_posix() for path in KERNEL.glob("*.h")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=[] if sys.platform == "win32" else GNU_STYLE,
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
