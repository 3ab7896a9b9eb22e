"""machine.py: what a machine is refused to be made of."""

from dataclasses import replace

import pytest
from kit.services import make_machine


@pytest.mark.parametrize("model", ["", "5C", "solo", "5c "])
def test_a_model_that_there_is_not(tmp_path, model):
    """Its name decides what tools print of it: a wrong one is said at once."""
    machine = make_machine(tmp_path)
    with pytest.raises(ValueError, match=r"is not a model; one of .*5c.*xc"):
        replace(machine, model=model)
