"""One run at a time in a service, so that no host is asked by two processes at once."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from qa.sources.source import SourceError
from qa.state_files import StateFiles

FILE_NAME = "sources-run.json"
# Until the claim of a process on another machine that was killed ends. A run renews its claim every few seconds, between two pages.
CLAIM_SECONDS = 600.0
_held: set[str] = set()  # the tokens of this process, whose number another one may have had before


class Claim:
    """Held from `take` until `release`. Times are compared by the clocks of the machines."""

    def __init__(self, files: StateFiles) -> None:
        self._files = files
        self._token = secrets.token_hex(8)

    def take(self) -> bool:
        """False while another process, or another thread, runs a source."""
        _held.add(self._token)
        if not (taken := self._write(lambda held: held is None or _is_over(held))):
            _held.discard(self._token)
        return taken

    def renew(self) -> None:
        """Raises SourceError if another process has taken over."""
        if not self._write(lambda held: held is not None and held.get("token") == self._token):
            raise SourceError("another process has begun a run meanwhile, which goes on")

    def release(self) -> None:
        def release(content: bytes | None) -> bytes:
            held = _read(content)
            return b"{}" if held and held.get("token") == self._token else content or b"{}"

        self._files.change(FILE_NAME, release)
        _held.discard(self._token)

    def _write(self, is_free: Callable[[Mapping[str, Any] | None], bool]) -> bool:
        taken = False

        def write(content: bytes | None) -> bytes:
            nonlocal taken
            taken = is_free(_read(content))
            mine = {"token": self._token, "machine": socket.gethostname(), "process": os.getpid(), "renewed": time.time()}
            return json.dumps(mine).encode() if taken else content or b"{}"

        self._files.change(FILE_NAME, write)
        return taken


def _read(content: bytes | None) -> Mapping[str, Any] | None:
    """None if nobody holds it, or what is written cannot be read."""
    try:
        held = json.loads(content or b"{}")
    except ValueError:
        return None
    return held if isinstance(held, dict) and isinstance(held.get("renewed"), float) else None


def _is_over(held: Mapping[str, Any]) -> bool:
    if abs(time.time() - held["renewed"]) > CLAIM_SECONDS:
        return True
    if held.get("machine") != socket.gethostname():
        return False
    if held.get("process") == os.getpid():
        return held.get("token") not in _held
    try:
        os.kill(int(held["process"]), 0)
    except (ProcessLookupError, KeyError, ValueError, TypeError):
        return True
    except PermissionError:
        pass
    return False
