"""The matcher itself: what it accepts, what it must not accept, and that the data is sound."""

import tomllib

import pytest
from guide.replay import MISPRINTS, Chapter, Context, Step, compare, compile_line, lay_out, load

KEY = ("00000005", "00000004", *(f"{number:08x}" for number in range(0xA0, 0xAC)))
OTHER_KEY = (*KEY[:-1], "ffffffff")
BANNER = "PQSDK: 1.4.1 (5F08-02E0-D947: 1.4.1)"
SIGN = Step(
    section="here",
    command=("alias=k", "message=test"),
    leaf=16,
    expect=(
        BANNER,
        "Public key (alias: k):",
        "{public_key:k}",
        "Signature (alias: k, size: 1292, time: {seconds}):",
        "{leaf} 00000004 {words:280} 00000005 {words:40}",
        "Verify (alias: k, time: {seconds}): true",
    ),
)
SIGNATURE = ["00000010", "00000004", *["0badcafe"] * 280, "00000005", *["deadbeef"] * 40]


def dump(words: list[str] | tuple[str, ...], a_line: int = 8) -> list[str]:
    """Words as a command prints them."""
    return ["  " + " ".join(words[at : at + a_line]) for at in range(0, len(words), a_line)]


def printed(
    key: tuple[str, ...] = KEY, signature: list[str] | None = None, a_line: int = 8
) -> list[str]:
    """What a run of SIGN prints."""
    return [
        BANNER,
        "Public key (alias: k):",
        *dump(key),
        "Signature (alias: k, size: 1292, time: 0.018):",
        *dump(signature or SIGNATURE, a_line),
        "Verify (alias: k, time: 0.013): true",
    ]


def step(*expect: str) -> Step:
    """A step that prints these lines."""
    return Step(section="here", expect=expect)


@pytest.fixture
def seen() -> Context:
    """A context that knows the key of `k`."""
    return Context(public_keys={"k": KEY})


def test_accepts_what_the_guide_prints():
    """Lines with other times, words and indents are the guide's lines."""
    assert compare(printed(), SIGN, Context()) == []
    assert compare([line.strip() for line in printed()], SIGN, Context()) == []
    assert compare([f" {line.strip()}" for line in printed()], SIGN, Context()) == []


@pytest.mark.parametrize("at", range(len(printed())))
def test_rejects_a_changed_line(at, seen):
    """A change in any one line is one difference, and it names the line."""
    lines = printed()
    lines[at] += "x"
    differences = compare(lines, SIGN, seen)
    assert len(differences) == 1
    assert f"line {at + 1}:" in differences[0]


@pytest.mark.parametrize("at", range(len(printed())))
def test_rejects_a_missing_line(at, seen):
    """No line can be left out."""
    lines = printed()
    del lines[at]
    assert "is missing" in "".join(compare(lines, SIGN, seen))


@pytest.mark.parametrize("extra", ["", "hello", BANNER, "0badcafe " * 7 + "0badcafe"])
@pytest.mark.parametrize("at", range(len(printed()) + 1))
def test_rejects_an_extra_line(at, extra, seen):
    """No line can be added anywhere, not even an empty one."""
    lines = printed()
    lines.insert(at, extra)
    differences = compare(lines, SIGN, seen)
    assert any("is too much" in text or "instead of" in text for text in differences)


def test_rejects_silence_and_output_out_of_nowhere():
    """Nothing printed differs from something expected, and the other way round."""
    assert compare([], step(BANNER), Context()) == [f"here, at the end: {BANNER!r} is missing"]
    assert compare([BANNER], step(), Context()) == [f"here, line 1: {BANNER!r} is too much"]


def test_compares_nothing_where_the_guide_prints_nothing():
    """A step without `expect` accepts any output; a step with an empty one accepts none."""
    assert compare(["anything"], Step(section="here"), Context()) == []
    assert compare(["anything"], step(), Context()) != []


def test_rejects_two_lines_in_the_wrong_order():
    """Order counts."""
    assert compare(["b", "a"], step("a", "b"), Context()) != []


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE[:-1],
        [*SIGNATURE, "deadbeef"],
        SIGNATURE[:-8],
        [*SIGNATURE, *["deadbeef"] * 8],
        SIGNATURE[:2],
    ],
    ids=["a word less", "a word more", "a line less", "a line more", "head only"],
)
def test_rejects_a_wrong_word_count(signature, seen):
    """A signature has exactly the words that the guide prints."""
    assert compare(printed(signature=signature), SIGN, seen) != []


@pytest.mark.parametrize("a_line", [1, 4, 7, 9, 323])
def test_rejects_other_line_lengths(a_line, seen):
    """The right words count only with eight to a line."""
    assert compare(printed(a_line=a_line), SIGN, seen) != []


@pytest.mark.parametrize("word", ["0badcaf", "0badcafee", "0BADCAFE", "0badcafg", ""])
def test_rejects_a_malformed_word(word, seen):
    """A word is eight lower-case hex digits."""
    signature = SIGNATURE.copy()
    signature[50] = word
    assert len(compare(printed(signature=signature), SIGN, seen)) == 1


