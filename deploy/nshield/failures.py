"""What tools say when they refuse, and what to do then.

Where nothing here fits, the step's own advice is given.

The texts are those of seemachine's tools; what the vendor's print is not published. Their own text
is always shown above.
"""

import re

FAILED, WAITING = 1, 3

# The first that fits counts: pattern, exit code, advice.
KNOWN = (
    (r"wrong passphrase", WAITING, "type the passphrase of the card that is presented"),
    (
        r"no passphrase was given",
        WAITING,
        (
            "type the passphrase of the card: run this at a terminal, or give it through standard"
            " input, once for each card that is read"
        ),
    ),
    (r"no further card|no OCS card is presented|nobody answers", WAITING, ""),
    (r"kept running by seemachine fleet up", FAILED, "stop the fleet first: seemachine fleet down"),
    (
        r"has no licence|not licen[cs]ed",
        FAILED,
        "install the licence: give its file with --licence (guide 2.5)",
    ),
    (
        r"in (maintenance|initialization) mode",
        FAILED,
        "bring the module back: nopclearfail -O -m MODULE",
    ),
    (
        r"certificate expired|not valid before",
        FAILED,
        "have Entrust Support issue another certificate for the same CSR; give it with --devcert",
    ),
    (
        r"was not issued by",
        FAILED,
        (
            "the HSM takes developer certificates that Entrust issued, for this Security World's"
            " CSR; ask Entrust Support"
        ),
    ),
    (
        r"certificate of another key",
        FAILED,
        (
            "give the certificate that was issued for the CSR of this key, with --devcert, or its"
            " key with --devkey"
        ),
    ),
    (
        r"must be (an )?ECDSA",
        FAILED,
        "the signing key must be on nistp521; choose another name with --signer",
    ),
    (
        r"there is no key",
        FAILED,
        (
            "the key is not in this Security World; the run makes it when it has not been made"
            " here, see above which"
        ),
    ),
    (
        r"there is a key .* already",
        FAILED,
        (
            "it was made by others: put its CSR or certificate into the work folder, or choose"
            " another name with --devkey (or --signer)"
        ),
    ),
    (
        r"(is|are) started on .* already",
        FAILED,
        "another SEE machine runs on this module; stop and uninstall it first",
    ),
    (
        r"delegation certificate is (for|not)",
        FAILED,
        "remove userdata.raw from the work folder and run this again: it is made anew",
    ),
    (r"there is no card set", FAILED, "name the OCS with --cardset; see: nfkminfo -c"),
    (
        r"this licence is for|not a licence file|licence is not signed",
        FAILED,
        "ask Entrust Support for a licence for this serial number",
    ),
    (r"No space left", FAILED, "make room: in the work folder, or where the line above says"),
    (r"Read-only file system", FAILED, "the folder can't be written; choose another with --work"),
    (
        r"Permission denied",
        FAILED,
        "be of the group nfast; for custom-seemachines --sudo helps, too",
    ),
)


def judge(said: str, advice: str) -> tuple[int, str]:
    """Exit code and what to do, for what a tool said."""
    for pattern, code, known in KNOWN:
        if re.search(pattern, said):
            return code, known or advice
    return FAILED, advice
