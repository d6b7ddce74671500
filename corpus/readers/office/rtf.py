"""Reads Rich Text (RTF): paragraphs, headings by outline level or style, list marks, tables, footnotes, title and day of creation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from corpus.readers.builder import TextBuilder
from corpus.types import Document

# A control word with its number, a character in hexadecimal, a control symbol, a brace, line ends, or text.
_TOKEN = re.compile(r"\\([a-zA-Z]+)(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\")
# Groups without text of the document.
_SKIPPED = frozenset(
    "colortbl listtable listoverridetable rsidtbl generator themedata colorschememapping datastore latentstyles xmlnstbl fldinst pict"
    " object header headerl headerr headerf footer footerl footerr footerf bkmkstart bkmkend nonshppict filetbl revtbl author operator"
    " company keywords subject doccomm category manager comment annotation atnid atnauthor".split()
)
# Optional groups that have text of the document.
_READ_OPTIONAL = frozenset(("shpinst", "shptxt", "footnote", "listtext", "pntext"))
_CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "bullet": "\u2022",
    "emspace": " ",
    "enspace": " ",
    "nestcell": " ",
    "nestrow": " ",
}
_SYMBOLS = {"~": "\u00a0", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
# Windows character set -> code page.
_CODE_PAGES = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "cp936",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)


@dataclass(slots=True)
class _Group:
    """The state of a group, inherited by the groups in it. `target`: where its text goes; None if it is skipped."""

    target: list[str] | None
    kind: str = "text"
    fallback: int = 1  # characters after \u that stand for it in old programs
    code_page: str = "cp1252"
    number: int = 0  # of a style or font that is defined
    hidden: bool = False


class RtfReader:
    """Reads the text without headers, footers, comments and pictures."""

    def read(self, data: bytes, name: str) -> Document:
        reading = _Reading()
        reading.parse(data.decode("latin-1"))
        return Document(
            text=reading.builder.text,
            title=" ".join(_joined(reading.title).split()),
            headings=reading.builder.headings,
            type="rtf",
            metadata={"created": reading.created} if reading.created else {},
        )


@dataclass(slots=True)
class _Reading:
    builder: TextBuilder = field(default_factory=TextBuilder)
    title: list[str] = field(default_factory=list)
    created: str = ""
    _paragraph: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _footnotes: list[list[str]] = field(default_factory=list)
    _styles: dict[int, int] = field(default_factory=dict)  # number -> level of heading
    _fonts: dict[int, str] = field(default_factory=dict)
    _group: _Group = field(default_factory=lambda: _Group(None))
    _level: int | None = None
    _in_table: bool = False
    _pending: bytearray = field(default_factory=bytearray)  # bytes of one code page
    _day: dict[str, int] = field(default_factory=dict)

    def parse(self, source: str) -> None:
        self._group = _Group(self._paragraph)
        groups: list[_Group] = []
        position, skip, optional = 0, 0, False
        while found := _TOKEN.match(source, position):
            position = found.end()
            word, number, byte, symbol, brace, text = found.groups()
            if byte is None:
                self._decode_pending()
            if brace == "{":
                groups.append(self._group)
                self._group = replace(self._group)
                skip = 0
            elif brace == "}":
                self._close_group()
                self._group = groups.pop() if groups else self._group
                skip = 0
            elif symbol == "*":
                optional = True
                continue
            elif word == "bin":
                position += max(int(number or 0), 0)
            elif word == "u" and number is not None:
                self._write(chr(int(number) & 0xFFFF))
                skip = self._group.fallback
            elif word:
                self._word(word, None if number is None else int(number), optional)
            elif skip and (byte or text):
                cut = min(skip, len(text or "x"))
                skip -= cut
                self._write((text or "x")[cut:])
            elif byte:
                self._pending.append(int(byte, 16))
            elif symbol:
                self._write(_SYMBOLS.get(symbol, ""))
            elif text:
                self._write(text)
            optional = False
        self._end_paragraph()
        self._end_table()
        for note in self._footnotes:
            self.builder.block(_joined(note))

    def _word(self, word: str, number: int | None, optional: bool) -> None:
        group = self._group
        if word in _SKIPPED or (optional and word not in _READ_OPTIONAL):
            group.target = None
        elif word in _CHARACTERS:
            self._write(_CHARACTERS[word])
        elif word in ("info", "title", "creatim", "fonttbl", "stylesheet", "footnote"):
            self._open_destination(word)
        elif word in ("yr", "mo", "dy") and group.kind == "creatim":
            self._day[word] = number or 0
        elif word == "f" and number is not None:
            group.number, group.code_page = number, self._fonts.get(number, group.code_page)
        elif word == "fcharset" and number in _CODE_PAGES and group.kind == "fonttbl":
            self._fonts[group.number] = _CODE_PAGES[number]
        elif word == "ansicpg" and number:
            group.code_page = f"cp{number}"
        elif word == "uc":
            group.fallback = max(number or 0, 0)
        elif word in ("v", "deleted"):
            group.hidden = number != 0
        elif group.target is not None and group.kind in ("text", "stylesheet"):
            self._layout(word, number)

    def _layout(self, word: str, number: int | None) -> None:
        if self._group.kind == "stylesheet":
            self._group.number = number or 0 if word == "s" else self._group.number
            return
        actions: dict[str, Callable[[], None]] = {"cell": self._end_cell, "row": self._end_row}
        if word in ("par", "sect", "page"):
            self._end_paragraph()
        elif word in actions:
            actions[word]()
        elif word == "pard":
            self._level, self._in_table = None, False
        elif word == "intbl":
            self._in_table = True
        elif word == "outlinelevel" and number is not None and number < 9:
            self._level = number + 1
        elif word == "s" and number in self._styles:
            self._level = self._styles[number]

    def _open_destination(self, word: str) -> None:
        group = self._group
        group.kind = word
        if word == "footnote" and group.target is not None:
            group.kind, group.target = "note", []
            self._footnotes.append(group.target)
        else:
            group.target = self.title if word == "title" else [] if word == "stylesheet" else None

    def _close_group(self) -> None:
        group = self._group
        if group.kind == "stylesheet" and group.target:
            if style := _HEADING_STYLE.match(_joined(group.target)):
                self._styles[group.number] = int(style[1])
            group.target.clear()
        elif group.kind == "creatim" and len(self._day) == 3:
            self.created = f"{self._day['yr']:04}-{self._day['mo']:02}-{self._day['dy']:02}"

    def _write(self, text: str) -> None:
        if self._group.target is not None and not self._group.hidden:
            self._group.target.append(text)

    def _decode_pending(self) -> None:
        if self._pending:
            try:
                text = self._pending.decode(self._group.code_page, "replace")
            except LookupError:
                text = self._pending.decode("cp1252", "replace")
            self._pending.clear()
            self._write(text)

    def _end_paragraph(self) -> None:
        if self._in_table or self._cells:
            self._write(" ")
            return
        text = _joined(self._paragraph)
        self._paragraph.clear()
        if not text.strip():
            return
        self._end_table()
        if self._level is not None:
            self.builder.heading(text, self._level)
        else:
            self.builder.block(text)

    def _end_cell(self) -> None:
        self._cells.append(_joined(self._paragraph))
        self._paragraph.clear()

    def _end_row(self) -> None:
        self._rows.append(list(self._cells))
        self._cells.clear()
        self._in_table = False

    def _end_table(self) -> None:
        if self._rows:
            self.builder.table(self._rows)
            self._rows.clear()


def _joined(pieces: list[str]) -> str:
    """The text; two halves of a character outside the basic plane become the character."""
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
