"""The order of packages and rooms, the modules that may import a library, and the sizes of folders and files."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
PACKAGES = ("corpus", "index", "qa")
MAX_FILES = 12  # Python files in a folder
MAX_LINES = 300  # of a Python file
# Rooms and, where a room is not enough, modules: each imports only from itself and from those above it. A module belongs to the
# longest entry that is a prefix of its name.
ORDER = """
corpus.types
corpus.languages
corpus.press_release
corpus.readers
corpus.sandbox
corpus.splitting
corpus.sources
index.types
index.lru
index.id_sets
index.access.audience
index.filters
index.durable_files
index.child_process
index.model_cache
index.text
index.ranking
index.embedding.similarity
index.embedding
index.embedding.multilingual
index.jobs
index.listing
index.documents
index.engine
index.access
index.opensearch.address
index.opensearch.connection
index.opensearch.health
index.opensearch.documents
index.opensearch.search
index.opensearch.state
index.opensearch.reading
index.opensearch
index.embedded.policy
index.embedded.dense
index.embedded.lexical
index.embedded.folder_lock
index.embedded.integrity.write_ahead_log
index.embedded.store
index.embedded.originals
index.embedded.segments
index.embedded.integrity
index.embedded.snapshot
index.embedded.filtering
index.embedded
qa.version
qa.memory
qa.observation
qa.state_files
qa.audit
qa.settings
qa.curation
qa.answering.question
qa.answering.reader
qa.answering
qa.evaluation.matching
qa.evaluation.question_sets
qa.evaluation.invariants
qa.chat
qa.ingest
qa.sources
qa.operate
qa.assembly
qa.operate.maintenance
qa.operate.cluster_maintenance
qa.operate.transfer
qa.evaluation
qa.web.schemas
qa.mcp
qa.web.routes
qa.web.server.admission
qa.web.current
qa.web.asked
qa.web.access
qa.web.telemetry
qa.web.api
qa.web.pages
qa.web.application
qa.web.server
qa.cli.console
qa.cli.folder
qa.cli.questions
qa.cli
""".split()


def product_files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def all_files() -> list[Path]:
    return product_files() + sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The dotted names that a file imports, in functions too; for `from a import b` both a and a.b."""
    return frozenset(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}{part}" for name in node.names for part in ("", f".{name.name}"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
            function = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if function in {"import_module", "__import__"} and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def importers(*modules: str) -> set[str]:
    """The product files that import one of the modules or a part of it."""
    return {
        relative(path)
        for path in product_files()
        for name in imports_of(path)
        if any(name == module or name.startswith(f"{module}.") for module in modules)
    }


def position(module: str) -> int:
    """The index in ORDER of the room of a module."""
    rooms = [room for room in ORDER if f"{module}.".startswith(f"{room}.")]
    assert rooms, f"{module} is in no room: add it to ORDER"
    return ORDER.index(max(rooms, key=len))


def test_finds_the_modules_and_their_imports() -> None:
    assert len(product_files()) > 150
    assert "qa/assembly.py" in importers("index")


def test_the_packages_import_in_the_order_corpus_index_qa() -> None:
    assert {path for path in importers("index", "qa") if path.startswith("corpus/")} == set()
    assert {path for path in importers("qa") if path.startswith("index/")} == set()


def test_the_index_imports_only_types_from_the_corpus() -> None:
    names = {name for path in product_files() if relative(path).startswith("index/") for name in imports_of(path)}
    assert {name for name in names if name.split(".")[0] == "corpus" and not f"{name}.".startswith("corpus.types.")} == set()


def test_rooms_import_only_rooms_before_them() -> None:
    modules = {module_name(path): path for path in product_files() if path.name != "__init__.py"}
    wrong = [
        f"{module} imports {name}"
        for module, path in modules.items()
        for name in imports_of(path)
        if name in modules and position(name) > position(module)
    ]
    assert sorted(wrong) == []


