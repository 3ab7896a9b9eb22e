"""`seemachine cert ...`: certificates, requests and lists, signed by a key of an HSM.

The order is that of every command that takes a leaf: all that can be refused is refused, a person
is asked, then it is signed.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from seeclient import blocking, environment
from seeclient.blocking import Key
from seeclient.results import Signed

from seemachine.cli import cert_showing, leaves
from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.out_files import OutFile
from seemachine.printing import say
from seemachine.wire.status import StatusError
from seemachine.x509 import certificates, documents, profile, requests, revocation, telling
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.keys import SubjectKey
from seemachine.x509.profile import Profile, Validity
from seemachine.x509.signing import Draft, Signer

# From the key to what it is to sign.
Wish = Callable[[SubjectKey], Draft]


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    answer: Answer = options.answer
    try:
        if verb == "show":
            return cert_showing.run(options, answer)
        sources, wish = WISHES[verb](options)
        out = OutFile(options.out, options.force, options.umask)
        out.check(sources, text=options.form == "pem", as_json=answer.as_json)
        given = environment.from_process(options.environ, options.world)
        with blocking.connected(given) as fleet:
            return _made(fleet, wish, out, options)
    except X509Error as error:
        raise Refused(str(error)) from None
    except StatusError as error:
        raise leaves.refused(error) from None


def _made(fleet: blocking.Fleet, wish: Wish, out: OutFile, options: argparse.Namespace) -> int:
    """Draft, ask, sign, write."""
    answer: Answer = options.answer
    leaves.tell_of_seeds(fleet, answer)
    key = fleet.key(options.alias)
    draft = wish(SubjectKey.of(key.public_key))
    if not options.yes:
        say(*telling.lines(_fields(draft.unsigned)), sep="\n", file=sys.stderr)
    leaves.ask(key, 1, TITLES[options.command], yes=options.yes)
    signed: list[Signed] = []
    with leaves.interrupted(key, answer):
        made = draft.signed(Signer(key.public_key, _signing(key, options.acknowledge, signed)))
        _tell(made, signed[-1], options)
        return _put(draft.written(made, options.form), draft.written(made, "pem"), out, answer)


def _signing(key: Key, reason: str | None, signed: list[Signed]) -> Callable[[bytes], bytes]:
    def sign(content: bytes) -> bytes:
        signed.append(key.sign_with(content, acknowledge=reason))
        return signed[-1].signature

    return sign


def _tell(made: bytes, signed: Signed, options: argparse.Namespace) -> None:
    answer: Answer = options.answer
    found = _fields(made)
    answer.give(document=found, alias=options.alias, esn=signed.esn)
    answer.give(leaf=signed.leaf, remaining=signed.remaining)
    if options.out == "-":
        return
    answer.say(*telling.lines(found), sep="\n")
    if signed.leaf is not None:
        left = f"{signed.remaining} are left there"
        answer.say(f"signed with leaf {signed.leaf} of {options.alias} on {signed.esn}; {left}")


def _fields(made: bytes) -> dict[str, Any]:
    [document] = documents.documents(made)
    return telling.fields(document)


def _put(data: bytes, pem: bytes, out: OutFile, answer: Answer) -> int:
    if not (trouble := out.put(data)):
        answer.give(file=out.name)
        if not out.is_stream:
            answer.say(out.name)
        return 0
    answer.note(f"{trouble}; it is printed here instead, for it is signed")
    answer.give(pem=pem.decode())
    answer.say(*pem.decode().splitlines(), sep="\n")
    return 1


def _root(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with _misused():
        subject, wanted = profile.subject(options.subject), _profile(options, authority=True)
        validity = Validity.days(options.days, _now())
    return [], lambda key: certificates.root(key, subject, validity, wanted)


def _request(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with _misused():
        subject = profile.subject(options.subject)
        names = [profile.alternative(name) for name in options.name]
    asked = [profile.alternatives(names)] if names else []
    return [], lambda key: requests.draft(key, subject, asked)


def _issue(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with _misused():
        wanted = _profile(options, authority=options.ca)
        subject = profile.subject(options.subject) if options.subject else None
        validity = Validity.days(options.days, _now())
    kind = x509.CertificateSigningRequest
    request = requests.read(cert_showing.only(options.request, kind), subject)
    issuer = cert_showing.only(options.issuer, x509.Certificate)
    if options.as_asked:
        wanted = request.taken_over(wanted)
    else:
        _tell_of_the_rest(request, options.answer)

    def wish(key: SubjectKey) -> Draft:
        return certificates.issued(Issuer.of(issuer, key), request, validity, wanted, _now())

    return [options.request, options.issuer], wish


def _tell_of_the_rest(request: requests.Request, answer: Answer) -> None:
    if request.asked:
        names = ", ".join(request.asked)
        answer.note(
            f"the request asks for {names}, which is left out; --as-asked takes names,"
            " usages and purposes over"
        )


def _crl(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    issuer = cert_showing.only(options.issuer, x509.Certificate)
    kind = x509.CertificateRevocationList
    before = cert_showing.only(options.after, kind) if options.after else None
    with _misused():
        validity = Validity.days(options.days, _now())
        revoked = [_revoked(text) for text in options.revoke]

    def wish(key: SubjectKey) -> Draft:
        known = Issuer.of(issuer, key)
        earlier = revocation.earlier(before, known) if before else revocation.NOTHING
        more = [make(known) for make in revoked]
        return revocation.draft(known, earlier, more, validity, _now())

    _refuse_forgetting(options)
    # The list after has all of the list before, and may take its name.
    kept = [options.after] if options.after and not options.force else []
    return [options.issuer, *kept], wish


def _refuse_forgetting(options: argparse.Namespace) -> None:
    """A list in whose place another comes would be forgotten, with its number and who is in it."""
    out = Path(options.out)
    if options.after or not (options.force and out.is_file()):
        return
    if documents.documents(cert_showing.contents(out), (x509.CertificateRevocationList,)):
        raise Refused(f"{out} is a list already; the one after it takes --after {out}")


def _revoked(text: str) -> Callable[[Issuer], revocation.Revoked]:
    """A serial number or a certificate, and a reason. Raises X509Error."""
    named, _, word = text.rpartition("=") if "=" in text else (text, "", "")
    reason = revocation.REASONS.get(word)
    if word and reason is None:
        known = ", ".join(revocation.REASONS)
        raise X509Error(f"{word!r} is not a reason to revoke; known are {known}")
    if (serial := revocation.serial(named)) is not None:
        return lambda _issuer: revocation.Revoked(serial, _now(), reason)
    found = cert_showing.only(Path(named), x509.Certificate)
    return lambda issuer: revocation.Revoked(revocation.revoked(found, issuer), _now(), reason)


def _profile(options: argparse.Namespace, *, authority: bool) -> Profile:
    """Raises X509Error."""
    return Profile(
        authority,
        options.path_length,
        tuple(dict.fromkeys(options.usage)),
        tuple(map(profile.purpose, getattr(options, "purpose", ()))),
        tuple(map(profile.alternative, options.name)),
        tuple(getattr(options, "crl_url", ())),
    )


WISHES: dict[str, Callable[[argparse.Namespace], tuple[list[Path], Wish]]] = {
    "root": _root,
    "request": _request,
    "issue": _issue,
    "crl": _crl,
}
TITLES = {
    "cert root": "the certificate",
    "cert request": "the request",
    "cert issue": "the certificate",
    "cert crl": "the list",
}


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def _misused() -> Iterator[None]:
    """What is wrong whatever the world looks like."""
    try:
        yield
    except X509Error as error:
        raise Misused(str(error)) from None
