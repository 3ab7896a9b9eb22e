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


@pytest.mark.parametrize("esn", ["", "7852-268D", "7852-268d-3bf9", "../../7852-268D-3BF9"])
def test_a_number_that_no_machine_has(tmp_path, esn):
    """It becomes the name of a folder: another one is none of this world's."""
    machine = make_machine(tmp_path)
    with pytest.raises(ValueError, match="is not an ESN, such as 7852-268D-3BF9"):
        replace(machine, esn=esn)
