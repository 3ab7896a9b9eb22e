"""What a request is told that the pipeline refuses."""

from pathlib import Path

import pytest
import trio
from kit.services import make_machine, name_of
from seeclient.algorithms.lms.signing import new_token

from seemachine.server.pipeline import SigningPipeline
from seemachine.testing import install_key
from seemachine.wire.messages import NvmemfileSign
from seemachine.wire.status import StatusError


@pytest.mark.parametrize("together", [1, 2])
async def test_the_command_is_named_once(tmp_path: Path, together: int) -> None:
    """Alone and in a batch, refused before a leaf is taken or at it."""
    machine = make_machine(tmp_path)
    files = (name_of(install_key(machine)), b"lmsnosuchke")
    too_long = bytes(machine.limits.message + 1)
    pipeline = SigningPipeline(machine)
    refusals: list[object] = []

    async def sign(file: bytes, message: bytes) -> None:
        refusals.append(await pipeline.sign(NvmemfileSign(file, new_token(), message)))

    for file, message in zip(files, (too_long, b"message"), strict=True):
        async with trio.open_nursery() as running:
            running.start_soon(pipeline.run)
            async with trio.open_nursery() as asking:
                for _ in range(together):
                    asking.start_soon(sign, file, message)
            running.cancel_scope.cancel()

    assert len(refusals) == 2 * together
    for refused in refusals:
        assert isinstance(refused, StatusError)
        assert refused.detail.count(" in nvmemfile_sign") == 1
