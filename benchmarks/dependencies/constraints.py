"""Resolves the requirements of pyproject.toml, every extra included, into constraints.txt: `make constraints`.

    python -m benchmarks.dependencies.constraints UV           # the newest versions that go together
    python -m benchmarks.dependencies.constraints UV --keep    # the versions of before, where they still fit: after a new requirement

UV is the program uv. What follows goes to it, such as --extra-index-url. torch stays as it is pinned: a newer one can bring gigabytes of
CUDA libraries where the CPU build of that version cannot be had.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HELD = {"torch"}
# The oldest Python that the project runs on.
PYTHON = "3.11"
# Requirements of torch's build for CUDA: without it nothing asks for them.
CUDA = re.compile(r"(nvidia|cuda|triton)\b")


def refreshed(present: str, resolved: str) -> str:
    """The text of constraints.txt: its comment, and what was resolved without the names of builds (+cpu)."""
    head = [line for line in present.splitlines() if line.startswith("#")]
    pins = [line.partition("+")[0] for line in resolved.splitlines() if "==" in line and not CUDA.match(line)]
    return "\n".join([*head, *sorted(pins)]) + "\n"


def resolve(uv: str, present: str, keep: bool, options: list[str]) -> str:
    """Raises subprocess.CalledProcessError where the requirements do not go together or the index cannot be reached."""
    environment = dict(os.environ)
    if "PIP_FIND_LINKS" in environment:
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    with tempfile.TemporaryDirectory() as folder:
        held, output = Path(folder, "held.txt"), Path(folder, "constraints.txt")
        held.write_text("\n".join(line for line in present.splitlines() if line.partition("==")[0] in HELD), "utf-8")
        output.write_text(present, "utf-8")
        command: list[str | Path] = [
            uv,
            "pip",
            "compile",
            ROOT / "pyproject.toml",
            "--all-extras",
            "--python-version",
            PYTHON,
            "--quiet",
        ]
        command += ["--no-header", "--no-annotate", "--constraint", held, "--output-file", output]
        command += [] if keep else ["--upgrade"]
        subprocess.run([*command, *options], check=True, env=environment, cwd=ROOT)
        return output.read_text("utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Resolve pyproject.toml into constraints.txt.")
    parser.add_argument("uv", help="the program uv")
    parser.add_argument("--keep", action="store_true", help="keep the versions of before where they still fit")
    chosen, options = parser.parse_known_args()
    file = ROOT / "constraints.txt"
    present = file.read_text("utf-8")
    try:
        resolved = resolve(chosen.uv, present, chosen.keep, options)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"constraints.txt stays as it was: {error}", file=sys.stderr)
        return 1
    text = refreshed(present, resolved)
    before, after = (set(version.splitlines()) for version in (present, text))
    for line in sorted(before ^ after):
        print("+" if line in after else "-", line)
    file.write_text(text, "utf-8")
    print(f"constraints.txt: {len(after - before)} lines are new; run `make lint` and `make test` before you keep them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
