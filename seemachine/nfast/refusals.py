"""Why a tool does not do what it was asked for."""


class Refusal(Exception):
    """The tool does not do what it was asked for. The text says why, and what to do."""


class Misuse(Refusal):
    """Refused whatever the world looks like: the command line is invalid."""


class Silent(Refusal):
    """Refused, and said already in the tool's own form."""
