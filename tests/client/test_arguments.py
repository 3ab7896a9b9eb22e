"""arguments.py: which command lines mean what, and what is said of those that mean nothing."""

import pytest
from client.screen import say
from hypothesis import given, settings
from hypothesis import strategies as st
from seeclient import values
from seeclient.arguments import NAMES, NUMBERS, VERBS, Arguments, UsageError, parse
from seeclient.usage import USAGE

from seemachine.lms.parameters import OTS_SETS, TREE_SETS

ESN = "7852-268D-3BF9"
SETS = "lmscode=sha256_m32_h5 lmotscode=sha256_n32_w8"
CAPITALS = SETS.upper()
GUIDE = {
    "alias": "a",
    "algorithm": "lms",
    "lmscode": "sha256_m32_h5",
    "lmotscode": "sha256_n32_w8",
}
GOOD = {
    "": Arguments("banner", {}, {}, json=False),
    "--json": Arguments("banner", {}, {}, json=True),
    "list": Arguments("list", {}, {}, json=False),
    "list --json": Arguments("list", {}, {}, json=True),
    "--json list": Arguments("list", {}, {}, json=True),
    "showinfo alias=a": Arguments("showinfo", {"alias": "a"}, {}, json=False),
    "alias=a showinfo": Arguments("showinfo", {"alias": "a"}, {}, json=False),
    "alias=a message=test": Arguments("sign", {"alias": "a", "message": "test"}, {}, json=False),
    "message=test alias=a": Arguments("sign", {"alias": "a", "message": "test"}, {}, json=False),
    "alias=a message=": Arguments("sign", {"alias": "a", "message": ""}, {}, json=False),
    "alias=a message=x=y": Arguments("sign", {"alias": "a", "message": "x=y"}, {}, json=False),
    "alias=a message=--json": Arguments(
        "sign", {"alias": "a", "message": "--json"}, {}, json=False
    ),
    "alias=a msgfile=f sigfile=s": Arguments(
        "sign", {"alias": "a", "msgfile": "f", "sigfile": "s"}, {}, json=False
    ),
    "alias=a msgfile=f verify=s": Arguments(
        "verify", {"alias": "a", "msgfile": "f", "verify": "s"}, {}, json=False
    ),
    "alias=a message=m verify=s": Arguments(
        "verify", {"alias": "a", "message": "m", "verify": "s"}, {}, json=False
    ),
    f"provesn={ESN} slot=2": Arguments("provision", {"provesn": ESN}, {"slot": 2}, json=False),
    "generate alias=a": Arguments("generate", {"alias": "a"}, {}, json=False),
    f"generate alias=a algorithm=lms {SETS}"
    f" expcards=1 explease=3 expchunk=4 expcache=5 slot=2 esn={ESN}": Arguments(
        "generate",
        {
            "alias": "a",
            "algorithm": "lms",
            "lmscode": "sha256_m32_h5",
            "lmotscode": "sha256_n32_w8",
            "esn": ESN,
        },
        {"expcards": 1, "explease": 3, "expchunk": 4, "expcache": 5, "slot": 2},
        json=False,
    ),
    # The guide's own spellings (2.7.1, 2.7.2.1).
    f"generate alias=a algorithm=lms {SETS} expcard=1 exprelease=3": Arguments(
        "generate", GUIDE, {"expcards": 1, "explease": 3}, json=False
    ),
    f"generate alias=a algorithm=lms {SETS} expcards=0 exlease=1": Arguments(
        "generate", GUIDE, {"expcards": 0, "explease": 1}, json=False
    ),
    "generate alias=a resume=yes": Arguments(
        "generate", {"alias": "a", "resume": "yes"}, {}, json=False
    ),
    f"generate alias=a algorithm=lms {SETS} replace=no": Arguments(
        "generate", GUIDE | {"replace": "no"}, {}, json=False
    ),
    # Without algorithm= it is an ML-DSA key (2.7.1); what else it takes is ours.
    "generate alias=a mldsacode=ML-DSA-65": Arguments(
        "generate", {"alias": "a", "mldsacode": "mldsa65"}, {}, json=False
    ),
    f"generate alias=a algorithm=ml-dsa mldsacode=44 esn={ESN}": Arguments(
        "generate",
        {"alias": "a", "algorithm": "ml-dsa", "mldsacode": "mldsa44", "esn": ESN},
        {},
        json=False,
    ),
    "alias=a message=m context=c deterministic=yes": Arguments(
        "sign",
        {"alias": "a", "message": "m", "context": "c", "deterministic": "yes"},
        {},
        json=False,
    ),
    "alias=a msgdir=m sigdir=s partial=YES": Arguments(
        "sign-folder",
        {"alias": "a", "msgdir": "m", "sigdir": "s", "partial": "yes"},
        {},
        json=False,
    ),
    "alias=a message=m context=c verify=s": Arguments(
        "verify", {"alias": "a", "message": "m", "context": "c", "verify": "s"}, {}, json=False
    ),
    f"generate alias=a algorithm=lms {SETS} expchunk=007": Arguments(
        "generate", GUIDE, {"expchunk": 7}, json=False
    ),
    # All but texts of the user's in any letters; the guide prints small ones.
    f"generate alias=a algorithm=LMS {CAPITALS}": Arguments("generate", GUIDE, {}, json=False),
    f"GENERATE ALIAS=a Algorithm=LMS {SETS}": Arguments("generate", GUIDE, {}, json=False),
    "LIST": Arguments("list", {}, {}, json=False),
    "Alias=A Message=M": Arguments("sign", {"alias": "A", "message": "M"}, {}, json=False),
    f"generate alias=a algorithm=lms {SETS} Expcard=1 EXPRELEASE=3": Arguments(
        "generate", GUIDE, {"expcards": 1, "explease": 3}, json=False
    ),
    "generate alias=a resume=YES": Arguments(
        "generate", {"alias": "a", "resume": "yes"}, {}, json=False
    ),
    # The values that RFC 8554 defines (2.7.1): names and typecodes.
    "generate alias=a algorithm=lms lmscode=LMS_SHA256_M32_H5 lmotscode=LMOTS_SHA256_N32_W8": (
        Arguments("generate", GUIDE, {}, json=False)
    ),
    "generate alias=a algorithm=lms lmscode=5 lmotscode=4": Arguments(
        "generate", GUIDE, {}, json=False
    ),
    "generate alias=a algorithm=lms lmscode=0x5 lmotscode=0X00000004": Arguments(
        "generate", GUIDE, {}, json=False
    ),
    "generate alias=a algorithm=lms lmscode=lms_shake_m24_h25 lmotscode=0x10": Arguments(
        "generate",
        GUIDE | {"lmscode": "shake_m24_h25", "lmotscode": "shake_n24_w8"},
        {},
        json=False,
    ),
    f"provesn={ESN.lower()} slot=0": Arguments(
        "provision", {"provesn": ESN}, {"slot": 0}, json=False
    ),
    f"generate alias=a algorithm=lms {SETS} warnat=33554432": Arguments(
        "generate", GUIDE, {"warnat": 1 << 25}, json=False
    ),
    "alias=a warnat=0": Arguments("threshold", {"alias": "a"}, {"warnat": 0}, json=False),
    "alias=a message=m acknowledge=why": Arguments(
        "sign", {"alias": "a", "message": "m", "acknowledge": "why"}, {}, json=False
    ),
    "generate alias=a resume=yes slot=2": Arguments(
        "generate", {"alias": "a", "resume": "yes"}, {"slot": 2}, json=False
    ),
}

