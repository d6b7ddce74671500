"""The press release that comes with the program."""

from __future__ import annotations

from corpus.press_release import press_release


def test_text_begins_with_the_first_sentence_and_the_date_is_metadata() -> None:
    document = press_release()
    assert document.text.startswith("OpenAI and the UK Government today announced")
    assert "2025-07-21" not in document.text
    assert document.date == "2025-07-21"
    assert (document.id, document.language) == ("press-release", "en")


def test_text_has_no_trace_of_the_page_it_was_copied_from() -> None:
    assert "opens in a new window" not in press_release().text
    assert "a Memorandum of Understanding (MOU) focused on" in press_release().text
