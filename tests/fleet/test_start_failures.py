"""`failed.json`: why a machine did not start, in its own folder."""

import json

from seemachine.hsms.published import FAILED, Failure, failure, forget_failure, record_failure
from seemachine.world import World

ESN = "7852-268D-3BF9"


def test_the_reason_is_kept_until_the_machine_is_up(tmp_path):
    """What was noted is read back, with the version of its format in the file; then forgotten."""
    world = World.at(tmp_path)
    world.hsm(ESN).mkdir(parents=True)
    noted = Failure(ESN, "port 8888 is taken", 1234, "5")

    record_failure(world, noted)
    assert json.loads((world.hsm(ESN) / FAILED).read_text())["version"] == 1
    assert failure(world, ESN) == noted

    forget_failure(world, ESN)
    assert failure(world, ESN) is None


def test_a_reason_of_another_version_says_nothing(tmp_path):
    """A later seemachine may mean something else: its reason is not shown as ours."""
    world = World.at(tmp_path)
    world.hsm(ESN).mkdir(parents=True)
    record_failure(world, Failure(ESN, "port 8888 is taken", 1234))
    path = world.hsm(ESN) / FAILED
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))

    assert failure(world, ESN) is None
