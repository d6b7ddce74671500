"""API keys: created, listed and revoked by the operator, checked by the server, stored as hashes only.

A key has 256 random bits, so a plain SHA-256 of it cannot be reversed; slow hashes are for passwords. The operator's commands write
`keys.json` and the server writes `keys-used.json`, so neither waits for the other.
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
PREFIX = "qtb"  # lets people and secret scanners recognise a key
NAME = re.compile(r"[^\W_][\w .@-]{0,99}")
# Between two writes of the times of last use; a crash loses at most these.
USED_SECONDS = 60.0
# Compared with unknown keys, so that they take as long as known ones.
_NO_HASH = "0" * 64


class Role(IntEnum):
    """The permissions of a key; each role includes those before it."""

    READ = 1
    WRITE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


# Version 0.1 had a third role, admin, that allowed nothing beyond write. Its keys keep working.
_ROLES = {**{role.word: role for role in Role}, "admin": Role.WRITE}


class KeysError(QuotableError):
    """A key cannot be created or found, or the keys cannot be read."""


@dataclass(frozen=True, slots=True)
class Key:
    """`hash`: SHA-256 of the secret in hexadecimal. `created`: ISO 8601 in UTC."""

    id: str
    name: str
    role: Role
    hash: str
    created: str


def read_keys(folder: Path) -> Sequence[Key]:
    """The keys of a data folder, oldest first. Raises KeysError if the file cannot be read."""
    path = folder / FILE_NAME
    try:
        found = json.loads(path.read_bytes())
        if found["format"] > FORMAT:
            raise KeysError(
                f"{path} has format {found['format']}, this version reads up to {FORMAT}: install the version that wrote it"
            )
        return tuple(Key(**{**key, "role": _ROLES[key["role"]]}) for key in found["keys"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeysError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysError(f"{path} is damaged: restore it from a backup, or delete it and create new keys") from error


def create_key(folder: Path, name: str, role: Role) -> str:
    """Create a key and return its secret, which is not stored. Raises KeysError for a name that is taken or invalid."""
    if not NAME.fullmatch(name):
        raise KeysError(f"invalid key name {name!r}: use 1 to 100 letters, digits, spaces or any of . @ _ -")
    identity = secrets.token_hex(4)
    secret = f"{PREFIX}_{identity}_{secrets.token_urlsafe(32)}"
    with _lock(folder):
        keys = read_keys(folder)
        if any(key.name == name for key in keys):
            raise KeysError(f"a key named {name!r} exists; revoke it first, or choose another name")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _write_keys(folder, [*keys, Key(identity, name, role, _hash(secret), now)])
    return secret


def revoke_key(folder: Path, name: str) -> None:
    """Revoke a key by its name or id. A running server refuses it from the next request on."""
    with _lock(folder):
        keys = read_keys(folder)
        kept = [key for key in keys if name not in (key.name, key.id)]
        if len(kept) == len(keys):
            raise KeysError(f"no key {name!r}; `qa key list` lists all keys")
        _write_keys(folder, kept)


def last_used(folder: Path) -> Mapping[str, str]:
    """The time of last use of each key id, exact to a minute; empty if the file cannot be read."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / USED_FILE_NAME).read_bytes())
        if isinstance(found, dict):
            return {str(identity): str(when) for identity, when in found.items()}
    return {}


class KeyRing:
    """The keys of a folder in a running server. A change of the file takes effect at the next request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: Mapping[str, Key] = {}
        self._seen: tuple[int, int, int] | None = None
        self._used: dict[str, str] = {}
        self._written = time.monotonic()

    def find(self, secret: str) -> Key | None:
        """The key with this secret, or None. Raises KeysError if the keys cannot be read."""
        parts = secret.split("_", 2)
        key = self._current().get(parts[1]) if len(parts) == 3 else None
        same = hmac.compare_digest(_hash(secret), key.hash if key else _NO_HASH)
        if key is None or not same:
            return None
        self._mark_used(key)
        return key

    def flush(self) -> None:
        """Write the times of last use. A failure is ignored."""
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

    def _mark_used(self, key: Key) -> None:
        self._used[key.id] = datetime.now(UTC).isoformat(timespec="seconds")
        if time.monotonic() - self._written > USED_SECONDS:
            self.flush()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one command at a time change the keys. The lock is on the folder itself and ends with the process."""
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
    """Replace a file atomically, readable by its owner only."""
    new = path.with_suffix(f".new{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
