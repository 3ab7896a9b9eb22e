"""What machines are asked: for a key, by its algorithm; and for their cards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from seeclient.algorithms import registry
from seeclient.effects import Roster, Story, ask_all
from seeclient.events import Listener
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.refusals import PartlySigned
from seeclient.results import Destroyed, Generated, KeyInfo, LeavesLeft, MachineView, Signed
from seeclient.signing_options import PLAIN, SigningOptions
from seeclient.wanted import UNWATCHED, Progress, Wanted, Watch, left, unseen
from seemachine.frozen import replace
from seemachine.wire.messages import ListSlots
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile


class MldsaOptions(TypedDict, total=False):
    """Those of seeclient.algorithms.mldsa.recipe.Recipe, which is imported when one is needed."""

    esn: str
    token: str
    passphrases: tuple[str, ...]
    overwrite: bool
    export: bool


def sign(
    roster: Roster, key: KeyFile, message: Message, options: SigningOptions = PLAIN
) -> Story[Signed]:
    """Sign with whichever machine can.

    Raises StatusError: Unavailable when none holds leaves of the key, of the class that says why;
    UseLimitExceeded when all that do are at their thresholds, and `options.acknowledge` does not
    say why to go on.
    """
    return (yield from registry.of(key).sign(roster, key, message, options))


def sign_many(
    roster: Roster,
    key: KeyFile,
    messages: Sequence[Message],
    options: SigningOptions = PLAIN,
    progress: Progress = unseen,
) -> Story[list[bytes]]:
    """Sign several messages with all machines that can, and return the signatures in their order.

    `progress` is called with the place and the Signed of each when it is there. Raises
    PartlySigned, also from what `progress` raises; where none was signed, StatusError as `sign`
    does.
    """
    wanted = [Wanted(place, message) for place, message in enumerate(messages)]
    raised: Exception | None = None
    try:
        yield from sign_wanted(roster, key, wanted, options, Watch(progress))
    except Exception as error:
        if not any(isinstance(each.outcome, Signed) for each in wanted):
            raise
        raised = error
        for each in left(wanted):
            each.outcome = StatusError(Status.Failed, "progress= raised before it", "sign_many")
    return _signatures(wanted, raised)


def _signatures(wanted: Sequence[Wanted], raised: Exception | None) -> list[bytes]:
    """Those of all. Raises PartlySigned where there are some; the first refusal where none is."""
    made = [each.outcome.signature if isinstance(each.outcome, Signed) else None for each in wanted]
    causes = {each.place: each.outcome for each in wanted if isinstance(each.outcome, StatusError)}
    if raised is not None:
        raise PartlySigned(made, causes, type(raised).__name__) from raised
    if causes and len(causes) == len(wanted):
        raise causes[0]
    if causes:
        raise PartlySigned(made, causes)
    return [signature for signature in made if signature is not None]


def sign_wanted(
    roster: Roster,
    key: KeyFile,
    wanted: Sequence[Wanted],
    options: SigningOptions = PLAIN,
    watch: Watch = UNWATCHED,
) -> Story[None]:
    """The same, which leaves an outcome with each. Raises StatusError for wrong options alone."""
    if wanted:
        yield from registry.of(key).sign_many(roster, key, wanted, options, watch)


def verify(
    key: KeyFile, message: Message, signature: bytes, name: str = "it", *, context: bytes = b""
) -> str:
    """Check a signature here, without a machine. Returns its encoding, such as LMS or HSS.

    What is not a signature at all is called so by its `name`. `context` is that of FIPS 204 5.2.
    Raises StatusError (VerifyFailed), with the guide's words when the roots differ.
    """
    return registry.of(key).verify(key, message, signature, name, context)


def leaves(roster: Roster, key: KeyFile) -> Story[LeavesLeft | None]:
    """What the machines that answer have left of a key; None where it takes no leaves.

    Raises StatusError.
    """
    return (yield from registry.of(key).leaves(roster, key))


def info(roster: Roster, key: KeyFile) -> Story[KeyInfo]:
    """Ask every machine what it holds of a key (guide 2.7.1 step 7)."""
    return (yield from registry.of(key).info(roster, key))


def generate_mldsa(
    roster: Roster, progress: Listener, alias: str, mldsacode: str, **options: Unpack[MldsaOptions]
) -> "Story[Generated[MldsaKeyFile]]":
    """Make an ML-DSA key. Raises StatusError."""
    from seeclient.algorithms.mldsa import generating
    from seeclient.algorithms.mldsa.recipe import Recipe

    return (yield from generating.generate(roster, Recipe(alias, mldsacode, **options), progress))


def import_mldsa(
    roster: Roster,
    alias: str,
    public_key: bytes,
    private_key: bytes,
    **options: Unpack[MldsaOptions],
) -> "Story[MldsaKeyFile]":
    """Take in an ML-DSA key pair that was made elsewhere. Raises StatusError."""
    from seeclient.algorithms.mldsa import generating
    from seeclient.algorithms.mldsa.recipe import Recipe

    recipe = Recipe(alias, generating.set_of(public_key), **options)
    return (yield from generating.take_in(roster, recipe, public_key, private_key))


def sign_immediate(
    roster: Roster, blob: bytes, message: Message, options: SigningOptions
) -> Story[Signed]:
    """Sign with the key of a blob, of which this host may have nothing else. Raises StatusError."""
    from seeclient.algorithms.mldsa import signing

    return (yield from signing.sign_immediate(roster, blob, message, options))


def warn_at(roster: Roster, key: KeyFile, count: int) -> Story[KeyFile]:
    """Set the threshold of a key, where its algorithm has one, and return the key with it.

    Raises StatusError.
    """
    changed: KeyFile = yield from registry.of(key).warn_at(roster, key, count)
    return changed


def destroy(roster: Roster, key: KeyFile) -> Story[Destroyed]:
    """Destroy a key on all machines that can be reached, and then its files on this host.

    While a machine refuses, the files stay, so that it can be asked again. Cards stay as they are.
    Raises StatusError (NotAvailable) where no machine is reachable that could have leaves of it.
    """
    if key.name and not roster.peers:
        detail = (
            f"no HSMs are reachable, so {key.alias} stays; start some with: seemachine fleet up"
        )
        raise StatusError(Status.NotAvailable, detail, "destroyLMS")
    gone: Destroyed = yield from registry.of(key).destroy(roster, key.public_key)
    if gone.refused:
        return gone
    # Last: before that, whoever is interrupted can name the key and begin again.
    return replace(gone, aliases=roster.keys.forget(key.public_key))


def machines(roster: Roster) -> Story[list[MachineView]]:
    """Every machine with its cards. Raises StatusError."""
    listings = yield from ask_all(roster.peers, ListSlots())
    found = []
    for peer, listing in zip(roster.peers, listings, strict=True):
        if isinstance(listing, StatusError):
            raise listing
        found.append(MachineView(peer.esn, peer.greeting.model, tuple(listing.slots)))
    return found