SPELLED = [("lmscode", TREE_SETS, "LMS_"), ("lmotscode", OTS_SETS, "LMOTS_")]
BAD = {
    "genrate alias=a": "unknown command genrate; did you mean generate?",
    "lst": "unknown command lst; did you mean list?",
    "zzz": "unknown command zzz; known are generate, list, showinfo",
    "list showinfo": "one command at a time, not list showinfo",
    "showinfo": "showinfo needs alias=",
    "generate": "generate needs alias=",
    "provesn=E": "provision needs slot=",
    "verify=s message=m": "verify needs alias=",
    "message=m": "sign needs alias=",
    "sigfile=s": "sign needs alias=",
    "slot=2": "slot= goes with provesn=ESN or generate",
    "lmscode=sha256_m32_h5": "lmscode= goes with generate",
    "alias=k message": "message is not a command; did you mean message=...?",
    "showinfo nope": "showinfo takes no nope; did you mean alias=nope?",
    "generate nope": "generate takes no nope; did you mean alias=nope?",
    "showinfo alias=a nope": "unknown command nope",
    "alias=a": "sign needs either message=TEXT or msgfile=FILE",
    "alias=a message=m msgfile=f": "sign takes message=TEXT or msgfile=FILE, not both",
    "alias=a verify=s": "verify needs either message=TEXT or msgfile=FILE",
    "alias=a verify=s message=m msgfile=f": "verify takes message=TEXT or msgfile=FILE, not both",
    "sign alias=k": "sign is not a command; to sign: pipsqueak alias=A message=TEXT",
    "generate alias=k algorithm=mldsa65": "there is no algorithm=mldsa65; did you mean mldsacode",
    "generate alias=k algorithm=ML-DSA-44": "there is no algorithm=ML-DSA-44; did you mean ",
    "alias=a verify=s message=m sigfile=t": "verify does not take sigfile=",
    "list alias=a": "list does not take alias=",
    "showinfo alias=a message=m": "showinfo does not take message=",
    "provesn=E slot=2 alias=a": "provision does not take alias=",
    "generate alias=a message=m": "generate does not take message=",
    "alias=a mesage=m": "unknown argument mesage=; did you mean message?",
    "generate alias=a lmcode=L": "unknown argument lmcode=; did you mean lmscode?",
    "alias=a zzz=1": "unknown argument zzz=; known are alias, message, msgfile",
    "=x": "unknown argument =; known are alias",
    "LST": "unknown command LST; did you mean list?",
    "Allias=a message=m": "unknown argument Allias=; did you mean alias?",
    "ALIAS=a alias=b message=m": "alias= is given twice",
    "alias=a alias=b message=m": "alias= is given twice",
    "generate alias=a explease=1 exprelease=1": "explease= is given twice",
    "alias= message=m": "alias= needs a value",
    "provesn=E slot=": "slot= needs a value",
    f"provesn={ESN} slot=two": "slot= takes a number from 0 to 5, not two",
    f"provesn={ESN} slot=-2": "slot= takes a number from 0 to 5, not -2",
    f"provesn={ESN} slot=2.0": "slot= takes a number from 0 to 5, not 2.0",
    f"provesn={ESN} slot=²": "slot= takes a number from 0 to 5, not ²",
    f"provesn={ESN} slot=٢": "slot= takes a number from 0 to 5, not ٢",
    "generate alias=a expchunk=1234567890": "expchunk= takes a number from 0 to 25, not 1234567890",
    "generate alias=a expchunk=26": "expchunk= takes a number from 0 to 25, not 26",
    "generate alias=a expcache=16": "expcache= takes a number from 0 to 15, not 16",
    "generate alias=a expcards=9": "expcards= takes a number from 0 to 8, not 9",
    "generate alias=a expcards=-1": "expcards= takes a number from 0 to 8, not -1",
    "generate alias=a explease=13": "explease= takes a number from 0 to 12, not 13",
    "provesn=7852-268D-3BF9 slot=9": "slot= takes a number from 0 to 5, not 9",
    "provesn=abc slot=2": "provesn=abc is not an ESN, such as 7852-268D-3BF9",
    "generate alias=a esn=abc": "esn=abc is not an ESN, such as 7852-268D-3BF9",
    "alias=../x message=m": "alias takes up to 64 letters, digits and hyphens, not '../x'",
    f"generate alias=a algorithm=lms {SETS} slot=2": (
        "slot= names a card slot, and this key has no cards; leave it out, or add expcards= or"
        " explease="
    ),
    f"generate alias=a algorithm=lms {SETS} expcards=0 slot=2": "slot= names a card slot",
    "generate alias=a slot=2": (
        "an ML-DSA key, the default, takes no slot=; it goes with algorithm=lms"
    ),
    f"generate alias=a {SETS}": (
        "an ML-DSA key, the default, takes no lmscode=; it goes with algorithm=lms"
    ),
    "generate alias=a algorithm=mldsa expcards=1": (
        "algorithm=mldsa takes no expcards=; it goes with algorithm=lms"
    ),
    "generate alias=a replace=yes": "an ML-DSA key, the default, takes no replace=",
    f"generate alias=a algorithm=lms {SETS} mldsacode=mldsa87": (
        "algorithm=lms takes no mldsacode=; it goes with algorithm=mldsa"
    ),
    "generate alias=a mldsacode=88": "there is no mldsacode=88; known are mldsa87",
    "generate alias=a mldsacode=sha256_m32_h5": "there is no mldsacode=sha256_m32_h5; known are",
    "generate alias=a context=c": "generate does not take context=",
    "alias=a message=m verify=s deterministic=yes": "verify does not take deterministic=",
    "alias=a message=m deterministic=1": "deterministic= takes yes or no, not 1",
    f"alias=a message=m context={'c' * 256}": "context= takes at most 255 bytes",
    "generate alias=a algorithm=lsm": "there is no algorithm=lsm; did you mean lms?",
    "generate alias=a algorithm=rsa": "there is no algorithm=rsa; known are lms, ml-dsa, mldsa",
    "generate alias=a lmscode=sha256_m32_h6": (
        "there is no lmscode=sha256_m32_h6; did you mean sha256_m32_h"
    ),
    "generate alias=a lmscode=h5": (
        "there is no lmscode=h5; known are sha256_m32_h5, _h10, _h15, _h20, _h25; also sha256_m24"
    ),
    "generate alias=a lmotscode=SHA256-N32-W8": (
        "there is no lmotscode=SHA256-N32-W8; did you mean sha256_n32_w8?"
    ),
    "generate alias=a lmotscode=w8": (
        "there is no lmotscode=w8; known are sha256_n32_w8, _w4, _w2, _w1; also sha256_n24"
    ),
    "generate alias=a lmscode=shake256_m32_h5": (
        "there is no lmscode=shake256_m32_h5; did you mean shake_m32_h5?"
    ),
    "generate alias=a lmotscode=LMOTS_SHAKE256_N24_W2": (
        "there is no lmotscode=LMOTS_SHAKE256_N24_W2; did you mean shake_n24_w2?"
    ),
    "generate alias=a lmscode=4": "there is no lmscode=4; typecodes are 5 to 24",
    "generate alias=a lmscode=0x19": "there is no lmscode=0x19; typecodes are 5 to 24",
    "generate alias=a lmotscode=17": "there is no lmotscode=17; typecodes are 1 to 16",
    # Is it a word of a public key, and so hexadecimal?
    "generate alias=a lmotscode=00000010": "there is no lmotscode=00000010; known are sha256_n32",
    "generate alias=a lmscode=LMOTS_SHA256_N32_W8": "there is no lmscode=LMOTS_SHA256_N32_W8",
    "generate alias=a algorithm=lms lmscode=sha256_m24_h5 lmotscode=sha256_n32_w8": (
        "sha256_m24_h5 and sha256_n32_w8 differ in hash"
    ),
    "generate alias=a resume=yes expchunk=3": (
        "resume=yes resumes the key as it was begun; leave out expchunk="
    ),
    "generate alias=a algorithm=lms": "generate needs lmscode=, such as lmscode=sha256_m32_h5",
    "generate alias=a algorithm=LMS lmscode=sha256_m32_h5": (
        "generate needs lmotscode=, such as lmotscode=sha256_n32_w8"
    ),
    "generate alias=a resume=true": "resume= takes yes or no, not true",
    "generate alias=a replace=1": "replace= takes yes or no, not 1",
    "alias=a message=m resume=yes": "sign does not take resume=",
    "alias=a message=m warnat=3": "sign does not take warnat=",
    "alias=a warnat=3 acknowledge=x": "threshold does not take acknowledge=",
    "warnat=3": "threshold needs alias=",
    "alias=a warnat=33554433": "warnat= takes a number from 0 to 33554432, not 33554433",
    "alias=a warnat=-1": "warnat= takes a number from 0 to 33554432, not -1",
    "generate alias=a resume=yes warnat=3": (
        "resume=yes resumes the key as it was begun; leave out warnat="
    ),
    "alias=a message=m acknowledge=": "acknowledge= needs a value",
    "alias=a message=m verify=s acknowledge=x": "verify does not take acknowledge=",
    "generate alias=a acknowledge=x": "generate does not take acknowledge=",
    "--jsn": "unknown option --jsn; there are --json, --help and --version",
    "-v list": "unknown option -v; there are --json, --help and --version",
}


