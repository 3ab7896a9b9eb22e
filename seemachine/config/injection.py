"""Settings of what goes wrong, or slowly, on purpose."""

from typing import Any

from seemachine.config.setting import ConfigError, flag, text

PAGE = "See [Faults on demand](../how-to/faults.md)."


def fault_injection_setting() -> Any:
    """Of a machine, or of all machines of a fleet."""
    return flag(
        "let whoever is admin make things go wrong, for tests",
        default=False,
        more=f"Only on loopback. {PAGE}",
        shown="yes",
    )


def latency_setting() -> Any:
    """Of a machine, or of all machines of a fleet."""
    return text(
        "",
        "5c, xc, model, or words such as chunk=0.2,signature=0.02",
        "be as slow as a real machine, in the seconds that the guide prints, for tests: 5c, xc,"
        " model for that of the machine, or words such as chunk=0.2,signature=0.02",
        unset="as fast as it can",
        more=f"Only on loopback. {PAGE}",
        example='"5c"',
        shown="LATENCY",
    )


def check_injection(faults: tuple[str, ...], latency: str, *, allowed: bool) -> None:
    """What is to go wrong from the start. Raises ConfigError."""
    if faults:
        lines_of(faults)
    if latency:
        _check_latency(latency)
    if faults and not allowed:
        raise ConfigError(
            "faults takes effect only with fault_injection = true, or --fault-injection"
        )


def _check_latency(latency: str) -> None:
    from seemachine.faults import FaultError, latency_of

    try:
        latency_of(latency)
    except FaultError as error:
        raise ConfigError(f"latency: {error}") from None


def lines_of(given: object) -> tuple[str, ...]:
    """The lines of a list of faults, each a line or a table. Raises ConfigError."""
    if not isinstance(given, list | tuple):
        raise ConfigError("faults takes a list of lines, or [[faults]]")
    return tuple(map(_line_of, given))


def _line_of(given: object) -> str:
    from seemachine.faults import FaultError, fault_of

    if not isinstance(given, str | dict):
        raise ConfigError(f"faults takes lines or tables, not {given!r}")
    try:
        return fault_of(given).text
    except FaultError as error:
        raise ConfigError(f"faults: {error}") from None
