"""Keys: what lets a caller in from elsewhere. Made, listed and revoked by the operator; checked by the server; kept as hashes alone.

A key is 256 random bits, so a plain SHA-256 of it cannot be turned round: slow hashes are for what people think up. `keys.json`
is written by the operator's commands, `keys-used.json` by the server, so neither waits for the other.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

from corpus.types import QuotableError

FILE_NAME = "keys.json"
USED_FILE_NAME = "keys-used.json"
FORMAT = 1
PREFIX = "qtb"  # so that a key is known for one wherever it turns up, by people and by secret scanners
NAME = re.compile(r"[^\W_][\w .@-]{0,99}")
# Seconds between two writes of when keys were last used; what a crash may lose.
USED_SECONDS = 60.0
# What an unknown key is compared with, so that it takes as long as a known one.
_NO_HASH = "0" * 64


class Role(IntEnum):
    """What a key lets its holder do; each includes those before it."""

    READ = 1
    WRITE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


# Version 0.1 had a third role, admin, that allowed nothing beyond write. Its keys keep working.
_ROLES = {**{role.word: role for role in Role}, "admin": Role.WRITE}


class KeysError(QuotableError):
    """A key cannot be made, found or read."""


@dataclass(frozen=True, slots=True)
class Key:
    """`hash` is the SHA-256 of the whole secret in hexadecimal; `created` an ISO 8601 time in UTC."""

    id: str
    name: str
    role: Role
    hash: str
    created: str


def read_keys(folder: Path) -> Sequence[Key]:
    """The keys of a data folder, oldest first. Raises KeysError where the file cannot be read."""
    path = folder / FILE_NAME
    try:
        found = json.loads(path.read_bytes())
        if found["format"] > FORMAT:
            raise KeysError(
                f"{path} has format {found['format']}, this version reads up to {FORMAT}: install the one that wrote it"
            )
        return tuple(Key(**{**key, "role": _ROLES[key["role"]]}) for key in found["keys"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeysError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysError(f"{path} is damaged: restore it from a backup, or delete it and make new keys") from error


def create_key(folder: Path, name: str, role: Role) -> str:
    """Make a key and return its secret, which is kept nowhere. Raises KeysError for a name that is taken or cannot be used."""
    if not NAME.fullmatch(name):
        raise KeysError(f"a key's name has 1 to 100 letters, digits, spaces or any of . @ _ -; this is {name!r}")
    identity = secrets.token_hex(4)
    secret = f"{PREFIX}_{identity}_{secrets.token_urlsafe(32)}"
    with _changing(folder):
        keys = read_keys(folder)
        if any(key.name == name for key in keys):
            raise KeysError(f"there is a key named {name!r} already; revoke it first, or choose another name")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _write_keys(folder, [*keys, Key(identity, name, role, _hash(secret), now)])
    return secret


def revoke_key(folder: Path, name: str) -> None:
    """Take a key back, named by its name or id; a running server refuses it from its next request on."""
    with _changing(folder):
        keys = read_keys(folder)
        kept = [key for key in keys if name not in (key.name, key.id)]
        if len(kept) == len(keys):
            raise KeysError(f"there is no key {name!r}; `qa key list` names those that are there")
        _write_keys(folder, kept)


def last_used(folder: Path) -> Mapping[str, str]:
    """When each key was last used, by its id; exact to a minute. A file that cannot be read says nothing."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / USED_FILE_NAME).read_bytes())
        if isinstance(found, dict):
            return {str(identity): str(when) for identity, when in found.items()}
    return {}


class KeyRing:
    """The keys of a folder as a running server knows them: a change of the file binds at the next request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: Mapping[str, Key] = {}
        self._seen: tuple[int, int, int] | None = None
        self._used: dict[str, str] = {}
        self._written = time.monotonic()

    def holder(self, secret: str) -> Key | None:
        """The key that this is the secret of; None for any other text. Raises KeysError where the keys cannot be read."""
        parts = secret.split("_", 2)
        key = self._current().get(parts[1]) if len(parts) == 3 else None
        same = hmac.compare_digest(_hash(secret), key.hash if key else _NO_HASH)
        if key is None or not same:
            return None
        self._note(key)
        return key

    def flush(self) -> None:
        """Write down when keys were last used. A folder that cannot be written loses that, and nothing else."""
        with self._lock, suppress(OSError):
            if self._used:
                known = {**last_used(self._folder), **self._used}
                _replace(self._folder / USED_FILE_NAME, {name: when for name, when in known.items() if name in self._keys})
            self._written = time.monotonic()

    def _current(self) -> Mapping[str, Key]:
        try:
            stat = (self._folder / FILE_NAME).stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            seen = (0, 0, 0)
        if seen != self._seen:
            keys = {key.id: key for key in read_keys(self._folder)}
            self._keys, self._seen = keys, seen
        return self._keys

    def _note(self, key: Key) -> None:
        self._used[key.id] = datetime.now(UTC).isoformat(timespec="seconds")
        if time.monotonic() - self._written > USED_SECONDS:
            self.flush()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """One command at a time changes the keys; the lock is on the folder itself and ends with its process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeysError(f"cannot use the data folder {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_keys(folder: Path, keys: Sequence[Key]) -> None:
    try:
        _replace(folder / FILE_NAME, {"format": FORMAT, "keys": [{**asdict(key), "role": key.role.word} for key in keys]})
    except OSError as error:
        raise KeysError(f"cannot write {folder / FILE_NAME}: {error.strerror}") from error


def _replace(path: Path, value: Any) -> None:
    """All of the new contents or all of the old, readable by their owner alone."""
    new = path.with_suffix(f".new{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
