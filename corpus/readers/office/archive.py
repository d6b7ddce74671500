"""ZIP containers (DOCX, PPTX, XLSX, ODT), bounded before anything is unpacked, and their XML without DTD or entities."""

from __future__ import annotations

import io
import zipfile
import zlib

from corpus.types import ReadError

# What the largest real documents stay well below. A ratio counts only for members large enough to do harm: a small
# sheet of zeros packs a thousand times and is harmless.
MOST_MEMBERS = 10_000
LARGEST_MEMBER = 128 * 1024 * 1024
LARGEST_TOTAL = 512 * 1024 * 1024
HIGHEST_RATIO = 200
RATIO_COUNTS_FROM = 8 * 1024 * 1024


def open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    """Raise ReadError where the archive is damaged, encrypted, or would unpack to more than the bounds."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ReadError(f"{name} is a damaged or truncated file ({error}); fetch or save it again") from error
    _check_bounds(archive.infolist(), name)
    return archive


def read_member(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """The content of one member, never more than it announced. Raises ReadError where it is damaged or absent."""
    try:
        with archive.open(member) as stream:
            content = stream.read(LARGEST_MEMBER + 1)
    except KeyError as error:
        raise ReadError(f"{name} lacks its part {member}; it is damaged, save it again") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise ReadError(f"{name} is damaged in its part {member} ({error}); fetch or save it again") from error
    if len(content) > LARGEST_MEMBER:
        raise ReadError(f"{name} unpacks to more than {LARGEST_MEMBER // 2**20} MB in its part {member}; divide it first")
    return content


def _check_bounds(members: list[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MOST_MEMBERS:
        raise ReadError(f"{name} holds {len(members)} parts, more than the {MOST_MEMBERS} a document may have")
    if any(member.flag_bits & 1 for member in members):
        raise ReadError(f"{name} is protected by a password; save it without one and add it again")
    if sum(member.file_size for member in members) > LARGEST_TOTAL:
        raise ReadError(f"{name} unpacks to more than {LARGEST_TOTAL // 2**20} MB; divide it first")
    for member in members:
        if member.file_size > LARGEST_MEMBER:
            raise ReadError(f"{name} unpacks to more than {LARGEST_MEMBER // 2**20} MB in one part; divide it first")
        if member.file_size > RATIO_COUNTS_FROM and member.file_size > HIGHEST_RATIO * max(member.compress_size, 1):
            raise ReadError(f"{name} unpacks to more than {HIGHEST_RATIO} times its size, as harmful files do; save it again")
