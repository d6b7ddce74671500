"""Plain text and Markdown: unchanged text, CommonMark headings, front matter and dates."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.readers import read
from corpus.readers.markup.markdown import structure
from corpus.types import Document

Reading = Callable[[bytes, str], Document]


def found_headings(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def test_text_is_unchanged_except_line_ends(document: Reading) -> None:
    found = document(b"  One.\r\n\r\n\tTwo\xc2\xa0three.\rFour. \n", "notes.txt")
    assert found.text == "  One.\n\n\tTwo\u00a0three.\nFour. \n"
    assert (found.title, found.type) == ("notes", "text")


def test_atx_and_setext_headings_are_found(document: Reading) -> None:
    found = document(b"# One\ntext\n\nTwo\n===\ntext\n\n### Three ###\nFour\n---\n", "a.md")
    assert found_headings(found) == [(1, "One"), (1, "Two"), (3, "Three"), (2, "Four")]
    assert [found.text[each.start : each.end] for each in found.headings] == ["# One", "Two\n===", "### Three ###", "Four\n---"]


def test_code_has_no_headings(document: Reading) -> None:
    found = document(b"# Real\n\n```sh\n# comment\n```\n\n    # indented\n\n~~~\n# also\n~~~\n", "a.md")
    assert found_headings(found) == [(1, "Real")]


def test_heading_title_is_the_visible_text(document: Reading) -> None:
    found = document(b"## The **new** [rules](/rules) for `x` {#rules}\n\nText.", "a.md")
    assert found_headings(found) == [(2, "The new rules for x")]
    assert found.headings[0].anchor == "rules"


def test_front_matter_gives_title_and_date(document: Reading) -> None:
    source = b'---\ntitle: "A guide"\ndate: 2024-05-06\ntags: [a, b]\n---\n\n# Start\n\nText.'
    found = document(source, "a.md")
    assert (found.title, found.date, found.text) == ("A guide", "2024-05-06", source.decode())
    assert found_headings(found) == [(1, "Start")]


def test_title_defaults_to_the_first_heading(document: Reading) -> None:
    assert document(b"Intro.\n\n## First\n\nText.", "a.md").title == "First"


@pytest.mark.parametrize("date", ["5 March 2024", "March 5, 2024", "2024-03-05", "5th Mar 2024"])
def test_dates_become_iso_8601(document: Reading, date: str) -> None:
    assert document(f"---\ndate: {date}\n---\nText.".encode(), "a.md").date == "2024-03-05"


@pytest.mark.parametrize("date", ["soon", "2024-13-45", "03/04/2024", "31 February 2024"])
def test_ambiguous_dates_are_dropped(document: Reading, date: str) -> None:
    assert document(f"---\ndate: {date}\n---\nText.".encode(), "a.md").date is None


@given(st.text(st.sampled_from("# =-\n`~>*ab[]("), max_size=200))
def test_headings_are_ordered_lines_of_the_text(text: str) -> None:
    end = 0
    for heading in structure(text)[0]:
        assert end <= heading.start < heading.end <= len(text)
        assert heading.start == 0 or text[heading.start - 1] == "\n"
        assert heading.end == len(text) or text[heading.end] == "\n"
        end = heading.end


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1).filter(str.strip))
def test_any_text_is_unchanged(text: str) -> None:
    (found,) = read(b"\xef\xbb\xbf" + text.encode(), "a.md")
    assert isinstance(found, Document)
    assert found.text == text