def test_every_room_in_the_order_exists() -> None:
    modules = {module_name(path) for path in product_files()}
    assert [room for room in ORDER if room not in modules] == []


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        (("faiss",), {f"index/embedded/dense/{name}.py" for name in ("flat", "ivf", "mapped_lists")}),
        (("tantivy",), {"index/embedded/lexical/tantivy_index.py"}),
        (("onnxruntime",), {"index/embedding/onnx_embedder.py", "index/embedding/onnx_int8.py"}),
        (
            ("sentence_transformers", "transformers"),
            {
                "index/embedding/torch_embedder.py",
                "index/embedding/onnx_export.py",
                "index/embedding/reranker.py",
                "qa/answering/reader/export.py",
            },
        ),
        (("torch",), {"index/embedding/onnx_export.py", "qa/answering/reader/export.py"}),
        (
            ("onnx",),
            {
                "index/embedding/bert_export.py",
                "index/embedding/bert_graph.py",
                "index/embedding/onnx_int8.py",
                "qa/answering/reader/graph.py",
                "qa/answering/reader/multilingual/export.py",
                "index/embedding/multilingual/export.py",
            },
        ),
        (("safetensors",), {"index/embedding/bert_export.py"}),
        (("huggingface_hub",), {"index/embedding/model_files.py"}),
        (
            ("apsw",),
            {
                "index/embedded/store/store.py",
                "index/embedded/store/database.py",
                "index/embedded/store/facts.py",
                "index/embedded/store/page_checksums.py",
                "index/embedded/store/sql.py",
                "index/embedded/integrity/migrations.py",
            },
        ),
        (("opensearchpy",), {"index/opensearch/connection.py"}),
        (("httpcore2",), {"corpus/sources/http_client.py"}),
        (("protego",), {"corpus/sources/crawler.py"}),
        (("httpx", "httpx2", "httpcore", "requests", "urllib3", "urllib.request"), set()),
        (("pickle", "marshal", "shelve", "dill", "joblib"), set()),
        (("sqlite3",), set()),
        (("mcp", "mcp_types"), {"qa/mcp/server.py", "qa/mcp/http.py"}),
        (("prometheus_client",), {"qa/web/telemetry/metrics.py"}),
        (("opentelemetry",), {"qa/web/telemetry/tracing.py"}),
    ],
    ids=lambda value: "+".join(sorted(value)) or "nobody",
)
def test_a_library_is_imported_only_by_its_modules(modules: tuple[str, ...], allowed: set[str]) -> None:
    assert importers(*modules) <= allowed


def test_only_assembly_and_maintenance_import_the_embedded_engine() -> None:
    outside = {path for path in importers("index.embedded") if not path.startswith("index/embedded/")}
    assert outside == {"qa/assembly.py", "qa/operate/maintenance.py"}


def test_flask_is_imported_only_by_the_web() -> None:
    assert all(path.startswith("qa/web/") for path in importers("flask", "werkzeug", "uvicorn", "jinja2"))


def test_only_the_settings_read_the_environment() -> None:
    """Apart from them, model_files sets what a library reads there, and the sandbox sets the environment of its child."""
    names: dict[str, set[str]] = {}
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            if is_os and node.attr in {"environ", "getenv", "environb", "putenv"}:
                names.setdefault(relative(path), set()).add(node.attr)
    names.pop("qa/settings/reading.py")
    assert set(names) <= {"index/embedding/model_files.py", "corpus/sandbox/pool.py"}
    for file in names:
        assert '"QA_' not in (ROOT / file).read_text("utf-8")


def test_numpy_never_loads_pickles() -> None:
    assert [path for path in product_files() if "allow_pickle=True" in path.read_text("utf-8")] == []


def test_code_of_a_model_is_never_run() -> None:
    assert [path for path in product_files() if "trust_remote_code=True" in path.read_text("utf-8")] == []


def test_no_folder_has_more_than_twelve_python_files() -> None:
    folders = Counter(relative(path.parent) for path in all_files())
    assert {folder: count for folder, count in folders.items() if count > MAX_FILES} == {}


def test_no_python_file_has_more_than_300_lines() -> None:
    lines = {relative(path): len(path.read_text("utf-8").splitlines()) for path in all_files()}
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}


def test_every_product_folder_has_a_docstring() -> None:
    """It says what the room does, what enters and what leaves."""
    folders = {path.parent for path in product_files()}
    docstrings = {
        relative(folder): ast.get_docstring(ast.parse(file.read_text("utf-8")))
        if (file := folder / "__init__.py").exists()
        else None
        for folder in folders
    }
    assert [folder for folder, docstring in docstrings.items() if not docstring or "TODO" in docstring] == []
