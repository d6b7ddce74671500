"""Writes compound files ([MS-CFB]) and Outlook messages for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_SECTOR, _MINI_SECTOR, _CUTOFF = 512, 64, 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound_file(tree: Mapping[str, Any]) -> bytes:
    """A compound file of storages (mappings) and streams (bytes)."""
    entries: list[tuple[str, int, bytes, int]] = []  # name, kind, content, number of the first child
    siblings: dict[int, int] = {}
    _collect("Root Entry", tree, entries, siblings)
    sectors: list[bytes] = []
    table: list[int] = []
    mini, mini_table = bytearray(), []
    places = []
    for _, kind, content, _ in entries:
        if kind != 2 or not content:
            places.append(_END)
        elif len(content) < _CUTOFF:
            places.append(len(mini_table))
            count = -(-len(content) // _MINI_SECTOR)
            mini_table += [*range(len(mini_table) + 1, len(mini_table) + count), _END]
            mini += content.ljust(count * _MINI_SECTOR, b"\0")
        else:
            places.append(_add(content, sectors, table))
    places[0] = _add(bytes(mini), sectors, table)
    records = b"".join(
        _record(*entry, place, siblings.get(number, _FREE), len(mini) if number == 0 else len(entry[2]))
        for number, (entry, place) in enumerate(zip(entries, places, strict=True))
    )
    directory = _add(records, sectors, table)
    mini_place = _add(struct.pack(f"<{len(mini_table)}I", *mini_table), sectors, table)
    tables = -(-(len(table) + 8) // 128)
    first_table = len(sectors)
    table += [_TABLE] * tables
    table += [_FREE] * (tables * 128 - len(table))
    sectors += [struct.pack("<128I", *table[n * 128 : (n + 1) * 128]) for n in range(tables)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<IIIIIIIII", tables, directory, 0, _CUTOFF, mini_place, 1, _END, 0, first_table)
    header += struct.pack("<108I", *(first_table + n if n < tables else _FREE for n in range(1, 109)))
    return header + b"".join(sectors)


def outlook_message(
    texts: Mapping[int, str],
    recipients: list[tuple[int, str, str]],
    attachments: list[tuple[str, Any]],
    sent: int = 0,
    header: int = 32,
) -> dict[str, Any]:
    """The tree of a message. `texts`: by property tag. `recipients`: kind, name, address. `attachments`: name, and bytes or a tree.
    `sent`: a FILETIME. `header`: 32 for a file, 24 for an attached message.
    """
    tree: dict[str, Any] = {"__properties_version1.0": bytes(header) + _fixed(0x0039, 0x0040, sent)}
    tree |= {f"__substg1.0_{tag:04X}001F": text.encode("utf-16-le") for tag, text in texts.items()}
    for number, (kind, name, address) in enumerate(recipients):
        tree[f"__recip_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8) + _fixed(0x0C15, 3, kind),
            "__substg1.0_3001001F": name.encode("utf-16-le"),
            "__substg1.0_39FE001F": address.encode("utf-16-le"),
        }
    for number, (name, content) in enumerate(attachments):
        is_message = isinstance(content, dict)
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8) + _fixed(0x3705, 3, 5 if is_message else 1),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_3701000D" if is_message else "__substg1.0_37010102": content,
        }
    return tree


def _fixed(tag: int, kind: int, value: int) -> bytes:
    return struct.pack("<HHIQ", kind, tag, 6, value)


def _collect(name: str, content: Any, entries: list[tuple[str, int, bytes, int]], siblings: dict[int, int]) -> int:
    """Add an entry and those below it; its number. The children of a storage are a chain."""
    number = len(entries)
    if isinstance(content, bytes):
        entries.append((name, 2, content, _FREE))
        return number
    entries.append((name, 1 if number else 5, b"", _FREE))
    before = None
    for child, inner in content.items():
        added = _collect(child, inner, entries, siblings)
        if before is None:
            entries[number] = (*entries[number][:3], added)
        else:
            siblings[before] = added
        before = added
    return number


def _record(name: str, kind: int, content: bytes, child: int, place: int, sibling: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    record = encoded.ljust(64, b"\0") + struct.pack("<HBBIII", len(encoded), kind, 1, _FREE, sibling, child)
    return record + bytes(36) + struct.pack("<IQ", place, size)


def _add(content: bytes, sectors: list[bytes], table: list[int]) -> int:
    first, count = len(sectors), -(-len(content) // _SECTOR)
    sectors += [content[n * _SECTOR : (n + 1) * _SECTOR].ljust(_SECTOR, b"\0") for n in range(count)]
    table += [*range(first + 1, first + count), _END]
    return first
