"""Personal details are taken out of what is kept; dates, amounts and codes of other kinds stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.operate.redaction import redacted


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
        ("jo (at) example [dot] org, jo at example dot org", "[e-mail], [e-mail]"),
        ('"jo o"@example.org, jo@localhost, jo@[192.0.2.1] or jo @ example.org', "[e-mail], [e-mail], [e-mail] or [e-mail]"),
        ("jo@उदाहरण.भारत and jo&#64;example.org", "[e-mail] and [e-mail]"),
        ("?mail=jo%40example.org&tel=%2B44%207700%20900123", "[e-mail]&tel=[phone number]"),
        ("4111 1111 1111 1111 12/27 123", "[card number] 12/27 123"),
        ("my 2 cards: 2 4111-1111-1111-1111 027", "my 2 cards: 2 [card number] 027"),
        ("4111  1111 - 1111_1111 and 4111/1111/1111/1111", "[card number] and [card number]"),
        ("4\ufe0f\u20e3111 1111 1111 1111", "[card number]"),
        ("AB 123 456 C, ab12 3456c or AB12-34-56C", "[NI number], [NI number] or [NI number]"),
        ("A B 1 2 3 4 5 6 C, AB 123456, NIAB123456C", "[NI number], [NI number], NI[NI number]"),
        ("AB/12/34/56/C, AB  12  34  56", "[NI number], [NI number]"),
        ("44 7700 900123, 7700 900 123 or tel07700900123", "[phone number], [phone number] or tel[phone number]"),
        ("+44 [0] 7700 900123, 020_7946_0958, ٠٧٧٠٠٩٠٠١٢٣", "[phone number], [phone number], [phone number]"),
        (
            "on 21/07/25 call 07700 900123, on 2025-07-21 020 7946 0958",
            "on 21/07/25 call [phone number], on 2025-07-21 [phone number]",
        ),
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
        "on 01/02/2025, 01-02-2025, 05.06.2024 or 31/01/2025 12:30",
        "my 2024/25 return, by 2024-25 and by 31.12.24 1200",
        "tax on 100000 or 100 000, at 123456 pounds",
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
