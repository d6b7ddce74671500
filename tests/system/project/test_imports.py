"""Who may import whom: corpus nothing of the project, index only the corpus's nouns, and each engine behind one file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
PACKAGES = ("corpus", "index", "qa")


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it; of `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}{part}" for name in node.names for part in ("", f".{name.name}"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in {"import_module", "__import__"} and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def importers(*modules: str) -> set[str]:
    """The files that import one of the modules or a part of it."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for name in imported(path)
        if any(name == module or name.startswith(f"{module}.") for module in modules)
    }


def test_there_is_something_to_look_at() -> None:
    assert len(sources()) > 30
    assert "qa/assembly.py" in importers("index")


def test_the_corpus_imports_nothing_else_of_the_project() -> None:
    assert {path for path in importers("index", "qa") if path.startswith("corpus/")} == set()


def test_the_index_imports_of_the_corpus_only_its_nouns_and_nothing_of_the_faces() -> None:
    assert {path for path in importers("qa") if path.startswith("index/")} == set()
    names = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in sources()
        if path.is_relative_to(ROOT / "index")
        for name in imported(path)
        if name.split(".")[0] == "corpus" and not f"{name}.".startswith("corpus.types.")
    }
    assert names == set()


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        (("faiss",), {"index/embedded/dense/flat.py", "index/embedded/dense/ivf.py"}),
        (("tantivy",), {"index/embedded/lexical/tantivy_index.py"}),
        (("onnxruntime",), {"index/embedding/onnx_embedder.py", "index/embedding/onnx_int8.py"}),
        (
            ("sentence_transformers", "transformers"),
            {"index/embedding/torch_embedder.py", "index/embedding/onnx_export.py", "index/embedding/reranker.py"},
        ),
        (("torch",), {"index/embedding/onnx_export.py"}),
        (("huggingface_hub",), {"index/embedding/model_files.py"}),
        (
            ("apsw",),
            {
                "index/embedded/store/facts.py",
                "index/embedded/store/store.py",
                "index/embedded/store/database.py",
                "index/embedded/store/page_checksums.py",
                "index/embedded/integrity/migrations.py",
            },
        ),
        (("httpcore2",), {"corpus/sources/http_client.py"}),
        (("httpx", "httpx2", "httpcore", "requests", "urllib3", "urllib.request"), set()),
        (("pickle", "marshal", "shelve", "dill", "joblib"), set()),
        (("sqlite3",), set()),
        (("prometheus_client",), {"qa/web/telemetry/metrics.py"}),
        (("opentelemetry",), {"qa/web/telemetry/tracing.py"}),
    ],
    ids=lambda value: "+".join(sorted(value)) or "nobody",
)
def test_each_engine_is_behind_one_door(modules: tuple[str, ...], allowed: set[str]) -> None:
    assert importers(*modules) <= allowed


def test_only_assembly_and_folder_maintenance_know_the_embedded_engine() -> None:
    outside = {path for path in importers("index.embedded") if not path.startswith("index/embedded/")}
    assert outside == {"qa/assembly.py", "qa/operate/maintenance.py"}


def test_flask_is_known_to_the_web_alone() -> None:
    assert all(path.startswith("qa/web/") for path in importers("flask", "werkzeug", "waitress", "jinja2"))


def test_only_the_settings_read_the_environment_and_only_the_model_files_set_what_a_library_reads_there() -> None:
    reading: dict[str, set[str]] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            of_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            if of_os and node.attr in {"environ", "getenv", "environb", "putenv"}:
                reading.setdefault(path.relative_to(ROOT).as_posix(), set()).add(node.attr)
    reading.pop("qa/settings/reading.py")
    assert set(reading) <= {"index/embedding/model_files.py", "corpus/sandbox/pool.py"}
    for path in reading:
        assert '"QA_' not in (ROOT / path).read_text("utf-8")


def test_numpy_arrays_are_never_loaded_with_pickles_allowed() -> None:
    assert [path for path in sources() if "allow_pickle=True" in path.read_text("utf-8")] == []


def test_code_from_a_model_is_never_run() -> None:
    assert [path for path in sources() if "trust_remote_code=True" in path.read_text("utf-8")] == []
