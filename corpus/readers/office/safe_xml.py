"""Parses the XML of office documents without document types, entities or network access."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from lxml import etree

from corpus.readers.office.archive import open_archive, read_member
from corpus.types import ReadError

# Entity expansion needs a document type, which office documents do not have. XML may be in UTF-16.
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))


def parse_xml(data: bytes, name: str) -> etree._Element:
    """The root of an XML part. libxml2 limits nesting to 256 levels, so recursion is safe.

    Raises ReadError if it is not well formed or has a document type.
    """
    _check_doctype(data, name)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"{name} is damaged ({error.msg}); download or save it again") from error


def open_checked(data: bytes, name: str) -> zipfile.ZipFile:
    """Open an archive and check that no XML part has a document type, before a library reads it."""
    archive = open_archive(data, name)
    for member in archive.namelist():
        if member.endswith((".xml", ".rels")):
            _check_doctype(read_member(archive, member, name), name)
    return archive


def _check_doctype(data: bytes, name: str) -> None:
    if any(doctype in data for doctype in _DOCTYPES):
        raise ReadError(f"{name} defines a document type, as harmful files do; save it again as a plain document")


def part(archive: zipfile.ZipFile, member: str, name: str) -> etree._Element | None:
    """The root of an optional part; None if it is missing."""
    if member not in archive.namelist():
        return None
    return parse_xml(read_member(archive, member, name), name)


def local(element: etree._Element) -> str:
    """The name without its namespace, the only difference between strict and transitional documents."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: etree._Element | None, key: str) -> str | None:
    """The attribute with this local name, in any namespace."""
    if element is None:
        return None
    return next((str(value) for name, value in element.attrib.items() if str(name).rpartition("}")[2] == key), None)


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first descendant along a path of local names, one level each."""
    for step in path:
        element = next(children(element, step), None) if element is not None else None
    return element


def children(element: etree._Element, key: str) -> Iterator[etree._Element]:
    """The direct children with this local name."""
    return (inner for inner in element if local(inner) == key)


def text_of(element: etree._Element | None) -> str:
    return "".join(str(piece) for piece in element.itertext()).strip() if element is not None else ""
