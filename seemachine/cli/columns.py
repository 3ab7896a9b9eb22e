"""The columns of a list."""

from collections.abc import Iterator, Sequence


def in_columns(rows: Sequence[Sequence[str]], least: Sequence[int]) -> Iterator[str]:
    """Each row as a line. A column is as wide as its longest cell, and as `least` says of it, so
    that the columns of a short list stay where they were.
    """
    widths = list(least)
    for row in rows:
        widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    for row in rows:
        yield " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
