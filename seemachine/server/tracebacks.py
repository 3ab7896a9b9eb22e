"""An exception as a program reads it: types, texts and frames. The variables of a frame are left
out: seeds and messages are among them.

The fields are those of structlog, in their order; see `structlog.tracebacks`.
"""

import os
import traceback
from typing import Any

# Of one stack; of more, those in the middle are left out.
MOST_FRAMES = 50

Stack = dict[str, Any]


def stacks(error: BaseException) -> list[Stack]:
    """That of the exception, and after it those of what it comes from."""
    return [_shortened(stack) for stack in _stacks(error, set())]


def _stacks(error: BaseException, seen: set[int]) -> list[Stack]:
    found: list[Stack] = []
    cause: BaseException | None = error
    is_cause = False
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        found.append(_stack(cause, is_cause, seen))
        cause, is_cause = _origin(cause)
    return found


def _origin(error: BaseException) -> tuple[BaseException | None, bool]:
    """What an exception comes from, and whether it says so itself. What was never raised is left
    out.
    """
    cause, context = error.__cause__, error.__context__
    if cause is not None and cause.__traceback__ is not None:
        return cause, True
    if context is None or context.__traceback__ is None or error.__suppress_context__:
        return None, False
    return context, False


def _stack(error: BaseException, is_cause: bool, seen: set[int]) -> Stack:
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return {
        "exc_type": type(error).__name__,
        "exc_value": _text(error),
        "exc_notes": [_text(note) for note in getattr(error, "__notes__", ())],
        "syntax_error": _place(error) if isinstance(error, SyntaxError) else None,
        "is_cause": is_cause,
        "frames": [
            _frame(frame.f_code.co_filename, number, frame.f_code.co_name)
            for frame, number in traceback.walk_tb(error.__traceback__)
        ],
        "is_group": isinstance(error, BaseExceptionGroup),
        "exceptions": [_stacks(each, seen) for each in parts],
    }


def _frame(filename: str, line: int, function: str) -> dict[str, object]:
    if filename and not filename.startswith("<"):
        filename = os.path.abspath(filename)  # noqa: PTH100
    return {"filename": filename or "?", "lineno": line, "name": function}


def _place(error: SyntaxError) -> dict[str, object]:
    return {
        "offset": error.offset or 0,
        "filename": error.filename or "?",
        "line": error.text or "",
        "lineno": error.lineno or 0,
        "msg": error.msg,
    }


def _shortened(stack: Stack) -> Stack:
    frames, half = stack["frames"], MOST_FRAMES // 2
    if len(frames) > MOST_FRAMES:
        gap = {"filename": "", "lineno": -1, "name": f"Skipped frames: {len(frames) - 2 * half}"}
        stack["frames"] = [*frames[:half], gap, *frames[-half:]]
    return stack


def _text(value: object) -> str:
    """An exception may fail to say what it is."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001
        return f"<str-error {str(error)!r}>"
