"""Converts dates from files to ISO 8601. Ambiguous dates are dropped: no date is better than a wrong one."""

from __future__ import annotations

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")  # the day comes first wherever dates have dots
_MONTH_DAY_YEAR = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
# The date a document states: after a label, or alone on a line. `_DATE` is checked by `iso_date`.
_DATE = (
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|\d{1,2}(?:st|nd|rd|th)?\s+[A-Za-z]{3,9}\.?,?\s+\d{4}"
    r"|[A-Za-z]{3,9}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4})"
)
_LABEL = (
    r"(?:(?:this (?:document|version|guidance|policy) was )?(?:first |last )?(?:published|updated|revised|reviewed|issued|modified)"
    r"|(?:publication |issue |release |revision |version )?date(?: of (?:issue|publication|release))?|dated)"
)
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"
_STATED = re.compile(
    rf"^[ \t*_|]*(?:{_LABEL}[*_]*\s*(?:on\s|:|\|)?[*_]*\s*)?{_WEEKDAY}{_DATE}[ \t*_.|]*$", re.IGNORECASE | re.MULTILINE
)
# In code points and lines: what is read of a document for its date.
_TOP, _TOP_LINES = 3_000, 15
_PDF = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})(\d{2})?(\d{2})?(\d{2})?")


def iso_date(text: str) -> str | None:
    """2025-07-21 or 2025-07-21T09:30:00+01:00; also of “21 July 2025” and “21.7.2025”. None unless `text` is unambiguously a date."""
    text = text.strip()
    if not text or len(text) > 80:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        found = _DOTTED.match(text)
        return _day(int(found[3]), int(found[2]), int(found[1])) if found else _named_month(text)
    return value.isoformat() if len(text) > 10 else value.date().isoformat()


def iso_date_of_message(text: str) -> str | None:
    """The date of an e-mail header or an HTTP header (RFC 5322)."""
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return iso_date(text)


def iso_date_of_pdf(text: str) -> str | None:
    """The day of a PDF date, `D:20250721093000+01'00'`."""
    match = _PDF.match(text.strip())
    return _day(int(match[1]), int(match[2]), int(match[3])) if match else iso_date(text)


def stated_date(text: str) -> str | None:
    """The first date that the top of a text states as its own: "Last updated: 5 May 2023", or a line with a date only."""
    top = "\n".join([line for line in text[:_TOP].split("\n") if line.strip()][:_TOP_LINES])
    return next((date for found in _STATED.finditer(top) if (date := iso_date(found["date"]))), None)


def _named_month(text: str) -> str | None:
    if match := _DAY_MONTH_YEAR.match(text):
        day, month, year = match[1], match[2], match[3]
    elif match := _MONTH_DAY_YEAR.match(text):
        month, day, year = match[1], match[2], match[3]
    else:
        return None
    number = _MONTHS.get(month[:3].lower())
    return _day(int(year), number, int(day)) if number else None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
