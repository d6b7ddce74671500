"""Whether the ranges of a text hold the numbers of a question."""

from __future__ import annotations

import pytest

from qa.answering.choosing.ranges import held, quantities


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("I'm 22. How much do I get?", "18 to 24 | £71.70"),
        ("How much does a 17-year-old get?", "Under 18 | £7.55"),
        ("Our household brings in £28,000.", "More than £20,000 | 50%"),
        ("I make 65k a year.", "You pay it if you earn over £60,000 but less than £80,000."),
        ("May I work 16 hours?", "You must work between 16 and 24 hours."),
        ("Can I apply at 66?", "You must be 66 or over."),
        ("What does a farm over 20 hectares get?", "Over 20 hectares | £30,000"),
        ("What do 18 to 20 year olds get?", "18 to 20 | £10.00"),
    ],
)
def test_a_range_holds_a_number(question: str, text: str) -> None:
    assert held(quantities(question), text) == (True, False)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("I'm 25. How much do I get?", "18 to 24 | £71.70"),
        ("How much does an 18-year-old get?", "Under 18 | £7.55"),
        ("Our household brings in £28,000.", "£20,000 or less and you get the maximum | 10%"),
        ("What does a farm over 20 hectares get?", "Up to 20 hectares | £12,000"),
        ("I make 90k a year.", "You pay it if you earn over £60,000 but less than £80,000."),
    ],
)
def test_no_range_holds_a_number(question: str, text: str) -> None:
    assert held(quantities(question), text) == (False, True)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What was paid from 2024 to 2025?", "up to 24 weeks"),  # years are no quantities
        ("I'm 22. How much do I get?", "between £10 and £30"),  # money and years of age are different things
        ("How much do I get?", "18 to 24 | £71.70"),
        ("I'm 22. How much do I get?", "from 2024 to 2025"),
    ],
)
def test_ranges_of_something_else_say_nothing(question: str, text: str) -> None:
    assert held(quantities(question), text) == (False, False)
