"""Lines of pages for `make_pdf`."""

from __future__ import annotations

LEFT = [
    "We pay for machines that farmers need",
    "for their work with wheat and oats on",
    "fields of less than ten hectares.",
]
RIGHT = [
    "Nobody else may apply, but those who",
    "rent a field from a farmer may ask for",
    "a part of what the machine costs.",
]
# Row by row in the file.
TWO_COLUMNS = [
    line
    for number in range(3)
    for line in ((10, 700 - 12 * number, LEFT[number], 50), (10, 700 - 12 * number, RIGHT[number], 320))
]


def text_lines(lines: list[str], top: int = 700, left: int = 72, font: str = "F1") -> list[tuple[int, int, str, int, str]]:
    return [(10, top - 12 * number, line, left, font) for number, line in enumerate(lines)]
