"""Resolve the requirements of pyproject.toml, with every extra, into constraints.txt, and those of a light installation into
constraints-light.txt: `make constraints`.

    python -m benchmarks.dependencies.constraints UV           # the newest compatible versions
    python -m benchmarks.dependencies.constraints UV --keep    # keep pinned versions that still fit: for a new requirement

UV is the path of uv; further options such as --extra-index-url go to it. torch keeps its version: upgrade it by hand, because
its CUDA requirements are pinned with it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.dependencies.pins import CONSTRAINTS, LIGHT, NOT_LIGHT, ROOT, is_cuda

HELD = {"torch"}
# The oldest supported Python.
PYTHON = "3.11"


def refreshed(present: str, resolved: str) -> str:
    """The new text of a list: its comment and the resolved pins, without build tags such as +cpu.

    A CPU build of torch requires no CUDA packages; the present pins of those are then kept.
    """
    comment = [line for line in present.splitlines() if line.startswith("#")]
    pins = [line.partition("+")[0] for line in resolved.splitlines() if "==" in line]
    if not any(map(is_cuda, pins)):
        pins += filter(is_cuda, present.splitlines())
    return "\n".join([*comment, *sorted(pins)]) + "\n"


def resolve(uv: str, present: str, keep: bool, options: list[str]) -> str:
    """uv's output. Raises subprocess.CalledProcessError when the requirements conflict or the index is unreachable."""
    with tempfile.TemporaryDirectory() as folder:
        held, output = Path(folder, "held.txt"), Path(folder, "constraints.txt")
        held.write_text("\n".join(line for line in present.splitlines() if line.partition("==")[0] in HELD), "utf-8")
        output.write_text(present, "utf-8")
        upgrade = [] if keep else ["--upgrade"]
        _compile(uv, "--all-extras", "--constraint", held, "--output-file", output, *upgrade, *options)
        return output.read_text("utf-8")


def resolve_light(uv: str, options: list[str]) -> str:
    """As `resolve`, for a light installation with the versions of constraints.txt and no extras."""
    with tempfile.TemporaryDirectory() as folder:
        left_out, output = Path(folder, "left-out.txt"), Path(folder, "constraints-light.txt")
        left_out.write_text("".join(f"{name}; python_version < '3'\n" for name in sorted(NOT_LIGHT)), "utf-8")
        _compile(uv, "--constraint", CONSTRAINTS, "--override", left_out, "--output-file", output, *options)
        return output.read_text("utf-8")


def _compile(uv: str, *options: str | Path) -> None:
    environment = dict(os.environ)
    if "PIP_FIND_LINKS" in environment:
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    command = [
        uv,
        "pip",
        "compile",
        ROOT / "pyproject.toml",
        "--python-version",
        PYTHON,
        "--quiet",
        "--no-header",
        "--no-annotate",
    ]
    subprocess.run([*command, *options], check=True, env=environment, cwd=ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(description="Resolve pyproject.toml into constraints.txt.")
    parser.add_argument("uv", help="the path of uv")
    parser.add_argument("--keep", action="store_true", help="keep pinned versions that still fit")
    arguments, options = parser.parse_known_args()
    present = CONSTRAINTS.read_text("utf-8")
    try:
        resolved = resolve(arguments.uv, present, arguments.keep, options)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"constraints.txt is unchanged: {error}", file=sys.stderr)
        return 1
    text = refreshed(present, resolved)
    before, after = (set(version.splitlines()) for version in (present, text))
    for line in sorted(before ^ after):
        print("+" if line in after else "-", line)
    CONSTRAINTS.write_text(text, "utf-8")
    try:
        light = resolve_light(arguments.uv, options)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{LIGHT.name} is unchanged: {error}", file=sys.stderr)
        return 1
    LIGHT.write_text(refreshed(LIGHT.read_text("utf-8"), light), "utf-8")
    print(
        f"constraints.txt: {len(after - before)} new lines. Run `make lint`, `make test` and `make licences` before committing."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
