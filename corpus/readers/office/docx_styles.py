"""Styles and numbering of a DOCX file: heading levels and list marks of its paragraphs."""

from __future__ import annotations

import re
from collections import defaultdict

from lxml import etree

from corpus.readers.office.safe_xml import attribute, child, children

_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
# Styles inherit from each other, possibly in a cycle.
_MAX_CHAIN = 20
_BODY_TEXT_LEVEL = 9


class Styles:
    """The paragraph styles of a document by id."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles = {attribute(style, "styleId"): style for style in children(root, "style")} if root is not None else {}

    def is_title(self, paragraph: etree._Element) -> bool:
        style = self._styles.get(attribute(child(paragraph, "pPr", "pStyle"), "val"))
        return (attribute(child(style, "name"), "val") or "").lower() == "title"

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """1 to 6, from the paragraph's outline level or from its style."""
        level = _outline_level(child(paragraph, "pPr"))
        if level is not None:
            return level if level <= _BODY_TEXT_LEVEL else None
        for style in self._chain(paragraph):
            name = _HEADING_NAME.fullmatch(attribute(child(style, "name"), "val") or "")
            level = int(name[1]) if name else _outline_level(child(style, "pPr"))
            if level is not None:
                return min(level, 6) if level <= _BODY_TEXT_LEVEL else None
        return None

    def numbering(self, paragraph: etree._Element) -> tuple[str, int] | None:
        """The paragraph's list id and its depth in the list (0 is outermost), if it is a list item."""
        level: str | None = None
        for properties in [child(paragraph, "pPr"), *(child(style, "pPr") for style in self._chain(paragraph))]:
            numbered = child(properties, "numPr")
            level = level or attribute(child(numbered, "ilvl"), "val")
            list_id = attribute(child(numbered, "numId"), "val")
            if list_id is not None:
                return (list_id, _number(level, 0)) if list_id != "0" else None
        return None

    def _chain(self, paragraph: etree._Element) -> list[etree._Element]:
        chain: list[etree._Element] = []
        style_id = attribute(child(paragraph, "pPr", "pStyle"), "val")
        while style_id in self._styles and len(chain) < _MAX_CHAIN:
            chain.append(self._styles[style_id])
            style_id = attribute(child(chain[-1], "basedOn"), "val")
        return chain


class Numbering:
    """Counts the items of numbered lists in document order."""

    def __init__(self, root: etree._Element | None) -> None:
        self._levels: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._counted: dict[str, dict[int, int]] = defaultdict(dict)
        self._abstract: dict[str, str] = {}
        if root is None:
            return
        for instance in children(root, "num"):
            list_id = attribute(instance, "numId")
            abstract_id = attribute(child(instance, "abstractNumId"), "val")
            if list_id is not None and abstract_id is not None:
                self._abstract[list_id] = abstract_id
        for abstract in children(root, "abstractNum"):
            for level in children(abstract, "lvl"):
                place = (attribute(abstract, "abstractNumId") or "", _number(attribute(level, "ilvl"), 0))
                form = attribute(child(level, "numFmt"), "val") or "decimal"
                pattern = attribute(child(level, "lvlText"), "val") or ""
                self._levels[place] = (form, pattern, _number(attribute(child(level, "start"), "val"), 1))

    def mark(self, list_id: str, depth: int) -> str:
        """The mark of the list's next item: "-" for bullets, else its number in the list's format."""
        abstract = self._abstract.get(list_id, "")
        form, pattern, start = self._levels.get((abstract, depth), ("bullet", "", 1))
        counted = self._counted[abstract]
        counted[depth] = counted.get(depth, start - 1) + 1
        for deeper in [level for level in counted if level > depth]:
            del counted[deeper]
        if form in ("bullet", "none") or "%" not in pattern:
            return "-"
        return re.sub(r"%([1-9])", lambda match: self._format_count(abstract, int(match[1]) - 1), pattern)

    def _format_count(self, abstract: str, depth: int) -> str:
        form, _, start = self._levels.get((abstract, depth), ("decimal", "", 1))
        return _format_number(self._counted[abstract].get(depth, start), form)


def _outline_level(properties: etree._Element | None) -> int | None:
    level = attribute(child(properties, "outlineLvl"), "val")
    return _number(level, _BODY_TEXT_LEVEL) + 1 if level is not None else None


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else default


def _format_number(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and 0 < number <= 26:
        letter = chr(ord("a") + number - 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).lower() if form == "lowerRoman" else _roman(number)
    return str(number)


def _roman(number: int) -> str:
    values = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"))
    text = ""
    for value, sign in (*values, (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        text += sign * (number // value)
        number %= value
    return text
