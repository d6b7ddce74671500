"""Personal details taken out of text that is to be kept: e-mail addresses, card, phone and National Insurance numbers.

In doubt too much is taken out: what is left is read by those who look after the service, not by those who asked.
"""

from __future__ import annotations

import re
import unicodedata

_GAP = r"[\s.\-‐-―−]?"
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
# ISO/IEC 7812: up to 19 digits, the last of which is a check digit by Luhn's formula.
_CARD = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{12,18}}(?!\d)")
# Two letters, six digits and a letter that people leave out, in pairs or not
# (https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110).
_NATIONAL_INSURANCE = re.compile(
    rf"(?<![^\W_])[A-Z]{{2}}(?:({_GAP})\d\d\1\d\d\1\d\d(?:\1[A-D])|[ ]?\d{{6}}[ ]?[A-D]|\d{{6}}|(?:[ ]\d\d){{3}})(?![^\W_])",
    re.IGNORECASE,
)
# With + or 0 in front, in the groups of North America, or ten digits and more in one (ITU-T E.164: at most 15).
_BETWEEN = r"[\s.\-‐-―−()/]{0,3}"
_PHONE = re.compile(
    rf"(?<![\w+])(?:(?:\+|\(0|\(\+|0){_BETWEEN}(?:\d{_BETWEEN}){{7,14}}(?<=\d)|\(?\d{{3}}\)?{_GAP}\d{{3}}{_GAP}\d{{4}}|\d{{10,15}})(?!\d)"
)


def redacted(text: str) -> str:
    """The text in its compatibility form (NFKC), invisible characters left out, with a word in brackets for what was taken out."""
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    text = _EMAIL.sub("[e-mail]", text)
    text = _CARD.sub(_card, text)
    text = _NATIONAL_INSURANCE.sub("[NI number]", text)
    return _PHONE.sub("[phone number]", text)


def _card(found: re.Match[str]) -> str:
    digits = [unicodedata.digit(c) for c in found[0] if c.isdigit()]
    doubled = (
        digit if place % 2 == 0 else (2 * digit - 9 if digit > 4 else 2 * digit) for place, digit in enumerate(digits[::-1])
    )
    return "[card number]" if sum(doubled) % 10 == 0 else found[0]
