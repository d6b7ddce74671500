"""Normalises dates, numbers and codes, so that "21/07/2025" finds "July 21st, 2025" and "SA100" finds "SA 100". Pure.

Numeric dates are read day first, as in Britain, unless only month first is valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

# Only the text around digits is searched: five times as fast on prose.
_DIGITS = re.compile(r"\d+")
_REACH = 20  # code points: room for "of September, " and a code's letters

_MONTH = "|".join(
    f"{month[:3]}(?:{'t(?:ember)?' if month == 'September' else month[3:]})?" if month[3:] else month for month in MONTHS
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?[ ]+(\d{4}))?"
_DATE = re.compile(
    rf"""\b(?:{_DAY}[ ]+(?:of[ ]+)?({_MONTH})\b\.?{_YEAR}    # 21 July 2025, 21st of July
    |({_MONTH})\.?[ ]+{_DAY}{_YEAR}                          # July 21st, 2025
    |(\d{{4}})-(\d{{2}})-(\d{{2}})                           # 2025-07-21
    |(\d{{1,2}})([/.-])(\d{{1,2}})\11(\d{{4}}))\b            # 21/07/2025""",
    re.IGNORECASE | re.VERBOSE,
)
_THOUSANDS = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")
# "SA 100" and "SA-100"; capitals only, because "page 45" is not a code.
_SPLIT_CODE = re.compile(r"\b([A-Z]{1,5})[ -](\d{1,4}[A-Z]?)\b")


def normalize_notation(text: str) -> str:
    """Write dates as "21 July 2025" (two-digit days), and repeat numbers with commas and split codes in one piece."""
    parts, done = [], 0
    for start, end in _digit_regions(text):
        parts += [text[done:start], _normalize(text[start:end])]
        done = end
    return "".join([*parts, text[done:]]) if done else text


def _digit_regions(text: str) -> Iterator[tuple[int, int]]:
    """Regions around digits, overlapping ones merged."""
    region_start, region_end = 0, -1
    for found in _DIGITS.finditer(text):
        start, end = max(found.start() - _REACH, 0), min(found.end() + _REACH, len(text))
        if region_end >= start:
            region_end = end
            continue
        if region_end >= 0:
            yield region_start, region_end
        region_start, region_end = start, end
    if region_end >= 0:
        yield region_start, region_end


def _normalize(text: str) -> str:
    whole_numbers = _THOUSANDS.sub(lambda found: f"{found[0]} {found[0].replace(',', '')}", _DATE.sub(_normalize_date, text))
    return _SPLIT_CODE.sub(r"\g<0> \1\2", whole_numbers)


def _normalize_date(found: re.Match[str]) -> str:
    day, month, year, month_2, day_2, year_2, iso_year, iso_month, iso_day, first, _, second, last_year = found.groups()
    if iso_year:
        return _format_date(int(iso_day), int(iso_month), iso_year) or found[0]
    if first:
        return _format_date(int(first), int(second), last_year) or _format_date(int(second), int(first), last_year) or found[0]
    name = (month or month_2)[:3].title()
    number = next(place for place, known in enumerate(MONTHS, 1) if known.startswith(name))
    return _format_date(int(day or day_2), number, year or year_2) or found[0]


def _format_date(day: int, month: int, year: str | None) -> str | None:
    """None if the day or month is invalid."""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    return f"{day:02} {MONTHS[month - 1]}" + (f" {year}" if year else "")
