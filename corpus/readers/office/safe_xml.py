"""The XML of office documents, parsed without document types, entities or network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from lxml import etree

from corpus.readers.office.archive import open_archive, read_member
from corpus.types import ReadError

# A document type is what entity expansion needs; office documents have none. UTF-16 XML would hide it from a search for ASCII.
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))


def parse_xml(data: bytes, name: str) -> etree._Element:
    """The root of an XML part. Nesting is bounded by libxml2 (256), so its elements may be visited by recursion.

    Raises ReadError where it is not well formed or has a document type.
    """
    if any(doctype in data for doctype in _DOCTYPES):
        raise ReadError(f"{name} defines a document type, as harmful files do; save it again as a plain document")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"{name} is damaged ({error.msg}); fetch or save it again") from error


def open_checked(data: bytes, name: str) -> zipfile.ZipFile:
    """A bounded archive none of whose XML parts has a document type: fit to be handed to a library."""
    archive = open_archive(data, name)
    for member in archive.namelist():
        if member.endswith((".xml", ".rels")):
            content = read_member(archive, member, name)
            if any(doctype in content for doctype in _DOCTYPES):
                raise ReadError(f"{name} defines a document type, as harmful files do; save it again as a plain document")
    return archive


def part(archive: zipfile.ZipFile, member: str, name: str) -> etree._Element | None:
    """The root of a part that a document need not have."""
    if member not in archive.namelist():
        return None
    return parse_xml(read_member(archive, member, name), name)


def local(element: etree._Element) -> str:
    """The name without its namespace: strict and transitional Office documents differ only in that."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: etree._Element | None, key: str) -> str | None:
    """The attribute of that local name, whatever its namespace."""
    if element is None:
        return None
    return next((str(value) for name, value in element.attrib.items() if str(name).rpartition("}")[2] == key), None)


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first descendant reached by these local names, one level each."""
    for step in path:
        element = next(children(element, step), None) if element is not None else None
    return element


def children(element: etree._Element, key: str) -> Iterator[etree._Element]:
    """The direct children of that local name."""
    return (inner for inner in element if local(inner) == key)


def text_of(element: etree._Element | None) -> str:
    return "".join(str(piece) for piece in element.itertext()).strip() if element is not None else ""
