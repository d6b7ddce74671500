"""Reads EPUB books: the chapters in reading order, as HTML is read, without the table of contents."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date
from corpus.readers.decoding import decode
from corpus.readers.markup.html_text import append_html
from corpus.readers.office.archive import open_archive, read_member
from corpus.readers.office.safe_xml import attribute, child, children, parse_xml, text_of
from corpus.types import Document, ReadError

_CHAPTER_TYPES = frozenset(("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"))


class EpubReader:
    """Reads the chapters of EPUB 2 and 3; copy-protected books are refused."""

    def read(self, data: bytes, name: str) -> Document:
        archive = open_archive(data, name)
        package_path = _package_path(archive, name)
        package = parse_xml(read_member(archive, package_path, name), name)
        chapters = list(_chapters(package, posixpath.dirname(package_path)))
        _refuse_protected(archive, chapters, name)
        builder = TextBuilder()
        members = set(archive.namelist())
        for chapter in chapters:
            if chapter in members:
                append_html(decode(read_member(archive, chapter, name), chapter).text, builder)
        about = child(package, "metadata")
        language = text_of(child(about, "language")).partition("-")[0].lower()
        author = text_of(child(about, "creator"))
        return Document(
            text=builder.text,
            title=text_of(child(about, "title")),
            headings=builder.headings,
            tables=builder.tables,
            date=iso_date(text_of(child(about, "date"))),
            type="epub",
            language=language if language.isalpha() and len(language) in (2, 3) else None,
            metadata={"author": author} if author else {},
        )


def _package_path(archive: zipfile.ZipFile, name: str) -> str:
    container = parse_xml(read_member(archive, "META-INF/container.xml", name), name)
    path = attribute(child(container, "rootfiles", "rootfile"), "full-path")
    if not path:
        raise ReadError(f"{name} names no package; it is damaged, download or save it again")
    return path


def _chapters(package: etree._Element, folder: str) -> Iterator[str]:
    """The archive's members in reading order."""
    manifest, spine = child(package, "manifest"), child(package, "spine")
    items = {attribute(item, "id"): item for item in children(manifest, "item")} if manifest is not None else {}
    for reference in children(spine, "itemref") if spine is not None else ():
        item = items.get(attribute(reference, "idref"))
        is_contents = "nav" in (attribute(item, "properties") or "").split()
        if attribute(item, "media-type") in _CHAPTER_TYPES and not is_contents and (href := attribute(item, "href")):
            yield posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _refuse_protected(archive: zipfile.ZipFile, chapters: list[str], name: str) -> None:
    """Raise ReadError if a chapter is encrypted; encrypted fonts do not matter."""
    if "META-INF/encryption.xml" not in archive.namelist():
        return
    encryption = parse_xml(read_member(archive, "META-INF/encryption.xml", name), name)
    encrypted = {unquote(attribute(element, "URI") or "") for element in encryption.iter() if attribute(element, "URI")}
    if encrypted & set(chapters):
        raise ReadError(f"{name} is copy-protected; add a copy without protection")