@pytest.mark.parametrize("line", GOOD)
def test_a_command_line_is_taken_apart(line):
    """Verb, texts and numbers, whatever their order and spelling."""
    assert parse(line.split()) == GOOD[line]


@pytest.mark.parametrize("line", BAD)
def test_a_wrong_command_line_is_told_what_would_be_right(line):
    """Exit code 2, the sentence that names the argument, and where to read on; nothing is connected
    to.
    """
    with pytest.raises(UsageError) as wrong:
        parse(line.split())
    assert str(wrong.value).startswith(BAD[line])
    assert say(*line.split()) == (2, [f"pipsqueak: {wrong.value}", "See pipsqueak --help"])


@pytest.mark.parametrize("reason", [" ", "\t", "a\nb", "\x1b[31m", "x" * 201])
def test_a_reason_says_something(reason):
    """Blank, unprintable or too long, an acknowledgement is wrong usage, before any HSM
    is asked.
    """
    with pytest.raises(UsageError, match="takes a reason of 1 to 200 printable characters"):
        parse(["alias=a", "message=m", f"acknowledge={reason}"])
    assert (
        parse(["alias=a", "message=m", "acknowledge= two words "]).texts["acknowledge"]
        == "two words"
    )


def test_standard_output_has_a_document_or_a_signature():
    """Not both."""
    with pytest.raises(UsageError, match="sigfile=- and --json both want standard output"):
        parse(["alias=a", "message=m", "sigfile=-", "--json"])


