"""The manifest of docs/how-to/kubernetes.md, as far as the machine is told by it."""

import re
from pathlib import Path

from seemachine.cli.command import _parser

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "kubernetes.md").read_text()


def variable(name: str) -> str:
    """What the manifest sets it to."""
    [value] = re.findall(rf"\{{name: {name}, value: (\S+)\}}", PAGE)
    return value


def test_the_container_is_given_words_that_the_machine_takes() -> None:
    """As the entry point puts them together: options of serve."""
    [words] = re.findall(r"args: \[(.+)\]", PAGE)
    given = ["--esn", variable("SEEMACHINE_ESN"), "--home", variable("SEEMACHINE_HOME")]
    options = _parser().parse_args(["serve", *given, *words.split(", ")])
    assert options.private_group


def test_the_world_is_a_folder_in_the_volume() -> None:
    """The machine makes it, so it is the machine's; the top of a volume is root's."""
    [mounted] = re.findall(r"mountPath: (\S+)\}", PAGE)
    assert Path(variable("SEEMACHINE_HOME")).parent == Path(mounted)
    [claim] = re.findall(r"name: (\S+), mountPath", PAGE)
    assert f"name: {claim}\n" in PAGE.partition("volumeClaimTemplates:")[2]
