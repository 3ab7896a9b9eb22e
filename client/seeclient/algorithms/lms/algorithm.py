"""LMS as the rest of the client sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from seeclient import dispatch
from seeclient.algorithms.algorithm import Algorithm
from seeclient.algorithms.lms import (
    destroying,
    generating,
    inspecting,
    lines,
    missing,
    recipe,
    signing,
    thresholds,
    verifying,
)
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.options import check_options, refuse_foreign
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.effects import Roster, Story
from seeclient.events import Listener
from seeclient.message import Message
from seeclient.patience import Patience
from seeclient.results import Destroyed, KeyInfo, LeavesLeft, Signed
from seeclient.signing_options import SigningOptions
from seeclient.wanted import Wanted, Watch


class Lms(Algorithm[LmsKeyFile]):
    """See Algorithm."""

    NAME = LmsKeyFile.algorithm

    def check_arguments(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> None:
        """See Algorithm."""
        recipe.check_arguments(texts)
        del numbers

    def recipe(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> Recipe:
        """See Algorithm."""
        return recipe.from_arguments(texts, numbers)

    def generate(
        self, roster: Roster, recipe: Recipe, progress: Listener, patience: Patience
    ) -> Story[LmsKeyFile]:
        """See Algorithm."""
        return generating.generate(roster, recipe, progress, patience)

    def check_options(self, options: SigningOptions) -> None:
        """See Algorithm."""
        check_options(options)

    def sign(
        self, roster: Roster, key: LmsKeyFile, message: Message, options: SigningOptions
    ) -> Story[Signed]:
        """See Algorithm."""
        return signing.sign(roster, key, message, options)

    def sign_many(
        self,
        roster: Roster,
        key: LmsKeyFile,
        wanted: Sequence[Wanted],
        options: SigningOptions,
        watch: Watch,
    ) -> Story[None]:
        """See Algorithm."""
        from seeclient.algorithms.lms import signing_many

        return signing_many.sign_many(roster, key, wanted, options, watch)

    def verify(
        self, key: LmsKeyFile, message: Message, signature: bytes, name: str, context: bytes
    ) -> str:
        """See Algorithm."""
        refuse_foreign(context=context)
        return verifying.verify(key, message, signature, name)

    def is_signature(self, data: bytes) -> bool:
        """See Algorithm."""
        return verifying.is_signature(data)

    def info(self, roster: Roster, key: LmsKeyFile) -> Story[KeyInfo]:
        """See Algorithm."""
        return (yield from inspecting.info(roster, key))

    def leaves(self, roster: Roster, key: LmsKeyFile) -> Story[LeavesLeft | None]:
        """See Algorithm."""
        files = yield from dispatch.holders(roster, key.name)
        given = [info for _, info in files if not info.quarantined and not info.foreign]
        free = (max(0, info.remaining - info.warnat) for info in given)
        return LeavesLeft(sum(info.remaining for info in given), sum(free))

    def look_for(self, roster: Roster, key: LmsKeyFile) -> Story[None]:
        """See Algorithm."""
        if not (yield from dispatch.holders(roster, key.name)):
            raise missing.no_leaves(roster, key)

    def warn_at(self, roster: Roster, key: LmsKeyFile, count: int) -> Story[LmsKeyFile]:
        """See Algorithm."""
        return thresholds.warn_at(roster, key, count)

    def destroy(self, roster: Roster, public_key: bytes) -> Story[Destroyed]:
        """See Algorithm."""
        return destroying.destroy(roster, public_key)

    def parameters(self, key: LmsKeyFile) -> dict[str, Any]:
        """See Algorithm."""
        return lines.parameters(key)

    def plan(self, key: LmsKeyFile) -> dict[str, Any]:
        """See Algorithm."""
        return lines.plan(key)

    def lines(self, info: inspecting.LmsInfo) -> list[str]:
        """See Algorithm."""
        return lines.lines(info)

    def facts(self, info: inspecting.LmsInfo) -> dict[str, Any]:
        """See Algorithm."""
        return lines.facts(info)


ALGORITHM = Lms()
