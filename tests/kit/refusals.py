"""What calls are refused with."""

from collections.abc import Callable
from typing import Any

import pytest

from seemachine.wire.status import StatusError


def refusal(call: Callable[..., object], *arguments: Any, **options: Any) -> StatusError:
    """The StatusError that a call, or a story that it plays, ends with."""
    with pytest.raises(StatusError) as refused:
        call(*arguments, **options)
    return refused.value
