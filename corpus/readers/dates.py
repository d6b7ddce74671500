"""Dates as files write them -> ISO 8601, or nothing; a date that has to be guessed at is worse than none."""

from __future__ import annotations

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})")
_MONTH_DAY_YEAR = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_PDF = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})(\d{2})?(\d{2})?(\d{2})?")


def iso_date(written: str) -> str | None:
    """A day (2025-07-21) or a moment (2025-07-21T09:30:00+01:00); None where `written` is not plainly a date."""
    written = written.strip()
    if not written or len(written) > 80:
        return None
    try:
        return _moment(datetime.fromisoformat(written), has_time=len(written) > 10)
    except ValueError:
        return _named_month(written)


def iso_date_of_message(written: str) -> str | None:
    """The date of an e-mail header or an HTTP header (RFC 5322)."""
    try:
        return parsedate_to_datetime(written).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return iso_date(written)


def iso_date_of_pdf(written: str) -> str | None:
    """The day of a PDF date, `D:20250721093000+01'00'`."""
    match = _PDF.match(written.strip())
    return _day(int(match[1]), int(match[2]), int(match[3])) if match else iso_date(written)


def _moment(value: datetime, has_time: bool) -> str:
    return value.isoformat() if has_time else value.date().isoformat()


def _named_month(written: str) -> str | None:
    if match := _DAY_MONTH_YEAR.match(written):
        day, month, year = match[1], match[2], match[3]
    elif match := _MONTH_DAY_YEAR.match(written):
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
