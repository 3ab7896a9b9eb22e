"""generateMLDSA, importMLDSA, infoMLDSA, signMLDSA: keys that the machine does not keep.

They sign as often as they are asked to: no leaf is taken, and nothing of them is in NVRAM or
ledger.
"""

from seemachine.commands.leases import refuse_other_kind, refuse_signer
from seemachine.commands.table import command
from seemachine.commands.tokens import secret_of
from seemachine.machine import Session
from seemachine.mldsa import engines, keys
from seemachine.mldsa.parameters import RANDOMIZER_BYTES, SEED_BYTES, MldsaError, mldsa
from seemachine.state import key_blobs
from seemachine.state.disk.world_key import key_of_old, world_key
from seemachine.state.errors import StateForeign, StateOtherVersion
from seemachine.state.key_blobs import Blob, BlobHead
from seemachine.wire.messages import (
    GenerateMldsa,
    ImportMldsa,
    InfoMldsa,
    MldsaInfo,
    MldsaMade,
    MldsaSigned,
    SignMldsa,
)
from seemachine.wire.status import Status, StatusError


@command
def generate(session: Session, request: GenerateMldsa) -> MldsaMade:
    """Make a key from a seed of the machine's own."""
    parameters = mldsa(request.mldsa)
    seed = session.machine.chance.mldsa_key(parameters.name, SEED_BYTES)
    public_key = engines.select().public_key(parameters, seed)
    blob = _blob(session, request, public_key, seed)
    return MldsaMade(public_key=public_key, blob=blob, private_key=seed if request.export else None)


@command
def import_pair(session: Session, request: ImportMldsa) -> MldsaMade:
    """Take a key pair that was made elsewhere, if it is one."""
    engine, parameters = engines.select(), mldsa(request.mldsa)
    if keys.public_key_of(engine, parameters, request.private_key) != request.public_key:
        raise MldsaError("the private key belongs to another public key")
    blob = _blob(session, request, request.public_key, request.private_key)
    return MldsaMade(public_key=request.public_key, blob=blob)


@command
def info(session: Session, request: InfoMldsa) -> MldsaInfo:
    """What a blob says in clear."""
    del session
    head = key_blobs.read(request.blob).head
    return MldsaInfo(public_key=head.public_key, signer=head.signer, cardset=head.cardset or None)


@command
def sign(session: Session, request: SignMldsa) -> MldsaSigned:
    """Sign a message representative with the key of a blob."""
    machine, blob = session.machine, key_blobs.read(request.blob)
    refuse_other_kind(machine, "the key", marked=bool(blob.head.insecure))
    refuse_signer(machine, blob.head.signer, "the key")
    private_key = _opened(session, blob, request.logical_token)
    randomizer = (
        bytes(RANDOMIZER_BYTES)
        if request.deterministic
        else machine.chance.randomizer(RANDOMIZER_BYTES)
    )
    parameters = mldsa(blob.head.parameters)
    made = engines.select().sign(parameters, private_key, request.mu, randomizer)
    return MldsaSigned(signature=made)


def _blob(
    session: Session, request: GenerateMldsa | ImportMldsa, public_key: bytes, private_key: bytes
) -> bytes:
    machine, parameters = session.machine, mldsa(request.mldsa)
    cardset, seed = request.cardset or b"", machine.seed
    head = BlobHead(parameters.name, public_key, machine.signer, cardset, seed)
    cards = _secret_of(session, request.cardset, request.logical_token)
    return key_blobs.made(world_key(machine.slots.world), head, private_key, cards)


def _opened(session: Session, blob: Blob, logical_token: bytes | None) -> bytes:
    cards = _secret_of(session, blob.head.cardset, logical_token)
    try:
        return blob.opened(key_of_old(session.machine.slots.world), cards)
    except StateOtherVersion:
        raise
    except StateForeign as error:
        raise StatusError(Status.AccessDenied, str(error)) from None


def _secret_of(session: Session, cardset: bytes | None, logical_token: bytes | None) -> bytes:
    """The secret of the card set that protects a key; none of a key that the module protects."""
    return secret_of(session, cardset, logical_token or b"") if cardset else b""
