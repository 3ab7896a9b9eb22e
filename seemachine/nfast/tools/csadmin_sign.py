"""csadmin image sign, signextra: the signatures of an image (guide 2.5.2.3 step 18)."""

import argparse
from pathlib import Path
from typing import Any

from seemachine.nfast import files, tool
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.tools.csadmin_ids import APPLICATION


def add_sign(words: Any) -> None:
    """`image sign`."""
    verb = words.add_parser(
        "sign", help="sign an image as developer and with the application signing key"
    )
    verb.add_argument("--devkeyname", required=True)
    verb.add_argument("--devcert", type=Path, required=True, metavar="CERT.pem")
    verb.add_argument("--askeyname", required=True)
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument("image", type=Path, metavar="IMAGE.cs5")
    verb.set_defaults(act=_sign)


def add_signextra(words: Any) -> None:
    """`image signextra`."""
    verb = words.add_parser(
        "signextra", help="add the signature of an older seeinteg key to a signed image"
    )
    verb.add_argument("--keyname", required=True)
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument("image", type=Path, metavar="IMAGE.cs5")
    verb.set_defaults(act=_signextra)


def _sign(options: argparse.Namespace) -> None:
    from seemachine.nfast import certificates, images, keystore, signing

    world = tool.world()
    files.refuse_unwritable(options.out)
    image, certificate = (
        images.read(options.image),
        certificates.from_pem(options.devcert.read_bytes()),
    )
    developer = keystore.signer(world, APPLICATION, options.devkeyname)
    ask = keystore.signer(world, APPLICATION, options.askeyname)
    if signing.key_hash(certificates.public_key(certificate)) != developer.hash:
        raise Refusal(f"{options.devcert} is the certificate of another key than {developer.ident}")
    certificates.refuse_out_of_time(
        certificate, "sign with it: csadmin image sign --devcert NEW.pem"
    )
    if ask.curve != signing.ASK_CURVE:
        raise Refusal(
            f"the key {ask.ident} is on {ask.curve}; an application signing key must be ECDSA on"
            f" {signing.ASK_CURVE}"
        )
    keys = [keystore.unlock(world, None, key) for key in (developer, ask)]
    images.write(options.out, images.signed(image, certificates.to_pem(certificate), *keys))


def _signextra(options: argparse.Namespace) -> None:
    from seemachine.nfast import images, keystore

    world = tool.world()
    files.refuse_unwritable(options.out)
    image = images.read(options.image)
    if not image.signatures:
        raise Refusal(f"{options.image} is not signed; sign it with: csadmin image sign")
    key = keystore.signer(world, "seeinteg", options.keyname)
    private = keystore.unlock(world, None, key)
    images.write(options.out, images.with_extra(image, private))
