"""Gives up, for the rest of this process's life, all it does not need to read a file: network, processes, writing, memory.

The kernel's limits and name spaces are the first line. Python's audit hook is the second: it also covers what the kernel was
not allowed to, but not what native code does.
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
_REFUSED = ("socket.", "subprocess.", "shutil.", "ftplib.", "smtplib.", "urllib.", "http.", "webbrowser.", "pty.", "tempfile.")
_PROCESS_CALLS = ("exec", "fork", "forkpty", "kill", "killpg", "posix_spawn", "spawn", "system")
_FILE_CALLS = ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "setxattr", "symlink", "truncate", "utime")
_REFUSED_CALLS = frozenset(f"os.{call}" for call in _PROCESS_CALLS + _FILE_CALLS)
# Data of the standard library that is kept outside it.
_SYSTEM_DATA = ("/usr/share/zoneinfo/", "/usr/lib/locale/", "/dev/null", "/dev/urandom", "/proc/self/")


def confine(memory_bytes: int) -> None:
    """To be called once, before the first byte of a file is seen. `memory_bytes` bounds the whole address space."""
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _leave_network()
    # After the name space: a new one counts as a process of its user.
    _limit(resource.RLIMIT_NPROC, 0)
    sys.addaudithook(_Refusal(_readable_roots()))


def allow_cpu_seconds(seconds: int) -> None:
    """Bound the CPU time from now on; the kernel ends the process with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, hard))


def _limit(which: int, value: int) -> None:
    """Lower a limit, never raise one: an operator may have set a lower one."""
    _, hard = resource.getrlimit(which)
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (lowest, lowest))


def _leave_network() -> None:
    """Into a network without interfaces, in a user name space without privileges, where the kernel allows that."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _readable_roots() -> tuple[str, ...]:
    """Where Python and its packages are, and this package; not what else lies beside it, such as the operator's data."""
    package = os.path.dirname(os.path.dirname(__file__))
    roots = (sys.prefix, sys.base_prefix, sys.exec_prefix, package)
    both_names = {name for root in roots for name in (os.path.abspath(root), os.path.realpath(root))}
    known = (os.fsdecode(path) for path in mimetypes.knownfiles)
    return (*(os.path.join(name, "") for name in both_names), *_SYSTEM_DATA, *known)


class _Refusal:
    """The audit hook: raises PermissionError where something is done that reading a file does not need."""

    def __init__(self, readable: tuple[str, ...]) -> None:
        self._readable = readable

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._check_open(*arguments)
        elif event in _REFUSED_CALLS or event.startswith(_REFUSED):
            raise PermissionError(f"{event} is not allowed while a file is read")

    def _check_open(self, path: object, _mode: object, flags: int) -> None:
        if isinstance(path, int):
            return
        where = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        if flags & _WRITING and where != os.devnull:
            raise PermissionError(f"writing {where!r} is not allowed while a file is read")
        if not os.path.abspath(where).startswith(self._readable):
            raise PermissionError(f"opening {where!r} is not allowed while a file is read")
