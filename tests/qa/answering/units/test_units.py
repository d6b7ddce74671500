"""Units of text that can be quoted, as a document's passages give them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from corpus.splitting.passages import split
from corpus.types import Document, Heading, Table
from index.types import StoredDocument, StoredPassage
from qa.answering.units.candidates import gather, neighbour_ids
from qa.answering.units.unit import Unit, UnitKind


class Words:
    """A tokenizer whose tokens are words."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def stored_passages(
    text: str, headings: Sequence[str] = (), budget: int = 200, tables: Sequence[Table] = ()
) -> list[StoredPassage]:
    marks = tuple(Heading(text.index(title), text.index(title) + len(title), 2, title) for title in headings)
    document = Document(text=text, title="Grants for farms", headings=marks, tables=tuple(tables))
    stored = StoredDocument(1, "grants", document.title, None, None, None, None, None, None, document.version, {})
    return [StoredPassage(number, stored, passage) for number, passage in enumerate(split(document, Words(), budget), 10)]


def units_of(text: str, headings: Sequence[str] = (), budget: int = 200) -> list[Unit]:
    found = gather(stored_passages(text, headings, budget), [])
    for unit in found:
        assert text[unit.start : unit.end] == unit.text
        assert not text[slice(*unit.quote)].rstrip().endswith(":")
    return found


def quotes(text: str, units: Sequence[Unit]) -> list[str]:
    return [text[slice(*unit.quote)] for unit in units]


LIST = "You can apply if you:\n\n- own a farm\n- rent one\n\nYou must apply by May."


def test_list_is_quoted_with_its_lead_in_and_for_each_of_its_items() -> None:
    whole = "You can apply if you:\n\n- own a farm\n- rent one"
    found = units_of(LIST)
    assert [(unit.kind, unit.text) for unit in found] == [
        (UnitKind.LIST, whole),
        (UnitKind.ITEM, "- own a farm"),
        (UnitKind.ITEM, "- rent one"),
        (UnitKind.SENTENCE, "You must apply by May."),
    ]
    assert quotes(LIST, found) == [whole, whole, whole, "You must apply by May."]
    assert {unit.lead_in for unit in found[1:3]} == {"You can apply if you:"}


@pytest.mark.parametrize(
    "topic",
    [
        "What you can do if an employee is called up for jury service, and how to sort out their pay or help them claim an allowance",
        "How and when to report a change that affects your payments.",
    ],
)
def test_what_a_page_is_about_is_no_unit(topic: str) -> None:
    assert [unit.text for unit in units_of(f"{topic}\n\nYou do not have to pay them.")] == ["You do not have to pay them."]


@pytest.mark.parametrize("sentence", ["Where to send it: PO Box 210, Darlington", "What you get depends on your income."])
def test_a_statement_that_begins_like_a_question_is_a_unit(sentence: str) -> None:
    assert [unit.text for unit in units_of(sentence)] == [sentence]


def test_item_of_a_long_list_is_quoted_alone_with_its_lead_in_apart() -> None:
    items = [f"- case {number}: a farm of {number} hectares that grows wheat, barley or oats for sale" for number in range(40)]
    text = "We pay for:\n\n" + "\n".join(items)
    found = units_of(text, budget=1000)
    whole, last = found[0], found[-1]
    assert whole.kind == UnitKind.LIST
    assert 0 < whole.more < 40
    assert len(text[slice(*whole.quote)].split("\n")) - 2 == 40 - whole.more
    assert (text[slice(*last.quote)], last.lead_in) == (items[-1], "We pay for:")


def test_list_split_between_passages_is_put_together_again() -> None:
    items = [f"- item {number} of this list is a tractor or another machine" for number in range(6)]
    text = "You can buy:\n\n" + "\n\n".join(items)
    stored = stored_passages(text, budget=24)
    assert len(stored) > 2
    middle = stored[1]
    neighbours = [one for one in stored if one.id in neighbour_ids([middle])]
    found = gather([middle], neighbours)
    assert {unit.lead_in for unit in found if unit.kind == UnitKind.ITEM} == {"You can buy:"}
    assert any(unit.kind == UnitKind.LIST and unit.text.startswith("You can buy:") for unit in found)
    assert all(text[unit.start : unit.end] == unit.text for unit in found)


@pytest.mark.parametrize("rule", ["", "---|---\n", "--- | ---\n", "|---|---|\n"])
def test_row_has_its_column_heads(rule: str) -> None:
    found = units_of(f"Age | Weekly amount\n{rule}Up to 24 | £71.70\n25 or over | £90.50")
    assert [(unit.kind, unit.text, unit.lead_in) for unit in found] == [
        (UnitKind.ROW, "Up to 24 | £71.70", "Age | Weekly amount"),
        (UnitKind.ROW, "25 or over | £90.50", "Age | Weekly amount"),
    ]


def test_row_that_is_a_passage_has_its_column_heads() -> None:
    text = "Age | Weekly amount\nUp to 24 | £71.70\n25 or over | £90.50\n66 or over | £3"
    stored = stored_passages(text, tables=[Table(0, text.index("\n"), len(text))])
    found = gather(stored[1:2], [stored[0], stored[2]])
    assert [(unit.kind, unit.text, unit.lead_in) for unit in found] == [
        (UnitKind.ROW, "25 or over | £90.50", "Age | Weekly amount")
    ]


def test_numbered_lines_are_steps() -> None:
    found = units_of("How to apply:\n\n1. Fill in the form.\n2. Send it to us.")
    assert [unit.kind for unit in found] == [UnitKind.LIST, UnitKind.STEP, UnitKind.STEP]


@pytest.mark.parametrize(
    "line",
    [
        "Grants for farms",
        "Who can apply",
        "Apply now (opens in a new window)",
        "© Crown copyright",
        "The contents may not be reproduced without permission.",
        "All rights reserved.",
        "Introduction ........ 4",
        "Yours sincerely",
        "***",
    ],
)
def test_headings_notices_and_lead_ins_are_not_quoted(line: str) -> None:
    text = f"{line}\n\nThe grant pays half of the price of a tractor."
    assert quotes(text, units_of(text)) == ["The grant pays half of the price of a tractor."]


@pytest.mark.parametrize("line", ["Telephone: 0300 123 4567", "£1,200 a year", "grants@example.org"])
def test_short_lines_that_state_a_fact_are_quoted(line: str) -> None:
    text = f"{line}\n\nThe grant pays half of the price of a tractor."
    assert line in quotes(text, units_of(text))


def test_lead_in_is_quoted_with_the_sentence_that_it_introduces() -> None:
    text = "The minister said:\n\nWe will pay for tractors. They help."
    found = units_of(text)
    assert quotes(text, found) == ["The minister said:\n\nWe will pay for tractors.", "They help."]
    assert [unit.text for unit in found] == ["We will pay for tractors.", "They help."]


def test_passages_of_other_sections_stay_apart() -> None:
    text = "Fees\n\nYou pay for:\n\nRefunds\n\n- late trains\n- lost bags"
    found = units_of(text, ["Fees", "Refunds"])
    assert {unit.lead_in for unit in found} == {""}
    assert {unit.headings for unit in found} == {"Grants for farms › Refunds"}
