"""Confines this process permanently: no network, no new processes, no writing, limited memory.

First line: resource limits and namespaces of the kernel. Second line: Python's audit hook, which also works where namespaces are not
available but does not see native code.
"""

from __future__ import annotations

import ctypes
import mimetypes
import os
import resource
import sys
from typing import Any

# linux/sched.h and linux/prctl.h
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_OPEN_FILES = 64
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "shutil.",
    "ftplib.",
    "smtplib.",
    "urllib.",
    "http.",
    "webbrowser.",
    "pty.",
    "tempfile.",
)
_PROCESS_CALLS = ("exec", "fork", "forkpty", "kill", "killpg", "posix_spawn", "spawn", "system")
_FILE_CALLS = ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "setxattr", "symlink", "truncate", "utime")
_FORBIDDEN_CALLS = frozenset(f"os.{call}" for call in _PROCESS_CALLS + _FILE_CALLS)
# Data files that the standard library reads.
_SYSTEM_DATA = ("/usr/share/zoneinfo/", "/usr/lib/locale/", "/dev/null", "/dev/urandom", "/proc/self/")


def confine(memory_bytes: int) -> None:
    """Confine the process; call once, before reading any file. `memory_bytes` limits the address space."""
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _leave_network()
    # After unsharing: a new user namespace counts as a process.
    _limit(resource.RLIMIT_NPROC, 0)
    sys.addaudithook(_AuditHook(_readable_roots()))


def allow_cpu_seconds(seconds: int) -> None:
    """Limit the CPU time from now on; the kernel ends the process with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, hard))


def _limit(which: int, value: int) -> None:
    """Lower a limit; a lower one that is set already stays."""
    _, hard = resource.getrlimit(which)
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (lowest, lowest))


def _leave_network() -> None:
    """Move to a user and network namespace without interfaces, if the kernel allows it."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _readable_roots() -> tuple[str, ...]:
    """The folders of Python, its packages and this package, but not the folders next to them."""
    package = os.path.dirname(os.path.dirname(__file__))
    roots = (sys.prefix, sys.base_prefix, sys.exec_prefix, package)
    paths = {path for root in roots for path in (os.path.abspath(root), os.path.realpath(root))}
    known = (os.fsdecode(path) for path in mimetypes.knownfiles)
    return (*(os.path.join(path, "") for path in paths), *_SYSTEM_DATA, *known)


class _AuditHook:
    """Raises PermissionError for operations that reading a file does not need."""

    def __init__(self, readable: tuple[str, ...]) -> None:
        self._readable = readable

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._check_open(*arguments)
        elif event in _FORBIDDEN_CALLS or event.startswith(_FORBIDDEN):
            raise PermissionError(f"{event} is not allowed in a reader process")

    def _check_open(self, path: object, _mode: object, flags: int) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        if flags & _WRITING and name != os.devnull:
            raise PermissionError(f"writing {name!r} is not allowed in a reader process")
        if not os.path.abspath(name).startswith(self._readable):
            raise PermissionError(f"opening {name!r} is not allowed in a reader process")
