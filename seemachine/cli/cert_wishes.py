"""What `seemachine cert root`, `request`, `issue` and `crl` are to make, read from words and files;
what can't be made is refused.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from seemachine.cli.answer import Answer, Refused, misused
from seemachine.cli.cert_showing import contents, only
from seemachine.x509 import certificates, documents, names, profile, requests, revocation
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.keys import SubjectKey
from seemachine.x509.profile import Profile, Validity
from seemachine.x509.signing import Draft

# From the key to what it is to sign.
Wish = Callable[[SubjectKey], Draft]


def _root(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with misused(X509Error):
        subject, wanted = names.subject(options.subject), _profile(options, authority=True)
        validity = Validity.days(options.days, _now())
    return [], lambda key: certificates.root(key, subject, validity, wanted)


def _request(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with misused(X509Error):
        subject = names.subject(options.subject)
        # Whether it becomes one of a CA is for the issuer to say.
        wanted = _profile(options, authority=True)
    return [], lambda key: requests.draft(key, subject, wanted.asked(key))


def _issue(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    with misused(X509Error):
        wanted = _profile(options, authority=options.ca)
        subject = None if options.subject is None else names.subject(options.subject)
        validity = Validity.days(options.days, _now())
    kind = x509.CertificateSigningRequest
    request = requests.read(only(options.request, kind), subject)
    issuer = only(options.issuer, x509.Certificate)
    if options.as_asked:
        wanted = request.taken_over(wanted)
    else:
        _tell_of_the_rest(request, options.answer)

    def wish(key: SubjectKey) -> Draft:
        known = Issuer.of(issuer, key)
        if known.unjudged:
            options.answer.note(
                f"the issuer's certificate has {', '.join(known.unjudged)}; see yourself that"
                " this certificate is within"
            )
        return certificates.issued(known, request, validity, wanted, _now())

    return [options.request, options.issuer], wish


def _tell_of_the_rest(request: requests.Request, answer: Answer) -> None:
    if request.asked:
        names = ", ".join(request.asked)
        answer.note(
            f"the request asks for {names}, which is left out; --as-asked takes names,"
            " usages and purposes over"
        )


def _crl(options: argparse.Namespace) -> tuple[list[Path], Wish]:
    issuer = only(options.issuer, x509.Certificate)
    kind = x509.CertificateRevocationList
    before = only(options.after, kind) if options.after else None
    with misused(X509Error):
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
    if documents.documents(contents(out), (x509.CertificateRevocationList,)):
        raise Refused(f"{out} is a list already; the one after it takes --after {out}")


def _revoked(text: str) -> Callable[[Issuer], revocation.Revoked]:
    """A serial number or a certificate, and a reason. Raises X509Error."""
    named, _, word = text.rpartition("=") if "=" in text else (text, "", "")
    if not named:
        raise X509Error("--revoke takes a serial number or the file of a certificate")
    reason = revocation.REASONS.get(word)
    if word and reason is None:
        known = ", ".join(revocation.REASONS)
        raise X509Error(f"{word!r} is not a reason to revoke; known are {known}")
    if (serial := revocation.serial(named)) is not None:
        if Path(named).is_file():
            raise X509Error(
                f"{named} is a serial number, and a file too; write ./{named} for the file,"
                f" 0{named} for the number"
            )
        return lambda _issuer: revocation.Revoked(serial, _now(), reason)
    found = only(Path(named), x509.Certificate)
    return lambda issuer: revocation.Revoked(revocation.revoked(found, issuer), _now(), reason)


def _profile(options: argparse.Namespace, *, authority: bool) -> Profile:
    """Raises X509Error."""
    return Profile(
        authority,
        getattr(options, "path_length", None),
        tuple(dict.fromkeys(options.usage)),
        tuple(map(profile.purpose, getattr(options, "purpose", ()))),
        tuple(map(names.alternative, options.name)),
        tuple(map(names.distribution_point, getattr(options, "crl_url", ()))),
    )


WISHES: dict[str, Callable[[argparse.Namespace], tuple[list[Path], Wish]]] = {
    "root": _root,
    "request": _request,
    "issue": _issue,
    "crl": _crl,
}


def _now() -> datetime:
    return datetime.now(UTC)