def test_an_empty_word_is_told():
    """It comes of a variable that is empty."""
    assert say("")[1][0] == "pipsqueak: an empty word is not a command; is a variable empty?"


def test_the_usage_names_the_sets_that_are_known():
    """What is told of an unknown set is what stands in the usage."""
    assert all(f"{name:<11}{known}\n" in USAGE for name, known in values.SETS.items())


@pytest.mark.parametrize(("name", "sets", "prefix"), SPELLED)
def test_every_set_has_four_spellings(name, sets, prefix):
    """The guide's name, that of RFC 8554 and RFC 9858 (SP 800-208 has the same), the typecode in
    decimal and in hexadecimal.
    """
    for each in sets:
        code = each.typecode
        for spelling in (each.name, prefix + each.name.upper(), str(code), hex(code)):
            assert values.text(name, spelling) == each.name


def test_an_argument_with_spaces_is_one_argument():
    """What the shell hands over as one word stays one."""
    assert parse(["alias=a", "message=hello world"]).texts["message"] == "hello world"
    assert parse(["alias=a", "msgfile=/tmp/a b"]).texts["msgfile"] == "/tmp/a b"


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.builds("{}={}".format, st.sampled_from(NAMES), st.text(max_size=6)),
        ),
        max_size=5,
    )
)
def test_any_words_are_understood_or_refused(words):
    """No command line does anything but parse or raise UsageError, and what parses has numbers for
    numbers.
    """
    try:
        parsed = parse(words)
    except UsageError as wrong:
        assert str(wrong)
    else:
        assert all(name in NUMBERS and value >= 0 for name, value in parsed.numbers.items())
        assert not parsed.texts.keys() & set(NUMBERS)


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["help"], ["generate", "--help"], ["nonsense", "--help"]]
)
def test_help_is_given_whatever_else_is_said(words):
    """--help prints every verb and argument there is, exit code 0."""
    code, lines = say(*words)
    assert (code, lines) == (0, USAGE.splitlines())
    assert all(name in USAGE for name in (*NAMES, *VERBS))


def test_the_version_is_the_vendors():
    """--version names the version whose words these are."""
    assert say("--version") == (0, ["pipsqueak 1.4.1"])


def test_the_usage_offers_deterministic_to_those_who_sign():
    """Verifying refuses it, so the form with verify= has no such word."""
    parts = USAGE.split("       pipsqueak ")
    signing = next(part for part in parts if "acknowledge=REASON" in part and "sigfile" in part)
    verifying = next(part for part in parts if "verify=SIGFILE" in part)
    assert "deterministic=yes" in signing
    assert "deterministic" not in verifying
    assert "context=TEXT" in verifying
