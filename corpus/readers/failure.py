"""A record that could not be read, among others that could."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """`name` is the file's, with the place of the record in it; `reason` is a sentence for the person who added the file.

    `unsupported` tells a kind of file that no reader takes from a file that is broken.
    """

    name: str
    reason: str
    unsupported: bool = False