@pytest.mark.parametrize("at", [0, 1, 282])
def test_rejects_a_wrong_word_where_the_guide_fixes_one(at, seen):
    """The leaf and both typecodes stand where RFC 8554 puts them."""
    signature = SIGNATURE.copy()
    signature[at] = "00000011"
    assert len(compare(printed(signature=signature), SIGN, seen)) == 1


def test_holds_a_public_key_to_its_first_showing():
    """The first run teaches the key; any other key under the same alias differs from then on."""
    context = Context()
    assert compare(printed(), SIGN, context) == []
    assert context.public_keys == {"k": KEY}
    assert len(compare(printed(key=OTHER_KEY), SIGN, context)) == 1
    assert context.public_keys == {"k": KEY}


def test_learns_nothing_from_a_wrong_run():
    """A run with differences leaves the context as it was."""
    context = Context()
    assert compare(printed(key=("00000006", *KEY[1:])), SIGN, context) != []
    assert compare(printed()[:-1], SIGN, context) != []
    assert context == Context()


def test_tells_keys_apart_by_alias(seen):
    """Each alias has a key of its own."""
    assert compare(dump(OTHER_KEY), step("{public_key:other}"), seen) == []
    assert seen.public_keys == {"k": KEY, "other": OTHER_KEY}


def test_knows_the_names_that_follow_from_a_key():
    """Root and NVRAM file name are those that the guide prints for its key."""
    words = (
        "00000005 00000004 81908b48 36be539b fc553a0e 720c695c 7d62e3b1 957663b4 aa46dfd3 de008a62"
        " ddf4a720 f8eb89cd fbadc6ca db93e2e2"
    )
    context = Context(public_keys={"k": tuple(words.split())})
    assert context.nvram("k") == "6c6d737d:62e3b195:7663b4"
    assert (
        context.root("k")
        == "7d62e3b1:957663b4:aa46dfd3:de008a62:ddf4a720:f8eb89cd:fbadc6ca:db93e2e2"
    )
    assert (
        compare(
            ["no HSMs with NVRAM 6c6d737d:62e3b195:7663b4 file"],
            step("no HSMs with NVRAM {nvram:k} file"),
            context,
        )
        == []
    )
    assert (
        compare(
            ["no HSMs with NVRAM 6c6d737d:62e3b195:7663b5 file"],
            step("no HSMs with NVRAM {nvram:k} file"),
            context,
        )
        != []
    )


def test_counts_the_leaves_that_were_used():
    """Each signing command that runs as printed takes one leaf of that alias; nothing else does."""
    context = Context(public_keys={"k": KEY})
    show, verify = (
        step("Remaining: {remaining:k} signatures"),
        Step(section="here", command=("alias=k", "msgfile=m", "verify=s")),
    )
    refused = Step(section="here", command=("alias=k", "message=test"), exit=1, expect=("no",))
    assert compare(["Remaining: 32 signatures"], show, context) == []
    compare(printed(), SIGN, context)
    compare([], Step(section="here", command=("alias=k", "msgfile=m", "sigfile=s")), context)
    compare([], verify, context)
    compare(["no"], refused, context)
    assert compare(["Remaining: 30 signatures"], show, context) == []
    assert compare(["Remaining: 31 signatures"], show, context) != []


@pytest.mark.parametrize(
    ("mask", "good", "bad"),
    [
        ("seconds", ["0.002", "12.345"], ["0.02", "1", ".002", "0,002", "-0.002"]),
        (
            "time",
            ["2026-02-11T15:43:43"],
            ["2026-02-11 15:43:43", "2026-02-11T15:43:43Z", "2026-02-11T15:43:43.1"],
        ),
        ("word", ["0badcafe"], ["badcafe", "0BADCAFE"]),
        (
            "words8",
            [":".join(["0badcafe"] * 8)],
            [":".join(["0badcafe"] * 7), " ".join(["0badcafe"] * 8)],
        ),
        ("address", ["127.0.0.1"], ["localhost", "127.0.0"]),
        ("port", ["8888"], ["", "x"]),
        ("ic", ["1", "13"], ["0", "-1", ""]),
    ],
)
def test_masks_exactly(mask, good, bad):
    """A mask stands for values of one form only."""
    line = f"<{{{mask}}}>"
    assert all(compare([f"<{value}>"], step(line), Context()) == [] for value in good)
    assert all(compare([f"<{value}>"], step(line), Context()) != [] for value in bad)


def test_takes_punctuation_of_the_guide_literally():
    """Dots, brackets and parentheses outside placeholders stand for themselves."""
    line = "lms_public_verify[hsslms.c:2463] VerifyFailed(11): ..."
    assert compare([line], step(line), Context()) == []
    assert compare([line.replace(".", "x")], step(line), Context()) != []


