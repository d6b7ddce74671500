"""ZIP containers of office documents, with limits that are checked before anything is decompressed."""

from __future__ import annotations

import io
import zipfile
import zlib

from corpus.types import ReadError

# The largest real documents stay well below these. Only large members are checked for their compression ratio: a small sheet of
# zeros reaches 1,000 and is harmless.
MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 128 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
MAX_RATIO = 200
MIN_RATIO_BYTES = 8 * 1024 * 1024


def open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    """Open an archive. Raises ReadError if it is damaged, encrypted or above the limits."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ReadError(f"{name} is a damaged or truncated file ({error}); download or save it again") from error
    _check_bounds(archive.infolist(), name)
    return archive


def read_member(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """The content of a member. Raises ReadError if it is missing, damaged or too large."""
    try:
        with archive.open(member) as stream:
            content = stream.read(MAX_MEMBER_BYTES + 1)
    except KeyError as error:
        raise ReadError(f"{name} has no part {member}; it is damaged, save it again") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise ReadError(f"{name} has a damaged part {member} ({error}); download or save it again") from error
    if len(content) > MAX_MEMBER_BYTES:
        raise ReadError(f"{name} has a part {member} larger than {MAX_MEMBER_BYTES // 2**20} MB; split it first")
    return content


def _check_bounds(members: list[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise ReadError(f"{name} has {len(members)} parts, more than the limit of {MAX_MEMBERS}; split it first")
    if any(member.flag_bits & 1 for member in members):
        raise ReadError(f"{name} is password-protected; save it without a password and add it again")
    if sum(member.file_size for member in members) > MAX_TOTAL_BYTES:
        raise ReadError(f"{name} is larger than {MAX_TOTAL_BYTES // 2**20} MB when decompressed; split it first")
    for member in members:
        if member.file_size > MAX_MEMBER_BYTES:
            raise ReadError(f"{name} has a part larger than {MAX_MEMBER_BYTES // 2**20} MB; split it first")
        if member.file_size > MIN_RATIO_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise ReadError(f"{name} expands to more than {MAX_RATIO} times its size, as harmful files do; save it again")
