"""paths.py: which certificates lead to a root that is trusted, and why others do not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kit.signers import NOW, TEN_YEARS, YEAR, signer

from seemachine.x509 import asn1, certificates, paths, requests, revocation
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.keys import SubjectKey
from seemachine.x509.names import alternative, subject
from seemachine.x509.paths import Trust
from seemachine.x509.profile import Profile, purpose
from seemachine.x509.revocation import NOTHING, Revoked
from seemachine.x509.signing import Signer

PLAIN, AUTHORITY = Profile(), Profile(authority=True)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
PURPOSES = x509.ExtendedKeyUsage([purpose("codeSigning")])
# A list of authorities alone.
ONE_KIND = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=True,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)
NAMES = x509.NameConstraints([x509.DNSName("a.example")], None)


class Authority:
    """A CA with a key of its own."""

    def __init__(
        self, label: str, by: "Authority | None" = None, key: str = "", **words: object
    ) -> None:
        self.by: Signer = signer(label=key or label)
        validity = words.pop("validity", TEN_YEARS)
        profile = replace(AUTHORITY, **words)
        if by is None:
            draft = certificates.root(self.by.key, subject(f"CN={label}"), validity, profile)
            self.certificate = x509.load_der_x509_certificate(draft.signed(self.by))
        else:
            self.certificate = by.issue(self.by, label, profile, validity)

    @property
    def issuer(self) -> Issuer:
        """As one that issues."""
        return Issuer.of(self.certificate, self.by.key)

    def issue(
        self, to: Signer, name: str = "End", profile: Profile = PLAIN, validity: object = YEAR
    ) -> x509.Certificate:
        """A certificate, whatever this one may issue: others need not care."""
        asked = requests.draft(to.key, subject(f"CN={name}"), []).signed(to)
        request = requests.read(x509.load_der_x509_csr(asked))
        content = certificates._content(
            self.by.key,
            asn1.name(self.certificate.subject),
            asn1.name(request.subject),
            request.key,
            validity,
            profile.extensions(request.key),
        )
        draft = certificates.Draft(content, self.by.key, certificates.CERTIFICATE)
        return x509.load_der_x509_certificate(draft.signed(self.by))

    def listed(self, *serials: int, validity: object = YEAR) -> x509.CertificateRevocationList:
        """Its list."""
        revoked = [Revoked(each, NOW) for each in serials]
        draft = revocation.draft(self.issuer, NOTHING, revoked, validity, NOW)
        return x509.load_der_x509_crl(draft.signed(self.by))


ROOT = Authority("root")
SUB = Authority("sub", ROOT)
END = SUB.issue(signer(label="end"))
CONSTRAINTS = x509.BasicConstraints(True, None)
USAGE = x509.KeyUsage(*[False] * 5, True, False, False, False)
LATER = replace(YEAR, begin=NOW + timedelta(days=1))


def refusal(trust: Trust, end: x509.Certificate = END) -> str:
    """Why there is no path."""
    with pytest.raises(X509Error) as refused:
        trust.path(end)
    return str(refused.value)


def through(*others: Authority, roots: tuple[Authority, ...] = (ROOT,)) -> Trust:
    """Trust in roots, with others on the way."""
    return Trust([each.certificate for each in roots], NOW, [each.certificate for each in others])


def test_a_path() -> None:
    """Through the one between, in whatever order they are; and from a CA, and from a root."""
    strange = Authority("strange")
    for others in ((SUB, strange, ROOT), (ROOT, strange, SUB)):
        assert through(*others).path(END) == (END, SUB.certificate, ROOT.certificate)
    assert through().path(SUB.certificate) == (SUB.certificate, ROOT.certificate)
    assert through().path(ROOT.certificate) == (ROOT.certificate,)


def test_whom_nobody_trusts() -> None:
    """One between that is not there, another root, and one of the same name with another key."""
    assert "no root that is trusted leads to the certificate of CN=End" in refusal(through())
    said = refusal(through(SUB, roots=(Authority("strange"),)))
    assert "no root that is trusted leads to the certificate of CN=sub" in said
    other = Authority("root", key="other")
    said = refusal(through(SUB, roots=(other,)))
    assert said == "the signature in the certificate of CN=sub is wrong"
    assert through(SUB, roots=(other, ROOT)).path(END)[-1] == ROOT.certificate
    unfit = Authority("root", key="third", usages=("cRLSign",))
    assert refusal(through(SUB, unfit, roots=(other,))) == said


def test_what_can_not_be_checked() -> None:
    """A certificate whose issuer has a key that signs nothing is not good for that."""
    info = x25519.X25519PrivateKey.generate().public_key()
    key = SubjectKey.read(info.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    usages = tuple(asn1.extension(each, critical=True) for each in (CONSTRAINTS, USAGE))
    names = [asn1.name(subject(f"CN={each}")) for each in ("root", "odd")]
    content = certificates._content(ROOT.by.key, *names, key, YEAR, list(usages))
    draft = certificates.Draft(content, ROOT.by.key, certificates.CERTIFICATE)
    odd = Authority("odd")
    end = odd.issue(signer(label="end"))
    odd.certificate = x509.load_der_x509_certificate(draft.signed(ROOT.by))
    said = refusal(through(odd), end)
    assert said == "the signature in the certificate of CN=End can't be checked here"


def test_one_between_may_be_trusted_itself() -> None:
    """A root need not be self-signed."""
    assert through(roots=(SUB,)).path(END) == (END, SUB.certificate)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"authority": False, "usages": ("digitalSignature",)}, "CN=between is not of a CA"),
        ({"usages": ("cRLSign",)}, "CN=between has no key usage keyCertSign"),
        ({"validity": LATER}, "CN=between is valid from"),
        ({"more": (asn1.extension(UNKNOWN, critical=True),)}, "CN=between has 1.2.3.4"),
        ({"more": (asn1.extension(PURPOSES, critical=True),)}, "CN=between has extendedKeyUsage"),
        ({"more": (asn1.extension(NAMES, critical=False),)}, "CN=between has nameConstraints"),
    ],
)
def test_what_may_not_issue(words: dict[str, object], said: str) -> None:
    """No CA, no such usage, not yet; and what says that it may not, which nobody here applies."""
    between = Authority("between", ROOT, **words)
    assert said in refusal(through(between), between.issue(signer(label="end")))


def test_what_an_end_may_have() -> None:
    """Purposes and names, critical or not; what is not known is refused where it is critical."""
    for value in (PURPOSES, UNKNOWN):
        more = (asn1.extension(value, critical=value is not UNKNOWN),)
        assert through().path(ROOT.issue(signer(label="end"), profile=Profile(more=more)))
    more = (asn1.extension(UNKNOWN, critical=True),)
    end = ROOT.issue(signer(label="end"), profile=Profile(more=more))
    assert "has 1.2.3.4, which is not judged here" in refusal(through(), end)
    assert through().path(
        ROOT.issue(signer(label="end"), profile=Profile(names=(alternative("a"),)))
    )


def test_path_lengths() -> None:
    """Of the root, and of one between; one that issued itself does not count."""
    root = Authority("short", path_length=0)
    last = Authority("last", path_length=0, by=Authority("long", path_length=1))
    assert through(roots=(last,)).path(last.issue(signer(label="end")))
    sub = Authority("sub", root)
    end = sub.issue(signer(label="end"))
    said = refusal(through(sub, roots=(root,)), end)
    assert said == "the certificate of CN=short may have 0 CAs below it, and has 1"
    again = Authority("short", root, key="again")
    assert len(through(again, roots=(root,)).path(again.issue(signer(label="end")))) == 3


def test_a_path_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that issued each other, very long ones, and very many: each has an end."""
    one, two = Authority("one"), Authority("two")
    one.certificate = two.issue(one.by, "one", AUTHORITY)
    two.certificate = one.issue(two.by, "two", AUTHORITY)
    assert "no root that is trusted" in refusal(through(one, two), one.certificate)
    monkeypatch.setattr(paths, "MOST_LENGTH", 2)
    assert "more than 2 certificates to a root" in refusal(through(SUB))
    monkeypatch.setattr(paths, "MOST_TRIES", 1)
    monkeypatch.setattr(paths, "MOST_LENGTH", 8)
    assert "more than 1 certificates" in refusal(through(SUB))


