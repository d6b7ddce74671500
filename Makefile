# `make serve` and `make test` are all that most people need.
# PIP_OPTIONS is passed to every pip call, for example: make install PIP_OPTIONS="--extra-index-url https://download.pytorch.org/whl/cpu"
# EXTRAS adds optional features: make install EXTRAS=mcp,otel

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_OPTIONS ?=
EXTRAS ?=
BROWSER_TESTS := tests/system/browser
TOOLS := $(VENV)/tools
JUNIT := build/junit.xml
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PIP_OPTIONS)

.PHONY: install serve test test-long lint bench bench-quality bench-scale constraints licences audit
.DEFAULT_GOAL := serve

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quotable needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (once; takes a few minutes) …"
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(INSTALL) --editable '.[$*]'
	@touch $@

# axe-core checks the pages in a browser; without npm those tests are skipped.
$(BROWSER_TESTS)/node_modules: $(BROWSER_TESTS)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix $(BROWSER_TESTS) && touch $@; else echo "npm is not installed: axe-core does not check the pages"; fi

install: $(VENV)/.installed $(EXTRAS:%=$(VENV)/.installed-%)

serve: install
	$(BIN)/qa serve

# At most four workers, each with whole files: most of the time is spent waiting for processes that the tests start.
test: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	@echo "Results are written to $(JUNIT)"
	$(BIN)/python -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile --durations 25 --junitxml $(JUNIT)

test-long: $(VENV)/.installed-test $(BROWSER_TESTS)/node_modules
	$(BIN)/python -m pytest -m long --durations 25 --junitxml build/junit-long.xml

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

# uv and pip-audit have their own environment: their requirements conflict with the project's.
$(TOOLS)/.installed: benchmarks/dependencies/tools.txt | $(BIN)/python
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --requirement benchmarks/dependencies/tools.txt
	@touch $@

# Pins the newest compatible versions; KEEP=--keep changes only what a new requirement needs.
constraints: $(VENV)/.installed $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.constraints $(TOOLS)/bin/uv $(KEEP) $(PIP_OPTIONS)

licences: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.dependencies.licences

audit: $(VENV)/.installed $(TOOLS)/.installed
	$(BIN)/python -m benchmarks.dependencies.audit $(TOOLS)/bin/pip-audit
