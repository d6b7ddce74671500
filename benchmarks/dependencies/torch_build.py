"""Choose the build of torch for `make install`: print pip's options for the CPU build where PyTorch's index answers.

    python -m benchmarks.dependencies.torch_build INDEX [cpu]

On Linux, PyPI has the CUDA build. Without an answer the installation goes on with that one, after a message that says how to avoid it;
with `cpu` it fails. Prints nothing where torch is installed.
"""

from __future__ import annotations

import argparse
import sys
import threading
from importlib.util import find_spec
from urllib.request import urlopen

SECONDS = 3.0
ADVICE = f"""\
{{index}} did not answer within {SECONDS:g} seconds, so pip takes torch from PyPI. On Linux that is the CUDA build:
gigabytes to download, some 5 GB on the disk. Quotable needs torch only for models other than BERT, re-ranking and GPUs. To avoid it,
stop now (Ctrl+C) and run `make install LIGHT=1`, which installs everything else, or name another index of the CPU build:
`make install TORCH_CPU_INDEX=URL`. TORCH=cuda says that you want the CUDA build.
"""


def answers(index: str) -> bool:
    """Whether an index of Python packages has torch, asked for at most SECONDS, including the host's name."""
    found = threading.Event()

    def ask() -> None:
        try:
            with urlopen(f"{index.rstrip('/')}/torch/", timeout=SECONDS):
                found.set()
        except (OSError, ValueError):
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(SECONDS)
    return found.is_set()


def main() -> int:
    parser = argparse.ArgumentParser(description="Print pip's options for the CPU build of torch.")
    parser.add_argument("index", help="PyTorch's index of CPU builds")
    parser.add_argument("torch", nargs="?", choices=["cpu"], help="fail if the index does not answer")
    arguments = parser.parse_args()
    if find_spec("torch") or sys.platform != "linux":
        return 0
    if answers(arguments.index):
        print(f"Installing the CPU build of torch from {arguments.index}", file=sys.stderr)
        print(f"--extra-index-url {arguments.index}")
        return 0
    if arguments.torch:
        print(f"TORCH=cpu: {arguments.index} did not answer within {SECONDS:g} seconds", file=sys.stderr)
        return 1
    print(ADVICE.format(index=arguments.index), file=sys.stderr, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
