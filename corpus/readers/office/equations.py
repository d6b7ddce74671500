"""Converts Office Math to one line of text: `r^2`, `(a)/(b)`, `√(x)`."""

from __future__ import annotations

from lxml import etree

from corpus.readers.office.safe_xml import child, children, local


def equation_text(element: etree._Element) -> str:
    """The text of an m:oMath element or of an element in it."""
    kind = local(element)
    if kind in ("t", "delText"):
        return element.text or ""
    if kind in _SHAPES:
        return _SHAPES[kind](element)
    if kind.endswith("Pr"):
        return ""
    return "".join(equation_text(inner) for inner in element)


def _inner(element: etree._Element, key: str) -> str:
    found = child(element, key)
    return equation_text(found) if found is not None else ""


def _fraction(element: etree._Element) -> str:
    return f"({_inner(element, 'num')})/({_inner(element, 'den')})"


def _superscript(element: etree._Element) -> str:
    return f"{_inner(element, 'e')}^{_grouped(_inner(element, 'sup'))}"


def _subscript(element: etree._Element) -> str:
    # A space rather than an underscore, which would join base and index to one word.
    return f"{_inner(element, 'e')} {_grouped(_inner(element, 'sub'))}"


def _both(element: etree._Element) -> str:
    return f"{_inner(element, 'e')} {_grouped(_inner(element, 'sub'))}^{_grouped(_inner(element, 'sup'))}"


def _root(element: etree._Element) -> str:
    degree = _inner(element, "deg")
    return f"{degree + ' ' if degree else ''}√({_inner(element, 'e')})"


def _n_ary(element: etree._Element) -> str:
    properties = child(element, "naryPr", "chr")
    sign = next((str(value) for value in properties.attrib.values()), "∑") if properties is not None else "∫"
    return f"{sign} {_inner(element, 'sub')}..{_inner(element, 'sup')} {_inner(element, 'e')}"


def _function(element: etree._Element) -> str:
    return f"{_inner(element, 'fName')} {_inner(element, 'e')}"


def _delimited(element: etree._Element) -> str:
    return "(" + ", ".join(equation_text(inner) for inner in children(element, "e")) + ")"


def _rows(element: etree._Element) -> str:
    return "; ".join(", ".join(equation_text(cell) for cell in row) for row in element if local(row) in ("mr", "e"))


def _grouped(text: str) -> str:
    return text if len(text) < 2 else f"({text})"


_SHAPES = {
    "f": _fraction,
    "sSup": _superscript,
    "sSub": _subscript,
    "sSubSup": _both,
    "rad": _root,
    "nary": _n_ary,
    "func": _function,
    "d": _delimited,
    "m": _rows,
    "eqArr": _rows,
}
