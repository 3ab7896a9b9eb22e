"""Application keys of the host: kmdata/local/key_<application>_<identifier>, the private half
hidden under world and card set.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from seemachine.formats import Format
from seemachine.nfast import card_dialogue, card_slots, encryption, securityworld, signing
from seemachine.nfast.files import check_format, parsed
from seemachine.nfast.paths import alone, kmlocal
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import replace_file
from seemachine.world import World

FORMAT = Format("seemachine nfast key")
APPLICATIONS = ("seeinteg", "simple")
# In a form of their own.
PIPSQUEAKS = "pqsdk"
_IDENT = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key file.

    `cardset` is the hash of the set that protects it, empty for a key that the module alone
    protects.
    """

    app: str
    ident: str
    name: str
    type: str
    curve: str
    hash: str
    cardset: str
    recovery: bool
    public: str
    hidden: str

    @property
    def public_key(self) -> signing.Public:
        """To check with."""
        return signing.public_from(self.public)


def checked_ident(text: str) -> str:
    """A key identifier, folded to lower case. Raises Refusal."""
    folded = text.lower()
    if not _IDENT.fullmatch(folded):
        raise Refusal(f"a key identifier has up to 64 letters, digits and hyphens, not {text!r}")
    return folded


def path_of(world: World, app: str, ident: str) -> Path:
    """Where a key lies, or would."""
    return kmlocal(world) / f"key_{app}_{ident}"


def listing(world: World, apps: tuple[str, ...] = APPLICATIONS) -> list[StoredKey]:
    """All keys of some applications. Raises Refusal."""
    for app in apps:
        _refuse_pipsqueaks(app)
    paths = sorted(path for app in apps for path in kmlocal(world).glob(f"key_{app}_*"))
    return [_read(path) for path in paths]


def find(world: World, app: str, ident: str) -> StoredKey:
    """A key. Raises Refusal, naming those that are there."""
    _refuse_pipsqueaks(app)
    path = path_of(world, app, checked_ident(ident))
    if path.exists():
        return _read(path)
    others = ", ".join(key.ident for key in listing(world, (app,))) or "none"
    raise Refusal(
        f"there is no key {ident} of application {app}; there are: {others}. Make it with:"
        f" generatekey {app}"
    )


def signer(world: World, app: str, ident: str) -> StoredKey:
    """A key that is to sign a SEE machine, user data or an image.

    Raises Refusal for one that the module alone protects (guide 2.5.1 step 3).
    """
    key = find(world, app, ident)
    if not key.cardset:
        raise Refusal(
            f"the key {key.ident} of application {app} is protected by the module alone; a signing"
            f" key must be protected by a card set: generatekey {app} protect=token cardset=NAME"
        )
    return key


def add(world: World, draft: StoredKey, cardset_secret: bytes) -> Path:
    """Generate a key for a draft without one, and keep it.

    Raises Refusal when there is a key of that name.
    """
    return save(world, generated(world, draft, cardset_secret))


def generated(world: World, draft: StoredKey, cardset_secret: bytes) -> StoredKey:
    """A key for a draft without one, kept nowhere yet."""
    private = signing.generate(draft.curve)
    hidden = encryption.hide(_key(world, cardset_secret), signing.private_bytes(private))
    public = private.public_key()
    return replace(
        draft, hash=signing.key_hash(public), public=signing.public_pem(public), hidden=hidden.hex()
    )


def save(world: World, key: StoredKey) -> Path:
    """Keep a key. Raises Refusal when there is one of that name."""
    path = path_of(world, key.app, key.ident)
    with alone(world):
        refuse_taken(world, key.app, key.ident)
        replace_file(path, json.dumps({"format": str(FORMAT), **asdict(key)}, indent=1).encode())
    return path


def retarget(world: World, source: StoredKey, app: str, ident: str, name: str) -> Path:
    """The same key for another application: same hash, same cards."""
    return save(world, replace(source, app=app, ident=ident, name=name))


def refuse_taken(world: World, app: str, ident: str, advice: str = "") -> None:
    """Raises Refusal when there is such a key."""
    path = path_of(world, app, ident)
    if path.exists():
        raise Refusal(
            f"there is a key {ident} of application {app} already"
            f" ({path}){advice and f'; {advice}'}"
        )


def unlock(world: World, number: int | None, key: StoredKey, option: str = "") -> signing.Private:
    """The private half, after the card dialogue on the module of a number (see card_slots.where).

    Raises Refusal.
    """
    module = card_slots.where(world, number, key.cardset)
    secret = b""
    if key.cardset:
        secret = card_dialogue.load(
            card_slots.Search(
                world, module, securityworld.set_of_hash(world, key.cardset), option=option
            )
        )
    return opened(world, key, secret)


def opened(world: World, key: StoredKey, secret: bytes) -> signing.Private:
    """The private half, by the secret of its card set (empty without one).

    Raises Refusal for a damaged key.
    """
    path = path_of(world, key.app, key.ident)
    try:
        private = signing.private_from(
            encryption.reveal(_key(world, secret), bytes.fromhex(key.hidden))
        )
    except ValueError as error:
        raise Refusal(f"{path}: {error}") from None
    if signing.key_hash(private.public_key()) != key.hash:
        raise Refusal(f"{path} is damaged (its halves are of different keys); put a copy back")
    return private


def _refuse_pipsqueaks(app: str) -> None:
    if app == PIPSQUEAKS:
        raise Refusal(
            f"the keys of application {app} are pipsqueak's; see: pipsqueak list, pipsqueak"
            " showinfo alias=IDENT"
        )


def _read(path: Path) -> StoredKey:
    try:
        values = parsed(path.read_text())
        check_format(FORMAT, values.pop("format"), str(path))
        key = StoredKey(**values)
        if {type(value) for name, value in values.items() if name != "recovery"} != {str}:
            raise ValueError("a part of it is not text")
        if not bytes.fromhex(key.hidden) or signing.key_hash(key.public_key) != key.hash:
            raise ValueError("its parts do not fit together")
        return key
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(f"{path} is damaged ({error}); put a copy back") from None


def _key(world: World, cardset_secret: bytes) -> bytes:
    return encryption.derived(
        bytes.fromhex(securityworld.read(world).module_key) + cardset_secret, "application key"
    )
