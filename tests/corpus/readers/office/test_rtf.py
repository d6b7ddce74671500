"""RTF: paragraphs, headings, tables, encodings, and what is no text."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from corpus.types import Document

Reading = Callable[[bytes, str], Document]

STYLES = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0\b heading 1;}{\*\cs10 Default;}}"
FONTS = r"{\fonttbl{\f0\fcharset0 Times;}{\f1\fcharset204 Times CYR{\*\falt Times};}}"
INFO = r"{\info{\title Leave at the mill}{\author Ann}{\creatim\yr2020\mo3\dy5\hr9}}"


def rtf(body: str) -> bytes:
    head = r"{\rtf1\ansi\ansicpg1252\deff0"
    return (head + FONTS + STYLES + INFO + r"{\header Secret head\par}{\*\generator Writer;}" + body + "}").encode("latin-1")


def test_reads_headings_paragraphs_and_tables(document: Reading) -> None:
    body = (
        r"\pard\s1 Who can apply\par\pard Anyone who\line works here.\par"
        r"\pard{\listtext\bullet\tab}One\par{\pict\pngblip 0a0b0c}{\v hidden}Two{\footnote Note here.}\par"
        r"\trowd\cellx1\cellx2\pard\intbl Type\cell Fee\cell\row\trowd\pard\intbl New\cell \'a310\cell\row\pard After\par"
    )
    found = document(rtf(body), "leave.rtf")
    assert found.text == (
        "Who can apply\n\nAnyone who\nworks here.\n\n\u2022\tOne\n\nTwo\n\nType | Fee\nNew | £10\n\nAfter\n\nNote here."
    )
    assert [(one.level, one.title) for one in found.headings] == [(1, "Who can apply")]
    assert (found.title, found.type, found.date, found.metadata) == (
        "Leave at the mill",
        "rtf",
        None,
        {"created": "2020-03-05"},
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"caf\'e9 \u8364?5 \u-10179?\u-8694? \emdash  \ldblquote a\rdblquote", "café €5 😊 — “a”"),
        (r"\f1 \'cf\'f0\'e8\'e2\'e5\'f2", "Привет"),
        (r"\uc2\u233\'65\'65t\'e9", "été"),
        (r"a\~b\_c \{d\} \\e", "a\u00a0b-c {d} \\e"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt the link}}", "the link"),
        (r"{\*\unknown gone}{\bin3 }{}kept", "kept"),
        ("one\r\ntwo}}} three", "onetwo three"),
    ],
)
def test_characters_and_groups(document: Reading, source: str, text: str) -> None:
    assert document(rtf(source), "a.rtf").text == text


def test_deeply_nested_groups_take_linear_time(document: Reading) -> None:
    started = time.monotonic()
    assert document(rtf("{" * 20_000 + "Words" + "}" * 20_000), "deep.rtf").text == "Words"
    assert time.monotonic() - started < 30
