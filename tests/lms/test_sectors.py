"""sectors.py against the guide's table (chapter 2.7.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from vectors.published import load

from seemachine.lms.parameters import ParameterError
from seemachine.lms.sectors import Sectors

COLUMNS = (
    "h",
    "sigs",
    "expcards",
    "explease",
    "expsig",
    "cards",
    "leases_per_card",
    "signatures_per_lease",
    "leases",
)
# The table as it should be: the guide prints 1284 where 128 stands in the second row.
TABLE = [
    (5, 32, 0, 3, 2, 1, 8, 4, 8),
    (10, 1024, 0, 3, 7, 1, 8, 128, 8),
    (15, 32768, 0, 3, 12, 1, 8, 4096, 8),
    (20, 1048576, 0, 3, 17, 1, 8, 131072, 8),
    (5, 32, 1, 2, 2, 2, 4, 4, 8),
    (10, 1024, 1, 3, 6, 2, 8, 64, 16),
    (15, 32768, 1, 3, 11, 2, 8, 2048, 16),
    (20, 1048576, 1, 3, 16, 2, 8, 65536, 16),
    (10, 1024, 3, 3, 4, 8, 8, 16, 64),
    (15, 32768, 3, 3, 9, 8, 8, 512, 64),
    (20, 1048576, 3, 3, 14, 8, 8, 16384, 64),
]
# The examples in the guide's text: h, expcards, explease, then cards, uses of a card, signatures of
# a lease.
EXAMPLES = [
    (10, 1, 3, 2, 8, 64),
    (5, 1, 3, 2, 8, 2),  # the guide says 4, with 5 - 1 - 3 = 2 in the exponent: a misprint
    (5, 2, 1, 4, 2, 4),
    (5, 0, 2, 1, 4, 8),  # the guide says 30 beside 2^(5-0-2) = 8: a misprint
    (5, 0, 1, 1, 2, 16),
]

heights = st.sampled_from((5, 10, 15, 20, 25))


@st.composite
def plans(draw: st.DrawFn, max_depth: int = 25) -> Sectors:
    """Any plan that the height allows."""
    h = draw(heights)
    expcards = draw(st.integers(0, min(h, max_depth)))
    return Sectors(h, expcards, draw(st.integers(0, min(h, max_depth) - expcards)))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: "-".join(map(str, row[:4])))
def test_the_guide_s_table(row):
    """Every column of every row follows from h and the two exponents."""
    figures = dict(zip(COLUMNS, row, strict=True))
    sectors = Sectors(figures["h"], figures["expcards"], figures["explease"])

    assert sectors.cards == figures["cards"]
    assert sectors.leases_per_card == figures["leases_per_card"]
    assert sectors.signatures_per_lease == figures["signatures_per_lease"] == 1 << figures["expsig"]
    assert sectors.leases == figures["leases"]
    assert sectors.leases * sectors.signatures_per_lease == figures["sigs"]
    assert sectors.sectorized


@pytest.mark.parametrize(("h", "expcards", "explease", "cards", "uses", "signatures"), EXAMPLES)
def test_the_guide_s_examples(h, expcards, explease, cards, uses, signatures):
    """Cards, uses and signatures are two to the power of the exponents, where the guide's sums are
    right and where they are not.
    """
    sectors = Sectors(h, expcards, explease)

    assert (sectors.cards, sectors.leases_per_card, sectors.signatures_per_lease) == (
        cards,
        uses,
        signatures,
    )


def test_the_guide_s_lease_starts():
    """The guide's key sec-lms-def0cc has two leases, which start where the real machines showed
    them.
    """
    sectors = Sectors(5, 0, 1)

    assert [sectors.lease_leaves(n).start for n in range(sectors.leases)] == load("guide")[
        "lease_starts"
    ]["sec-lms-def0cc"]


def test_too_large_exponents_get_the_guide_s_sentence():
    """The sentence is the guide's, sum included."""
    with pytest.raises(ParameterError) as refused:
        Sectors(5, 4, 3).check()

    assert (
        str(refused.value)
        == "private key tree height is less than the sum of card and lease exponents (5 < 4 + 3)"
    )


@given(h=heights, expcards=st.integers(0, 30), explease=st.integers(0, 30))
@examples(200)
def test_the_sum_of_the_exponents_is_what_counts(h, expcards, explease):
    """Exponents are taken up to a sum of h, and refused above it."""
    sectors = Sectors(h, expcards, explease)
    if expcards + explease <= h:
        sectors.check()
        assert sectors.signatures_per_lease >= 1
    else:
        with pytest.raises(ParameterError, match=rf"\({h} < {expcards} \+ {explease}\)"):
            sectors.check()


@pytest.mark.parametrize("h", [5, 25])
def test_a_singular_key_is_one_lease_without_cards(h):
    """With both exponents 0 there is no card and one lease of all leaves."""
    sectors = Sectors(h, 0, 0)

    assert not sectors.sectorized
    assert (sectors.cards, sectors.leases) == (0, 1)
    assert sectors.lease_leaves(0) == range(1 << h)


@given(sectors=plans(max_depth=10))
@examples(100)
def test_leases_tile_the_tree(sectors):
    """The leases lie side by side from leaf 0 to the last, each of the same size."""
    end = 0
    for number in range(sectors.leases):
        leaves = sectors.lease_leaves(number)
        assert leaves.start == end
        assert len(leaves) == sectors.signatures_per_lease
        end = leaves.stop

    assert end == 1 << sectors.h


@given(sectors=plans(max_depth=10))
@examples(100)
def test_cards_tile_the_leases(sectors):
    """The cards' leases lie side by side from lease 0 to the last, `leases_per_card` on each."""
    cards = sectors.cards or 1
    held = [lease for card in range(cards) for lease in sectors.card_leases(card)]

    assert held == list(range(sectors.leases))
    assert all(len(sectors.card_leases(card)) == sectors.leases_per_card for card in range(cards))


@pytest.mark.parametrize(("h", "expcards", "explease"), [(5, 0, 0), (5, 1, 1), (10, 2, 3)])
def test_each_leaf_is_in_the_lease_that_has_it(h: int, expcards: int, explease: int) -> None:
    """`lease_of` is the other way round of `lease_leaves`."""
    plan = Sectors(h, expcards, explease)
    for lease in range(plan.leases):
        assert {plan.lease_of(leaf) for leaf in plan.lease_leaves(lease)} == {lease}
