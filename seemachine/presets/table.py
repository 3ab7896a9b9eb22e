"""The table of consumers. docs/how-to/presets.md has it for people, and a test compares them."""

from collections.abc import Mapping

from seemachine.encodings.kinds import LMS, MLDSA
from seemachine.encodings.writers import CALIPTRA_SETS
from seemachine.frozen import replace
from seemachine.lms.parameters import OTS_SETS, TREE_SETS
from seemachine.mldsa.parameters import MLDSA_SETS
from seemachine.presets.preset import Preset, Sets, Use

ALL_LMS: frozenset[Sets] = frozenset(
    (tree.name, ots.name)
    for tree in TREE_SETS
    for ots in OTS_SETS
    if (tree.hash, tree.m) == (ots.hash, ots.n)
)
SHA256_N32 = frozenset(sets for sets in ALL_LMS if sets[0].startswith("sha256_m32"))
USUAL: Sets = ("sha256_m32_h10", "sha256_n32_w8")
CALIPTRA: Sets = CALIPTRA_SETS
ALL_MLDSA: frozenset[Sets] = frozenset((each.name,) for each in MLDSA_SETS)
EVERY, N32 = "every LMS set", "LMS with SHA-256 and n = 32"
ONE = "sha256_m32_h10 with sha256_n32_w8"


def _mldsa(key_form: str, signature_form: str) -> Use:
    """All sets, over the file: FIPS 204 without a context and without a digest before it."""
    return Use(MLDSA, "every ML-DSA set", ALL_MLDSA, ("mldsa87",), key_form, signature_form)


def _table(*presets: Preset) -> Mapping[str, Preset]:
    return {each.name: each for each in presets}


PRESETS = _table(
    Preset(
        "openssl",
        "OpenSSL",
        (Use(LMS, EVERY, ALL_LMS, USUAL, "lms", "lms"), _mldsa("pem", "raw")),
        "November 2026: LMS with 3.6 (a development version, built with enable-lms), all 16 pairs"
        " of hash, length and w; ML-DSA, every set, with Debian's 3.6.5, and with 4.0 through"
        " `cryptography` 50",
        "ML-DSA from 3.5: `openssl pkeyutl -verify -pubin -inkey KEY -rawin -in FILE -sigfile"
        " SIGNATURE`. LMS is built in with enable-lms alone, which Debian's packages and"
        " `cryptography` are not; its key is read as XDR",
    ),
    Preset(
        "botan",
        "Botan",
        (Use(LMS, EVERY, ALL_LMS, USUAL, "pem", "base64"), _mldsa("pem", "base64")),
        "November 2026: 3.13.0, all 16 pairs of hash, length and w; every set of ML-DSA",
        "LMS from 3.5: `botan verify KEY FILE SIGNATURE`. ML-DSA from 3.6: `botan verify --hash="
        " KEY FILE SIGNATURE`. Its library takes the forms hss and raw",
    ),
    Preset(
        "bouncycastle",
        "Bouncy Castle",
        (Use(LMS, EVERY, ALL_LMS, USUAL, "der", "hss"), _mldsa("der", "raw")),
        "November 2026: 1.86.2 (its JCA), all 16 pairs of hash, length and w; every set of ML-DSA",
        "ML-DSA from 1.79. For LMS 1.72 and older take the key in the form der-8708, the signature"
        " in the form lms, and SHA-256 with n = 32 alone",
    ),
    Preset(
        "jdk",
        "the JDK",
        (Use(LMS, N32, SHA256_N32, USUAL, "der", "hss"), _mldsa("der", "raw")),
        "November 2026: 25.0.2 (the provider SUN), in the tests: LMS of each w, every set of"
        " ML-DSA",
        "`HSS/LMS` from JDK 21, which verifies and does not sign; `ML-DSA` from JDK 24",
    ),
    Preset(
        "wolfboot",
        "wolfBoot",
        (
            Use(
                LMS,
                N32,
                SHA256_N32,
                USUAL,
                "hss",
                "hss",
                length=32,
                made_with="sign --lms --sha256 --sha-only",
            ),
            replace(_mldsa("raw", "raw"), length=32, made_with="sign --ml_dsa --sha256 --sha-only"),
        ),
        "November 2026: 5c07c37 with wolfSSL 5.9.2, LMS and every set of ML-DSA: its tools took"
        " digest and signature, its simulator booted and updated the images, and refused flipped"
        " bits",
        "the whole way: [wolfBoot](wolfboot.md)",
    ),
    Preset(
        "mbedtls",
        "Mbed TLS",
        (Use(LMS, ONE, frozenset({USUAL}), USUAL, "lms", "lms"),),
        "November 2026: 3.6.7, the one pair of sets that it has",
        "mbedtls_lms_import_public_key and mbedtls_lms_verify, with MBEDTLS_LMS_C. Its API has no"
        " ML-DSA yet: Mbed-TLS/TF-PSA-Crypto#637 is open",
    ),
    Preset(
        "caliptra",
        "Caliptra",
        (
            Use(
                LMS,
                " with ".join(CALIPTRA),
                frozenset({CALIPTRA}),
                CALIPTRA,
                "caliptra-raw",
                "lms",
                digest="sha384",
            ),
            Use(MLDSA, "mldsa87", frozenset({("mldsa87",)}), ("mldsa87",), "raw", "raw"),
        ),
        "November 2026: caliptra-sw e7dc50f was read, and its two published LMS signatures were"
        " checked",
        "the file is a manifest header: with LMS its SHA-384 is signed, with ML-DSA the header"
        " itself. For its signing requests there is [caliptra sign](caliptra.md)",
    ),
    Preset(
        "mcuboot",
        "MCUboot",
        (Use(LMS, ONE, frozenset({USUAL}), USUAL, "lms", "lms"),),
        "November 2026: 2d4bacc has no LMS; mcu-tools/mcuboot#2707 is open, and was read",
        "nothing upstream yet, so that key file, TLV and forms may change; the file is what imgtool"
        " sign --vector-to-sign payload gives",
        experimental=True,
    ),
)
