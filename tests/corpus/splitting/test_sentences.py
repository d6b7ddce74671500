"""Sentence spans: stops that end a sentence, stops that do not, and full coverage of the text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.splitting.sentences import sentence_spans

# Words, abbreviations, stops, closing marks, list marks and breaks in any order.
WORDS = "Dr. No. 10 e.g. U.S. J. the The end 3.14".split()
MARKS = [*'. ! ? … 。 ？ ۔ । ؟ ” ) “ ( " |'.split(), "- ", "* ", "1. ", "(a) ", "> "]
WHITE_SPACE = [" ", "  ", "\n", "\n\n", " \n \n", "\t", "\u00a0", "\u3000", "\u2028"]
PARTS = st.sampled_from([*WORDS, *MARKS, *WHITE_SPACE])
TEXTS = st.one_of(st.text(max_size=200), st.lists(PARTS, max_size=40).map("".join))


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@given(TEXTS)
@example("")
@example(" \n\n ")
@example("- ")
@example("no end")
def test_sentences_are_ordered_and_cover_the_text(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()


@given(TEXTS, TEXTS, TEXTS)
def test_sentences_of_a_span_are_inside_it(before: str, text: str, after: str) -> None:
    start, end = len(before), len(before) + len(text)
    spans = sentence_spans(before + text + after, start, end)
    assert all(start <= a < b <= end for a, b in spans)
    assert "".join("".join((before + text + after)[a:b] for a, b in spans).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith came.", "He left."],
        ["Prof. Ada Byron and Mrs. Jones spoke.", "We listened."],
        ["The Trinity-St. Paul's centre is open.", "The Lt–Col. Blake room is shut."],
        ["It was mid-gen.", "It ended."],
        ["See e.g. Section 4 of it.", "Then go."],
        ["Tesla starb am 7. Januar 1943.", "Er war 86.", "Danach wurde es still."],
        ["Bis weit ins 19. Jahrhundert hinein blieb es so.", "Seit dem 3. Tag nicht mehr.", "Er kam im 2. Anlauf."],
        ["I am 27.", "The fee is £7.", "Pay by the 3.", "She was number 12.", "March came."],
        ["It is small, i.e. Under ten.", "Then go."],
        ["See No. 10 for it.", "Then go."],
        ["Read paras. 4 to 6.", "Then p. 12."],
        ["The U.S. Government said so.", "It left."],
        ["A U.K. Minister signed.", "All agreed."],
        ["It was made in the U.S.", "They sold it here."],
        ["The office opens at 9 a.m. and closes at 5 p.m.", "It is shut on Sundays."],
        ["J. K. Rowling wrote it.", "J.R.R. Tolkien did not."],
        ["George W. Bush spoke.", "So did I.", "It ended."],
        ["It cost 3.14 pounds.", "Then 1,250.00 more."],
        ["Version 2.0 is out.", "Use it."],
        ["Visit www.gov.uk/apply for more.", "Or call."],
    ],
)
def test_abbreviations_initials_and_numbers_do_not_end_sentences(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["He said, “It works.”", "She left."],
        ['"Stop!" he said.', '"Why?"', "She left."],
        ["“We agree,” she said.", "(They did not.)", "So it went."],
        ["What?!", "Really…", "Yes."],
        ["Wait... what is it?", "Nothing."],
    ],
)
def test_closing_quotes_and_brackets_belong_to_their_sentence(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "You need:\n- a passport. Bring it\n- a photo\n- £75",
            ["You need:", "- a passport.", "Bring it", "- a photo", "- £75"],
        ),
        ("1. First thing.\n2. Second thing.", ["1. First thing.", "2. Second thing."]),
        ("(a) one\n(b) two", ["(a) one", "(b) two"]),
        ("• one\n• two\n\nAfter.", ["• one", "• two", "After."]),
    ],
)
def test_list_items_are_separate(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_table_rows_are_separate() -> None:
    assert sentences("| Name | Fee |\n|---|---|\n| Dr. No | 1. x |\n| Mr. Yes | 2 |") == [
        "| Name | Fee |",
        "|---|---|",
        "| Dr. No | 1. x |",
        "| Mr. Yes | 2 |",
    ]


def test_line_breaks_are_white_space_and_blank_lines_end_sentences() -> None:
    assert sentences("one line\nand the next\n \t\nanother paragraph") == ["one line\nand the next", "another paragraph"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这是第一句。这是第二句！第三句？没有句号", ["这是第一句。", "这是第二句！", "第三句？", "没有句号"]),
        ("彼は「行く。」と言った。終わり。", ["彼は「行く。」", "と言った。", "終わり。"]),
        ("هذا أول. هل هذا سؤال؟ نعم، هو.", ["هذا أول.", "هل هذا سؤال؟", "نعم، هو."]),
        ("یہ پہلا جملہ ہے۔ یہ دوسرا ہے۔", ["یہ پہلا جملہ ہے۔", "یہ دوسرا ہے۔"]),
        ("यह पहला वाक्य है। यह दूसरा है।", ["यह पहला वाक्य है।", "यह दूसरा है।"]),
        ("Это первое. Это второе!", ["Это первое.", "Это второе!"]),
    ],
)
def test_stops_of_other_scripts_end_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
