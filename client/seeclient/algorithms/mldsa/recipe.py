"""What ML-DSA key to make."""

from collections.abc import Mapping

from seeclient.keyfile import check_alias
from seeclient.keys import KeyStore
from seeclient.values import UsageError
from seemachine.frozen import field, frozen
from seemachine.mldsa.parameters import DEFAULT, MldsaError, mldsa
from seemachine.wire.status import Status, StatusError

# What only a key with leaves takes.
OF_LMS = (
    *("lmscode", "lmotscode", "expchunk", "expcache", "expcards", "explease"),
    *("warnat", "slot", "replace"),
)


@frozen
class Recipe:
    """What key to make. `mldsacode` is a name of seemachine.mldsa.parameters.

    `esn` may be left to the dispatcher. `overwrite`: in place of another ML-DSA key of this alias.
    `export`: the private key is wanted, too. `token` is the name of a card set that is to protect
    it, with the `passphrases` of its cards.
    """

    alias: str
    mldsacode: str = DEFAULT.name
    esn: str = ""
    token: str = ""
    passphrases: tuple[str, ...] = field(default=(), repr=False)
    overwrite: bool = False
    export: bool = False

    @property
    def cards(self) -> int:
        """Blank cards that it needs."""
        return 0


def check_arguments(texts: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    """Refuse what goes with other keys. Raises UsageError."""
    for name in OF_LMS:
        if name in texts or name in numbers:
            said = "algorithm=mldsa" if "algorithm" in texts else "an ML-DSA key, the default,"
            raise UsageError(f"{said} takes no {name}=; it goes with algorithm=lms")


def from_arguments(texts: Mapping[str, str]) -> Recipe:
    """What the arguments of `generate` ask for."""
    mldsacode = texts.get("mldsacode", DEFAULT.name)
    return Recipe(texts["alias"], mldsacode, texts.get("esn", ""), texts.get("token", ""))


def check(recipe: Recipe, store: KeyStore, where: str) -> None:
    """Refuse what can be refused without a machine. Raises StatusError."""
    check_alias(recipe.alias)
    try:
        mldsa(recipe.mldsacode)
    except MldsaError as error:
        raise StatusError(Status.InvalidParameter, str(error), where) from None
    if not recipe.overwrite or _has_leaves(recipe.alias, store):
        store.check_free(recipe.alias, where)
    store.check_writable()


def _has_leaves(alias: str, store: KeyStore) -> bool:
    """Whether more than the key file is lost with a key: leaves of an LMS key would be orphaned.

    Raises StatusError for a file that can't be read.
    """
    return store.has(alias) and bool(store.load(alias).name)
