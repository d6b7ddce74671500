"""Quotes judged against the words that answer."""

from __future__ import annotations

import pytest

from qa.evaluation.matching import Match, Reference, match, normalise

FEE = Reference("A replacement permit costs £14.50 and arrives within 10 days.", ["£14.50"])
LIST = Reference(
    "Bring with you:\nyour passport\na recent utility bill\ntwo photographs\nthe letter we sent you\nthe fee",
    ["your passport\na recent utility bill\ntwo photographs\nthe letter we sent you\nthe fee"],
)
ROW = Reference("Large van | £31 | £12.50", ["£12.50"])


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("A replacement permit costs £14.50 and arrives within 10 days.", Match.RIGHT),
        ("a replacement permit COSTS £14.50", Match.RIGHT),  # shorter than the evidence
        ("Apply online. A replacement permit costs £14.50 and arrives within 10 days. Keep the receipt.", Match.RIGHT),
        ("Skips are collected for £14.50 on weekdays", Match.PART),  # the answer, but from elsewhere
        ("A replacement permit usually arrives within 10 days", Match.PART),  # most of the evidence, without the answer
        ("You can replace a lost permit online.", Match.WRONG),
        ("", Match.WRONG),
        (None, Match.WRONG),
    ],
)
def test_a_quote_is_right_in_part_or_wrong(quote: str | None, expected: Match) -> None:
    assert match(quote, [FEE]) is expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["your passport", "a recent utility bill", "two photographs"], Match.RIGHT),  # 3 of 5 are 60%
        (["your passport", "two photographs"], Match.WRONG),
        ([], Match.WRONG),
    ],
)
def test_a_list_needs_three_fifths_of_its_items(items: list[str], expected: Match) -> None:
    assert match("\n".join(["Bring with you:", *(f"- {item}" for item in items)]), [LIST]) is expected


def test_item_markers_in_the_answer_do_not_count() -> None:
    steps = Reference("1. Fill in form K2.\n2. Post it to the depot.", ["Fill in form K2.\n2. Post it to the depot."])
    assert match("* Fill in form K2.\n* Post it to the depot.", [steps]) is Match.RIGHT


def test_a_table_row_matches_in_any_notation() -> None:
    assert match("Large van: £31, £12.50", [ROW]) is Match.RIGHT
    assert match("Large van £31", [ROW]) is Match.PART


def test_any_answer_and_any_reference_is_enough() -> None:
    dates = Reference("The depot closes on 4 May 2031.", ["on 4 May 2031", "4 May"])
    assert match("The depot closes on 4 May.", [FEE, dates]) is Match.RIGHT
    assert match("The depot closes in May 2031.", [FEE, dates]) is Match.PART
    assert match("The depot closes.", []) is Match.WRONG


def test_only_the_quoted_text_counts_and_not_its_lead_in() -> None:
    item = Reference("a recent utility bill", ["a recent utility bill"])
    assert match("Bring with you:", [item]) is Match.WRONG


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the driver’s “log”", 'the driver\'s "log"'),
        ("2019–2020", "2019-2020"),
        ("a | **b** \\| c", "a b c"),
        ("Ends here.", "ENDS  here"),
        ("ﬁve\u00a0pounds", "five pounds"),
    ],
)
def test_notation_does_not_matter(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)
