"""What a question expects of its answer, and whether a text has it."""

from __future__ import annotations

import pytest

from qa.answering.choosing.expectation import Expected, expectations, has
from qa.answering.choosing.lacking import counted, counts
from qa.answering.choosing.words import analyse


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much is a tractor grant?", {Expected.AMOUNT}),
        ("When do claims close?", {Expected.DATE}),
        ("How long does a decision take?", {Expected.DURATION}),
        ("What will the new tractor shed cost?", {Expected.AMOUNT}),
        ("Who runs the scheme?", {Expected.PERSON}),
        ("Where do I send the form?", {Expected.PLACE}),
        ("Where can I post the form?", {Expected.POSTAL_ADDRESS}),
        ("What's the email address of the grants team?", {Expected.EMAIL}),
        ("grants team phone number", {Expected.TELEPHONE}),
        ("Why was my claim cut?", {Expected.REASON}),
        ("How do I appeal?", {Expected.WAY}),
        ("What documents do I need?", {Expected.LIST}),
        ("Can I claim if I rent my land?", {Expected.YES_OR_NO}),
        ("I rent my land. Am I allowed to claim?", {Expected.YES_OR_NO}),
        ("tractor grant rented land", set()),
        ("How often is the gauge read?", {Expected.FREQUENCY}),
        ("How much time is left to claim?", {Expected.DURATION}),
        ("How much water does the mill use?", {Expected.NUMBER}),
        ("How many pounds a day can a juror claim?", {Expected.AMOUNT, Expected.NUMBER}),
        ("What interest rate does the bank charge?", {Expected.AMOUNT}),
        # A figure that is mentioned, not asked for.
        ("How can I see how much I will get?", {Expected.WAY}),
        ("What does the size of the grant depend on?", {Expected.LIST}),
        ("Will my 10% share drop to 5%?", {Expected.YES_OR_NO}),
        ("When the clerk gets a form in, should they stamp it?", {Expected.YES_OR_NO}),
    ],
)
def test_reads_what_a_question_expects(question: str, expected: set[Expected]) -> None:
    assert expectations(question) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Expected.AMOUNT, "You get £71.70 a week."),
        (Expected.AMOUNT, "It pays 40% of the price."),
        (Expected.DATE, "Claims close on 4 April."),
        (Expected.DURATION, "We decide within 28 days."),
        (Expected.FREQUENCY, "The gauge is read twice a day."),
        (Expected.PERSON, "The scheme is run by Natural England."),
        (Expected.PLACE, "The office is in Darlington."),
        (Expected.TELEPHONE, "Telephone: 0300 200 3300"),
        (Expected.EMAIL, "Write to grants@example.com."),
        (Expected.POSTAL_ADDRESS, "Grants team, PO Box 210, Darlington, DL1 9HJ"),
        (Expected.REASON, "It was cut because the map was wrong."),
        (Expected.WAY, "Fill in the form and post it."),
        (Expected.YES_OR_NO, "You can only claim for land that you own."),
    ],
)
def test_sees_what_is_expected_in_a_text(kind: Expected, text: str) -> None:
    assert has(kind, text)
    assert not has(kind, "machines and tools")


@pytest.mark.parametrize(
    ("question", "text", "is_counted"),
    [
        ("How many hives are there?", "There are 40 hives.", True),
        ("How many hives are there?", "Forty old hives stand in the field.", True),
        ("How many hives are there?", "The hives stand in 2 fields.", False),
        ("How many bee hives are there?", "There are 40 hives.", True),
        ("Where are the hives?", "There are 40 hives.", False),
        # People are called by other names, too.
        ("How many people work there?", "There are 40 people.", False),
    ],
)
def test_sees_the_number_of_what_is_counted(question: str, text: str, is_counted: bool) -> None:
    assert counts(counted(question), analyse(text)) == is_counted
    assert bool(counted(question)) == ("hives" in question and "many" in question)
