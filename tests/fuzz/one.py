"""Fuzz one target: python -m fuzz.one TARGET [libFuzzer's options and corpus folders]."""

import sys

import atheris

with atheris.instrument_imports(
    include=["seemachine", "seeclient", "msgpack.fallback", "fuzz.lms_targets"]
):
    from fuzz.targets import TARGETS


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], f"-max_len={target.longest}", *sys.argv[2:]], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
