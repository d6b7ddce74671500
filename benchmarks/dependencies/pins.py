"""The versions in constraints.txt and constraints-light.txt, and which of them belong to the CUDA build of torch."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
LIGHT = ROOT / "constraints-light.txt"
# Requirements that a light installation leaves out, with everything that only they require.
NOT_LIGHT = frozenset({"torch", "sentence-transformers", "onnxscript"})
_CUDA = re.compile(r"(nvidia|cuda|triton)\b")


def pins(file: Path = CONSTRAINTS) -> dict[str, Version]:
    """The pinned version of each package, by its canonical name."""
    lines = file.read_text("utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", line.partition("#")[0].strip()) for line in lines]
    return {canonicalize_name(match[1]): Version(match[2]) for match in matches if match}


def is_cuda(name: str) -> bool:
    """Whether a package is installed only with the CUDA build of torch, which is the one on PyPI for Linux."""
    return _CUDA.match(name) is not None
