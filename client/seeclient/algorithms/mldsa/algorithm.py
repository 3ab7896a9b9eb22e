"""ML-DSA as the rest of the client sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from seeclient import dispatch
from seeclient.algorithms.algorithm import Algorithm
from seeclient.algorithms.mldsa import generating, recipe, signing, verifying
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.algorithms.mldsa.recipe import Recipe
from seeclient.effects import Roster, Story, ask_all
from seeclient.events import Listener
from seeclient.message import Message
from seeclient.patience import Patience
from seeclient.results import KeyInfo, MachineView, Signed
from seeclient.signing_options import SigningOptions
from seeclient.wanted import Wanted, Watch
from seemachine.wire.messages import ListSlots, SlotListing


class Mldsa(Algorithm[MldsaKeyFile]):
    """See Algorithm."""

    NAME = MldsaKeyFile.algorithm

    def check_arguments(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> None:
        """See Algorithm."""
        recipe.check_arguments(texts, numbers)

    def recipe(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> Recipe:
        """See Algorithm."""
        del numbers
        return recipe.from_arguments(texts)

    def generate(
        self, roster: Roster, recipe: Recipe, progress: Listener, patience: Patience
    ) -> Story[MldsaKeyFile]:
        """See Algorithm."""
        del patience
        return (yield from generating.generate(roster, recipe, progress)).key

    def check_options(self, options: SigningOptions) -> None:
        """See Algorithm."""
        signing.refuse_acknowledgement(options)

    def sign(
        self, roster: Roster, key: MldsaKeyFile, message: Message, options: SigningOptions
    ) -> Story[Signed]:
        """See Algorithm."""
        return signing.sign(roster, key, message, options)

    def sign_many(
        self,
        roster: Roster,
        key: MldsaKeyFile,
        wanted: Sequence[Wanted],
        options: SigningOptions,
        watch: Watch,
    ) -> Story[None]:
        """See Algorithm."""
        from seeclient.algorithms.mldsa import signing_many

        return signing_many.sign_many(roster, key, wanted, options, watch)

    def verify(
        self, key: MldsaKeyFile, message: Message, signature: bytes, name: str, context: bytes
    ) -> str:
        """See Algorithm."""
        return verifying.check(key.public_key, message, signature, name, context)

    def is_signature(self, data: bytes) -> bool:
        """See Algorithm."""
        return verifying.is_signature(data)

    def info(self, roster: Roster, key: MldsaKeyFile) -> Story[KeyInfo]:
        """See Algorithm. All machines of the world can sign with it."""
        listings = yield from ask_all(roster.peers, ListSlots())
        machines = []
        for peer, listing in zip(roster.peers, listings, strict=True):
            slots = tuple(listing.slots) if isinstance(listing, SlotListing) else ()
            machines.append(MachineView(peer.esn, peer.greeting.model, slots))
        return KeyInfo(key, tuple(machines), failures=dispatch.failures(roster))

    def parameters(self, key: MldsaKeyFile) -> dict[str, Any]:
        """See Algorithm."""
        return {"mldsacode": key.parameters.name}

    def plan(self, key: MldsaKeyFile) -> dict[str, Any]:
        """See Algorithm."""
        return {"token": key.token or None}

    def lines(self, info: KeyInfo) -> list[str]:
        """See Algorithm."""
        assert isinstance(info.key, MldsaKeyFile)
        token = [f"  Token: {info.key.token}"] if info.key.cardset else []
        return [f"  {info.key.parameters.name}", *token]

    def facts(self, info: KeyInfo) -> dict[str, Any]:
        """See Algorithm."""
        assert isinstance(info.key, MldsaKeyFile)
        return self.plan(info.key)


ALGORITHM = Mldsa()
