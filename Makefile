# `make serve` and `make test` are all that most people need.
# LIGHT=1 installs without torch; the folder .venv remembers it.
# TORCH=cpu requires the CPU build of torch, TORCH=cuda takes PyPI's; by default the CPU build where PyTorch's index answers.
# PIP_OPTIONS is passed to every pip call, and chooses the build of torch too: make install PIP_OPTIONS="--extra-index-url URL"
# EXTRAS adds optional features: make install EXTRAS=mcp,otel

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_OPTIONS ?=
EXTRAS ?=
TORCH ?=
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
LIGHT ?= $(if $(TORCH)$(wildcard $(VENV)/.installed),,$(wildcard $(VENV)/.light))
INSTALLED := $(VENV)/$(if $(LIGHT),.light,.installed)
BROWSER_TESTS := tests/system/browser
TOOLS := $(VENV)/tools
JUNIT := build/junit.xml
# These tests also pass with several workers; QA_TEST_WORKERS is their number. Left out: each worker has its own limit of calls of the
# model and its own caches, and the metrics process_… are those of a single process.
WITH_WORKERS := tests/system/serving tests/system/contract tests/system/deployment tests/system/hostile tests/qa/web tests/qa/chat tests/qa/ingest \
	--deselect tests/qa/chat/test_language_model_failures.py::test_limits_concurrent_model_calls \
	--ignore tests/qa/web/telemetry/test_metrics.py
PIP := $(BIN)/pip install --quiet --disable-pip-version-check $(PIP_OPTIONS)
INSTALL := $(PIP) --constraint constraints.txt
# pip's options for torch, asked for when it is about to be installed.
TORCH_OPTIONS := $(if $(PIP_OPTIONS)$(filter cuda,$(TORCH)),,$(BIN)/python -m benchmarks.dependencies.torch_build $(TORCH_CPU_INDEX) $(TORCH))
EXTRA_REQUIREMENTS := import sys, tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	print(*(line for extra in sys.argv[1].split(",") for line in extras[extra]))
# The extra ocr has no Python packages: it needs Tesseract of the system.
CHECK_OCR = $(if $(findstring ocr,$*),$(BIN)/python -m corpus.readers.scans)

.PHONY: install serve cluster test test-long lint bench bench-quality bench-scale constraints licences audit
.DEFAULT_GOAL := serve

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quotable needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (once; takes a few minutes) …"
	options=$$($(TORCH_OPTIONS)) && $(INSTALL) $$options --editable .
	@touch $@

$(VENV)/.light: pyproject.toml constraints-light.txt | $(BIN)/python
	@echo "Installing into $(VENV) without torch (once; takes a minute) …"
	$(PIP) --no-deps --requirement constraints-light.txt --editable .
	@touch $@

$(VENV)/.light-%: $(VENV)/.light
	set -- $$($(BIN)/python -c '$(EXTRA_REQUIREMENTS)' $*); [ $$# -eq 0 ] || $(INSTALL) "$$@"
	$(CHECK_OCR)
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(INSTALL) --editable '.[$*]'
	$(CHECK_OCR)
	@touch $@

# axe-core checks the pages in a browser; without npm those tests are skipped.
$(BROWSER_TESTS)/node_modules: $(BROWSER_TESTS)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix $(BROWSER_TESTS) && touch $@; else echo "npm is not installed: axe-core does not check the pages"; fi

# The first start of a server then takes no longer than any other.
$(INSTALLED)-model: $(INSTALLED)
	$(BIN)/qa prepare
	@touch $@
	@echo "$(VENV) takes $$(du -sh $(VENV) | cut -f1)."

install: $(INSTALLED)-model $(EXTRAS:%=$(INSTALLED)-%)

serve: install
	$(BIN)/qa serve

# Three OpenSearch nodes on this machine, for trying the clustered engine; needs Java 17 and Maven.
cluster: $(INSTALLED)
	$(BIN)/python -m tests.system.cluster.run

# At most four workers, each with whole files: most of the time is spent waiting for processes that the tests start.
# A test that hangs fails, with the stacks of its threads.
test: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	@echo "Results are written to $(JUNIT)"
	$(BIN)/python -m pytest -m "not long" --timeout 900 --numprocesses auto --maxprocesses 4 --dist loadfile --durations 25 --junitxml $(JUNIT)

test-long: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	$(BIN)/python -m pytest -m long --durations 25 --junitxml build/junit-long.xml
	QUOTABLE_EXAMPLES=whole $(BIN)/python -m pytest -m "hypothesis and not long" --durations 25 --junitxml build/junit-examples.xml
	QA_TEST_WORKERS=2 $(BIN)/python -m pytest -m "not long" --durations 25 --junitxml build/junit-workers.xml $(WITH_WORKERS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.speed.serving
	$(BIN)/python -m benchmarks.speed.pages

# The first run takes hours; SCALE keeps the sample and the data folders for later ones.
SCALE ?= build/scale

bench-scale: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.scale.run $(SCALE)

bench-quality: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.quality.run
	$(BIN)/python -m benchmarks.quality.reading
	$(BIN)/python -m benchmarks.quality.spelling

# uv and pip-audit have their own environment: their requirements conflict with the project's.
$(TOOLS)/.installed: benchmarks/dependencies/tools.txt | $(BIN)/python
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --requirement benchmarks/dependencies/tools.txt
	@touch $@

# Pins the newest compatible versions, with and without torch; KEEP=--keep changes only what a new requirement needs.
constraints: $(VENV)/.installed $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.constraints $(TOOLS)/bin/uv $(KEEP) $(PIP_OPTIONS)

licences: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.dependencies.licences

audit: $(VENV)/.installed $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.audit $(TOOLS)/bin/pip-audit
