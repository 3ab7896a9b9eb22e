"""Presets: which keys each takes, and docs/how-to/presets.md, which is made of them."""

import re
from pathlib import Path

import pytest

from seemachine.encodings.forms import KEY_FORMS, SIGNATURE_FORMS
from seemachine.presets.preset import Preset, PresetError, Sets, Use, making, sets_of
from seemachine.presets.table import ALL_LMS, ALL_MLDSA, CALIPTRA, PRESETS, USUAL

PAGE = Path(__file__).parents[2] / "docs/how-to/presets.md"
TALL, LOW = ("sha256_m32_h25", "sha256_n32_w1"), ("sha256_m32_h5", "sha256_n32_w8")
SMALL, SHAKE = ("sha256_m24_h10", "sha256_n24_w8"), ("shake_m32_h5", "shake_n32_w4")
N32: set[Sets] = {USUAL, TALL, LOW}
EVERY: set[Sets] = {*N32, SMALL, SHAKE, CALIPTRA}
ML: set[Sets] = {("mldsa44",), ("mldsa65",), ("mldsa87",)}
TAKES: dict[str, set[Sets]] = {
    "openssl": EVERY | ML,
    "botan": EVERY | ML,
    "bouncycastle": EVERY | ML,
    "jdk": N32 | ML,
    "wolfboot": N32 | ML,
    "mbedtls": {USUAL},
    "caliptra": {CALIPTRA, ("mldsa87",)},
    "mcuboot": {USUAL},
}


@pytest.mark.parametrize("name", PRESETS)
def test_which_keys_each_takes(name: str) -> None:
    """All others are refused, with what to do."""
    for sets in sorted(EVERY | ML):
        if sets in TAKES[name]:
            assert sets in PRESETS[name].use(sets).sets
            continue
        with pytest.raises(PresetError) as refusal:
            PRESETS[name].use(sets)
        assert " ".join(sets) in str(refusal.value)
        assert re.search("make another one with: pipsqueak|leave out --preset", str(refusal.value))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda each: each.name)
def test_what_a_preset_says_is_so(preset: Preset) -> None:
    """Its forms hold its keys; it takes what it says to make; somebody checked it."""
    for use in preset.uses:
        assert use.usual in use.sets <= ALL_LMS | ALL_MLDSA
        assert use.algorithm in KEY_FORMS[use.key_form].algorithms
        assert use.algorithm in SIGNATURE_FORMS[use.signature_form].algorithms
        assert making(use.usual).startswith("pipsqueak generate")
    assert " 2026: " in preset.checked


def test_sets_of_public_keys() -> None:
    """By their types or their length."""
    key = (6).to_bytes(4, "big") + (4).to_bytes(4, "big") + bytes(48)
    assert sets_of(key) == USUAL
    assert sets_of(bytes(1952)) == ("mldsa65",)


def test_the_page_is_made_of_the_table() -> None:
    """Both of its tables."""
    tables = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert tables == [*taken(), *checked()]


def taken() -> list[str]:
    """What each takes."""
    head = [
        "| preset | for | keys | key | signature | over |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return head + [_row(preset, use) for preset in PRESETS.values() for use in preset.uses]


def _row(preset: Preset, use: Use) -> str:
    over = "the file"
    if use.digest:
        over = f"the SHA-{use.digest[3:]} of the file"
    elif use.length:
        over = f"the file, a digest of {use.length} bytes"
    named = f"`{preset.name}`{', experimental' if preset.experimental else ''}"
    forms = f"`{use.key_form}` | `{use.signature_form}`"
    return f"| {named} | {preset.title} | {use.titles} | {forms} | {over} |"


def checked() -> list[str]:
    """What was checked of each."""
    rows = [f"| `{each.name}` | {each.checked} | {each.note} |" for each in PRESETS.values()]
    return ["| preset | checked | note |", "| --- | --- | --- |", *rows]