def test_lists() -> None:
    """Each issuer needs a current one of its own; what one has is refused."""
    others = [SUB.certificate]

    def with_lists(*lists: x509.CertificateRevocationList) -> Trust:
        return Trust([ROOT.certificate], NOW, others, lists)

    assert with_lists(ROOT.listed(5), SUB.listed(5)).path(END)
    assert "no current list of the certificate of CN=root" in refusal(with_lists(SUB.listed()))
    for number, name in ((SUB.certificate.serial_number, "sub"), (END.serial_number, "End")):
        said = refusal(with_lists(ROOT.listed(number), SUB.listed(number)))
        assert f"the certificate of CN={name} was revoked on" in said
    old = SUB.listed(validity=replace(YEAR, begin=NOW - timedelta(9), end=NOW - timedelta(1)))
    for listed in (old, SUB.listed(validity=LATER), Authority("sub", key="other").listed()):
        assert "no current list of the certificate of CN=sub" in refusal(
            with_lists(ROOT.listed(), listed)
        )


@pytest.mark.parametrize(
    ("value", "critical"), [(UNKNOWN, True), (ONE_KIND, False), (x509.DeltaCRLIndicator(1), False)]
)
def test_a_list_that_is_not_whole(
    value: x509.ExtensionType, critical: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A critical extension may say so; what is for parts of lists says it, critical or not."""
    strange, written = asn1.extension(value, critical=critical), asn1.extensions
    monkeypatch.setattr(asn1, "extensions", lambda form, wanted: written(form, [*wanted, strange]))
    listed = SUB.listed()
    monkeypatch.undo()
    trust = Trust([SUB.certificate], NOW, [], [listed])
    assert "no current list" in refusal(trust)


def test_a_list_of_one_who_may_sign_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key usage lacks cRLSign, so what is not in its list may be revoked all the same."""
    silent = Authority("silent", ROOT, usages=("keyCertSign",))
    monkeypatch.setattr(Issuer, "refuse_unless", lambda *_: None)
    lists = [ROOT.listed(), silent.listed()]
    trust = Trust([ROOT.certificate], NOW, [silent.certificate], lists)
    said = refusal(trust, silent.issue(signer(label="end")))
    assert said == "the certificate of CN=silent has no key usage cRLSign"


def test_very_many_issuers_of_one_name() -> None:
    """Of those that can not have issued it, too, only some are looked at."""
    end = Authority("plain", ROOT, authority=False, usages=("digitalSignature",))
    many = [end.certificate] * 3 * paths.MOST_TRIES
    trust = Trust([ROOT.certificate], NOW, many)
    looked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "unfit", lambda *words: looked.append(words) or "unfit")
        refusal(trust, end.issue(signer(label="end")))
    assert len(looked) == paths.MOST_TRIES


@pytest.mark.parametrize(
    ("names", "good"),
    [
        ((), True),
        (("codeSigning", "serverAuth"), True),
        (("2.5.29.37.0",), True),
        (("serverAuth",), False),
    ],
)
def test_purposes_of_an_issuer(names: tuple[str, ...], good: bool) -> None:
    """They hold for what it issued, where it says any."""
    wanted = tuple(map(purpose, names))
    between, code = Authority("between", ROOT, purposes=wanted), [purpose("codeSigning")]
    end = between.issue(signer(label="end"), profile=Profile(purposes=tuple(code)))
    path = through(between).path(end)
    if good:
        paths.refuse_other_purposes(path, code)
        return
    with pytest.raises(X509Error, match="CN=between issues none for codeSigning, by its own"):
        paths.refuse_other_purposes(path, code)


def test_when() -> None:
    """At its first and last moments, not before and after."""
    for moment in (YEAR.begin, YEAR.end):
        assert replace(through(SUB), moment=moment).path(END)
    for moment in (YEAR.begin - timedelta(seconds=1), YEAR.end + timedelta(seconds=1)):
        assert "CN=End is valid from" in refusal(replace(through(SUB), moment=moment))
