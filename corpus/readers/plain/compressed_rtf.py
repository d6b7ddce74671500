"""Decompresses the RTF text of Outlook messages.

Format: [MS-OXRTFCP], https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfcp.
"""

from __future__ import annotations

import struct
import zlib

_COMPRESSED, _UNCOMPRESSED = b"LZFu", b"MELA"
_HEADER = struct.Struct("<II4sI")  # bytes after the first number, bytes when decompressed, kind, checksum
_WINDOW = 4096
# What references may repeat before anything was written (section 2.1.2.1).
_FIRST_WINDOW = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def decompress_rtf(data: bytes) -> bytes:
    """Raises ValueError if the data are damaged."""
    if len(data) < _HEADER.size:
        raise ValueError("its RTF text is cut off")
    length, written, kind, checksum = _HEADER.unpack_from(data)
    content = data[_HEADER.size : length + 4]
    if kind == _UNCOMPRESSED:
        return content[:written]
    # A CRC-32 without the usual inversions.
    if kind != _COMPRESSED or zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF != checksum:
        raise ValueError("its RTF text is damaged")
    return _decompress(content)[:written]


def _decompress(content: bytes) -> bytes:
    """Each bit of a control byte describes one of the eight tokens after it: 0 is a byte of the text, 1 is a reference of two bytes.

    A reference repeats earlier text: 12 bits are its place in a circular window of 4,096 bytes, 4 bits its length less 2. A reference
    to the place that is written next ends the text.
    """
    out = bytearray(_FIRST_WINDOW)
    position = 0
    while position < len(content):
        kinds = content[position]
        position += 1
        for bit in range(8):
            if not kinds >> bit & 1:
                out += content[position : position + 1]
                position += 1
                continue
            token = int.from_bytes(content[position : position + 2], "big")
            position += 2
            distance = (len(out) - (token >> 4)) % _WINDOW
            if not distance or position > len(content):
                return bytes(out[len(_FIRST_WINDOW) :])
            if distance > len(out):
                raise ValueError("its RTF text repeats what was not written")
            for _ in range((token & 15) + 2):
                out.append(out[-distance])
    return bytes(out[len(_FIRST_WINDOW) :])
