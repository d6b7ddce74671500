"""A cold start: from an empty data folder to the first answer without torch."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import StartServer

TORCH = ("torch", "sentence_transformers", "transformers", "onnxscript")


def test_no_process_imports_torch_before_the_first_answer(start_server: StartServer, tmp_path: Path) -> None:
    """Packages of these names come first on the path of every process; importing one leaves a trace and fails."""
    for name in TORCH:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r}); raise ImportError"
        )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    for folder, prepares in (("one", True), ("two", False)):  # once for both
        with start_server(tmp_path / folder, PYTHONPATH=path, XDG_CACHE_HOME=str(tmp_path / "cache")) as server:
            assert server.search("Who signed the memorandum?")["answerable"]
            assert ("Preparing the model" in server.log) == prepares
        assert not (tmp_path / folder / "models").exists()
    assert not (tmp_path / "imported").exists()
