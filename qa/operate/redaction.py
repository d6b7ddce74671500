"""Personal details taken out of text that is to be kept: e-mail addresses, card, phone and National Insurance numbers.

In doubt too much is taken out: what is left is read by those who look after the service, not by those who asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import cycle

# What people write between the digits of a number; + is a space in an address.
_GAP = r"[\s.\-‐-―−_/+·()\[\]]"
_BETWEEN = _GAP + "{0,3}"
# A space, brackets, + - . and @ as they stand in an address.
_IN_ADDRESS = re.compile(r"%(20|28|29|2b|2d|2e|40)", re.IGNORECASE)
# Accents and the frames of keycaps, which would keep digits from being seen as such.
_MARKS_ON_DIGITS = re.compile(r"(?<=\d)[\u0300-\u036f\ufe00-\ufe0f\u20e3]+")
_AT = r"(?:\s?(?:@|&#0*64;|&#x0*40;|&commat;)\s?|\s?[(\[{<]\s?at\s?[)\]}>]\s?)"
_DOT = r"(?:[.。]|\s?[(\[{<]\s?dot\s?[)\]}>]\s?)"
_LABEL = r"[^\s@.。,;:!?/\\&=#%<>()\[\]{}\"'|]+"
_LOCAL = r"\w.!#$%&'*+/=?^`{|}~-"
_EMAIL = re.compile(
    rf"(?:\"[^\"\n]{{1,64}}\"|(?<![{_LOCAL}])[{_LOCAL}]+)"
    rf"(?:@(?:{_LABEL}|\[[\w.:]+\])|{_AT}{_LABEL}{_DOT}{_LABEL})(?:{_DOT}{_LABEL})*"
    rf"|(?<![\w.-])\w[\w.-]* at {_LABEL}(?: dot {_LABEL})+",
    re.IGNORECASE,
)
# ISO/IEC 7812: up to 19 digits, the last of which is a check digit by Luhn's formula.
_CARD_DIGITS = range(13, 20)
_DIGITS = re.compile(rf"\d(?:{_BETWEEN}\d){{{_CARD_DIGITS.start - 1},}}")
# Days and years of tax, which look like parts of numbers.
_DATE = re.compile(r"(?<!\d)(?<!\d[\s./+-])(\d{1,2}[./-]\d{1,2}[./-](?:\d\d)?\d\d|(?:19|20)\d\d[/-]\d\d(?:[/-]\d\d)?)(?!\d)")
# Two letters, six digits and a letter that people leave out, grouped as they like
# (https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110).
_NATIONAL_INSURANCE = re.compile(
    rf"[A-Z]{{2}}\d{{6}}[A-D](?![^\W_])|(?<![^\W_])[A-Z]{_BETWEEN}[A-Z](?:{_BETWEEN}\d){{6}}{_BETWEEN}[A-D](?![^\W_])",
    re.IGNORECASE,
)
# Many words of two letters stand before a number: it must be in one with them, in pairs, or have its letters in capitals.
_WITHOUT_ITS_LAST_LETTER = re.compile(
    rf"(?<![^\W_])(?:[A-Z]{{2}}(?:\d{{6}}|(?:{_GAP}{{1,3}}\d\d){{3}})|(?-i:[A-Z]{{2}})(?:{_BETWEEN}\d){{6}})(?![^\W_])",
    re.IGNORECASE,
)
# With + or 0 or the United Kingdom's 44 in front, a mobile's without its 0, in the groups of North America, or ten digits and more in
# one (ITU-T E.164: at most 15).
_PHONE = re.compile(
    rf"(?<!\d)(?:(?:\+|\(0|\(\+|0){_BETWEEN}(?:\d{_BETWEEN}){{7,14}}(?<=\d)|44(?:{_BETWEEN}\d){{9,11}}"
    rf"|7\d{{3}}(?:{_BETWEEN}\d){{6}}|\(?\d{{3}}\)?{_BETWEEN}\d{{3}}{_BETWEEN}\d{{4}}|\d{{10,15}})(?!\d)"
)


def redacted(text: str) -> str:
    """The text in its compatibility form (NFKC), invisible characters left out, with a word in brackets for what was taken out."""
    text = unicodedata.normalize("NFKC", "".join(c for c in text if unicodedata.category(c) != "Cf"))
    text = _IN_ADDRESS.sub(lambda written: chr(int(written[1], 16)), _MARKS_ON_DIGITS.sub("", text))
    text = _DIGITS.sub(_without_cards, _EMAIL.sub("[e-mail]", text))
    text = _NATIONAL_INSURANCE.sub("[NI number]", text)
    # Every second part is a date.
    return "".join(
        part if is_date else _without_numbers(part) for is_date, part in zip(cycle((False, True)), _DATE.split(text))
    )


def _without_numbers(text: str) -> str:
    return _PHONE.sub("[phone number]", _WITHOUT_ITS_LAST_LETTER.sub("[NI number]", text))


def _without_cards(found: re.Match[str]) -> str:
    """Groups of digits, of which some in a row may be a card's number, with its date and code behind it."""
    groups = list(re.finditer(r"\d+", found[0]))
    kept, end = "", 0
    for first, last in _cards([group[0] for group in groups]):
        kept += f"{found[0][end : groups[first].start()]}[card number]"
        end = groups[last].end()
    return kept + found[0][end:]


def _cards(groups: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The first and the last group of each number that may be a card's, the longest at each place."""
    first = 0
    while first < len(groups):
        number, found = "", None
        for last in range(first, len(groups)):
            number += groups[last]
            if len(number) >= _CARD_DIGITS.stop:
                break
            if len(number) in _CARD_DIGITS and _has_check_digit(number):
                found = last
        if found is not None:
            yield first, found
        first = first + 1 if found is None else found + 1


def _has_check_digit(number: str) -> bool:
    """Luhn's formula."""
    digits = [unicodedata.digit(c) for c in reversed(number)]
    return sum(sum(divmod(digit * (1 + place % 2), 10)) for place, digit in enumerate(digits)) % 10 == 0