@pytest.mark.parametrize("line", ["{nonsense}", "{leaf}", "{seconds:k}", "{root}", "{}"])
def test_refuses_a_placeholder_without_meaning(line, seen):
    """A slip in the data is an error, not a line that never matches."""
    with pytest.raises(ValueError, match="means nothing here"):
        compare([], step(line), seen)


def test_refuses_to_derive_from_a_key_not_yet_shown():
    """A root that no earlier step has shown cannot be compared."""
    with pytest.raises(LookupError, match="public key of k"):
        compare([], step("{root:k}"), Context())


def test_repeats_count_the_leaf_up():
    """A repeated step comes once for each turn, with the leaf that this turn must use."""
    turns = list(
        Step(section="here", expect=("a", "b"), repeat=3, leaf=16, vendor_last=("c", "d")).turns()
    )
    assert [(turn.leaf, turn.repeat, turn.expect) for turn in turns] == [
        (q, 1, ("a", "b")) for q in (16, 17, 18)
    ]
    assert len({turn.section for turn in turns}) == 3


def test_the_vendor_differs_on_the_last_turn_only():
    """As 1.4.1, the last line of the last turn gives way to the vendor's."""
    turns = Step(section="here", expect=("a", "b"), repeat=3, vendor_last=("c", "d")).turns(
        vendor=True
    )
    assert [turn.expect for turn in turns] == [("a", "b"), ("a", "b"), ("a", "c", "d")]


def test_moves_message_files_only(tmp_path):
    """The guide's message files go to the folder of the test, in command and output alike."""
    [moved] = [s for s in chapter_named("2.7").steps if "sigfile" in str(s.command)]
    moved = moved.below(tmp_path)
    assert moved.command == (
        "alias=test-lms",
        f"msgfile={tmp_path}/message.txt",
        f"sigfile={tmp_path}/message.sig",
    )
    assert f"written to {tmp_path}/message.sig" in moved.expect
    assert moved.expect[0] == BANNER


def chapter_named(name: str) -> Chapter:
    """A chapter of the data."""
    return next(chapter for chapter in load() if chapter.name == name)


def test_every_line_of_the_data_compiles():
    """Run in order, each line has a meaning: a key is shown before anything is derived from it."""
    for chapter in load():
        context = Context()
        for turn in (turn for s in chapter.steps for turn in s.turns(vendor=True)):
            for entry in turn.expect or ():
                for line in lay_out(entry, turn, context):
                    compile_line(line)
                if entry.startswith("{public_key:"):
                    context.public_keys.setdefault(entry[12:-1], KEY)


def test_every_signature_of_the_data_has_its_size():
    """Each dump of a signature is 1292 bytes long, in lines of eight words."""
    dumps = [
        (entry, s)
        for chapter in load()
        for s in chapter.steps
        for entry in s.expect or ()
        if "{words:" in entry
    ]
    assert len(dumps) == 6
    for entry, s in dumps:
        lines = lay_out(entry, s, Context())
        assert [len(line.split()) for line in lines] == [8] * 40 + [3]


def test_exit_is_1_where_an_error_line_is_printed():
    """The guide's ERROR lines and the exit codes of the data go together."""
    for chapter in load():
        for s in chapter.steps:
            assert s.exit == int(any(line.startswith("ERROR: ") for line in s.expect or ())), (
                s.section
            )


def test_acts_name_machines_and_slots_of_their_chapter():
    """Cards and machines of a step exist in its chapter, and a printed module and slot are the ones
    acted on.
    """
    for chapter in load():
        modules = {hsm.esn: hsm.module for hsm in chapter.hsms}
        for s in (s for s in chapter.steps if s.kind not in {"pipsqueak", "shell"}):
            assert s.esn in modules, s.section
            assert not s.to_esn or s.to_esn in modules, s.section
            if s.kind == "card-format":
                assert s.command[-2:] == (f"-m{modules[s.esn]}", f"-s{s.slot}"), s.section


def test_banners_list_the_machines_of_their_chapter():
    """A banner names the running machines in the order of their modules."""
    for chapter in load():
        running = ", ".join(
            f"{hsm.esn}: 1.4.1" for hsm in sorted(chapter.hsms, key=lambda hsm: hsm.module)
        )
        banners = {
            line for s in chapter.steps for line in s.expect or () if line.startswith("PQSDK")
        }
        assert banners <= {f"PQSDK: 1.4.1 ({running})", "PQSDK: 1.4.1 ()"}, chapter.name


def test_every_misprint_says_where_what_and_why():
    """Each entry of misprints.toml has a section of the guide, the printed text, what is done
    instead and the reason, once.
    """
    entries = tomllib.loads(MISPRINTS.read_text(encoding="utf-8"))["misprint"]
    assert all(
        entry.keys() == {"section", "printed", "ours", "why"} and all(entry.values())
        for entry in entries
    )
    assert all(
        entry["section"].startswith(tuple(f"2.{chapter}" for chapter in range(3, 10)))
        for entry in entries
    )
    assert len({(entry["section"], entry["printed"]) for entry in entries}) == len(entries)
