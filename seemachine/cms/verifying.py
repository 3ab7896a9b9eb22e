"""Whether a message is signed with a key (RFC 5652 5.4, 5.6; RFC 9708 5; RFC 9882 3.2)."""

import datetime as dt
from dataclasses import dataclass

from seeclient.verifying import verify as verify_signature

from seemachine.cms.algorithms import Key, digest, signature_identifier
from seemachine.cms.attributes import Attributes, is_set_of_attributes
from seemachine.cms.certificates import Certificate, is_named, readable
from seemachine.cms.content import Content, pieces, repeatable
from seemachine.cms.errors import CmsError
from seemachine.cms.reading import SignedMessage, SignerInfo
from seemachine.cms.signing import DATA
from seemachine.encodings.kinds import bytes_of
from seemachine.wire.status import Status, StatusError


@dataclass(frozen=True, slots=True)
class Verified:
    """Which signer it was, and what it says of itself."""

    named: str
    hash_name: str | None
    signing_time: dt.datetime | None


def verify(message: SignedMessage, key: Key, content: Content | None = None) -> Verified:
    """`content` is that of a detached message. Any of several signers may be the one.

    Raises CmsError for what no key could make good, StatusError (VerifyFailed) for a signature that
    is not one of this key over this content.
    """
    whole = _content(message, content)
    wanted = signature_identifier(key)
    able = [each for each in message.signers if each.signature_identifier == wanted]
    if not able:
        raise CmsError(_other_algorithms(message))
    known = [each for each in readable(message.certificates) if each.key == key]
    refused: list[CmsError | StatusError] = []
    for each in able:
        try:
            _check_signer(message, each, known)
            return _verify(message, each, key, whole)
        except (CmsError, StatusError) as error:
            refused.append(error)
    raise refused[0]


def _content(message: SignedMessage, given: Content | None) -> Content:
    if message.content is None and given is None:
        raise CmsError("it is detached; name the file that it signs")
    if message.content is not None and given is not None:
        raise CmsError("it has its content in it; name no other")
    whole = given if message.content is None else message.content
    assert whole is not None
    # Several signers, and one without attributes, have it read more often than once.
    simple = len(message.signers) == 1 and message.signers[0].attributes is not None
    return whole if simple else repeatable(whole)


def _other_algorithms(message: SignedMessage) -> str:
    found = ", ".join(dict.fromkeys(each.signature_identifier for each in message.signers))
    return f"none of its signers has the algorithm of the key; there is {found or 'no signer'}"


def _verify(message: SignedMessage, signer: SignerInfo, key: Key, content: Content) -> Verified:
    signed: Content = content
    if signer.attributes is None:
        _refuse_bare(message, content)
    else:
        _check_attributes(message, signer, signer.attributes, content)
        signed = signer.attributes.signed
    verify_signature(signed, signer.signature, bytes_of(key))
    if signer.attributes is None:
        return Verified(signer.named, None, None)
    return Verified(signer.named, signer.hash_name, signer.attributes.signing_time)


def _check_signer(message: SignedMessage, signer: SignerInfo, known: list[Certificate]) -> None:
    """What is not signed must be as the rest of the message has it; `known` are the certificates of
    the key.
    """
    if signer.has_parameters:
        raise CmsError("its signature algorithm has parameters, where there must be none")
    if signer.version != (3 if isinstance(signer.name, bytes) else 1):
        raise CmsError("its signer is named in another way than its version says")
    if signer.hash_identifier not in message.hash_identifiers:
        raise CmsError(f"the hash of its signer, {signer.hash_name}, is not among those it lists")
    if known and not any(is_named(each, signer) for each in known):
        raise CmsError("it names another signer than the one whose certificate is in it")


def _refuse_bare(message: SignedMessage, content: Content) -> None:
    """A message with signed attributes can be turned into one whose content they are."""
    if message.content_type != DATA:
        raise CmsError("its content is not plain data, and it has no signed attributes")
    if is_set_of_attributes(content):
        raise CmsError("its content is a set of signed attributes, which were signed in another")


def _check_attributes(
    message: SignedMessage, signer: SignerInfo, signed: Attributes, content: Content
) -> None:
    if signed.content_type != message.content_type:
        raise CmsError("the signed attributes are those of another type of content")
    if signed.protection is not None and signed.protection != signer.algorithms:
        raise CmsError("the signed attributes are those of other algorithms")
    if digest(signer.hash_name, pieces(content)) != signed.digest:
        detail = "the content is not the one that was signed"
        raise StatusError(Status.VerifyFailed, detail, "cms_verify")
