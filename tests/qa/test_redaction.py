"""Personal details are taken out of what is kept; dates, amounts and codes of other kinds stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.redaction import redacted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail jo.o'neil+x@example.co.uk now", "mail [e-mail] now"),
        ("jo​e@example.org", "[e-mail]"),
        ("card 4111 1111 1111 1111?", "card [card number]?"),
        ("4111-1111-1111-1111 or 378282246310005", "[card number] or [card number]"),
        ("４１１１ １１１１ １１１１ １１１１", "[card number]"),
        ("my NI number is AB 12 34 56 C, really", "my NI number is [NI number], really"),
        ("ab123456c", "[NI number]"),
        ("AB-12-34-56-C and QQ123456", "[NI number] and [NI number]"),
        ("call 020 7946 0958", "call [phone number]"),
        ("+44 (0)20 7946 0958, (020) 7946 0958 or 07700900123", "[phone number], [phone number] or [phone number]"),
        ("+1-555-123-4567 or 555 123 4567", "[phone number] or [phone number]"),
    ],
)
def test_personal_details_are_taken_out(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "on 2025-07-21 £1,000,000 and 21/07/2025",
        "the form SA 100, P45 or P60 for 2024/25",
        "order 1234567812345678",  # not a card's by its check digit
        "section 12.3.4 of 1998, and at 10:30",
        "what does @example mean in 2011-2012?",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text("0123456789", min_size=12, max_size=18), st.sampled_from(["", " ", "-"]), st.text("ab ?", max_size=5))
def test_every_number_with_a_right_check_digit_is_taken_for_a_card(digits: str, between: str, around: str) -> None:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    number = digits + str(-total % 10)
    grouped = between.join(number[first : first + 4] for first in range(0, len(number), 4))
    assert redacted(f"{around} {grouped} {around}") == f"{around} [card number] {around}"


@given(st.text())
def test_what_was_redacted_is_not_redacted_again(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)
