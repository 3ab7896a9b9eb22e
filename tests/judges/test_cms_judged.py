"""Messages of ours before the CMS of Bouncy Castle: detached and attached, with signed attributes
and without.
"""

import re
from itertools import product
from pathlib import Path

from judges.present import Told
from kit.flips import flipped_at
from kit.message_keys import LmsSigner, certificate

from seemachine.cms import certificates, signing
from seemachine.cms.signing import Terms

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/how-to/cms.md"
CONTENT, OTHER = b"firmware 1.0", b"firmware 1.1"


def test_bouncy_castle_verifies_messages(bouncy_castle_cms: Told) -> None:
    """Each of the four; with a bit flipped in the signature, or another content, it verifies
    none.
    """
    signer = LmsSigner.made()
    own = certificates.read(certificate(signer))
    lines = []
    for attached, with_attributes in product((False, True), repeat=2):
        prepared = signing.prepare(signer.key, CONTENT, Terms(attached, with_attributes), own)
        message = prepared.finished(signer.sign(prepared.to_sign))
        damaged = flipped_at(message, -9)
        lines += [f"{message.hex()} {CONTENT.hex()}", f"{damaged.hex()} {CONTENT.hex()}"]
        lines.append(f"{message.hex()} {OTHER.hex()}")
    # Newer ones refuse another content, where 1.72 finds the signature bad.
    assert [told == "good" for told in bouncy_castle_cms(lines)] == [True, False, False] * 4


def test_the_lines_of_the_page_are_those_of_the_judge() -> None:
    """They compile with 1.72, and verify with newer ones."""
    [lines] = re.findall(r"```java\n(.*?)```", PAGE.read_text(), re.DOTALL)
    asked = [line.strip() for line in (HERE / "BouncyCastleCms.java").read_text().splitlines()]
    first, *others = lines.splitlines()
    place = asked.index(first)
    assert asked[place : place + 1 + len(others)] == [first, *others]
