"""Which key a label stands for."""

import re

import pytest
from caliptra.making import encoded, request

from seemachine.caliptra import labels, requests
from seemachine.caliptra.errors import CaliptraError

REQUEST = requests.read(encoded(request()))


def test_labels_come_from_words_and_from_a_file() -> None:
    """LABEL=KEY, and lines of TOML."""
    assert labels.pairs(["a=x", "b=y=z", "a=x"]) == {"a": "x", "b": "y=z"}
    assert labels.table(b'a = "x"\n# the other\n"b c" = "y"\n') == {"a": "x", "b c": "y"}


@pytest.mark.parametrize(
    ("read", "given", "sentence"),
    [
        (labels.pairs, ["a"], "--key takes LABEL=ALIAS, not 'a'"),
        (labels.pairs, ["=x"], "--key takes LABEL=ALIAS"),
        (labels.pairs, ["a="], "--key takes LABEL=ALIAS"),
        (labels.pairs, ["a=x", "a=y"], "--key names two keys for a: x and y"),
        (labels.table, b"a", "it is not TOML"),
        (labels.table, b'a = "x"\na = "y"', "it is not TOML"),
        (labels.table, b"\xff", "it is not TOML"),
        (labels.table, b"a = 7", 'a is not a text; a line is: a = "ALIAS"'),
        (labels.table, b'[a]\nb = "c"', "a is not a text"),
    ],
)
def test_what_is_wrong_is_said(read: object, given: object, sentence: str) -> None:
    """With the form that is right."""
    with pytest.raises(CaliptraError, match=re.escape(sentence)):
        read(given)


def test_a_label_without_a_key_is_refused() -> None:
    """By its target, with what to add."""
    named = {"vendor_fw_pqc_key": "v", "vendor_man_pqc_key": "v"}
    with pytest.raises(CaliptraError, match="--key owner_fw_pqc_key=ALIAS"):
        labels.of_targets(REQUEST.targets, named)
    vendor = REQUEST.chosen(["vendor_pub_keys_signatures"])
    assert labels.of_targets(vendor, named) == {"vendor_pub_keys_signatures": "v"}


def test_a_label_that_nobody_wants_is_refused() -> None:
    """It may be mistyped."""
    labels.refuse_strangers(REQUEST, ["owner_man_pqc_key"])
    with pytest.raises(CaliptraError, match=re.escape("did you mean vendor_fw_pqc_key?")):
        labels.refuse_strangers(REQUEST, ["vendor_fw_pq_key"])


@pytest.mark.parametrize(
    ("key", "file"),
    [("vendor-1", False), ("V", False), ("vendor.pem", True), ("./vendor", True), ("a_b", True)],
)
def test_a_file_is_told_from_an_alias(key: str, file: bool) -> None:
    """No alias has a dot, a slash or an underscore."""
    assert labels.is_file(key) == file
