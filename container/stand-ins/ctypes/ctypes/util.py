"""See the package."""


def find_library(_name: str) -> None:
    """No library is found."""
