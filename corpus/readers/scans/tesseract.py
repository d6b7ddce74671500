"""Tesseract 4 or 5 and Leptonica through their C interfaces: the words of an image, with their lines and paragraphs.

Tesseract: https://github.com/tesseract-ocr/tesseract/blob/main/include/tesseract/capi.h, Leptonica: allheaders.h; both are loaded when
they are first used. The library is called in this process, because a reader process may not start others.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from dataclasses import dataclass

from corpus.types import QuotableError

_TESSERACT = ("libtesseract.so.5", "libtesseract.so.4", "libtesseract.5.dylib")
_LEPTONICA = ("liblept.so.5", "libleptonica.so.6", "libleptonica.6.dylib")
# Page segmentation without the detection of orientation, as the command does.
_AUTOMATIC = 3
_WORD = "5"  # the level of a line of TSV
_NOT_LANGUAGES = frozenset((b"osd", b"equ", b"snum"))
# Images of a TIFF file.
MAX_IMAGES = 1_000


class OcrMissing(QuotableError):
    """Tesseract, or its data of any language, is not installed."""


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word. `paragraph` and `line`: keys that the words of the same one share. `confidence`: 0 to 100."""

    text: str
    paragraph: tuple[int, int]
    line: int
    confidence: float


class Tesseract:
    """Recognises words in every language whose data are installed, in one thread. Not thread safe."""

    def __init__(self) -> None:
        """Raises OcrMissing."""
        self._library = _declared(_load(_TESSERACT))
        self._leptonica = _load(_LEPTONICA)
        for name in ("pixReadMem", "pixReadMemFromMultipageTiff"):
            getattr(self._leptonica, name).restype = c_void_p
        self._handle = c_void_p(self._library.TessBaseAPICreate())
        weakref.finalize(self, self._library.TessBaseAPIDelete, self._handle)
        languages = self._installed_languages()
        if not languages or self._library.TessBaseAPIInit3(self._handle, None, b"+".join(languages)):
            raise OcrMissing("Tesseract has no data of a language")
        self.languages = [language.decode() for language in languages]
        self._library.TessBaseAPISetPageSegMode(self._handle, _AUTOMATIC)

    def _installed_languages(self) -> list[bytes]:
        """English first, as Tesseract prefers the first."""
        library = self._library
        if library.TessBaseAPIInit3(self._handle, None, b"eng") and library.TessBaseAPIInit3(self._handle, None, b"osd"):
            return []
        names = library.TessBaseAPIGetAvailableLanguagesAsVector(self._handle)
        found: list[bytes] = []
        while (name := names[len(found)]) is not None:
            found.append(name)
        library.TessDeleteTextArray(names)
        return sorted(set(found) - _NOT_LANGUAGES, key=lambda name: (name != b"eng", name))

    def words(self, pixels: bytes, width: int, height: int, stride: int, resolution: int) -> list[Word]:
        """The words of a grey image of one byte a pixel. `resolution`: in pixels per inch."""
        self._library.TessBaseAPISetImage(self._handle, pixels, width, height, 1, stride)
        self._library.TessBaseAPISetSourceResolution(self._handle, resolution)
        return self._recognise()

    def words_of_images(self, data: bytes) -> Iterator[list[Word]]:
        """The words of each image of a file (PNG, JPEG, TIFF, GIF); no item if it is damaged or too large."""
        for image in self._images(data):
            self._library.TessBaseAPISetImage2(self._handle, image)
            yield self._recognise()
            self._leptonica.pixDestroy(byref(image))

    def _images(self, data: bytes) -> Iterator[c_void_p]:
        if not data.startswith((b"II*\0", b"MM\0*")):
            if image := self._leptonica.pixReadMem(data, c_size_t(len(data))):
                yield c_void_p(image)
            return
        offset = c_size_t(0)
        for _ in range(MAX_IMAGES):
            image = self._leptonica.pixReadMemFromMultipageTiff(data, c_size_t(len(data)), byref(offset))
            if not image:
                return
            yield c_void_p(image)
            if not offset.value:
                return

    def _recognise(self) -> list[Word]:
        if self._library.TessBaseAPIRecognize(self._handle, None):
            return []
        address = self._library.TessBaseAPIGetTsvText(self._handle, 0)
        try:
            table = (ctypes.cast(address, c_char_p).value or b"").decode("utf-8", "replace")
        finally:
            self._library.TessDeleteText(c_void_p(address))
            self._library.TessBaseAPIClear(self._handle)
        return [word for line in table.split("\n") if (word := _word(line.split("\t")))]


def _word(fields: list[str]) -> Word | None:
    """A word of a line of TSV: level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    if len(fields) != 12 or fields[0] != _WORD or not fields[11].strip():
        return None
    return Word(fields[11].strip(), (int(fields[2]), int(fields[3])), int(fields[4]), float(fields[10]))


def _load(names: tuple[str, ...]) -> ctypes.CDLL:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OcrMissing(f"{names[0]} is not installed")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of the functions that do not return int."""
    for name in ("TessBaseAPICreate", "TessBaseAPIGetTsvText"):
        getattr(library, name).restype = c_void_p
    library.TessBaseAPIGetAvailableLanguagesAsVector.restype = POINTER(c_char_p)
    library.TessBaseAPISetImage.argtypes = [c_void_p, c_char_p, c_int, c_int, c_int, c_int]
    library.TessDeleteTextArray.argtypes = [POINTER(c_char_p)]
    return library
