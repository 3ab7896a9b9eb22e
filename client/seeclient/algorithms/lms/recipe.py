"""What LMS key to make."""

from collections.abc import Mapping

from seeclient.keyfile import check_alias
from seeclient.keys import KeyStore
from seeclient.values import UsageError
from seemachine.frozen import frozen
from seemachine.lms.parameters import ParameterError, check_pair, lmots, lms
from seemachine.wire.messages import GenerateLms
from seemachine.wire.status import Status, StatusError


@frozen
class Recipe:
    """What key to make. Parameter sets by name; exponents as in guide 2.7.1.

    `esn` and `slot` may be left to the dispatcher. Each of the last `warnat` signatures of each of
    its leases will need an acknowledgement.
    """

    alias: str
    lms: str
    lmots: str
    expcards: int = 0
    explease: int = 0
    expchunk: int | None = None
    expcache: int | None = None
    esn: str = ""
    slot: int | None = None
    replace: bool = False
    warnat: int = 0

    @property
    def cards(self) -> int:
        """Blank cards that it needs."""
        return 1 << self.expcards if self.expcards + self.explease else 0

    @property
    def possible(self) -> bool:
        """Whether the tree is high enough for its cards and leases."""
        return self.expcards + self.explease <= lms(self.lms).h


# What `generate` can be given, beside alias, esn, slot and replace.
NEEDED = (("lmscode", "sha256_m32_h5"), ("lmotscode", "sha256_n32_w8"))


def check_arguments(texts: Mapping[str, str]) -> None:
    """Refuse what makes no key. Raises UsageError."""
    if "token" in texts:
        raise UsageError("algorithm=lms takes no token=: LMS keys are module protected only")
    if "mldsacode" in texts:
        raise UsageError("algorithm=lms takes no mldsacode=; it goes with algorithm=mldsa")
    for name, example in NEEDED:
        if name not in texts:
            raise UsageError(f"generate needs {name}=, such as {name}={example}")
    try:
        check_pair(lms(texts["lmscode"]), lmots(texts["lmotscode"]))
    except ParameterError as error:
        raise UsageError(str(error)) from None


def from_arguments(texts: Mapping[str, str], numbers: Mapping[str, int]) -> Recipe:
    """What the arguments of `generate` ask for."""
    return Recipe(
        alias=texts["alias"],
        lms=texts["lmscode"],
        lmots=texts["lmotscode"],
        esn=texts.get("esn", ""),
        replace=texts.get("replace") == "yes",
        **numbers,
    )


def check(recipe: Recipe, store: KeyStore) -> None:
    """Refuse what can be refused without a machine. Raises StatusError."""
    check_alias(recipe.alias)
    try:
        tree = lms(recipe.lms)
        check_pair(tree, lmots(recipe.lmots))
    except ParameterError as error:
        raise StatusError(Status.InvalidParameter, str(error), "generateLMS") from None
    # A plan that can't be is left to the machine, which refuses it in the guide's words.
    if recipe.possible:
        store.check_free(recipe.alias, "generateLMS")
    store.check_writable()


def request(recipe: Recipe) -> GenerateLms:
    """The same as a machine is asked for it."""
    return GenerateLms(
        lms=lms(recipe.lms).typecode,
        lmots=lmots(recipe.lmots).typecode,
        expcards=recipe.expcards,
        explease=recipe.explease,
        expchunk=recipe.expchunk,
        expcache=recipe.expcache,
        label=recipe.alias.lower(),
        replace=recipe.replace,
        warnat=recipe.warnat,
    )
